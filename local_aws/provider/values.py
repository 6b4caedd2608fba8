"""Values as Terraform sends them: plain Python, plus UNKNOWN for what is known only after the apply.

Whole numbers are int, others Decimal (Terraform's numbers are decimal: 0.1 as a float would be a different number).
"""

import json
from decimal import Decimal
from typing import Any

import msgpack

Steps = tuple[str | int, ...]
"""The way to a value within a resource: names, positions, keys."""


class Unknown:
    """The type of UNKNOWN: a value that only the apply will tell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN = Unknown()

_UNKNOWN_ON_THE_WIRE = msgpack.ExtType(0, b"\x00")


def _extension(_code: int, _data: bytes) -> Unknown:
    # Code 0 is a bare unknown; 12 an unknown with refinements ("not null", a known prefix), which nothing here needs.
    return UNKNOWN


def _default(value: Any) -> Any:
    if value is UNKNOWN:
        return _UNKNOWN_ON_THE_WIRE
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in Terraform's protocol: {value!r}")


def unpack(data: bytes) -> Any:
    """What Terraform's MessagePack says. Numbers that are not whole come as strings or floats: see Block.conform."""
    return msgpack.unpackb(data, ext_hook=_extension, strict_map_key=False)


def pack(value: Any) -> bytes:
    """The MessagePack form that Terraform reads. Raises TypeError for a value that has none."""
    return msgpack.packb(value, default=_default)


def unpack_json(data: bytes) -> Any:
    """What a state file's JSON says."""
    return json.loads(data, parse_float=Decimal)


def number(value: Any) -> int | Decimal:
    """The one form of a number: int when it is whole, else the Decimal that its shortest text names."""
    if isinstance(value, int):
        return value
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return int(exact) if exact == exact.to_integral_value() else exact


def is_empty(value: Any) -> bool:
    """Whether the provider's SDK cannot tell the value from one that was never set."""
    return value is None or (value is not UNKNOWN and not value)


def without_unknown(value: Any) -> Any:
    """The value with None for what is not known: what has not been told is not sent."""
    if isinstance(value, dict):
        return {key: without_unknown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_unknown(item) for item in value]
    return None if value is UNKNOWN else value


def has_unknown(value: Any) -> bool:
    """Whether anything inside the value is UNKNOWN."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
