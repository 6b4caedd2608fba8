"""The configuration that a plan was made of: which attributes it sets, and what it refers to.

https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_INSTANCE_KEY = re.compile(r"\[(?:\"(?:[^\"\\]|\\.)*\"|[^\]]*)\]")
_MODULES = re.compile(r"(?:module\.[^.]+\.)+")
_NOTHING: Mapping[str, Any] = {}
_NULL = {"constant_value": None}


@dataclass(frozen=True, slots=True)
class Configured:
    """One resource block. Every instance of a block with `count` or `for_each` has the same one."""

    block: Mapping[str, Any]

    @property
    def expressions(self) -> Mapping[str, Any]:
        return _mapping(self.block.get("expressions"))

    @property
    def provider_key(self) -> str:
        """The key of the resource's provider in the configuration's `provider_config`, with its alias."""
        key = self.block.get("provider_config_key")
        return key if isinstance(key, str) else ""

    @property
    def provisioners(self) -> bool:
        """Whether the block runs commands when a resource is created or destroyed."""
        return bool(self.block.get("provisioners"))

    @property
    def commands(self) -> tuple[tuple[str, ...], ...] | None:
        """The commands that its provisioners run, each with its interpreter; None where not all of that is constant."""
        found = []
        for provisioner in self.block.get("provisioners") or ():
            expressions = _mapping(provisioner.get("expressions"))
            interpreter = _mapping(expressions.get("interpreter")).get("constant_value")
            command = _mapping(expressions.get("command")).get("constant_value")
            if provisioner.get("type") != "local-exec" or not isinstance(interpreter, list):
                return None
            found.append((*(str(part) for part in interpreter), str(command)))
        return tuple(found)

    @property
    def dependencies(self) -> frozenset[str]:
        """The addresses, within the block's module, that its expressions and its `depends_on` name."""
        explicit = self.block.get("depends_on")
        named = set(_references(self.expressions))
        named.update(item for item in (explicit if isinstance(explicit, list) else ()) if isinstance(item, str))
        return frozenset(_resource_of(item) for item in named)

    def references(self, attribute: str) -> tuple[str, ...]:
        """What the expression of an attribute refers to."""
        return tuple(_references(self.expressions.get(attribute)))

    def sets(self, *path: str | int) -> bool:
        """Whether the block sets the attribute at `path`, or something inside it, or a value that holds it.

        A block that the configuration does not have (one more than it lists) counts as set: Terraform would take it
        away, or somebody added it.
        """
        attribute, *inside = path or (0,)
        if not isinstance(attribute, str) or attribute not in self.expressions:
            return False
        node: Any = self.expressions[attribute]
        for step in inside:
            if _is_expression(node):
                break
            if isinstance(step, int):
                if not isinstance(node, list):
                    continue  # a block that exists once is an object here and a list of one in the values
                if step >= len(node):
                    return bool(node)
                node = node[step]
            elif isinstance(node, Mapping) and step in node:
                node = node[step]
            else:
                return False
        return node != _NULL


@dataclass(frozen=True)
class Configuration:
    """The configuration of one stack; `root` is its root module as the plan holds it."""

    root: Mapping[str, Any] | None = None

    def resource(self, address: str) -> Configured | None:
        """The block behind an address (with modules and instance keys), or None where the configuration has none."""
        block = self._blocks.get(_INSTANCE_KEY.sub("", address))
        return Configured(block) if block is not None else None

    def dependents(self, address: str) -> Iterator[str]:
        """The addresses, without instance keys, of the blocks that name `address`."""
        wanted = _INSTANCE_KEY.sub("", address)
        module = _module_of(wanted)
        for other, block in self._blocks.items():
            if _module_of(other) == module and wanted[len(module) :] in Configured(block).dependencies:
                yield other

    def output_references(self, name: str) -> tuple[str, ...]:
        """The resources that an output of the root module is made of."""
        output = _mapping(_mapping(_mapping(self.root).get("outputs")).get(name))
        return tuple(sorted({_resource_of(item) for item in _references(output.get("expression"))}))

    @cached_property
    def _blocks(self) -> Mapping[str, Mapping[str, Any]]:
        return dict(_blocks_of(_mapping(self.root), ""))


def _blocks_of(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = module.get("resources")
    for block in resources if isinstance(resources, list) else ():
        address = block.get("address") if isinstance(block, Mapping) else None
        if isinstance(address, str):
            yield f"{prefix}{address}", block
    for name, call in _mapping(module.get("module_calls")).items():
        yield from _blocks_of(_mapping(_mapping(call).get("module")), f"{prefix}module.{name}.")


def _module_of(address: str) -> str:
    """The module part of an address, ending in a dot; empty in the root module."""
    match = _MODULES.match(address)
    return match[0] if match is not None else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING


def _is_expression(node: Any) -> bool:
    return isinstance(node, Mapping) and (not node or "constant_value" in node or "references" in node)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, Mapping):
        listed = node.get("references")
        if isinstance(listed, list):
            yield from (item for item in listed if isinstance(item, str))
        else:
            for item in node.values():
                yield from _references(item)


def _resource_of(reference: str) -> str:
    """`TYPE.NAME` (or `data.TYPE.NAME`) of a reference to a resource or to something inside it."""
    parts = _INSTANCE_KEY.sub("", reference).split(".")
    return ".".join(parts[: 3 if parts[0] == "data" else 2])
