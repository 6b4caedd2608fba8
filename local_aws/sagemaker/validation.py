"""Requests checked against botocore's own model of the service, with AWS's messages.

botocore's client checks little before it sends (types, required members, minima); AWS checks lengths, ranges, patterns
and enums as well and reports all of them at once. The constraints are in the service model that botocore ships.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from .errors import SerializationError, ValidationError

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "blob": (str, bytes),
    "timestamp": (int, float),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


@cache
def _service_model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)  # megabytes of JSON


def input_shape(operation: str, service: str = "sagemaker") -> StructureShape:
    """The request of an operation; `service` as botocore names it (`sagemaker`, `sagemaker-runtime`)."""
    return _service_model(service).operation_model(operation).input_shape


def validate(request: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
    """The members of `request` that `shape` knows, timestamps as aware datetimes.

    Raises SerializationError for a value of the wrong type, ValidationError listing every violated constraint.
    """
    members = _read(request, shape, "")
    violations = list(_violations(members, shape, ""))
    if violations:
        noun = "error" if len(violations) == 1 else "errors"
        raise ValidationError(f"{len(violations)} validation {noun} detected: {'; '.join(violations)}")
    return members


def _read(value: Any, shape: Shape, path: str) -> Any:
    """`value` as `shape` describes it: unknown members and nulls left out, as AWS does."""
    fits = isinstance(value, _JSON_TYPES[shape.type_name])
    if not fits or isinstance(value, bool) != (shape.type_name == "boolean"):
        raise SerializationError(f"{path or 'Request'}: expected {shape.type_name}, got {type(value).__name__}")
    if isinstance(shape, StructureShape):
        return {
            name: _read(value[name], member, _join(path, name))
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_read(item, shape.member, f"{path}.{index}.member") for index, item in enumerate(value, 1)]
    if isinstance(shape, MapShape):
        return {key: _read(item, shape.value, f"{path}.{key}.member") for key, item in value.items()}
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    return value


def _violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    yield from _own_violations(value, shape, path)
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value:
                yield _violation(None, _join(path, name), "Member must not be null")
        for name, item in value.items():
            yield from _violations(item, shape.members[name], _join(path, name))
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value, 1):
            yield from _violations(item, shape.member, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _own_violations(key, shape.key, path)
            yield from _violations(item, shape.value, f"{path}.{key}.member")


def _own_violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long", "float", "double"):
        if minimum is not None and value < minimum:
            yield _violation(value, path, f"Member must have value greater than or equal to {minimum}")
        if maximum is not None and value > maximum:
            yield _violation(value, path, f"Member must have value less than or equal to {maximum}")
    elif shape.type_name in ("string", "list", "map", "blob"):
        if minimum is not None and len(value) < minimum:
            yield _violation(value, path, f"Member must have length greater than or equal to {minimum}")
        if maximum is not None and len(value) > maximum:
            yield _violation(value, path, f"Member must have length less than or equal to {maximum}")
    if shape.type_name == "string":
        enum = getattr(shape, "enum", [])
        if enum and value not in enum:
            yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern is not None and not _compiled(pattern).fullmatch(value):
            yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _join(path: str, name: str) -> str:
    camel = name[0].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


# What the service models' (Java) patterns hold that Python's re lacks.
_JAVA_CLASSES = {
    r"\p{L}\p{Z}\p{N}": r"\w\s",
    r"[\p{Print}]": r"[\x20-\x7E]",
    r"\p{ASCII}": r"[\x00-\x7F]",
    r"\z": r"\Z",
}


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern, re.DOTALL)
