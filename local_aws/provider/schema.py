"""The provider's schema: schema.json as typed trees for planning, and as the messages that Terraform asks for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as protocol

from .values import UNKNOWN, number

SCHEMA_FILE = Path(__file__).with_name("schema.json")
_NESTING = {
    "list": protocol.Schema.NestedBlock.LIST,
    "set": protocol.Schema.NestedBlock.SET,
    "single": protocol.Schema.NestedBlock.SINGLE,
}


@dataclass(frozen=True)
class Attribute:
    """One argument or result. `type` is Terraform's type in its JSON form: "string", ["map", "string"], ...

    `stays_null` marks computed arguments that are planned as null, not as unknown, where they are not set.
    """

    name: str
    type: str | list[Any]
    required: bool = False
    optional: bool = False
    computed: bool = False
    force_new: bool = False
    sensitive: bool = False
    default: Any = None
    stays_null: bool = False

    @property
    def is_settable(self) -> bool:
        return self.required or self.optional

    @cached_property
    def is_set(self) -> bool:
        return self.type[0] == "set"

    @cached_property
    def is_collection(self) -> bool:
        return self.type[0] in ("list", "set", "map")

    @property
    def zero(self) -> Any:
        """What the SDK stores where there is nothing."""
        if self.is_collection:
            return {} if self.type[0] == "map" else []
        return {"string": "", "number": 0, "bool": False}.get(self.type) if isinstance(self.type, str) else None

    @cached_property
    def has_numbers(self) -> bool:
        return "number" in json.dumps(self.type)

    def conform(self, value: Any) -> Any:
        """The value in the form that this attribute's type has on the wire."""
        return _conform(self.type, value) if self.has_numbers else value


@dataclass(frozen=True)
class NestedBlock:
    """A block inside a block: a list of dicts (`single`: a dict or None).

    `computed` marks optional blocks that the provider fills when the configuration has none: unknown at the creation.
    `kept` marks those of which the provider ignores that the configuration has none any more.
    """

    name: str
    nesting: str
    block: "Block"
    min_items: int = 0
    max_items: int = 0
    computed: bool = False
    kept: bool = False
    force_new: bool = False

    def conform(self, value: Any) -> Any:
        if self.nesting == "single":
            return None if value is None else self.block.conform(value)
        if value is UNKNOWN:
            return value
        return [self.block.conform(item) for item in value or ()]


@dataclass(frozen=True)
class Block:
    """Attributes and nested blocks by name.

    `has_zeros` says which of Terraform's libraries for providers the type is written with: the older one (the SDK)
    stores a zero value ("", 0, false, [], {}) where AWS has nothing, the newer one (the framework) null. `version` is
    that of the states of a resource type.
    """

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, NestedBlock] = field(default_factory=dict)
    has_zeros: bool = True
    version: int = 0

    @cached_property
    def has_numbers(self) -> bool:
        return any(attribute.has_numbers for attribute in self.attributes.values()) or any(
            nested.block.has_numbers for nested in self.blocks.values()
        )

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.attributes) | frozenset(self.blocks)

    def conform(self, value: Any) -> Any:
        """The value with exactly this block's members: missing ones null, numbers in their one form, others dropped."""
        if value is None or value is UNKNOWN:
            return value
        conformed = {name: attribute.conform(value.get(name)) for name, attribute in self.attributes.items()}
        for name, nested in self.blocks.items():
            conformed[name] = nested.conform(value.get(name))
        return conformed

    def message(self) -> protocol.Schema.Block:
        return protocol.Schema.Block(
            attributes=[
                protocol.Schema.Attribute(
                    name=attribute.name,
                    type=json.dumps(attribute.type).encode(),
                    required=attribute.required,
                    optional=attribute.optional,
                    computed=attribute.computed,
                    sensitive=attribute.sensitive,
                )
                for attribute in self.attributes.values()
            ],
            block_types=[
                protocol.Schema.NestedBlock(
                    type_name=nested.name,
                    block=nested.block.message(),
                    nesting=_NESTING[nested.nesting],
                    min_items=nested.min_items,
                    max_items=nested.max_items,
                )
                for nested in self.blocks.values()
            ],
        )


@dataclass(frozen=True)
class ProviderSchema:
    """Everything the provider knows by type name."""

    provider: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]


def load_schema(path: Path = SCHEMA_FILE) -> ProviderSchema:
    """Read a schema file (form: README.md, "Adding a type")."""
    document = json.loads(path.read_text())
    framework, versions = frozenset(document["framework"]), document["versions"]
    return ProviderSchema(
        provider=parse_block(document["provider"]),
        resources={
            name: replace(parse_block(block, name not in framework), version=versions.get(name, 0))
            for name, block in document["resources"].items()
        },
        data_sources={
            name: parse_block(block, f"data.{name}" not in framework)
            for name, block in document["data_sources"].items()
        },
    )


def parse_block(document: Mapping[str, Mapping[str, Any]], has_zeros: bool = True) -> Block:
    """A block from its JSON form: members by name, nested blocks under "block"."""
    attributes, blocks = {}, {}
    for name, member in document.items():
        if "block" not in member:
            attributes[name] = Attribute(name=name, **member)
            continue
        blocks[name] = NestedBlock(
            name=name,
            nesting=member["nesting"],
            block=parse_block(member["block"], has_zeros),
            min_items=1 if member.get("required") else 0,
            max_items=member.get("max_items", 0),
            computed=member.get("computed", False),
            kept=member.get("kept", False),
            force_new=member.get("force_new", False),
        )
    return Block(attributes, blocks, has_zeros)


def _conform(kind: str | list[Any], value: Any) -> Any:
    if value is None or value is UNKNOWN:
        return value
    if kind == "number":
        return number(value)
    if isinstance(kind, str):
        return value
    if kind[0] == "object":
        return {name: _conform(item, value.get(name)) for name, item in kind[1].items()}
    if kind[0] == "map":
        return {key: _conform(kind[1], item) for key, item in value.items()}
    return [_conform(kind[1], item) for item in value]
