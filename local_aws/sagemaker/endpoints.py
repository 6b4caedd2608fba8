"""CreateEndpoint, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DescribeEndpoint, ListEndpoints, DeleteEndpoint.

Requests are checked and answered at once; `endpoint_changes` does the work.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from ..quotas import Quotas
from .data_capture import CapturePlan
from .deployment_config import DeploymentPlan, read_deployment_config
from .endpoint_changes import Alarms, EndpointChanges
from .errors import ValidationError, could_not_find
from .fleet import LaunchError, VariantPlan
from .limits import check_quotas, instances_of
from .listing import page
from .records import Endpoint, EndpointConfig, Model, Table, now
from .saved import interruption, read_endpoint, read_variants
from .tags import Tags
from .traffic import Traffic

ReadT = TypeVar("ReadT")


class ScalingTargets(Protocol):
    """What Application Auto Scaling knows about the variants of endpoints."""

    def registered(self, endpoint_name: str) -> set[str]:
        """Names of the variants that are registered as scalable targets."""

    def deregister(self, endpoint_name: str) -> None: ...


class Endpoints:
    """The endpoints of the account."""

    def __init__(
        self,
        *,
        table: Table[Endpoint],
        configs: Table[EndpointConfig],
        models: Table[Model],
        tags: Tags,
        changes: EndpointChanges,
        scaling: ScalingTargets,
        alarms: Alarms,
        quotas: Quotas,
    ) -> None:
        self._table = table
        self._configs = configs
        self._models = models
        self._tags = tags
        self._changes = changes
        self._scaling = scaling
        self._alarms = alarms
        self._quotas = quotas
        self._lock = threading.RLock()

    def traffic(self, name: str) -> Traffic | None:
        """What takes the requests of the endpoint `name`, None when nothing does."""
        return self._changes.traffic(name)

    def each(self, read: Callable[[Endpoint, Traffic | None], ReadT]) -> list[ReadT]:
        """What `read` makes of every endpoint and what runs behind it, each of one moment."""
        return [self._changes.in_one_moment(read, endpoint) for endpoint in self._table.all()]

    def lose_instance(self, name: str, variant: str | None) -> dict[str, str]:
        """Let an instance of an endpoint go down, for rehearsals. None: of its only or first variant.

        Returns what was lost. Raises ValidationError.
        """
        traffic = self._changes.traffic(name)
        if traffic is None:
            raise could_not_find("endpoint", self._table.arn(name))
        fleet = traffic.serving
        chosen = variant if variant is not None else next(iter(fleet.variants))
        try:
            return {"endpoint": name, "variant": chosen, "instance": fleet.lose_instance(chosen)}
        except LookupError as error:
            raise ValidationError(str(error)) from error

    def restore(self, document: dict[str, Any]) -> None:
        """Know an endpoint that was saved, after the configurations."""
        self._table.add(read_endpoint(document, self._configs))

    def resume(self) -> None:
        """Go on after a restart: what ran is started again, and what was being made or deleted as well."""
        for endpoint in self._table.all():
            if endpoint.status == "Deleting":
                self._changes.delete(endpoint, partial(self._forget, endpoint))
            elif endpoint.config is not None:
                self._changes.resume(endpoint, partial(self._saved_plans, endpoint), interruption(endpoint))
            elif endpoint.status == "Creating" and endpoint.pending is not None:
                try:
                    self._changes.create(endpoint, endpoint.pending, self._plans(endpoint.pending))
                except ValidationError as error:  # its model was deleted meanwhile
                    endpoint.status, endpoint.failure_reason = "Failed", error.message

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        config = self._configs.get(request["EndpointConfigName"])
        plans = self._plans(config)
        self._deployment(request.get("DeploymentConfig"), plans, None)
        self._check_quotas(_counts(plans))
        endpoint = Endpoint(
            name=name,
            arn=self._table.arn(name),
            request=request,
            pending=config,
            pending_since=now(),
            deployment_config=request.get("DeploymentConfig"),
        )
        self._table.add(endpoint)
        self._tags.set_initial(endpoint)
        self._changes.create(endpoint, config, plans)
        return {"EndpointArn": endpoint.arn}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            endpoint = self._changeable(request["EndpointName"])
            config = self._configs.get(request["EndpointConfigName"])
            current = endpoint.serving
            if self._configs.find(current.name) is not current:
                raise could_not_find("endpoint configuration", current.arn)
            self._check_scaling(endpoint, config)
            plans = self._plans(config, self._retained(endpoint, request))
            retained = endpoint.deployment_config if request.get("RetainDeploymentConfig") else None
            deployment_config = request.get("DeploymentConfig", retained)
            deployment = self._deployment(deployment_config, plans, current)
            counts = _counts(plans)
            batch = deployment.step
            if batch is not None and deployment.policy == "ROLLING":  # a batch at a time is there twice
                counts = Counter({kind: batch.instances(count) for kind, count in counts.items()})
            self._check_quotas(counts)
            endpoint.deployment_config = deployment_config
            self._changes.update(endpoint, config, plans, deployment)
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
        with self._lock:
            endpoint = self._changeable(request["EndpointName"])
            variants = self._changes.serving(endpoint.name).variants
            for name in wanted:
                if name not in variants:
                    raise ValidationError(f'Could not find variant "{name}" of endpoint "{endpoint.arn}".')
            more: Counter[str] = Counter()
            for name, properties in wanted.items():
                variant = variants[name]
                count = properties.get("DesiredInstanceCount", variant.desired_count)
                more[variant.plan.instance_type] += count - variant.desired_count
            self._check_quotas(more)
            self._changes.scale(endpoint, wanted)
        return {"EndpointArn": endpoint.arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._changes.describe(self._table.get(request["EndpointName"]))

    def list_page(self, request: dict[str, Any]) -> dict[str, Any]:
        def summary(endpoint: Endpoint) -> dict[str, Any]:
            return {
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "CreationTime": endpoint.created,
                "LastModifiedTime": endpoint.modified,
                "EndpointStatus": endpoint.status,
            }

        return page(self._table.all(), request, summary, "Endpoints")

    def delete(self, request: dict[str, Any]) -> None:
        with self._lock:
            endpoint = self._table.get(request["EndpointName"])
            _check_idle(endpoint)
            self._changes.delete(endpoint, lambda: self._forget(endpoint))

    def _check_quotas(self, more: Counter[str]) -> None:
        """Raises LimitExceededError."""
        check_quotas(self._quotas, self.each(instances_of), more)

    def _forget(self, endpoint: Endpoint) -> None:
        self._scaling.deregister(endpoint.name)
        self._tags.forget(endpoint.arn)
        self._table.remove(endpoint.name)

    def _changeable(self, name: str) -> Endpoint:
        endpoint = self._table.get(name)
        _check_idle(endpoint)
        if endpoint.status == "Failed":
            raise ValidationError(
                f'Cannot update endpoint "{endpoint.arn}" because its status is Failed. DeleteEndpoint is the only '
                "operation that can be performed on a failed endpoint."
            )
        return endpoint

    def _retained(self, endpoint: Endpoint, request: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Weight and count by variant that the request says to keep."""
        if not request.get("RetainAllVariantProperties"):
            return {}
        excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
        return self._changes.serving(endpoint.name).properties(excluded)

    def _deployment(
        self, config: dict[str, Any] | None, plans: list[VariantPlan], current: EndpointConfig | None
    ) -> DeploymentPlan:
        return read_deployment_config(
            config,
            instance_counts={plan.name: plan.instance_count for plan in plans},
            previous_variants={variant["VariantName"] for variant in current.variants} if current else None,
            alarm_states=self._alarms.states,
        )

    def _check_scaling(self, endpoint: Endpoint, config: EndpointConfig) -> None:
        """A variant that scales automatically may neither go nor change its instance type."""
        types = {variant["VariantName"]: variant["InstanceType"] for variant in config.variants}
        registered = self._scaling.registered(endpoint.name)
        blocked = [
            variant["VariantName"]
            for variant in endpoint.serving.variants
            if variant["VariantName"] in registered and types.get(variant["VariantName"]) != variant["InstanceType"]
        ]
        if blocked:
            raise ValidationError(
                f'The variant(s) "{", ".join(blocked)}" must be deregistered as scalable targets with AWS Auto Scaling '
                "before they can be removed or have their instance type updated."
            )

    def _saved_plans(self, endpoint: Endpoint) -> list[VariantPlan]:
        saved = read_variants(endpoint.saved_variants or {})
        kept = {name: variant.properties for name, variant in saved.items()}
        try:
            plans = self._plans(endpoint.serving, kept, {name: variant.model for name, variant in saved.items()})
        except ValidationError as error:
            raise LaunchError(error.message) from error
        return [
            replace(plan, images=saved[plan.name].images, deployed=saved[plan.name].deployed)
            if plan.name in saved
            else plan
            for plan in plans
        ]

    def _plans(
        self,
        config: EndpointConfig,
        retained: dict[str, dict[str, Any]] | None = None,
        models: dict[str, Model] | None = None,
    ) -> list[VariantPlan]:
        """What to run for `config`.

        `retained`: weight and count by variant, kept from the running fleet. `models`: by variant, those that run: an
        endpoint goes on without the record of its model.
        """
        plans = []
        for variant in config.variants:
            kept = (retained or {}).get(variant["VariantName"], {})
            plans.append(
                VariantPlan(
                    name=variant["VariantName"],
                    model=(models or {}).get(variant["VariantName"]) or self._models.get(variant["ModelName"]),
                    instance_type=variant["InstanceType"],
                    instance_count=kept.get("DesiredInstanceCount", variant["InitialInstanceCount"]),
                    weight=kept.get("DesiredWeight", variant["InitialVariantWeight"]),
                    startup_timeout_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
                    volume_gib=variant.get("VolumeSizeInGB"),
                    capture=CapturePlan.read(config.request.get("DataCaptureConfig")),
                )
            )
        return plans


def _counts(plans: list[VariantPlan]) -> Counter[str]:
    """How many instances of each type the plans need."""
    found: Counter[str] = Counter()
    for plan in plans:
        found[plan.instance_type] += plan.instance_count
    return found


def _check_idle(endpoint: Endpoint) -> None:
    if not endpoint.is_idle:
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".')
