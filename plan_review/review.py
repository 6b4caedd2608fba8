"""Puts the parts together: plans, rules, policy and acceptances in, one printable `Review` out."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from plan_review.acceptance import Acceptance
from plan_review.cold_start import ColdModels, LoadTimes, cold_models
from plan_review.endpoint import Difference, EndpointChange, differences
from plan_review.findings import Finding, Rule, Severity, Verdict
from plan_review.models import ModelChange, artifacts_after
from plan_review.places import Places, places_of
from plan_review.plan import Action, Change, Plan
from plan_review.policy import Policy
from plan_review.prices import Cost, PriceTable, cost_of
from plan_review.redaction import scrub
from plan_review.stack import Stack
from plan_review.verdicts import verdict_of_changes

# The models stacks of an environment's shards: dev-models, dev-models-2, ...
_MODELS_STACK = re.compile(r"(?P<environment>[^-]+)-models(?:-[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a review is made with. `today` decides which acceptances still hold."""

    rules: Sequence[Rule]
    policy: Policy
    acceptances: Sequence[Acceptance]
    prices: PriceTable
    today: datetime.date
    load_times: LoadTimes | None = None
    """Of the catalog's lock file, if it is given."""


@dataclass(frozen=True, slots=True)
class ChangeDetail:
    """One change with its settings, as text that may be printed."""

    address: str
    action: Action
    remark: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class StackReview:
    """One stack. `counts` are numbers of resources by what happens to them; `decision` what is asked for."""

    name: str
    source: str
    sha256: str
    verdict: Verdict
    decision: Severity
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    models: tuple[ModelChange, ...]
    endpoints: tuple[EndpointChange, ...]
    costs: tuple[Cost, ...]
    details: tuple[ChangeDetail, ...]
    changed_outputs: tuple[str, ...]
    cold: ColdModels | None = None
    """What an endpoint that moves to other instances has to load again; None if nobody knows."""


