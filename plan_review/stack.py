"""One stack as the rules see it: its plan with what is derived from it once, and the facts that no plan holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from plan_review.endpoint import EndpointChange, endpoint_changes
from plan_review.models import ModelChange, model_changes
from plan_review.plan import Plan


@dataclass(frozen=True)
class Stack:
    """`approved_providers` maps a provider's source to the version that the policy approves.

    `holders` names, by key and sha256, the models stack of the environment that has a model version when all plans of
    the review are applied. Empty where the environment has one shard.
    """

    plan: Plan
    approved_providers: Mapping[str, str] = field(default_factory=dict)
    holders: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.plan.stack

    @cached_property
    def models(self) -> tuple[ModelChange, ...]:
        return model_changes(self.plan)

    @cached_property
    def endpoints(self) -> tuple[EndpointChange, ...]:
        return endpoint_changes(self.plan)
