"""Application Auto Scaling: what moto's API lacks for SageMaker's variants.

Tags of scalable targets; targets, policies and schedules that AWS refuses; the alarms of target tracking; an ARN that a
policy keeps; what goes with a target; DescribeScalingActivities.
https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

from ..account import ACCOUNT_ID, REGION
from ..scaling.activities import Activities
from ..scaling.moto_targets import variant_of
from ..scaling.schedule import ScheduleError, parse_schedule
from ..scaling.step_scaling import complaints
from ..scaling.target_tracking import alarm_requests
from .errors import GapError

_Target = tuple[str, str]
_SAGEMAKER = "sagemaker"


class AlarmApi(Protocol):
    """CloudWatch's alarms."""

    def put(self, request: dict[str, Any]) -> str:
        """Put an alarm; returns its ARN. Raises ValueError with what CloudWatch says against it."""

    def delete(self, names: list[str]) -> None: ...


class AutoScalingGaps:
    """Tags by scalable dimension and resource id: what a target is known by before it has an ARN.

    `variant_exists` is asked with the names of an endpoint and a variant.
    """

    def __init__(self, variant_exists: Callable[[str, str], bool], alarms: AlarmApi, activities: Activities) -> None:
        self._variant_exists = variant_exists
        self._alarms = alarms
        self._activities = activities
        self._tags: dict[_Target, dict[str, str]] = {}

    def reset(self) -> None:
        """Forget all tags."""
        self._tags.clear()

    def saved(self) -> list[list[Any]]:
        """All tags, as JSON."""
        return [[*target, dict(tags)] for target, tags in list(self._tags.items())]

    def restore(self, saved: list[list[Any]]) -> None:
        """Begin with what `saved` gave."""
        self._tags = {(dimension, resource_id): tags for dimension, resource_id, tags in saved}

    def register_scalable_target(self, request: dict[str, Any]) -> None:
        target = (request["ScalableDimension"], request["ResourceId"])
        if request.get("ServiceNamespace") == _SAGEMAKER:
            self._check_variant(request["ResourceId"])
        if "Tags" in request:
            self._tags[target] = dict(request["Tags"])

    def deregister_scalable_target(self, request: dict[str, Any]) -> None:
        """A target's policies, their alarms and its scheduled actions go with it."""
        self._tags.pop((request["ScalableDimension"], request["ResourceId"]), None)
        backend = _backend()
        for key, policy in list(backend.policies.items()):
            if _is_of(policy, request):
                self._alarms.delete([alarm.name for alarm in policy.alarms])
                backend.policies.pop(key, None)
        backend.scheduled_actions = [item for item in backend.scheduled_actions if not _is_of(item, request)]

    def list_tags_for_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": self._tags.get(self._find(request["ResourceARN"]), {})}

    def tag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        self._tags.setdefault(self._find(request["ResourceARN"]), {}).update(request["Tags"])
        return {}

    def untag_resource(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tags.get(self._find(request["ResourceARN"]), {})
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def describe_scaling_activities(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._activities.page(request)

    def put_scheduled_action(self, request: dict[str, Any]) -> None:
        """moto keeps it; wrong ones do not reach moto."""
        backend = _backend()
        _check_target(backend, request)
        is_new = not any(
            item.scheduled_action_name == request["ScheduledActionName"] and _is_of(item, request)
            for item in backend.scheduled_actions
        )
        limits = request.get("ScalableTargetAction") or {}
        if is_new and "Schedule" not in request:
            raise GapError("ValidationException", "Schedule is required for a new scheduled action.")
        if is_new and not limits.keys() & {"MinCapacity", "MaxCapacity"}:
            raise GapError("ValidationException", "ScalableTargetAction needs MinCapacity, MaxCapacity or both.")
        if limits.get("MinCapacity", 0) > limits.get("MaxCapacity", limits.get("MinCapacity", 0)):
            raise GapError("ValidationException", "Minimum capacity cannot be greater than maximum capacity")
        try:
            if "Schedule" in request:
                parse_schedule(request["Schedule"], request.get("Timezone"))
            elif "Timezone" in request:
                parse_schedule("rate(1 day)", request["Timezone"])
        except ScheduleError as error:
            raise GapError("ValidationException", f"Invalid schedule expression: {error}") from error

    def put_scaling_policy(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if request.get("ServiceNamespace") != _SAGEMAKER:
            return None
        backend = _backend()
        _check_target(backend, request)
        key = "\t".join(request[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyName"))
        previous = backend.policies.get(key)
        kind = request.get("PolicyType") or (previous.policy_type if previous is not None else "StepScaling")
        body = _policy_body(kind, request, previous)
        policy = backend.put_scaling_policy(
            request["PolicyName"], _SAGEMAKER, request["ResourceId"], request["ScalableDimension"], body, kind
        )
        if previous is not None:
            policy.policy_arn, policy.creation_time = previous.policy_arn, previous.creation_time
        try:
            policy.alarms = self._make_alarms(policy)
        except ValueError as error:
            del backend.policies[key]
            if previous is not None:
                backend.policies[key] = previous
            raise GapError("ValidationException", str(error)) from error
        if previous is not None and previous.alarms:
            self._alarms.delete([alarm.name for alarm in previous.alarms])
        shown = [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in policy.alarms]
        return {"PolicyARN": policy.policy_arn, "Alarms": shown}

    def _make_alarms(self, policy: Any) -> list[SimpleNamespace]:
        """Raises ValueError; no alarm stays then."""
        configuration = policy.target_tracking_scaling_policy_configuration
        if configuration is None:
            return []
        made: list[SimpleNamespace] = []
        try:
            for alarm in alarm_requests(
                configuration, policy.policy_arn, policy.resource_id, *variant_of(policy.resource_id)
            ):
                made.append(SimpleNamespace(name=alarm["AlarmName"], alarm_arn=self._alarms.put(alarm)))
        except ValueError:
            self._alarms.delete([alarm.name for alarm in made])
            raise
        return made

    def _check_variant(self, resource_id: str) -> None:
        try:
            exists = self._variant_exists(*variant_of(resource_id))
        except ValueError:
            exists = False
        if not exists:
            raise GapError("ValidationException", f"SageMaker variant doesn't exist: {resource_id}")

    def _find(self, arn: str) -> _Target:
        for dimension, targets in _backend().targets.items():
            for resource_id, target in targets.items():
                if target.arn == arn:
                    return dimension, resource_id
        raise GapError("ResourceNotFoundException", f"The scalable target doesn't exist: {arn}", ResourceName=arn)


def _backend() -> Any:
    # Not at the top: it brings moto's EC2, a second that most runs need not spend.
    from moto.applicationautoscaling.models import applicationautoscaling_backends  # noqa: PLC0415

    return applicationautoscaling_backends[ACCOUNT_ID][REGION]


def _is_of(item: Any, request: dict[str, Any]) -> bool:
    """Whether a policy or scheduled action belongs to the target that the request names."""
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return (item.service_namespace, item.resource_id, item.scalable_dimension) == tuple(request[name] for name in names)


def _check_target(backend: Any, request: dict[str, Any]) -> None:
    if request["ResourceId"] not in backend.targets.get(request["ScalableDimension"], {}):
        raise GapError(
            "ObjectNotFoundException",
            f"No scalable target found for service namespace: {request['ServiceNamespace']}, resource ID: "
            f"{request['ResourceId']}, scalable dimension: {request['ScalableDimension']}",
        )


def _policy_body(kind: str, request: dict[str, Any], previous: Any | None) -> dict[str, Any]:
    """The policy's configuration: the request's, or without one the one that is there."""
    members = {
        "StepScaling": "StepScalingPolicyConfiguration",
        "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    }
    if kind not in members:
        raise GapError("ValidationException", f"The local AWS has no {kind} policies: only {', '.join(members)}.")
    body = request.get(members[kind])
    if body is None and previous is not None and previous.policy_type == kind:
        return previous._policy_body
    if body is None:
        raise GapError("ValidationException", f"A new policy of type {kind} needs {members[kind]}.")
    found = list(complaints(body)) if kind == "StepScaling" else []
    if found:
        raise GapError("ValidationException", " ".join(found))
    return body
