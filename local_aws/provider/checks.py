"""What the real provider demands of an argument's value, in its libraries' words; checks.json says of which."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import botocore.session

Check = Callable[[Any, Any, str], Iterable[str]]
"""`check(demand, value, key)` gives a sentence for each thing that is wrong; `key` is what the library calls it."""

_BOUND = r"(\d+(\.\d+)?%?)?"
EXTENDED_STATISTIC = re.compile(
    rf"^((p|tm|wm|tc|ts)(\d{{1,2}}(\.\d{{1,2}})?|100)|IQM|(TM|WM|PR|TC|TS)\({_BOUND}:{_BOUND}\))$"
)
_ARN_PARTS = (
    ("partition", re.compile(r"^aws(-[a-z]+)*$"), False),
    ("region", re.compile(r"^[a-z]{2}(-[a-z]+)+-\d$"), True),
    ("account ID", re.compile(r"^(aws|aws-managed|third-party|\d{12}|cw.{10})$"), True),
)
ACCOUNT_ID = re.compile(r"^\d{12}$")


@cache
def enum_values(shape: str) -> tuple[str, ...]:
    """The values of an enumeration of botocore's models: `sagemaker.CapacitySizeType`."""
    service, _, name = shape.partition(".")
    return tuple(_models().get_service_model(service).shape_for(name).enum)


@cache
def _models() -> botocore.session.Session:
    return botocore.session.Session()


def one_of(allowed: Iterable[Any], value: Any, key: str) -> Iterator[str]:
    allowed = list(allowed)
    if value not in allowed:
        listed = " ".join(json.dumps(item) for item in allowed)
        yield f"expected {key} to be one of [{listed}], got {value}"


def length(limits: tuple[int, int], value: str, key: str) -> Iterator[str]:
    least, most = limits
    if not least <= len(value.encode()) <= most:
        yield f"expected length of {key} to be in the range ({least} - {most}), got {value}"


def between(limits: tuple[int, int], value: Any, key: str) -> Iterator[str]:
    least, most = limits
    if not least <= value <= most:
        yield f"expected {key} to be in the range ({least} - {most}), got {value}"


def at_least(least: int, value: Any, key: str) -> Iterator[str]:
    if value < least:
        yield f"expected {key} to be at least ({least}), got {value}"


def float_at_least(least: int, value: Any, key: str) -> Iterator[str]:
    if value < least:
        yield f"expected {key} to be at least ({least:f}), got {value:f}"


def pattern(demand: tuple[str, str], value: str, key: str) -> Iterator[str]:
    expression, meaning = demand
    if not re.search(expression, value):
        yield f"invalid value for {key} ({meaning})"


def characters(demand: tuple[str, str, int], value: str, key: str) -> Iterator[str]:
    expression, meaning, most = demand
    if not re.search(expression, value):
        yield f"only {meaning} allowed in {json.dumps(key)}: {json.dumps(value)}"
    if len(value) > most:
        yield f"{json.dumps(key)} cannot be longer than {most} characters: {json.dumps(value)}"


def sagemaker_name(most: int, value: str, key: str) -> Iterator[str]:
    yield from characters(("^[0-9A-Za-z-]+$", "alphanumeric characters and hyphens", most), value, key)
    if value.startswith("-"):
        yield f"{json.dumps(key)} cannot begin with a hyphen: {json.dumps(value)}"


def log_group_name(most: int, value: str, key: str) -> Iterator[str]:
    if len(value) > most:
        yield f"{json.dumps(key)} cannot be longer than {most} characters: {json.dumps(value)}"
    if not re.search(r"^[0-9A-Za-z_./#-]+$", value):
        yield (
            f"{json.dumps(key)} isn't a valid log group name (alphanumeric characters, underscores, hyphens, slashes, "
            f"hash signs and dots are allowed): {json.dumps(value)}"
        )


def environment(most: int, value: Mapping[str, str], key: str) -> Iterator[str]:
    for name, text in value.items():
        if not re.search(r"^[0-9A-Za-z_]+$", name):
            yield f"only alphanumeric characters and underscore allowed in {json.dumps(key)}: {json.dumps(name)}"
        for item in (name, text):
            if len(item) > most:
                yield f"{json.dumps(key)} cannot be longer than {most} characters: {json.dumps(item)}"
        if name[:1].isdigit():
            yield f"{json.dumps(key)} cannot begin with a digit: {json.dumps(name)}"


def image(most: int, value: str, key: str) -> Iterator[str]:
    if not value.strip():
        yield f"no whitespace allowed in {json.dumps(key)}: {json.dumps(value)}"
    if len(value) > most:
        yield f"{json.dumps(key)} cannot be longer than {most} characters: {json.dumps(value)}"


def lower_case_keys(_demand: bool, value: Mapping[str, str], _key: str) -> Iterator[str]:
    for name in value:
        if name != name.lower():
            yield f"Metadata must be lowercase only. Offending key: {json.dumps(name)}"


