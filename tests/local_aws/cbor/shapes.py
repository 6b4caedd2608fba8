"""Values of any shape of botocore's models, for property tests."""

from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape
from hypothesis import strategies as st

_LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Milliseconds are what every protocol keeps.
_MOMENTS = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC))


def values_of(shape: Shape, depth: int = 4) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - a strategy for each type
    """Values that a client would take for `shape`; lists and maps are empty from `depth` levels on."""
    match shape.type_name:
        case "structure":
            members = shape.members
            nested = {name for name, member in members.items() if member.type_name in ("structure", "list", "map")}
            usable = {name: members[name] for name in members if depth > 0 or name not in nested}
            if shape.is_tagged_union:
                return st.one_of(
                    st.fixed_dictionaries({name: values_of(member, depth - 1)}) for name, member in usable.items()
                )
            required = {name for name in shape.required_members if name in usable}
            return st.fixed_dictionaries(
                {name: values_of(usable[name], depth - 1) for name in sorted(required)},
                optional={name: values_of(usable[name], depth - 1) for name in sorted(usable.keys() - required)},
            )
        case "list":
            return st.lists(values_of(shape.member, depth - 1), max_size=2 if depth > 0 else 0)
        case "map":
            return st.dictionaries(_TEXT, values_of(shape.value, depth - 1), max_size=2 if depth > 0 else 0)
        case "string":
            return st.sampled_from(shape.enum) if shape.enum else _TEXT
        case "boolean":
            return st.booleans()
        case "integer" | "long" as kind:
            return st.integers(-_LARGEST[kind] - 1, _LARGEST[kind])
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "float":
            return st.floats(allow_nan=False, allow_infinity=False, width=32)
        case "timestamp":
            return _MOMENTS
        case "blob":
            return st.binary(max_size=12)
    raise ValueError(f"no values for {shape.type_name}")
