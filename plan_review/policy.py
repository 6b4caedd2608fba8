"""The policy: what verdicts and findings ask of the reviewer. Read once from TOML, checked, frozen."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan_review.errors import ReviewError
from plan_review.findings import Severity, Verdict

_SECTIONS = {"verdicts", "severities", "providers"}
_BUNDLED = Path(__file__).with_name("policy.toml")
_OF_VERDICTS = {"safe": Severity.NOTE, "approval": Severity.APPROVAL, "blocked": Severity.BLOCKED}
_OF_RULES = {"note": Severity.NOTE, "approval": Severity.APPROVAL, "blocked": Severity.BLOCKED}
_VERDICTS = {verdict.key: verdict for verdict in Verdict}
_UNSTATED = {key: "blocked" if verdict is Verdict.OUTAGE else "approval" for key, verdict in _VERDICTS.items()}


@dataclass(frozen=True, slots=True)
class Policy:
    """What verdicts and rules ask for; `providers` maps a provider's source to the approved version."""

    verdicts: Mapping[Verdict, Severity]
    severities: Mapping[str, Severity]
    providers: Mapping[str, str]


def read_policy(path: Path | None, rule_ids: frozenset[str], defaults: Path | None = None) -> Policy:
    """The bundled policy with a file's keys over it; `defaults` is a file in place of the bundled one.

    Raises ReviewError with every complaint about the file: unknown sections, keys and rules, and values not allowed.
    """
    content = _read(_BUNDLED if defaults is None else defaults)
    if path is not None:
        content = _overlaid(content, _read(path), path)
    complaints: list[str] = []
    # Defaults of another release may lack a section, or a verdict that it did not know.
    content = {section: {} for section in _SECTIONS} | content
    content["verdicts"] = _UNSTATED | content["verdicts"]
    for section in content.keys() - _SECTIONS:
        complaints.append(f"[{section}]: no such section; allowed are [verdicts], [severities] and [providers]")
    verdicts = _choices(content["verdicts"], "verdicts", frozenset(_VERDICTS), _OF_VERDICTS, complaints)
    severities = _choices(content["severities"], "severities", rule_ids, _OF_RULES, complaints)
    if verdicts.get("outage") is Severity.NOTE:
        complaints.append('verdicts.outage: an outage or loss is never "safe"; allowed are approval and blocked')
    providers = content["providers"]
    for source, version in providers.items():
        if not isinstance(version, str) or not version[:1].isdigit():
            complaints.append(f'providers."{source}": a version such as "6.25.0" is expected, not {version!r}')
    if complaints:
        raise ReviewError(
            "\n".join(
                [f"{path or defaults}: {len(complaints)} complaint(s):", *(f"  {item}" for item in sorted(complaints))]
            )
        )
    return Policy({_VERDICTS[key]: severity for key, severity in verdicts.items()}, severities, providers)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReviewError(f"{path}: is no TOML ({error})") from error


def _overlaid(base: dict[str, Any], over: dict[str, Any], path: Path) -> dict[str, Any]:
    merged = dict(base)
    for section, keys in over.items():
        if not isinstance(keys, dict):
            raise ReviewError(f"{path}: {section} is no section; write [{section}] with keys below it")
        merged[section] = {**base.get(section, {}), **keys}
    return merged


def _choices(
    section: Mapping[str, Any],
    name: str,
    known: frozenset[str],
    choices: Mapping[str, Severity],
    complaints: list[str],
) -> dict[str, Severity]:
    chosen: dict[str, Severity] = {}
    for key, value in section.items():
        if key not in known:
            complaints.append(f"{name}.{key}: unknown; allowed are {', '.join(sorted(known))}")
        elif not isinstance(value, str) or value not in choices:
            complaints.append(f"{name}.{key}: {value!r} is not allowed; allowed are {', '.join(choices)}")
        else:
            chosen[key] = choices[value]
    return chosen
