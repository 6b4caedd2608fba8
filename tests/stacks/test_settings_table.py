"""The table of settings in stacks/README.md agrees with the models. UPDATE_GOLDEN=1 writes it again."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from stacks.settings import CatalogSettings, EnvironmentSettings
from stacks.settings_account import TagPolicy
from stacks.settings_block import Block, allowed, block_of

README = Path(__file__).parents[2] / "stacks" / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def rows(model: type[Block], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            shown = "required"
        elif default is None:
            shown = "absent"
        elif isinstance(default, Block):
            shown = "see its keys"
        else:
            shown = f"`{json.dumps(default)}`"
        yield f"| `{prefix}{name}` | {field.description} | {shown} |"
        block = block_of(field.annotation)
        if block is not None:
            inner = f"{prefix}{name}.NAME." if str(field.annotation).startswith("dict") else f"{prefix}{name}."
            yield from rows(block, inner)


def expected() -> str:
    listed = [
        *rows(EnvironmentSettings),
        *rows(CatalogSettings, "catalog."),
        *rows(TagPolicy, "tag_policy."),
    ]
    return "\n".join(["| Key | Meaning | Default |", "|---|---|---|", *listed]) + "\n"


def test_the_readme_lists_every_setting_as_the_models_have_it():
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    documented, after = rest.split(END)
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(f"{before}{BEGIN}{expected()}{END}{after}", encoding="utf-8")
        pytest.skip("written again")
    assert documented == expected()


def test_every_setting_is_explained():
    def fields(model: type[Block]):
        for name, field in model.model_fields.items():
            yield name, field
            if block_of(field.annotation) is not None:
                yield from fields(block_of(field.annotation))

    for name, field in [*fields(EnvironmentSettings), *fields(CatalogSettings), *fields(TagPolicy)]:
        assert field.description and field.description.endswith("."), name
        assert allowed(field), name
