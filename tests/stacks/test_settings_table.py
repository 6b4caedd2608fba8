"""The tables of settings in stacks/README.md agree with the models. UPDATE_GOLDEN=1 writes them again."""

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
        yield f"| `{prefix}{name}` | {field.description} | {allowed(field)} | {shown} |"
        block = block_of(field.annotation)
        if block is not None:
            inner = f"{prefix}{name}.NAME." if str(field.annotation).startswith("dict") else f"{prefix}{name}."
            yield from rows(block, inner)


def table(model: type[Block]) -> str:
    return "\n".join(["| Key | Meaning | Allowed | Default |", "|---|---|---|---|", *rows(model)]) + "\n"


def expected() -> str:
    return (
        f"### `context.environments.NAME`\n\n{table(EnvironmentSettings)}\n"
        f"### `context.catalog`\n\n{table(CatalogSettings)}\n"
        f"### `context.tag_policy`\n\n{table(TagPolicy)}"
    )


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
