"""`make adopt`: take over what exists in the account under the names of a stack, by import blocks.

Terraform itself finds out what exists: it plans an import block for each resource that the stack declares and its state
does not know, and those whose import it refuses because nothing is there are left out.
https://developer.hashicorp.com/terraform/language/import
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from operations.errors import AdoptionError
from operations.private_files import write_private
from operations.state_file import parse_state
from operations.terraform import IMPORT_FILE, PLAN_FILE, SavedPlan, Terraform, TerraformError

_SCALING_TARGET = "{service_namespace}/{resource_id}/{scalable_dimension}"
IMPORT_IDS = {
    "aws_s3_bucket": "{bucket}",
    "aws_s3_bucket_versioning": "{bucket}",
    "aws_s3_bucket_server_side_encryption_configuration": "{bucket}",
    "aws_s3_bucket_public_access_block": "{bucket}",
    "aws_s3_bucket_ownership_controls": "{bucket}",
    "aws_s3_bucket_policy": "{bucket}",
    "aws_s3_bucket_lifecycle_configuration": "{bucket}",
    "aws_s3_object": "{bucket}/{key}",
    "aws_ecr_repository": "{name}",
    "aws_ecr_lifecycle_policy": "{repository}",
    "aws_iam_role": "{name}",
    "aws_iam_role_policy": "{role}:{name}",
    "aws_cloudwatch_log_group": "{name}",
    "aws_cloudwatch_metric_alarm": "{alarm_name}",
    "aws_cloudwatch_dashboard": "{dashboard_name}",
    "aws_ssm_parameter": "{name}",
    "aws_sagemaker_model": "{name}",
    "aws_sagemaker_endpoint_configuration": "{name}",
    "aws_sagemaker_endpoint": "{name}",
    "aws_appautoscaling_target": _SCALING_TARGET,
    "aws_appautoscaling_policy": f"{_SCALING_TARGET}/{{name}}",
}
"""The import id of each type, made of its arguments. Other types are not looked for, but created."""

_REFERENCE = re.compile(r"\$\{(\w+)\.(\w+)\.(\w+)\}")
# Terraform's own words, and those of providers that look for themselves, with the type and the id.
_NOTHING_THERE = re.compile(r'existing object to "(?P<address>[^"]+)"|^(?P<type>aws_\w+) \((?P<id>.+)\) does not exist')
_ROLLBACK_BLOCK = "deployment_config"
_ROLLBACK_ADVICE = """\
Terraform replaces an endpoint that gets a deployment configuration for the first time. Give it one before: make a copy
of its endpoint configuration under another name, then, with any alarm of the account,
  aws sagemaker update-endpoint --endpoint-name NAME --endpoint-config-name COPY --deployment-config '{
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "ALARM"}]},
    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}}'
The endpoint serves on while it is updated. Then adopt it."""


@dataclass(frozen=True)
class Adoption:
    """A saved plan that takes over what exists.

    Attributes:
        plan: the plan; it may also create and change.
        imported: the import id of each address that is taken over.
    """

    plan: SavedPlan
    imported: Mapping[str, str]


def candidates(document: Mapping[str, Any], known: set[str]) -> dict[str, str]:
    """The import ids of what a synthesised stack declares and its state does not know, by address.

    Args:
        document: the stack's `cdk.tf.json`.
        known: the addresses in its state. What a `moved` block renames counts as known.
    """
    renamed = {block["to"] for block in document.get("moved", ()) if block["from"] in known}
    found = {}
    for address, arguments in declared(document):
        kind = address.partition(".")[0]
        if kind in IMPORT_IDS and address not in known and address not in renamed:
            found[address] = IMPORT_IDS[kind].format_map(arguments)
    return found


def declared(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The addresses of a synthesised stack with their arguments that are texts; references to others are followed."""
    for kind, named in document.get("resource", {}).items():
        for name, arguments in named.items():
            texts = {key: _resolved(document, value) for key, value in arguments.items() if isinstance(value, str)}
            yield f"{kind}.{name}", texts


def plan_adoption(terraform: Terraform) -> Adoption | None:
    """Plan the imports of all that exists; None when there is nothing to take over. Terraform must be initialised.

    Raises:
        AdoptionError: something that exists would be replaced or destroyed instead of being taken over.
        TerraformError: the plan failed for another reason.
    """
    (terraform.directory / IMPORT_FILE).unlink(missing_ok=True)
    document = json.loads((terraform.directory / "cdk.tf.json").read_text())
    adoption = plan_imports(terraform, candidates(document, known_addresses(terraform)))
    if adoption is not None:
        _refuse_replacements(adoption)
    return adoption


