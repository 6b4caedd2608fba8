"""What of a plan may be printed. Every text taken from a plan passes through here before it reaches a format."""

from __future__ import annotations

import json
import re
from typing import Any

from plan_review.secret_names import is_secret_name
from plan_review.values import UNKNOWN, Path, Values

SENSITIVE = "(sensitive)"
REDACTED = "(redacted)"
UNKNOWN_TEXT = "(unknown until the apply)"
NONE_TEXT = "(none)"
_LONGEST = 160

_CREDENTIAL = re.compile(
    r"""
    -----BEGIN\ [A-Z0-9 ]+-----                             # a PEM block, to its end or the text's
    (?: .*?-----END\ [A-Z0-9 ]+----- | .* )
    | (?<![A-Z0-9])(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}(?![A-Z0-9])  # an AWS access key or principal id
    | (?<![A-Za-z0-9])(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|sk|hf|npm|pypi)[_-][A-Za-z0-9_-]{16,}
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?   # a JSON web token
    | (?<=://)[^/@\s:]+:[^/@\s]+(?=@)                       # user and password in a URL
    """,
    re.VERBOSE | re.DOTALL,
)
_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}={0,2}(?![A-Za-z0-9/+=])")
# A setting inside a text: a line of a shell script or of an .env file, an option, a part of a URL's query, a member of
# JSON. The head names it; what the value is depends on the head.
_HEAD = re.compile(
    r"""
    (?<![A-Za-z0-9_]) (?P<assigned>[A-Za-z_][A-Za-z0-9_.-]{0,80}) \s{0,8}=\s{0,8}
    | \\?"(?P<member>[A-Za-z_][A-Za-z0-9_.-]{0,80})\\?" \s{0,8}:\s{0,8}
    """,
    re.VERBOSE,
)
# In quotes, which the text around it may have escaped; to the end where they are not closed.
_QUOTED = r"""\\"(?:[^"\\]|\\[^"])*\\" | "(?:[^"\\]|\\.)*" | '[^']*' | \\?["'].*"""
_ASSIGNED = re.compile(rf"""{_QUOTED} | [^\s"',;&]+""", re.VERBOSE | re.DOTALL)
_MEMBER = re.compile(rf"{_QUOTED} | [-0-9.]+", re.VERBOSE | re.DOTALL)
# Amazon ECS, Kubernetes and others list an environment as pairs of a name and a value.
_PAIR = re.compile(
    r"""(?P<head> "(?:name|key)"\s*:\s*"(?P<name>[^"\\]*)"\s*,\s*"value"\s*:\s* ) "(?:[^"\\]|\\.)*" """,
    re.VERBOSE | re.IGNORECASE,
)
# Control and format characters: a value must neither move the cursor of a terminal, nor reorder the text around it, nor
# hide in it.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]+"
)


def scrub(text: str) -> str:
    """`text` on one line, without control characters and without anything that looks like a credential."""
    if text.isascii() and text.isprintable() and len(text) < 16 and not {"=", '"'}.intersection(text):
        return text
    text = _CREDENTIAL.sub(REDACTED, text)
    if '"' in text:
        text = _PAIR.sub(lambda match: match["head"] + f'"{REDACTED}"' if _is_secret(match["name"]) else match[0], text)
    if "=" in text or '"' in text:
        text = _without_settings(text)
    text = _SECRET_KEY.sub(lambda match: REDACTED if _is_random(match[0]) else match[0], text)
    return _UNPRINTABLE.sub(" ", text)


def _is_secret(name: str) -> bool:
    return is_secret_name(name, free=True)


def _without_settings(text: str) -> str:
    """`text` with REDACTED for the value of each setting that is named like a secret, inside of other values too."""
    kept, place = [], 0
    while (head := _HEAD.search(text, place)) is not None:
        kept.append(text[place : head.end()])
        place = head.end()
        assigned = head["assigned"] is not None
        if is_secret_name(head["assigned"] or head["member"], free=assigned):
            value = (_ASSIGNED if assigned else _MEMBER).match(text, place)
            if value is not None:
                kept.append(REDACTED if assigned else f'"{REDACTED}"')
                place = value.end()
    return "".join(kept) + text[place:]


def _is_random(run: str) -> bool:
    """Whether 40 characters look like an AWS secret key: mixed case and digits, unlike a path or a digest."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(character) for character in run) for kind in kinds) and run.count("/") <= 6


def shown_value(value: Any) -> str:
    """A value of a plan as text: one line, at most 160 characters, credentials redacted."""
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if value is None or value in ("", [], {}):
        return NONE_TEXT
    if not isinstance(value, str):
        value = json.dumps(_masked(value, ()), ensure_ascii=False, default=lambda _: UNKNOWN_TEXT)
    text = scrub(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def shown(values: Values, *path: str | int) -> str:
    """The value at `path` as text; what Terraform marks sensitive, or is named like a secret, is never printed."""
    value = values.at(*path)
    if value is None or value in ("", [], {}):
        return NONE_TEXT
    if values.has_sensitive(*path):
        return SENSITIVE
    if value is not UNKNOWN and (_is_secret_path(path) or _is_value_of_secret(values, path)):
        return REDACTED
    return shown_value(_masked(value, path))


def is_hidden(values: Values, path: Path) -> bool:
    """Whether the value at `path` is sensitive or named like a secret, so that nothing may be made of it."""
    return values.has_sensitive(*path) or _is_secret_path(path) or _is_value_of_secret(values, path)


def _masked(value: Any, path: Path) -> Any:
    """`value` with REDACTED in the place of what is named like a secret, at any depth."""
    if isinstance(value, dict):
        pair = _paired_name(value)
        return {
            key: REDACTED
            if item is not UNKNOWN
            and item is not None
            and (is_secret_name(key, free=_is_free(path)) or (key == "value" and pair is not None and _is_secret(pair)))
            else _masked(item, (*path, key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _is_secret_path(path: Path) -> bool:
    """Whether an attribute, or a key of a map in it, is called like something that holds a secret."""
    return any(
        isinstance(step, str) and is_secret_name(step, free=_is_free(path[:index])) for index, step in enumerate(path)
    )


def _is_free(path: Path) -> bool:
    """Whether what stands below `path` is named by people, as environment variables are, and not by a provider."""
    return any(isinstance(step, str) and step.lower() in _FREE for step in path)


_FREE = frozenset({"environment", "environment_variables", "environment_variable", "env", "variables", "secrets"})


def _is_value_of_secret(values: Values, path: Path) -> bool:
    """Whether `path` is the value of a pair of a name and a value, and the name is a secret's."""
    if len(path) < 2 or path[-1] != "value":
        return False
    pair = values.at(*path[:-1])
    name = _paired_name(pair) if isinstance(pair, dict) else None
    return name is not None and _is_secret(name)


def _paired_name(pair: dict[str, Any]) -> str | None:
    return next((pair[key] for key in ("name", "key") if isinstance(pair.get(key), str)), None)
