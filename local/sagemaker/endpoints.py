"""CreateEndpoint, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DescribeEndpoint, ListEndpoints, DeleteEndpoint.

Requests are answered at once; a thread per change brings the instances there and sets the status, as on AWS:
Creating -> InService | Failed, Updating -> InService (on the new configuration, or rolled back to the old one).
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from .errors import ValidationError, could_not_find
from .fleet import Fleet, LaunchError, VariantPlan
from .listing import page
from .records import Endpoint, EndpointConfig, Model, Table, now
from .tags import Tags

logger = logging.getLogger(__name__)


class Fleets(Protocol):
    """Makes the instances of endpoints."""

    def launch(self, endpoint_name: str, plans: list[VariantPlan]) -> Fleet:
        """Start every instance and wait until all answer their pings.

        Raises LaunchError; nothing stays running then.
        """


class ScalingTargets(Protocol):
    """What Application Auto Scaling knows about the variants of endpoints."""

    def registered(self, endpoint_name: str) -> set[str]:
        """Names of the variants that are registered as scalable targets."""

    def deregister(self, endpoint_name: str) -> None: ...


class Alarms(Protocol):
    """CloudWatch alarms."""

    def states(self, names: list[str]) -> dict[str, str]:
        """The state of each alarm of `names` that exists: OK, ALARM or INSUFFICIENT_DATA."""


class Endpoints:
    """The endpoints of the account and, in `fleets`, what runs behind each."""

    def __init__(
        self,
        *,
        table: Table[Endpoint],
        configs: Table[EndpointConfig],
        models: Table[Model],
        tags: Tags,
        launcher: Fleets,
        scaling: ScalingTargets,
        alarms: Alarms,
    ) -> None:
        self._table = table
        self._configs = configs
        self._models = models
        self._tags = tags
        self._launcher = launcher
        self._scaling = scaling
        self._alarms = alarms
        self._lock = threading.RLock()
        self._fleets: dict[str, Fleet] = {}
        self._stopping = False

    def fleet(self, name: str) -> Fleet | None:
        """The instances that serve the endpoint `name`, None when there are none."""
        return self._fleets.get(name)

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        config = self._configs.get(request["EndpointConfigName"])
        _check_deployment_config(request.get("DeploymentConfig"))
        endpoint = Endpoint(
            name=name,
            arn=self._table.arn(name),
            request=request,
            pending=config,
            pending_since=now(),
            deployment_config=request.get("DeploymentConfig"),
        )
        plans = self._plans(config)
        self._table.add(endpoint)
        self._tags.set_initial(endpoint)
        self._in_background(endpoint, lambda: self._finish_create(endpoint, config, plans))
        return {"EndpointArn": endpoint.arn}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            endpoint = self._changeable(request["EndpointName"])
            config = self._configs.get(request["EndpointConfigName"])
            _check_deployment_config(request.get("DeploymentConfig"))
            current = endpoint.config
            if self._configs.find(current.name) is not current:
                raise could_not_find("endpoint configuration", current.arn)
            self._check_scaling(endpoint, config)
            retained = {}
            if request.get("RetainAllVariantProperties"):
                excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
                retained = self._fleets[endpoint.name].properties(excluded)
            plans = self._plans(config, retained)
            if "DeploymentConfig" in request:
                endpoint.deployment_config = request["DeploymentConfig"]
            elif not request.get("RetainDeploymentConfig"):
                endpoint.deployment_config = None
            self._begin_update(endpoint, config)
        self._in_background(endpoint, lambda: self._finish_update(endpoint, config, plans))
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
        with self._lock:
            endpoint = self._changeable(request["EndpointName"])
            fleet = self._fleets[endpoint.name]
            for name in wanted:
                if name not in fleet.variants:
                    raise ValidationError(f'Could not find variant "{name}" of endpoint "{endpoint.arn}".')
            self._begin_update(endpoint, None)
        self._in_background(endpoint, lambda: self._finish_scaling(endpoint, fleet, wanted))
        return {"EndpointArn": endpoint.arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            endpoint = self._table.get(request["EndpointName"])
            serving = endpoint.config or endpoint.pending
            answer = {
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "EndpointConfigName": serving.name,
                "EndpointStatus": endpoint.status,
                "CreationTime": endpoint.created,
                "LastModifiedTime": endpoint.modified,
            }
            fleet = self._fleets.get(endpoint.name)
            if fleet is not None:
                answer["ProductionVariants"] = fleet.describe()
            if endpoint.failure_reason is not None:
                answer["FailureReason"] = endpoint.failure_reason
            if endpoint.deployment_config is not None:
                answer["LastDeploymentConfig"] = endpoint.deployment_config
            if "DataCaptureConfig" in serving.request:
                answer["DataCaptureConfig"] = _data_capture_summary(serving.request["DataCaptureConfig"])
            if endpoint.pending is not None and endpoint.status in ("Creating", "Updating"):
                answer["PendingDeploymentSummary"] = {
                    "EndpointConfigName": endpoint.pending.name,
                    "StartTime": endpoint.pending_since,
                    "ProductionVariants": [
                        {"VariantName": variant["VariantName"], "VariantStatus": [{"Status": "Creating"}]}
                        for variant in endpoint.pending.variants
                    ],
                }
            return answer

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
            endpoint.status = "Deleting"
            endpoint.modified = now()
        self._in_background(endpoint, lambda: self._finish_delete(endpoint))

    def cancel(self) -> None:
        """The local AWS goes down: changes under way come to nothing."""
        self._stopping = True

    def stop(self) -> None:
        """End all instances."""
        self._stopping = True
        with self._lock:
            fleets, self._fleets = list(self._fleets.values()), {}
        for fleet in fleets:
            fleet.stop(drain=False)

    def _changeable(self, name: str) -> Endpoint:
        endpoint = self._table.get(name)
        _check_idle(endpoint)
        if endpoint.status == "Failed":
            raise ValidationError(
                f'Cannot update endpoint "{endpoint.arn}" because its status is Failed. DeleteEndpoint is the only '
                "operation that can be performed on a failed endpoint."
            )
        return endpoint

    def _check_scaling(self, endpoint: Endpoint, config: EndpointConfig) -> None:
        """A variant that scales automatically may neither go nor change its instance type."""
        types = {variant["VariantName"]: variant["InstanceType"] for variant in config.variants}
        registered = self._scaling.registered(endpoint.name)
        blocked = [
            variant["VariantName"]
            for variant in endpoint.config.variants
            if variant["VariantName"] in registered and types.get(variant["VariantName"]) != variant["InstanceType"]
        ]
        if blocked:
            raise ValidationError(
                f'The variant(s) "{", ".join(blocked)}" must be deregistered as scalable targets with AWS Auto Scaling '
                "before they can be removed or have their instance type updated."
            )

    def _plans(self, config: EndpointConfig, retained: dict[str, dict[str, Any]] | None = None) -> list[VariantPlan]:
        """What to run for `config`. `retained`: weight and count by variant, kept from the running fleet."""
        plans = []
        for variant in config.variants:
            kept = (retained or {}).get(variant["VariantName"], {})
            plans.append(
                VariantPlan(
                    name=variant["VariantName"],
                    model=self._models.get(variant["ModelName"]),
                    instance_type=variant["InstanceType"],
                    instance_count=kept.get("DesiredInstanceCount", variant["InitialInstanceCount"]),
                    weight=kept.get("DesiredWeight", variant["InitialVariantWeight"]),
                    startup_timeout_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
                )
            )
        return plans

    def _begin_update(self, endpoint: Endpoint, config: EndpointConfig | None) -> None:
        endpoint.status = "Updating"
        endpoint.failure_reason = None
        endpoint.modified = now()
        endpoint.pending = config
        endpoint.pending_since = now() if config else None

    def _finish_create(self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan]) -> None:
        try:
            fleet = self._launcher.launch(endpoint.name, plans)
        except LaunchError as error:
            self._settle(endpoint, "Failed", str(error))
            return
        with self._lock:
            endpoint.config = config
            self._serve(endpoint, fleet)

    def _finish_update(self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan]) -> None:
        """Blue/green, all traffic at once: DeploymentConfig's canaries and waits are not played through here."""
        try:
            fleet = self._launcher.launch(endpoint.name, plans)
        except LaunchError as error:
            logger.warning("endpoint %s stays on configuration %s: %s", endpoint.name, endpoint.config.name, error)
            self._settle(endpoint, "InService", str(error))
            return
        rollback = (endpoint.deployment_config or {}).get("AutoRollbackConfiguration", {})
        states = self._alarms.states([alarm["AlarmName"] for alarm in rollback.get("Alarms", [])])
        ringing = [name for name, state in states.items() if state == "ALARM"]
        if ringing:
            fleet.stop(drain=False)
            self._settle(endpoint, "InService", f"One or more configured alarms are in ALARM: {', '.join(ringing)}")
            return
        with self._lock:
            previous = self._fleets.get(endpoint.name)
            endpoint.config = config
            self._serve(endpoint, fleet)
        if previous is not None:
            previous.stop(drain=True)

    def _finish_scaling(self, endpoint: Endpoint, fleet: Fleet, wanted: dict[str, dict[str, Any]]) -> None:
        try:
            for name, item in wanted.items():
                fleet.scale(name, item.get("DesiredInstanceCount"), item.get("DesiredWeight"))
        except LaunchError as error:
            self._settle(endpoint, "InService", str(error))
            return
        self._settle(endpoint, "InService", None)

    def _finish_delete(self, endpoint: Endpoint) -> None:
        self._scaling.deregister(endpoint.name)
        fleet = self._fleets.pop(endpoint.name, None)
        if fleet is not None:
            fleet.stop(drain=True)
        self._tags.forget(endpoint.arn)
        self._table.remove(endpoint.name)

    def _serve(self, endpoint: Endpoint, fleet: Fleet) -> None:
        """Route to `fleet` from now on. The lock is held."""
        if self._stopping:
            fleet.stop(drain=False)
            return
        self._fleets[endpoint.name] = fleet
        self._settle(endpoint, "InService", None)

    def _settle(self, endpoint: Endpoint, status: str, reason: str | None) -> None:
        with self._lock:
            endpoint.status = status
            endpoint.failure_reason = reason
            endpoint.pending_since = None
            if endpoint.config is not None:
                endpoint.pending = None
            endpoint.modified = now()

    def _in_background(self, endpoint: Endpoint, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:  # a thread's last line: the endpoint must not stay Updating for ever
                if not self._stopping:
                    logger.exception("endpoint %s: a change failed", endpoint.name)
                status = "InService" if endpoint.name in self._fleets else "Failed"
                self._settle(endpoint, status, "Request to service failed. See the log of the local AWS.")

        threading.Thread(target=run, name=f"endpoint-{endpoint.name}", daemon=True).start()


def _check_idle(endpoint: Endpoint) -> None:
    if endpoint.status in ("Creating", "Updating", "Deleting"):
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _check_deployment_config(config: dict[str, Any] | None) -> None:
    if config is None:
        return
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise ValidationError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy may be given.")


def _data_capture_summary(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "EnableCapture": config.get("EnableCapture", False),
        "CaptureStatus": "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
