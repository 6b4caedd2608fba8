"""Makes the stacks fit for CDKTF's HCL (`cdktf synth --hcl`), which lacks some of what its JSON has."""

from collections.abc import Mapping
from typing import Any

from stacks.aws_bindings import App, TerraformResource, TerraformStack


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the cdktf command line asks for HCL: it sets SYNTH_HCL_OUTPUT."""
    return environ.get("SYNTH_HCL_OUTPUT") in ("true", "1")


def rewrite(app: App) -> None:
    """Replace what CDKTF writes as JSON only, in every stack of `app`, just before it is synthesised."""
    for stack in app.node.children:
        if isinstance(stack, TerraformStack):
            # CDKTF's HCL of this line is not valid.
            stack.add_override("terraform.required_version", None)
            _add_constructs(stack)


def _add_constructs(stack: TerraformStack) -> None:
    """A construct for each resource that is an override of the stack, which CDKTF's HCL omits."""
    resources = (child for child in stack.node.children if isinstance(child, TerraformResource))
    constructs = {(resource.terraform_resource_type, resource.node.id) for resource in resources}
    for type_, declared in stack.to_terraform().get("resource", {}).items():
        for id_, arguments in declared.items():
            if (type_, id_) not in constructs:
                _add_construct(stack, type_, id_, arguments)


def _add_construct(stack: TerraformStack, type_: str, id_: str, arguments: Mapping[str, Any]) -> None:
    resource = TerraformResource(stack, id_, terraform_resource_type=type_)
    for name, value in arguments.items():
        resource.add_override(name, _block([value]) if name == "lifecycle" else value)


def _block(contents: list[dict[str, Any]]) -> dict[str, Any]:
    """Blocks in the form from which CDKTF writes `name { ... }`, where it would otherwise write `name = [...]`."""
    inner = [
        {name: _block(value) if isinstance(value, list) else value for name, value in content.items()}
        for content in contents
    ]
    return {"value": inner, "isBlock": True, "type": "list", "storageClassType": "objectList"}
