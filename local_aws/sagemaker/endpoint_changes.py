"""What happens to endpoints after a request was answered: a thread per change starts and ends instances and sets the
status, as on AWS: Creating -> InService | Failed, Updating -> InService, or -> RollingBack -> InService on the old
configuration (UpdateRollbackFailed where its instances do not come back), Deleting -> gone.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from .deployment_config import DeploymentPlan
from .endpoint_description import describe_endpoint
from .fleet import Fleet, LaunchError, VariantPlan
from .pace import Pace, StoppedError
from .records import Endpoint, EndpointConfig, EndpointStatus, now
from .rollout import RollbackFailedError, Rollout, RolloutError, Stage
from .traffic import Traffic

logger = logging.getLogger(__name__)


class Fleets(Protocol):
    """Makes the instances of endpoints."""

    def prepare(self, endpoint_name: str, plans: list[VariantPlan]) -> Fleet:
        """A fleet without instances yet. Raises LaunchError."""


class Alarms(Protocol):
    """CloudWatch alarms."""

    def states(self, names: list[str]) -> dict[str, str]:
        """The state of each alarm of `names` that exists: OK, ALARM or INSUFFICIENT_DATA."""


class EndpointChanges:
    """The changes under way, and in `traffic` what runs behind each endpoint."""

    def __init__(self, launcher: Fleets, alarms: Alarms, pace: Pace) -> None:
        self._launcher = launcher
        self._alarms = alarms
        self._pace = pace
        self._lock = threading.RLock()
        self._traffic: dict[str, Traffic] = {}

    def traffic(self, name: str) -> Traffic | None:
        """What takes the requests of the endpoint `name`, None when nothing does."""
        return self._traffic.get(name)

    def serving(self, name: str) -> Fleet:
        """The fleet that takes the requests of an endpoint in service."""
        return self._traffic[name].serving

    def describe(self, endpoint: Endpoint) -> dict[str, Any]:
        """What DescribeEndpoint says: of one moment, whatever changes meanwhile."""
        return self.in_one_moment(describe_endpoint, endpoint)

    def in_one_moment(self, read: Callable[[Endpoint, Traffic | None], Any], endpoint: Endpoint) -> Any:
        """What `read` makes of an endpoint and what runs behind it, while neither changes."""
        with self._lock:
            return read(endpoint, self._traffic.get(endpoint.name))

    def create(self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan]) -> None:
        self._in_background(endpoint, lambda: self._finish_create(endpoint, config, plans))

    def resume(self, endpoint: Endpoint, plans: Callable[[], list[VariantPlan]], reason: str | None) -> None:
        """Start again what the endpoint's configuration ran before a restart; it is Updating until then.

        `plans` raises LaunchError. `reason`: its FailureReason.
        """
        with self._lock:
            endpoint.status, endpoint.pending, endpoint.pending_since = "Updating", None, None
            endpoint.failure_reason = reason
        self._in_background(endpoint, lambda: self._finish_resume(endpoint, plans))

    def update(
        self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan], deployment: DeploymentPlan
    ) -> None:
        """Begin to bring `config`; the endpoint is Updating from now on."""
        self._begin(endpoint, config)
        self._in_background(endpoint, lambda: self._finish_update(endpoint, config, plans, deployment))

    def scale(self, endpoint: Endpoint, wanted: dict[str, dict[str, Any]]) -> None:
        """Begin to give variants what UpdateEndpointWeightsAndCapacities asks for."""
        self._begin(endpoint, None)
        fleet = self._traffic[endpoint.name].serving
        self._in_background(endpoint, lambda: self._finish_scaling(endpoint, fleet, wanted))

    def delete(self, endpoint: Endpoint, afterwards: Callable[[], None]) -> None:
        with self._lock:
            endpoint.status = "Deleting"
            endpoint.modified = now()
        self._in_background(endpoint, lambda: self._finish_delete(endpoint, afterwards))

    def cancel(self) -> None:
        """The local AWS goes down: changes under way come to nothing."""
        self._pace.stop()

    def stop(self) -> None:
        """End all instances."""
        self._pace.stop()
        with self._lock:
            traffic, self._traffic = list(self._traffic.values()), {}
        for fleet in [fleet for one in traffic for fleet in (one.serving, one.arriving) if fleet is not None]:
            fleet.stop(drain=False)

    def _begin(self, endpoint: Endpoint, config: EndpointConfig | None) -> None:
        with self._lock:
            endpoint.status = "Updating"
            endpoint.failure_reason = None
            endpoint.modified = now()
            endpoint.pending = config
            endpoint.pending_since = now() if config else None
            self._enter(endpoint, "Creating")

    def _enter(self, endpoint: Endpoint, stage: Stage) -> None:
        with self._lock:
            endpoint.stage, endpoint.stage_since = stage, now()

    def _finish_create(self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan]) -> None:
        try:
            fleet = self._launcher.prepare(endpoint.name, plans)
            fleet.start()
        except LaunchError as error:
            self._settle(endpoint, "Failed", str(error))
            return
        with self._lock:
            if self._serve(endpoint, fleet):
                endpoint.config = config
                self._settle(endpoint, "InService", None)

    def _finish_resume(self, endpoint: Endpoint, plans: Callable[[], list[VariantPlan]]) -> None:
        try:
            fleet = self._launcher.prepare(endpoint.name, plans())
            fleet.start()
        except LaunchError as error:
            if not self._pace.is_stopped:
                logger.warning("endpoint %s does not run again: %s The next start tries again.", endpoint.name, error)
            self._settle(endpoint, "Failed", str(error))
            return
        with self._lock:
            if self._serve(endpoint, fleet):
                endpoint.status, endpoint.saved_variants = "InService", None

    def _serve(self, endpoint: Endpoint, fleet: Fleet) -> bool:
        """Give a started fleet the endpoint's traffic; False where the local AWS goes down, and the fleet with it. For
        callers that hold the lock."""
        if self._pace.is_stopped:
            fleet.stop(drain=False)
            return False
        self._traffic[endpoint.name] = Traffic(fleet)
        return True

    def _finish_update(
        self, endpoint: Endpoint, config: EndpointConfig, plans: list[VariantPlan], deployment: DeploymentPlan
    ) -> None:
        traffic = self._traffic[endpoint.name]
        try:
            new = self._launcher.prepare(endpoint.name, plans)
        except LaunchError as error:
            self._settle(endpoint, "InService", str(error))
            return
        old, left_behind = traffic.serving, traffic.arriving
        if left_behind is not None:  # by a rollback that failed
            traffic.settle(old)
            left_behind.stop(drain=True)
        rollout = Rollout(
            plan=deployment,
            old=old,
            new=new,
            traffic=traffic,
            alarm_states=self._alarms.states,
            stopwatch=self._pace.stopwatch(),
            report=lambda stage: self._enter(endpoint, stage),
        )
        try:
            rollout.run()
        except RolloutError as error:
            self._roll_back(endpoint, rollout, str(error))
            return
        with self._lock:
            traffic.settle(new)
            endpoint.config = config
        self._enter(endpoint, "Deleting")
        old.stop(drain=True)
        self._settle(endpoint, "InService", None)

    def _roll_back(self, endpoint: Endpoint, rollout: Rollout, reason: str) -> None:
        if self._pace.is_stopped:
            raise StoppedError
        logger.warning("endpoint %s goes back to configuration %s: %s", endpoint.name, endpoint.serving.name, reason)
        with self._lock:
            endpoint.status = "RollingBack"
            endpoint.failure_reason = reason
        try:
            rollout.roll_back()
        except RollbackFailedError as error:
            self._settle(endpoint, "UpdateRollbackFailed", f"{reason} The rollback failed, too: {error}")
            return
        self._settle(endpoint, "InService", reason)

    def _finish_scaling(self, endpoint: Endpoint, fleet: Fleet, wanted: dict[str, dict[str, Any]]) -> None:
        before = fleet.properties(set())
        fleet.want(wanted)
        try:
            fleet.scale()
        except LaunchError as error:
            if self._pace.is_stopped:
                raise StoppedError from error
            with self._lock:
                endpoint.status = "RollingBack"
                endpoint.failure_reason = str(error)
            fleet.want(before)
            fleet.scale()
            self._settle(endpoint, "InService", str(error))
            return
        self._settle(endpoint, "InService", None)

    def _finish_delete(self, endpoint: Endpoint, afterwards: Callable[[], None]) -> None:
        traffic = self._traffic.pop(endpoint.name, None)
        if traffic is not None:
            traffic.serving.stop(drain=True)
            if traffic.arriving is not None:  # of a rollback that failed
                traffic.arriving.stop(drain=True)
        afterwards()

    def _settle(self, endpoint: Endpoint, status: EndpointStatus, reason: str | None) -> None:
        with self._lock:
            if self._pace.is_stopped:
                return  # the local AWS goes down and takes instances with it: that is no outcome
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
            except StoppedError:
                pass
            except Exception:  # a thread's last line: the endpoint must not stay Updating for ever
                if not self._pace.is_stopped:
                    logger.exception("endpoint %s: a change failed", endpoint.name)
                status: EndpointStatus = "InService" if endpoint.name in self._traffic else "Failed"
                self._settle(endpoint, status, "Request to service failed. See the log of the local AWS.")

        threading.Thread(target=run, name=f"endpoint-{endpoint.name}", daemon=True).start()
