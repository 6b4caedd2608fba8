"""Values of Terraform's types, and whole resources of the schema."""

from typing import Any

from hypothesis import strategies as st

from local_aws.provider.schema import Attribute, Block, NestedBlock
from local_aws.provider.values import UNKNOWN

texts = st.text(alphabet="abc-:/é", max_size=6)
numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.decimals(-1000, 1000, places=3).map(lambda value: value.normalize()).filter(lambda value: value % 1 != 0),
)


def of_type(kind: str | list) -> st.SearchStrategy[Any]:
    """Known values of a type in its one form."""
    if kind == "string":
        return texts
    if kind == "number":
        return numbers
    if kind == "bool":
        return st.booleans()
    if kind[0] == "object":
        return st.fixed_dictionaries({name: of_type(item) for name, item in kind[1].items()})
    if kind[0] == "map":
        return st.dictionaries(texts, of_type(kind[1]), max_size=3)
    unique = {"unique_by": repr} if kind[0] == "set" else {}
    return st.lists(of_type(kind[1]), max_size=3, **unique)


def configurations(block: Block) -> st.SearchStrategy[dict[str, Any]]:
    """What a user may write: required arguments, some optional ones, UNKNOWN here and there, no results."""
    members: dict[str, st.SearchStrategy] = {}
    for name, attribute in block.attributes.items():
        members[name] = _argument(attribute)
    for name, nested in block.blocks.items():
        members[name] = _blocks(nested)
    return st.fixed_dictionaries(members)


def _argument(attribute: Attribute) -> st.SearchStrategy[Any]:
    if not attribute.is_settable:
        return st.none()
    given = of_type(attribute.type)
    if attribute.required:
        return st.one_of(given, st.just(UNKNOWN))
    return st.one_of(st.none(), given, st.just(UNKNOWN))


def _blocks(nested: NestedBlock) -> st.SearchStrategy[Any]:
    if nested.nesting == "single":
        return st.one_of(st.none(), configurations(nested.block))
    most = min(nested.max_items or 2, 2)
    return st.lists(configurations(nested.block), min_size=nested.min_items, max_size=most, unique_by=repr)


def known(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    """The value with something in place of each UNKNOWN, as an apply would find it."""
    filled = {name: _known(attribute.type, value[name]) for name, attribute in block.attributes.items()}
    for name, nested in block.blocks.items():
        inner = value[name]
        if isinstance(inner, list):
            filled[name] = [known(nested.block, item) for item in inner]
        else:
            filled[name] = _known_block(nested, inner)
    return filled


def _known_block(nested: NestedBlock, value: Any) -> Any:
    if value is UNKNOWN:
        return None if nested.nesting == "single" else []
    return None if value is None else known(nested.block, value)


def _known(kind: str | list, value: Any) -> Any:
    if value is not UNKNOWN:
        return value
    return {"string": "made", "number": 7, "bool": True}.get(kind) if isinstance(kind, str) else _made(kind)


def _made(kind: list) -> Any:
    return {} if kind[0] == "map" else []
