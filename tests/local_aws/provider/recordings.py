"""The recorded chains: what the real provider planned and stored, reduced to what differs from provider to provider.

`python -m tests.local_aws.provider.recordings FOLDER` makes `recorded/*.json.gz` of a folder of recorded plans
(recorded/README.md says how those are made).
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recorded")
CHAINS = ("main", "scaling", "kms0", "kms")
# The order in which a deployment applies the stacks.
STACKS = ("state", "models", "image", "endpoint")
_CHANGE = ("address", "deposed", "action_reason")
_VALUES = ("actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive", "replace_paths")
_RESOURCE = ("address", "tainted", "deposed_key", "values", "sensitive_values")
# A plan's configuration section leaves these out.
_LIFECYCLES = {
    "aws_sagemaker_model.model": {"create_before_destroy": True},
    "aws_sagemaker_endpoint_configuration.endpoint_configuration": {"create_before_destroy": True},
    "terraform_data.verification": {"create_before_destroy": True},
    "aws_s3_object_copy.copied": {"create_before_destroy": True},
    "aws_appautoscaling_target.scaling_target": {"replace_triggered_by": ["terraform_data.scaled_instance_type"]},
    "aws_appautoscaling_policy.scaling_policy": {"replace_triggered_by": ["terraform_data.scaled_instance_type"]},
}


@dataclass(frozen=True)
class Recording:
    """One stack at one step of a chain. `second` and `state` are None where the recording ends with the plan."""

    step: str
    stack: str
    configuration: Mapping[str, Any]
    plan: Mapping[str, Any]
    second: Mapping[str, Any] | None
    state: list[Mapping[str, Any]] | None

    @property
    def where(self) -> str:
        return f"{self.step}/{self.stack}"

    @cached_property
    def terraform(self) -> dict[str, Any]:
        """The stack as Terraform's JSON configuration, without the provider's block."""
        resources: dict[str, dict[str, Any]] = {}
        for resource in self.configuration["resources"]:
            arguments = _plain(resource["expressions"])
            if "depends_on" in resource:
                arguments["depends_on"] = resource["depends_on"]
            address = f"{resource['type']}.{resource['name']}"
            if address in _LIFECYCLES:
                arguments["lifecycle"] = _LIFECYCLES[address]
            if address in self.failed_checks:
                arguments["provisioner"] = [{"local-exec": {"command": "exit 1"}}]
            resources.setdefault(resource["type"], {})[resource["name"]] = arguments
        outputs = {name: {"value": _plain(output["expression"])} for name, output in self.outputs.items()}
        return {"resource": resources, **({"output": outputs} if outputs else {})}

    @property
    def failed_checks(self) -> frozenset[str]:
        """The resources whose provisioner failed in the apply: stacks check there what SageMaker did."""
        return frozenset(resource["address"] for resource in self.state or () if resource.get("tainted"))

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.configuration.get("outputs", {})


def load(chain: str) -> list[Recording]:
    """The recordings of a chain in the order in which they were made."""
    return [Recording(**item) for item in json.loads(gzip.decompress((FOLDER / f"{chain}.json.gz").read_bytes()))]


def reduced_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a provider decides of a plan in the form of `terraform show -json`."""
    return {
        "changes": [_reduced_change(change) for change in plan.get("resource_changes", ())],
        "drift": [_reduced_change(change) for change in plan.get("resource_drift", ())],
        "outputs": plan.get("output_changes", {}),
    }


def reduced_state(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of a state in the form of `terraform show -json`."""
    resources = state.get("values", {}).get("root_module", {}).get("resources", ())
    return [_members(resource, _RESOURCE) for resource in resources]


def _reduced_change(change: Mapping[str, Any]) -> dict[str, Any]:
    return {**_members(change, _CHANGE), **_members(change["change"], _VALUES)}


def _members(document: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: document[name] for name in names if name in document}


def _plain(expression: Any) -> Any:
    """An expression of a plan's configuration as it was written: in JSON, references stand in the text itself."""
    if isinstance(expression, list):
        return [_plain(item) for item in expression]
    if "constant_value" in expression:
        return expression["constant_value"]
    return {name: _plain(item) for name, item in expression.items()}


def _record(folder: Path) -> list[dict[str, Any]]:
    recordings = []
    for step in sorted(item for item in folder.iterdir() if item.is_dir()):
        for stack in STACKS:
            files = {path.name.split(".")[1]: path for path in step.glob(f"{stack}.*.json")}
            if "plan" not in files:
                continue
            documents = {kind: json.loads(path.read_text()) for kind, path in files.items()}
            plan = reduced_plan(documents["plan"])
            if "preview" in documents and reduced_plan(documents["preview"]) != plan:
                raise ValueError(f"{step}: the preview of {stack} differs from its first plan")
            module = documents["plan"]["configuration"]["root_module"]
            provider = documents["plan"]["configuration"]["provider_config"]["aws"]["expressions"]
            recordings.append(
                {
                    "step": step.name,
                    "stack": stack,
                    "configuration": {
                        "resources": [
                            _members(resource, ("type", "name", "expressions", "depends_on"))
                            for resource in module["resources"]
                        ],
                        "outputs": module.get("outputs", {}),
                        "default_tags": _plain(provider["default_tags"]),
                    },
                    "plan": plan,
                    "second": reduced_plan(documents["second"]) if "second" in documents else None,
                    "state": reduced_state(documents["state"]) if "state" in documents else None,
                }
            )
    return recordings


def main(arguments: list[str]) -> int:
    """Make the recorded chains of a folder with a folder for each chain."""
    if len(arguments) != 1:
        print("usage: python -m tests.local_aws.provider.recordings FOLDER", file=sys.stderr)
        return 2
    for chain in CHAINS:
        text = json.dumps(_record(Path(arguments[0]) / chain), separators=(",", ":"))
        # Without a time in it: the same recordings are the same file.
        (FOLDER / f"{chain}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
