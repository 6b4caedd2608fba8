"""Reads `terraform show -json` output into a `Plan`.

A plan repeats every resource up to four times (prior_state, planned_values, resource_changes, configuration). The first
two do not outlive the reading.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from plan_review.configuration import Configuration
from plan_review.errors import ReviewError
from plan_review.plan import ACTIONS, Action, Change, OutputChange, Plan, ProviderRequirement, Unlisted
from plan_review.sections import deferred_changes, invocations, unlisted_in_resource, unlisted_sections
from plan_review.values import Values, either

_HOW = "give it the output of `terraform show -json PLANFILE`"
_UNNAMED = frozenset({"plan", "tfplan", "show", "review"})
# A plan has one of these; `-refresh-only` makes one with nothing but drift.
_OF_PLANS = frozenset({"planned_values", "resource_changes", "output_changes", "resource_drift", "action_invocations"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_plan(path: Path) -> Plan:
    """Reads one file; `stack_name` names the stack.

    Raises ReviewError, one line naming the file, when it is missing, empty, no JSON, no plan, of an unknown format
    version, or the plan of a run that failed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error}); {_HOW}") from error
    digest = hashlib.sha256(content).hexdigest()
    if not content.strip():
        raise ReviewError(f"{path}: is empty; {_HOW}, and check that `terraform plan` succeeded")
    if content.startswith(b"PK\x03\x04"):
        raise ReviewError(f"{path}: is a binary plan file; {_HOW.replace('PLANFILE', path.name)}")
    try:
        document = from_json(_without_wrapper(content.removeprefix(_BYTE_ORDER_MARK)), cache_strings="keys")
    except ValueError as error:
        raise ReviewError(f"{path}: {_why_no_json(content, error)}; {_HOW}") from error
    del content
    try:
        return _plan(document, stack_name(path), str(path), digest)
    except _MalformedError as error:
        raise ReviewError(f"{path}: {error}") from error


def _without_wrapper(content: bytes) -> bytes:
    """`content` without the lines that setup-terraform's wrapper writes around Terraform's output.

    https://github.com/hashicorp/setup-terraform: `[command]/path/terraform-bin show -json plan` before, workflow
    commands such as `::debug::Terraform exited with code 0.` before or after.
    """
    content = content.lstrip()
    while content.startswith((b"[command]", b"::")):
        content = content.partition(b"\n")[2].lstrip()
    end = content.find(b"\n::")
    return content if end < 0 or content[:1] not in b"{[" else content[:end]


def _why_no_json(content: bytes, error: ValueError) -> str:
    try:
        content.decode()
    except UnicodeDecodeError as encoding:
        return f"is not UTF-8 text ({encoding.reason} at byte {encoding.start})"
    return f"is no complete JSON ({error})"


def stack_name(path: Path) -> str:
    """The stack of a file: `dev-endpoint` for plans/dev-endpoint.json as for dev-endpoint/plan.json."""
    name = path.name
    for suffix in (".json", ".plan", ".tfplan"):
        name = name.removesuffix(suffix)
    parent = path.resolve().parent.name
    return parent if name in _UNNAMED and parent else name or path.name


class _MalformedError(Exception):
    """What is wrong inside the document; `read_plan` adds the file."""


def _plan(document: Any, stack: str, source: str, sha256: str) -> Plan:
    if not isinstance(document, dict):
        raise _MalformedError(f"is no plan JSON (the document is not an object); {_HOW}")
    _check(document)
    version, applyable = document.get("terraform_version"), document.get("applyable")
    unlisted = list(unlisted_sections(document))
    return Plan(
        stack=stack,
        source=source,
        terraform_version=version if isinstance(version, str) else "",
        changes=tuple(_changes(document, "resource_changes", unlisted)),
        drift=tuple(_changes(document, "resource_drift", unlisted)),
        providers=_providers(document.get("configuration")),
        outputs=tuple(_outputs(document.get("output_changes"))),
        failed_checks=_failed_checks(document.get("checks")),
        complete=document.get("complete") is not False,
        applyable=applyable if isinstance(applyable, bool) else None,
        unlisted=tuple(unlisted),
        invocations=tuple(invocations(document)),
        deferred=tuple(deferred_changes(document)),
        configuration=_configuration(document.get("configuration")),
        sha256=sha256,
    )


def _check(document: dict[str, Any]) -> None:
    names = document.keys()
    version = document.get("format_version")
    if names & {"@level", "@message"}:
        raise _MalformedError(f"is a log of `terraform plan -json`, not a plan; {_HOW}")
    if version is None:
        raise _MalformedError(f"has no format_version, so it is no plan JSON; {_HOW}")
    if not isinstance(version, str) or not re.fullmatch(r"1\.[0-9]+", version):
        raise _MalformedError(
            f"has format_version {str(version)[:20]!r}, and only 1.x can be read; "
            "use a plan_review made for this Terraform"
        )
    if document.get("errored"):
        raise _MalformedError(
            "is the plan of a run that failed (errored: true); fix the error that `terraform plan` shows"
        )
    if "values" in names and "planned_values" not in names:
        raise _MalformedError(f"is a state, not a plan; {_HOW}")
    if not names & _OF_PLANS:
        raise _MalformedError(f"holds no plan (neither resource_changes nor planned_values); {_HOW}")


