"""What a killed run left behind: resources that exist under a stack's names and that its state does not know.

A killed run loses what it did since Terraform last saved the state. The next plan creates the same resources again,
and AWS refuses them: their names are taken. `recover` completes the state. It reads these resources with
`terraform import` into a scratch state and puts them into the stack's own. What the state held under the same address
becomes a deposed object, as Terraform itself would have noted it. The next apply destroys it, after all that used it.
https://developer.hashicorp.com/terraform/cli/commands/import
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.adoption import IMPORT_IDS, plan_imports
from operations.private_files import write_private
from operations.terraform import SavedPlan, Terraform

TAKEN_NAMES = frozenset(
    {
        "aws_cloudwatch_log_group",
        "aws_ecr_repository",
        "aws_iam_role",
        "aws_s3_bucket",
        "aws_sagemaker_endpoint",
        "aws_sagemaker_endpoint_configuration",
        "aws_sagemaker_model",
        "aws_ssm_parameter",
    }
)
"""The types of which AWS refuses a second one under the same name. The next apply writes over all others."""

_STATE_FILE = "recovered.tfstate"
_ATTEMPT_FILE = "recovery.tfplan"


@dataclass(frozen=True)
class Recovery:
    """What exists under the names that a plan wants to create.

    Attributes:
        found: the import id of each address that the state knows now.
        foreign: the import id of each address whose name is taken by something without the environment's tags. It was
            left alone, and the apply will fail.
    """

    found: Mapping[str, str]
    foreign: Mapping[str, str]


def recover(terraform: Terraform, plan: SavedPlan) -> Recovery:
    """Complete the stack's state by what a killed run created. Plan again when anything was found: `plan` is stale.

    Args:
        terraform: initialised, in the folder of the stack.
        plan: the stack's plan.

    Raises:
        TerraformError: the state cannot be written, for one: somebody else holds its lock.
    """
    wanted = _created(plan)
    if not wanted:
        return Recovery({}, {})
    with terraform.empty_state() as scratch:
        existing, foreign = _existing(terraform, wanted)
        for address, identifier in existing.items():
            terraform.run("import", "-no-color", address, identifier)
        imported = json.loads(scratch.read_text()) if existing else None
    terraform.init()
    if imported is not None:
        _write(terraform, _completed(terraform.run("state", "pull"), imported))
    return Recovery(existing, foreign)


def _created(plan: SavedPlan) -> dict[str, str]:
    """The import ids of what the plan creates under a name that may be taken, by address."""
    found = {}
    for resource in plan.document.get("resource_changes", ()):
        kind, change = resource["type"], resource["change"]
        if kind not in TAKEN_NAMES or "create" not in change["actions"]:
            continue
        template = IMPORT_IDS[kind]
        identifier = template.format_map(change["after"])
        # Terraform destroys an object first whose successor has the same name.
        if change["before"] is None or template.format_map(change["before"]) != identifier:
            found[resource["address"]] = identifier
    return found


def _existing(terraform: Terraform, wanted: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of these, those that exist and are the environment's own, and those that are not."""
    try:
        found = plan_imports(terraform, wanted, _ATTEMPT_FILE)
    finally:
        (terraform.directory / _ATTEMPT_FILE).unlink(missing_ok=True)
    if found is None:
        return {}, {}
    own = _own(found.plan)
    foreign = {address: identifier for address, identifier in found.imported.items() if address not in own}
    return {address: identifier for address, identifier in found.imported.items() if address in own}, foreign


def _own(plan: SavedPlan) -> set[str]:
    """What is imported and has every tag that the stack gives it: Environment, ManagedBy and those of the settings."""
    own = set()
    for resource in plan.document.get("resource_changes", ()):
        given = (resource["change"]["after"] or {}).get("tags_all")
        found = (resource["change"]["before"] or {}).get("tags_all")
        if given and found and given.items() <= found.items():
            own.add(resource["address"])
    return own


def _completed(pulled: str, imported: dict[str, Any]) -> dict[str, Any]:
    """The stack's state with the imported resources; where there is none yet, that is theirs."""
    if not pulled.strip() or not json.loads(pulled)["lineage"]:
        return imported
    state: dict[str, Any] = json.loads(pulled)
    known = {(resource["mode"], resource["type"], resource["name"]): resource for resource in state["resources"]}
    for resource in imported["resources"]:
        found = known.get((resource["mode"], resource["type"], resource["name"]))
        if found is None:
            state["resources"].append(resource)
            continue
        # Where the change of a rolled-back update was reverted, the deposed object is imported. Left deposed, the next
        # apply would destroy it.
        imported_id = resource["instances"][0]["attributes"]["id"]
        found["instances"] = [
            instance
            for instance in found["instances"]
            if "deposed" not in instance or instance["attributes"]["id"] != imported_id
        ]
        for instance in found["instances"]:
            if "deposed" not in instance:
                instance["deposed"] = secrets.token_hex(4)
                resource["instances"][0] |= {
                    name: instance[name] for name in ("dependencies", "create_before_destroy") if name in instance
                }
        found["instances"][:0] = resource["instances"]
    state["serial"] += 1
    return state


def _write(terraform: Terraform, state: dict[str, Any]) -> None:
    """By Terraform itself: it takes the lock, and refuses when somebody wrote another state in the meantime."""
    file = terraform.directory / _STATE_FILE
    write_private(file, json.dumps(state))
    try:
        terraform.run("state", "push", file.name)
    finally:
        file.unlink()
