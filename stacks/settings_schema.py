"""The JSON schema of `cdktf.json`, from which editors complete and check its settings.

It comes from the same models that read the settings. It cannot hold rules between several settings; synthesis reports
those.
"""

from typing import Any

from stacks.settings import CatalogSettings, EnvironmentSettings
from stacks.settings_account import TagPolicy
from stacks.settings_block import Block
from stacks.settings_reader import CDKTF_KEYS, ENVIRONMENT_NAME

_DEFINITIONS = "#/definitions/{model}"
_KEYS_OF_CONTEXT: dict[str, type[Block]] = {"catalog": CatalogSettings, "tag_policy": TagPolicy}


def settings_schema() -> dict[str, Any]:
    """The schema, in JSON Schema's draft 7: the newest that all editors know."""
    definitions: dict[str, Any] = {}
    models: tuple[type[Block], ...] = (EnvironmentSettings, *_KEYS_OF_CONTEXT.values())
    for model in models:
        schema = model.model_json_schema(ref_template=_DEFINITIONS)
        definitions |= schema.pop("$defs", {})
        definitions[model.__name__] = schema
    environments = {
        "type": "object",
        "description": "The environments by name: 1 to 12 lower-case letters and digits, a letter first.",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{ENVIRONMENT_NAME.pattern}$"},
        "additionalProperties": _reference(EnvironmentSettings),
    }
    context = {
        "type": "object",
        "properties": {
            "environments": environments,
            **{key: _reference(model) for key, model in _KEYS_OF_CONTEXT.items()},
            **{key: {"description": "A feature flag of CDKTF."} for key in CDKTF_KEYS},
        },
        "required": ["environments"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "cdktf.json",
        "type": "object",
        "properties": {"context": context},
        "required": ["context"],
        "definitions": {name: _for_editors(schema) for name, schema in sorted(definitions.items())},
    }


def _reference(model: type) -> dict[str, Any]:
    return {"$ref": _DEFINITIONS.format(model=model.__name__)}


def _for_editors(schema: Any) -> Any:
    """pydantic's schema with what people read in one text, and without what only says that a value may be absent."""
    if isinstance(schema, list):
        return [_for_editors(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    shown = {key: _for_editors(value) for key, value in schema.items() if key not in ("title", "allowed")}
    if isinstance(schema.get("allowed"), str):
        shown["description"] = f"{schema['description']} Allowed: {schema['allowed']}."
    if shown.get("default", ...) is None or isinstance(shown.get("default"), dict):
        # Nothing, or a block whose keys have their own defaults.
        del shown["default"]
    if "patternProperties" in shown:
        # pydantic leaves the keys open that no pattern takes.
        shown["additionalProperties"] = False
    if "$ref" in shown and len(shown) > 1:
        # In draft 7, a reference hides what stands beside it.
        shown["allOf"] = [{"$ref": shown.pop("$ref")}]
    return shown
