"""What a plan's JSON may hold: every part that this review knows. The rest is named, so that it is never called safe.

The parts are those of Terraform up to 1.14 and of OpenTofu up to 1.11.
https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plan_review.plan import ACTIONS, TAINTED, Deferred, Invocation, Unlisted

_SECTIONS = frozenset(
    {
        "action_invocations",
        "applyable",
        "checks",
        "complete",
        "configuration",
        "deferred_action_invocations",
        "deferred_changes",
        "errored",
        "format_version",
        "output_changes",
        "planned_values",
        "prior_state",
        "relevant_attributes",
        "resource_changes",
        "resource_drift",
        "terraform_version",
        "timestamp",
        "variables",
    }
)
_OF_RESOURCES = frozenset(
    {
        "action_reason",
        "address",
        "change",
        "deposed",
        "index",
        "mode",
        "module_address",
        "name",
        "previous_address",
        "provider_name",
        "type",
    }
)
_OF_CHANGES = frozenset(
    {
        "actions",
        "after",
        "after_identity",
        "after_sensitive",
        "after_unknown",
        "before",
        "before_identity",
        "before_sensitive",
        "generated_config",
        "importing",
        "replace_paths",
    }
)
_OF_PROVIDERS = frozenset({"alias", "expressions", "full_name", "module_address", "name", "version_constraint"})
_REASONS = frozenset(
    {
        TAINTED,
        "replace_because_cannot_update",
        "replace_by_request",
        "replace_by_triggers",
        "delete_because_no_resource_config",
        "delete_because_wrong_repetition",
        "delete_because_count_index",
        "delete_because_each_key",
        "delete_because_no_module",
        "delete_because_no_move_target",
        "delete_because_enabled_false",
        "forgot_because_lifecycle_destroy_in_config",
        "forgot_because_lifecycle_destroy_in_state",
        "read_because_config_unknown",
        "read_because_dependency_pending",
        "read_because_check_nested",
    }
)
# Data sources of these providers only read. One of another provider may do anything (`external` runs a program).
_READING_PROVIDERS = ("/hashicorp/aws", "terraform.io/builtin/terraform")


def unlisted_sections(document: Mapping[str, Any]) -> Iterator[Unlisted]:
    """The sections of a plan, and of its providers' configuration, that this review does not know."""
    for name in sorted(document.keys() - _SECTIONS):
        yield Unlisted(f"section {name}", "this section of the plan is not known to the review")
    configuration = document.get("configuration")
    providers = configuration.get("provider_config") if isinstance(configuration, Mapping) else None
    for key, provider in providers.items() if isinstance(providers, Mapping) else ():
        for name in sorted(provider.keys() - _OF_PROVIDERS) if isinstance(provider, Mapping) else ():
            yield Unlisted(f"provider {key}", f"{name} is not known to the review")


def unlisted_in_resource(element: Mapping[str, Any], change: Mapping[str, Any], address: str) -> Iterator[Unlisted]:
    """The parts of one element of `resource_changes` or `resource_drift`, and of its `change`, that are not known."""
    if not element.keys() <= _OF_RESOURCES:
        for name in sorted(element.keys() - _OF_RESOURCES):
            yield Unlisted(address, f"{name} is not known to the review")
    if not change.keys() <= _OF_CHANGES:
        for name in sorted(change.keys() - _OF_CHANGES):
            yield Unlisted(address, f"change.{name} is not known to the review")
    reason = element.get("action_reason")
    if reason and (not isinstance(reason, str) or reason not in _REASONS):
        yield Unlisted(address, f"the reason {reason!s} is not known to the review")
    mode, actions = element.get("mode"), change["actions"]
    if mode == "data":
        yield from _of_data_source(element.get("provider_name"), actions, address)
    elif mode not in ("managed", None):
        yield Unlisted(address, f"the mode {mode!s} with the actions {', '.join(actions)}")
    elif actions == ["read"] or tuple(actions) not in ACTIONS:
        yield Unlisted(address, f"the actions {', '.join(actions) or '(none)'}", changes=True)
    elif actions == ["no-op"] and _differs(change):
        yield Unlisted(address, "is called unchanged, but its values differ", changes=True)
    elif _other_identity(change):
        yield Unlisted(address, "its identity changes")


def _of_data_source(provider: Any, actions: list[str], address: str) -> Iterator[Unlisted]:
    if actions not in (["read"], ["no-op"]):
        yield Unlisted(address, f"a data source with the actions {', '.join(actions)}")
    elif actions == ["read"] and not (isinstance(provider, str) and provider.endswith(_READING_PROVIDERS)):
        yield Unlisted(address, f"the apply reads a data source of the provider {provider or '(none)'}")


def _differs(change: Mapping[str, Any]) -> bool:
    return change.get("before") != change.get("after") or _any_true(change.get("after_unknown"))


def _other_identity(change: Mapping[str, Any]) -> bool:
    """Whether something that stays gets another identity: Terraform has no action for that."""
    before, after = change.get("before_identity"), change.get("after_identity")
    return before is not None and after is not None and before != after and change.get("actions") == ["update"]


def _any_true(mask: Any) -> bool:
    if isinstance(mask, Mapping):
        return any(_any_true(item) for item in mask.values())
    if isinstance(mask, list):
        return any(_any_true(item) for item in mask)
    return mask is True


def invocations(document: Mapping[str, Any]) -> Iterator[Invocation]:
    """Every action that the apply runs, or that a later one is to run."""
    for element in _elements(document, "action_invocations"):
        yield _invocation(element, deferred=False)
    for element in _elements(document, "deferred_action_invocations"):
        inner = element.get("action_invocation") if isinstance(element, Mapping) else None
        yield _invocation(inner if isinstance(inner, Mapping) else element, deferred=True)


def _invocation(element: Any, *, deferred: bool) -> Invocation:
    found = element if isinstance(element, Mapping) else {}
    trigger = found.get("lifecycle_action_trigger")
    if isinstance(trigger, Mapping):
        event, resource = trigger.get("action_trigger_event"), trigger.get("triggering_resource_address")
        text = f"by {resource}" + (f" ({event})" if event else "")
    else:
        text = "by the command line (-invoke)" if "invoke_action_trigger" in found else "by an unknown trigger"
    return Invocation(_address(found, "an action without an address"), text, deferred)


def deferred_changes(document: Mapping[str, Any]) -> Iterator[Deferred]:
    """Every resource whose change is put off to a later plan."""
    for element in _elements(document, "deferred_changes"):
        found = element if isinstance(element, Mapping) else {}
        resource = found.get("resource_change")
        address = _address(resource if isinstance(resource, Mapping) else {}, "a resource without an address")
        yield Deferred(address, str(found.get("reason") or "no reason given"))


def _address(element: Mapping[str, Any], missing: str) -> str:
    address = element.get("address")
    return address if isinstance(address, str) and address else missing


def _elements(document: Mapping[str, Any], section: str) -> list[Any]:
    """What a section lists. One that is no array holds something all the same."""
    found = document.get(section)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