@dataclass(frozen=True, slots=True)
class Review:
    """All stacks. `remarks` concern the acceptance file: what expired and what accepts nothing any more.

    `gate_changes` are the files that decide over reviews and that the reviewed change alters.
    """

    stacks: tuple[StackReview, ...]
    verdict: Verdict
    decision: Severity
    prices: PriceTable
    remarks: tuple[str, ...]
    gate_changes: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """What all stacks' names begin with: `dev` for dev-models and dev-endpoint; `all` when they differ."""
        names = {_environment(stack.name) for stack in self.stacks}
        return names.pop() if len(names) == 1 else "all"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, worst first; within the same severity in the order of the stacks."""
        every = [(index, finding) for index, stack in enumerate(self.stacks) for finding in stack.findings]
        return tuple(
            finding for _, finding in sorted(every, key=lambda item: (-item[1].severity, item[0], item[1].sort_key))
        )


def review(
    plans: Sequence[Plan],
    settings: Settings,
) -> Review:
    """Reviews the plans of one or more stacks."""
    places = places_of(plans)
    holders = _holders(plans, places)
    stacks = tuple(
        _review_stack(
            Stack(
                plan,
                approved_providers=settings.policy.providers,
                holders=holders.get(_environment(plan.stack), {}),
                given_places=places,
                peers=tuple(
                    item for item in plans if item is not plan and _environment(item.stack) == _environment(plan.stack)
                ),
            ),
            settings,
        )
        for plan in plans
    )
    return Review(
        stacks=stacks,
        verdict=max((stack.verdict for stack in stacks), default=Verdict.NO_CHANGE),
        decision=max((stack.decision for stack in stacks), default=Severity.NOTE),
        prices=settings.prices,
        remarks=tuple(_remarks(stacks, settings)),
    )


def with_gate_changes(result: Review, files: Sequence[str]) -> Review:
    """The review of a change that also alters files that decide over reviews: it asks for approval at least."""
    if not files:
        return result
    decision = max(result.decision, Severity.APPROVAL)
    return replace(result, decision=decision, gate_changes=tuple(scrub(name) for name in files))


def _holders(plans: Sequence[Plan], places: Places) -> dict[str, dict[tuple[str, str], str]]:
    """`Stack.holders` of the environments whose models stacks are several."""
    shards: dict[str, list[Plan]] = {}
    for plan in plans:
        match = _MODELS_STACK.fullmatch(plan.stack)
        if match is not None:
            shards.setdefault(match["environment"], []).append(plan)
    return {
        environment: {
            (artifact.key, artifact.sha256): scrub(plan.stack)
            for plan in several
            for artifact in artifacts_after(plan, places)
            if artifact.sha256
        }
        for environment, several in shards.items()
        if len(several) > 1
    }


def _environment(stack: str) -> str:
    return stack.partition("-")[0]


def _review_stack(stack: Stack, settings: Settings) -> StackReview:
    plan, policy = stack.plan, settings.policy
    valid = [acceptance for acceptance in settings.acceptances if acceptance.until >= settings.today]
    findings = tuple(_with_acceptance(finding, valid) for finding in _findings(stack, settings.rules, policy))
    counting = [finding for finding in findings if finding.accepted is None]
    own = verdict_of_changes(stack)
    listed = {model.artifact.address for model in stack.models}
    counted = max([own, *(finding.verdict for finding in counting)])
    return StackReview(
        name=scrub(plan.stack),
        source=plan.source,
        sha256=plan.sha256,
        verdict=max([own, *(finding.verdict for finding in findings)]),
        decision=max([policy.verdicts[counted], *(finding.severity for finding in counting)]),
        counts=_counts(plan),
        findings=findings,
        models=stack.models,
        endpoints=stack.endpoints,
        costs=tuple(
            cost for item in stack.endpoints if (cost := cost_of(item, settings.prices, plan.region)) is not None
        ),
        details=tuple(
            _detail(change)
            for change in sorted(plan.changes, key=_destructive_first)
            if _has_detail(stack, change, listed)
        ),
        changed_outputs=tuple(scrub(output.name) for output in plan.outputs),
        cold=_cold(stack, settings.load_times),
    )


def _cold(stack: Stack, times: LoadTimes | None) -> ColdModels | None:
    if times is None or not any(endpoint.updates and endpoint.new_configuration for endpoint in stack.endpoints):
        return None
    return cold_models(stack.plan, stack.peers, stack.places, times)


def _findings(stack: Stack, rules: Sequence[Rule], policy: Policy) -> tuple[Finding, ...]:
    found = {
        Finding(
            rule=rule,
            stack=scrub(stack.name),
            address=scrub(hit.address),
            message=scrub(hit.message),
            severity=policy.severities.get(rule.id, rule.severity if hit.severity is None else hit.severity),
            verdict=rule.verdict if hit.verdict is None else hit.verdict,
        )
        for rule in rules
        for hit in rule.check(stack)
    }
    return tuple(sorted(found, key=lambda finding: finding.sort_key))


def _with_acceptance(finding: Finding, acceptances: Sequence[Acceptance]) -> Finding:
    for acceptance in acceptances:
        if acceptance.covers(finding.rule.id, finding.stack, finding.address):
            return replace(finding, accepted=f"{scrub(acceptance.reason)} (until {acceptance.until})")
    return finding


def _remarks(stacks: Sequence[StackReview], settings: Settings) -> list[str]:
    names = {stack.name for stack in stacks}
    present = {(item.rule.id, item.stack, item.address) for stack in stacks for item in stack.findings}
    remarks = []
    for item in settings.acceptances:
        what = scrub(f"{item.rule} of {item.stack} {item.address}")
        if item.until < settings.today:
            remarks.append(f"the acceptance of {what} ended on {item.until}; remove or renew it")
        elif item.stack in names and (item.rule, item.stack, item.address) not in present:
            remarks.append(f"the acceptance of {what} meets no finding of these plans")
    return remarks


_COUNTED = {
    Action.CREATE: "added",
    Action.UPDATE: "changed",
    Action.CREATE_THEN_DELETE: "replaced",
    Action.DELETE_THEN_CREATE: "replaced",
    Action.CREATE_THEN_FORGET: "replaced",
    Action.FORGET_THEN_CREATE: "replaced",
    Action.UNKNOWN: "changed",
    Action.DELETE: "destroyed",
    Action.FORGET: "forgotten",
}


# What goes on as it is, or is gone: its settings say nothing.
_GOES = frozenset({Action.DELETE, Action.FORGET})


def _counts(plan: Plan) -> dict[str, int]:
    counts = Counter(_COUNTED[change.action] for change in plan.changing)
    return {name: counts[name] for name in ("added", "changed", "replaced", "destroyed", "forgotten")}


def _destructive_first(change: Change) -> tuple[bool, str]:
    return not change.destroys, change.address


def _has_detail(stack: Stack, change: Change, listed: Collection[str]) -> bool:
    """`listed` are the addresses that the list of models names."""
    if change.previous_address is not None or change.importing:
        return True
    return change.action.changes and (change.address not in listed or not stack.is_artifact(change))


def _detail(change: Change) -> ChangeDetail:
    found = () if change.action in _GOES else tuple(differences(change.before, change.after))
    remarks = []
    if change.action is Action.UPDATE and not found:
        remarks.append(_unlisted(change))
    if change.previous_address is not None:
        remarks.append(f"moved from {scrub(change.previous_address)}")
    if change.importing:
        remarks.append("imported")
    if change.deposed is not None:
        remarks.append("left over from a failed apply")
    return ChangeDetail(
        address=scrub(change.address),
        action=change.action,
        remark=", ".join(remarks),
        differences=found,
    )


def _unlisted(change: Change) -> str:
    """What an update changes when no setting of interest does."""
    names = sorted({*(change.before.data or ()), *(change.after.data or ())})
    changed = [name for name in names if change.before.at(name) != change.after.at(name)]
    return f"only {', '.join(scrub(name) for name in changed)}" if changed else "no setting that the plan shows"