def not_empty(_demand: bool, value: str, key: str) -> Iterator[str]:
    if not value:
        yield f"{key} must not be empty, got {value}"


def arn(_demand: bool, value: str, key: str) -> Iterator[str]:
    if not value:
        return
    begin = f"{json.dumps(key)} ({value}) is an invalid ARN"
    prefix, *parts = value.split(":", 5)
    if prefix != "arn" or not parts:
        yield f"{begin}: arn: invalid prefix"
        return
    if len(parts) < 5:
        yield f"{begin}: arn: not enough sections"
        return
    partition, _service, region, account, resource = parts
    for (name, allowed, may_be_empty), part in zip(_ARN_PARTS, (partition, region, account), strict=True):
        if not part and not may_be_empty:
            yield f"{begin}: missing {name} value"
        elif part and not allowed.search(part):
            yield f"{begin}: invalid {name} value (expecting to match regular expression: {allowed.pattern})"
    if not resource:
        yield f"{begin}: missing resource value"


def account_id(_demand: bool, value: str, key: str) -> Iterator[str]:
    if not ACCOUNT_ID.search(value):
        yield f"{json.dumps(key)} doesn't look like AWS Account ID (exactly 12 digits): {json.dumps(value)}"


def is_json(_demand: bool, value: str, key: str) -> Iterator[str]:
    problem = json_problem(value)
    if problem:
        yield f"{json.dumps(key)} contains an invalid JSON: {problem}"


def policy(most: int, value: str, key: str) -> Iterator[str]:
    """A policy of IAM: an object, of no more than `most` characters without spaces."""
    begin = f"{json.dumps(key)} contains an invalid JSON policy"
    problem = json_problem(value)
    if not value:
        yield f"{json.dumps(key)} is an empty string, which is not a valid JSON value"
    elif value[0].isspace():
        yield f"{begin}: leading space characters are not allowed"
    elif value[0] == "[":
        yield f"{begin}: contains a JSON array, not a JSON object"
    elif value[0] == '"':
        yield f"{begin}: contains a JSON-encoded string, not a JSON-encoded object"
    elif value[0] != "{":
        yield f"{begin}: not a JSON object"
    elif problem:
        yield f"{begin}: {problem}"
    elif (size := len(json.dumps(json.loads(value), separators=(",", ":"), ensure_ascii=False))) > most:
        yield f"Cannot exceed quota for PolicySize: {most} (actual: {size})"


def period(steps: list[int], value: Any, key: str) -> Iterator[str]:
    if value not in steps and value % 60:
        yield from one_of(steps, value, key)
        yield f"expected {key} to be divisible by 60, got: {value}"


def extended_statistic(_demand: bool, value: str, key: str) -> Iterator[str]:
    if not EXTENDED_STATISTIC.search(value):
        yield (
            f"invalid value for {key} (invalid statistic, see: "
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html)"
        )


def any_statistic(_demand: bool, value: str, key: str) -> Iterator[str]:
    simple = enum_values("cloudwatch.Statistic")
    if value not in simple and not EXTENDED_STATISTIC.search(value):
        yield from one_of(simple, value, key)
        yield from extended_statistic(True, value, key)


def rfc3339(_demand: bool, value: str, key: str) -> Iterator[str]:
    try:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("it has no time zone")
    except ValueError as error:
        yield f"expected {json.dumps(key)} to be a valid RFC3339 date, got {json.dumps(value)}: {error}"


def is_float(_demand: bool, value: str, key: str) -> Iterator[str]:
    try:
        Decimal(value or 0)
    except ArithmeticError:
        yield f"{key}: cannot parse '{value}' as float: invalid syntax"


CHECKS: Mapping[str, Check] = {
    "account_id": account_id,
    "any_statistic": any_statistic,
    "arn": arn,
    "at_least": at_least,
    "between": between,
    "characters": characters,
    "environment": environment,
    "extended_statistic": extended_statistic,
    "float": is_float,
    "float_at_least": float_at_least,
    "image": image,
    "json": is_json,
    "length": length,
    "log_group_name": log_group_name,
    "lower_case_keys": lower_case_keys,
    "not_empty": not_empty,
    "one_of": one_of,
    "pattern": pattern,
    "period": period,
    "policy": policy,
    "rfc3339": rfc3339,
    "sagemaker_name": sagemaker_name,
}


def json_problem(text: str) -> str:
    """What is wrong with a text as JSON, in the words of Go's decoder; "" when nothing is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            return "unexpected end of JSON input"
        places = {
            "Expecting property name": "looking for beginning of object key string",
            "Illegal trailing comma": "looking for beginning of value",
            "Expecting ':'": "after object key",
            "Expecting ','": "after object key:value pair or array element",
            "Extra data": "after top-level value",
            "Invalid control character": "in string literal",
            "Invalid \\": "in string escape code",
        }
        place = next((words for begin, words in places.items() if error.msg.startswith(begin)), None)
        return f"invalid character '{text[error.pos]}' {place or 'looking for beginning of value'}"
    return ""
