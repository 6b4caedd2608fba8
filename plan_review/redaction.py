"""What of a plan may be printed. Every text taken from a plan passes through here before it reaches a format."""

from __future__ import annotations

import json
import re
from typing import Any

from plan_review.values import UNKNOWN, Path, Values

SENSITIVE = "(sensitive)"
REDACTED = "(redacted)"
UNKNOWN_TEXT = "(unknown until the apply)"
_LONGEST = 160

_SECRET_NAME = re.compile(
    r"(?i)(^|_|-)(password|passwd|passphrase|secret|secrets|token|api_?key|access_?key|private_?key|credentials?|auth)($|_|-)"
)
_CREDENTIAL = re.compile(
    r"""
    -----BEGIN\ [A-Z0-9 ]+-----                             # a PEM block, to its end or the text's
    (?: .*?-----END\ [A-Z0-9 ]+----- | .* )
    | (?<![A-Z0-9])(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}(?![A-Z0-9])  # an AWS access key or principal id
    | (?<![A-Za-z0-9])(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|sk|hf|npm|pypi)[_-][A-Za-z0-9_-]{16,}
    | (?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?   # a JSON web token
    | (?<=://)[^/@\s:]+:[^/@\s]+(?=@)                       # user and password in a URL
    | (?i:(?<=password=)|(?<=secret=)|(?<=token=)|(?<=apikey=)|(?<=api_key=))[^\s&"',;]+
    """,
    re.VERBOSE | re.DOTALL,
)
_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}={0,2}(?![A-Za-z0-9/+=])")
# Control and format characters: a value must neither move the cursor of a terminal nor reorder the text around it.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def scrub(text: str) -> str:
    """`text` on one line, without control characters and without anything that looks like a credential."""
    if text.isascii() and text.isprintable() and len(text) < 16:
        return text
    text = _CREDENTIAL.sub(REDACTED, text)
    text = _SECRET_KEY.sub(lambda match: REDACTED if _is_random(match[0]) else match[0], text)
    return _UNPRINTABLE.sub(" ", text)


def _is_random(run: str) -> bool:
    """Whether 40 characters look like an AWS secret key: mixed case and digits, unlike a path or a digest."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(character) for character in run) for kind in kinds) and run.count("/") <= 6


def shown_value(value: Any) -> str:
    """A value of a plan as text: one line, at most 160 characters, credentials redacted."""
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=lambda _: UNKNOWN_TEXT)
    text = scrub(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def shown(values: Values, *path: str | int) -> str:
    """The value at `path` as text; what Terraform marks sensitive, or is named like a secret, is never printed."""
    value = values.at(*path)
    if value is None:
        return shown_value(None)
    if values.has_sensitive(*path):
        return SENSITIVE
    if value is not UNKNOWN and is_secret_name(path):
        return REDACTED
    return shown_value(value)


def is_secret_name(path: Path) -> bool:
    """Whether an attribute is called like something that holds a secret."""
    return any(isinstance(step, str) and _SECRET_NAME.search(step) is not None for step in path)