def plan_imports(terraform: Terraform, wanted: Mapping[str, str], plan_file: str = PLAN_FILE) -> Adoption | None:
    """Plan the imports of those that exist; None when none does. Terraform must be initialised.

    Args:
        terraform: in the folder of the stack.
        wanted: the import id of each address.
        plan_file: where the plan is saved, in that folder. What is there without an import is of no use.

    Raises:
        TerraformError: the plan failed for another reason.
    """
    file = terraform.directory / IMPORT_FILE
    try:
        while wanted:
            blocks = [{"to": address, "id": identifier} for address, identifier in wanted.items()]
            write_private(file, json.dumps({"import": blocks}))
            try:
                terraform.run("plan", "-json", f"-out={plan_file}")
            except TerraformError as error:
                missing = _not_there(error, wanted)
                wanted = {address: identifier for address, identifier in wanted.items() if address not in missing}
                continue
            # The saved plan holds the import blocks; the file has done its work.
            return Adoption(terraform.show(terraform.directory / plan_file), wanted)
    finally:
        file.unlink(missing_ok=True)
    return None


def show_adoption(adoption: Adoption, console: Console) -> None:
    """Print what is taken over, and what the same plan creates and changes."""
    for address, identifier in adoption.imported.items():
        console.print(f"  = {address}  ({identifier})", markup=False, highlight=False, soft_wrap=True)
    for change in adoption.plan.changes:
        console.print(f"  {change.symbol} {change.address}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(adoption.imported)} to import, {adoption.plan.summary}", highlight=False)


def known_addresses(terraform: Terraform) -> set[str]:
    """The addresses in the state. Where there is no state, Terraform pulls nothing, or one without a lineage."""
    state = terraform.run("state", "pull")
    if not state.strip() or not json.loads(state)["lineage"]:
        return set()
    return set(parse_state(state.encode()).instances)


def _resolved(document: Mapping[str, Any], value: str) -> str:
    """`value` with references to arguments of other resources of the stack followed."""
    match = _REFERENCE.fullmatch(value)
    if match is None:
        return value
    kind, name, argument = match.groups()
    arguments = document["resource"][kind][name]
    # What is no argument (an ARN, say) only AWS knows.
    return _resolved(document, arguments[argument]) if argument in arguments else value


def _not_there(error: TerraformError, wanted: Mapping[str, str]) -> set[str]:
    """The addresses that a failed plan of imports says do not exist. Raises TerraformError for another failure."""
    missing, others = set(), []
    for line in error.standard_output.splitlines():
        diagnostic = json.loads(line).get("diagnostic", {}) if line.startswith("{") else {}
        if diagnostic.get("severity") != "error":
            continue
        text = f"{diagnostic['summary']} {diagnostic['detail']}"
        match = _NOTHING_THERE.search(text)
        named = (
            set()
            if match is None
            else {match["address"]} & set(wanted)
            or {
                address
                for address, identifier in wanted.items()
                if identifier == match["id"] and address.startswith(f"{match['type']}.")
            }
        )
        missing |= named
        if not named:
            others.append(f"Error: {diagnostic['summary']}\n\n{diagnostic['detail']}")
    if others or not missing:
        raise TerraformError(error.command, error.directory, "\n\n".join(others) or error.output)
    return missing


def _refuse_replacements(adoption: Adoption) -> None:
    lost = [change for change in adoption.plan.changes if "delete" in change.actions]
    if not lost:
        return
    lines = [f"  {change.symbol} {change.address}{_reason(adoption.plan, change.address)}" for change in lost]
    message = "The stack cannot take over what exists: Terraform would replace or destroy it.\n" + "\n".join(lines)
    if any(_ROLLBACK_BLOCK in line for line in lines):
        message += f"\n{_ROLLBACK_ADVICE}"
    else:
        message += "\nMake the settings in cdktf.json those of what exists, or give the new resource another name."
    raise AdoptionError(message)


def _reason(plan: SavedPlan, address: str) -> str:
    """Which arguments force the replacement, as Terraform's plan has them."""
    for change in plan.document.get("resource_changes", ()):
        if change["address"] == address:
            paths = change["change"].get("replace_paths", ())
            return ": " + ", ".join(".".join(map(str, path)) for path in paths) if paths else ""
    return ""