def _changes(document: Mapping[str, Any], section: str, unlisted: list[Unlisted]) -> Iterator[Change]:
    """The managed resources of a section. What is not known of any of its elements goes to `unlisted`."""
    elements = document.get(section, [])
    if not isinstance(elements, list):
        raise _MalformedError(f"{section} is no array, so it is no plan JSON; {_HOW}")
    for index, element in enumerate(elements):
        where = f"{section}[{index}]"
        address = _text(_mapping(element, where), "address", where)
        change = _mapping(element.get("change"), f"{where}.change ({address})")
        actions = change.get("actions")
        if not _is_texts(actions):
            raise _MalformedError(f"{where} ({address}) has actions {str(actions)[:60]}, so it is no plan JSON; {_HOW}")
        unlisted += unlisted_in_resource(element, change, address)
        if element.get("mode") in ("managed", None):
            yield _change(element, address, where)


def _change(element: Mapping[str, Any], address: str, where: str) -> Change:
    change = element["change"]
    action = ACTIONS.get(tuple(change["actions"]), Action.UNKNOWN)
    before = _side(change, "before", where)
    after = before if action.changes is False and change.get("after") == before else _side(change, "after", where)
    importing, previous, deposed = change.get("importing"), element.get("previous_address"), element.get("deposed")
    reason = element.get("action_reason")
    sensitive = either(change.get("before_sensitive"), change.get("after_sensitive"))
    return Change(
        address=address,
        type=_text(element, "type", where),
        name=element["name"] if isinstance(element.get("name"), str) else address,
        action=action,
        before=Values(before, None, sensitive),
        after=Values(after, change.get("after_unknown"), sensitive),
        provider=element["provider_name"] if isinstance(element.get("provider_name"), str) else "",
        replace_paths=_paths(change.get("replace_paths")),
        action_reason=reason if isinstance(reason, str) else "",
        previous_address=previous if isinstance(previous, str) else None,
        deposed=deposed if isinstance(deposed, str) else None,
        importing=(importing is not None and importing is not False) or bool(change.get("generated_config")),
    )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _MalformedError(f"{where} is no object, so it is no plan JSON; {_HOW}")
    return value


def _text(element: Mapping[str, Any], key: str, where: str) -> str:
    value = element.get(key)
    if not isinstance(value, str) or not value:
        raise _MalformedError(f"{where} has no {key}, so it is no plan JSON; {_HOW}")
    return value


def _side(change: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any] | None:
    value = change.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise _MalformedError(f"{where}.change.{key} is no object, so it is no plan JSON; {_HOW}")
    return value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _paths(value: Any) -> tuple[tuple[str | int, ...], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        tuple(step for step in path if isinstance(step, str | int)) for path in value if isinstance(path, list)
    )


def _providers(configuration: Any) -> tuple[ProviderRequirement, ...]:
    """The root module's providers, sorted; Terraform's built-in one needs no version and is left out."""
    providers = configuration.get("provider_config") if isinstance(configuration, Mapping) else None
    found = []
    for provider in providers.values() if isinstance(providers, Mapping) else ():
        source = provider.get("full_name") if isinstance(provider, Mapping) else None
        if not isinstance(source, str) or source.startswith("terraform.io/builtin/"):
            continue
        constraint = provider.get("version_constraint")
        expressions = provider.get("expressions")
        region = expressions.get("region") if isinstance(expressions, Mapping) else None
        constant = region.get("constant_value") if isinstance(region, Mapping) else None
        found.append(
            ProviderRequirement(
                source,
                constraint if isinstance(constraint, str) else "",
                constant if isinstance(constant, str) else None,
            )
        )
    return tuple(
        sorted(
            set(found),
            key=lambda item: (item.source, item.version_constraint, item.region is not None, item.region or ""),
        )
    )


def _outputs(outputs: Any) -> Iterator[OutputChange]:
    """The outputs whose values change, by name. What is no change of an output counts as one that is hidden."""
    if not isinstance(outputs, Mapping):
        return
    for name, change in sorted(outputs.items()):
        if not isinstance(change, Mapping):
            yield OutputChange(name, None, None, hidden=True)
        elif change.get("actions") != ["no-op"]:
            after = Values({"value": change.get("after")}, {"value": change.get("after_unknown")}).at("value")
            hidden = bool(change.get("before_sensitive") or change.get("after_sensitive"))
            yield OutputChange(name, change.get("before"), after, hidden)


def _configuration(configuration: Any) -> Configuration:
    root = configuration.get("root_module") if isinstance(configuration, Mapping) else None
    return Configuration(root if isinstance(root, Mapping) else None)


def _failed_checks(checks: Any) -> tuple[str, ...]:
    """The addresses of checks and conditions that failed or could not be evaluated."""
    if not isinstance(checks, list):
        return ()
    failed = []
    for check in checks:
        address = check.get("address") if isinstance(check, Mapping) else None
        shown = address.get("to_display") if isinstance(address, Mapping) else None
        if isinstance(shown, str) and check.get("status") in ("fail", "error"):
            failed.append(shown)
    return tuple(sorted(failed))
