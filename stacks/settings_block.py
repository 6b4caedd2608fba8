"""What every block of settings is made of: documented fields, no conversions, no unknown keys."""

import json
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

_SHOWN_CHARACTERS = 80


def setting(meaning: str, allowed: str, default: Any = ..., **constraints: Any) -> Any:
    """A documented field: what it means, what is allowed, its default (none: it must be given)."""
    return Field(default=default, description=meaning, json_schema_extra={"allowed": allowed}, **constraints)


def allowed(field: FieldInfo) -> str:
    """What is allowed for `field`, in words."""
    extra = field.json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""


def conflict(message: str) -> PydanticCustomError:
    """What a validator of a whole block raises: `message` goes behind the block's key."""
    return PydanticCustomError("conflict", "{message}", {"message": message})


class Block(BaseModel):
    """A block of settings: immutable, without conversions, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def block_of(annotation: Any) -> type[Block] | None:
    """The block that a field's annotation holds: itself, `Block | None` or `dict[str, Block]`."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Block):
            return candidate
    return None


def shown(value: Any) -> str:
    """`value` as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
