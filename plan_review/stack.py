"""One stack as the rules see it: its plan with what is derived from it once, and the facts that no plan holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from plan_review.artifacts import Concern, concerns
from plan_review.drift import Drift, drift_of
from plan_review.endpoint import EndpointChange, endpoint_changes
from plan_review.models import ModelChange, is_artifact, model_changes
from plan_review.places import ARTIFACT_TYPES, Places, places_of
from plan_review.plan import Change, Plan


@dataclass(frozen=True)
class Stack:
    """`approved_providers` maps a provider's source to the version that the policy approves.

    `holders` names, by key and sha256, the models stack of the environment that has a model version when all plans of
    the review are applied. Empty where the environment has one shard. `given_places` is where models lie by all plans
    of the review; without it, by this plan alone. `peers` are the plans of the environment's other stacks, where given.
    """

    plan: Plan
    approved_providers: Mapping[str, str] = field(default_factory=dict)
    holders: Mapping[tuple[str, str], str] = field(default_factory=dict)
    given_places: Places | None = None
    peers: tuple[Plan, ...] = ()

    @property
    def name(self) -> str:
        return self.plan.stack

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Its plan and its peers'."""
        return (self.plan, *self.peers)

    @cached_property
    def places(self) -> Places:
        return self.given_places if self.given_places is not None else places_of((self.plan,))

    @cached_property
    def models(self) -> tuple[ModelChange, ...]:
        return model_changes(self.plan, self.places)

    @cached_property
    def artifacts(self) -> tuple[Change, ...]:
        """The changes, the unchanged resources too, that concern nothing but a model's artifact."""
        return tuple(change for change in self.plan.of_type(*ARTIFACT_TYPES) if self.is_artifact(change))

    def is_artifact(self, change: Change) -> bool:
        return is_artifact(change, self.places)

    @cached_property
    def concerns(self) -> tuple[Concern, ...]:
        """Why objects of models that change are not known to be safe."""
        return tuple(concerns(self.plan, self.places, self.artifacts))

    @cached_property
    def drift(self) -> tuple[Drift, ...]:
        """What the refresh found changed outside Terraform."""
        return tuple(drift_of(self.plan, self.places))

    @cached_property
    def endpoints(self) -> tuple[EndpointChange, ...]:
        return endpoint_changes(self.plan)
