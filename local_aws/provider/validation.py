"""A configuration against what the real provider demands of it, with the complaints that its users know.

Nothing is said of what is not known yet. The words are those of the library that a type is written with: most types'
is the SDK, whose complaints are one sentence and name an argument by its path (`production_variants.0.instance_type`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import framework_checks
from .checks import CHECKS, enum_values
from .errors import Problem
from .schema import Attribute, Block, NestedBlock
from .values import UNKNOWN, Steps, has_unknown

CHECKS_FILE = Path(__file__).with_name("checks.json")
Demands = Mapping[str, Mapping[str, Any]]
"""What is demanded of a type's arguments, by their path of names (`a.b`, `a.b[]` for the elements of a list)."""


def load_demands(path: Path = CHECKS_FILE) -> Mapping[str, Demands]:
    """The demands of all types by name (`data.aws_region`)."""
    return json.loads(path.read_text())


def validate_config(block: Block, config: Mapping[str, Any], demands: Demands) -> list[Problem]:
    """Everything that is wrong with a configuration of a type."""
    return list(_Validator(block, config, demands).block(block, config, ()))


class _Validator:
    def __init__(self, block: Block, config: Mapping[str, Any], demands: Demands) -> None:
        self.root = block
        self.config = config
        self.demands = demands

    def block(self, block: Block, value: Mapping[str, Any], path: Steps) -> Iterator[Problem]:
        for name, attribute in block.attributes.items():
            yield from self.attribute(attribute, value[name], (*path, name))
        for name, nested in block.blocks.items():
            yield from self.nested(nested, value[name], (*path, name))

    def attribute(self, attribute: Attribute, value: Any, path: Steps) -> Iterator[Problem]:
        demands = self.demands.get(_names(path), {})
        yield from self.always(demands, path)
        if value is None:
            return
        if not attribute.is_settable or (path == ("id",) and self.root.has_zeros):
            yield self.unconfigurable(path)
            return
        yield from self.relations(demands, path)
        if has_unknown(value):
            return
        yield from self.value(demands, value, path)
        yield from self.count(demands, value, path)
        if isinstance(value, list):
            of_elements = self.demands.get(f"{_names(path)}[]", {})
            for position, item in enumerate(value):
                yield from self.value(of_elements, item, (*path, position))

    def nested(self, nested: NestedBlock, value: Any, path: Steps) -> Iterator[Problem]:
        demands = self.demands.get(_names(path), {})
        yield from self.always(demands, path)
        if value is UNKNOWN or value is None:
            return
        if nested.nesting == "single":
            yield from self.block(nested.block, value, path)
            return
        if value:
            yield from self.relations(demands, path)
        yield from self.count(demands, value, path)
        for position, item in enumerate(value):
            if not self.root.has_zeros:
                yield from framework_checks.children(demands, item, (*path, position))
            yield from self.block(nested.block, item, (*path, position))

    def value(self, demands: Mapping[str, Any], value: Any, path: Steps) -> Iterator[Problem]:
        if not self.root.has_zeros:
            yield from framework_checks.value(demands, value, path)
            return
        for name, demand in demands.items():
            if name == "enum":
                # The provider checks enumerations by another way, which names the argument without its path.
                last = next(step for step in reversed(path) if isinstance(step, str))
                sentences = CHECKS["one_of"](enum_values(demand), value, last)
            elif name == "one_of" and demands.get("any_case"):
                is_one = value.lower() in map(str.lower, demand)
                sentences = () if is_one else CHECKS["one_of"](demand, value, _key(path))
            elif name in CHECKS:
                sentences = CHECKS[name](demand, value, _key(path))
            else:
                continue
            for sentence in sentences:
                yield self.problem(sentence, "", path)

    def always(self, demands: Mapping[str, Any], path: Steps) -> Iterator[Problem]:
        """Demands on an argument whether it is set or not, in each block that exists."""
        if "exactly_one_of" not in demands:
            return
        keys = sorted(demands["exactly_one_of"])
        found = [key for key in keys if self.is_set(key)]
        unknown = [key for key in keys if self.lookup(key) is UNKNOWN]
        listed = ",".join(keys)
        if len(found) > 1:
            sentence = f"only one of `{listed}` can be specified, but `{','.join(found)}` were specified."
        elif not found and not unknown:
            sentence = f"one of `{listed}` must be specified"
        else:
            return
        yield self.problem("Invalid combination of arguments", f'"{_key(path)}": {sentence}', path)

    def relations(self, demands: Mapping[str, Any], path: Steps) -> Iterator[Problem]:
        """Demands of an argument that is set on others."""
        if self.is_set(_key(path)):
            other = next(filter(self.is_set, demands.get("conflicts_with", ())), None)
            if other is not None:
                detail = f'"{_key(path)}": conflicts with {other}'
                yield self.problem("Conflicting configuration arguments", detail, path)
        if "required_with" in demands:
            keys = sorted({*demands["required_with"], _key(path)})
            if any(self.lookup(key) in (None, []) for key in keys):
                detail = f'"{_key(path)}": all of `{",".join(keys)}` must be specified'
                yield self.problem("Missing required argument", detail, path)

    def count(self, demands: Mapping[str, Any], value: Any, path: Steps) -> Iterator[Problem]:
        if not self.root.has_zeros:
            yield from framework_checks.count(demands, value, path)
        elif len(value) > demands.get("most_items", len(value)) if isinstance(value, list) else False:
            detail = (
                f"Attribute {_key(path)} supports {demands['most_items']} item maximum, but config has "
                f"{len(value)} declared."
            )
            yield self.problem("Too many list items", detail, path)

    def unconfigurable(self, path: Steps) -> Problem:
        key = _key(path)
        if not self.root.has_zeros:
            return framework_checks.read_only(path)
        if path == ("id",):
            return self.problem("Invalid or unknown key", "", path)
        detail = (
            f'Can\'t configure a value for "{key}": its value will be decided automatically based on the result of '
            "applying this configuration."
        )
        return self.problem("Value for unconfigurable attribute", detail, path)

    def problem(self, summary: str, detail: str, path: Steps) -> Problem:
        return Problem(summary, detail, _nameable(self.root, path))

    def is_set(self, key: str) -> bool:
        return self.lookup(key) not in (None, []) and self.lookup(key) is not UNKNOWN

    def lookup(self, key: str) -> Any:
        """The value at a key of the SDK's form: `deployment_config.0.rolling_update_policy`."""
        value: Any = self.config
        for step in key.split("."):
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, list):
                value = value[int(step)] if int(step) < len(value) else None
        return value


def _nameable(block: Block, path: Steps) -> Steps:
    """The path as far as a diagnostic can name it: an element of a set has no position."""
    for position, step in enumerate(path):
        if isinstance(step, int):
            continue
        if step in block.attributes:
            return path[: position + 1] if block.attributes[step].is_set else path
        nested = block.blocks[step]
        if nested.nesting == "set":
            return path[: position + 1]
        block = nested.block
    return path


def _names(path: Steps) -> str:
    return ".".join(step for step in path if isinstance(step, str))


def _key(path: Steps) -> str:
    return ".".join(str(step) for step in path)
