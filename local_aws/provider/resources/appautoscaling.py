"""Application Auto Scaling: https://docs.aws.amazon.com/autoscaling/application/APIReference/"""

from typing import Any

from ..errors import Problem, ProviderError
from ..mapping import attributes, parameters
from ..resource import Call, Resource
from . import tags

POLICY_NAMES = {
    "name": "PolicyName",
    "arn": "PolicyARN",
    "step_adjustment": "StepAdjustments",
    "cooldown": "Cooldown",
}
TARGET_NAMES = {"role_arn": "RoleARN", "arn": "ScalableTargetARN"}
MISSING = ("ObjectNotFoundException",)


def _target(call: Call) -> dict[str, str]:
    return {
        "ServiceNamespace": call["service_namespace"],
        "ResourceId": call["resource_id"],
        "ScalableDimension": call["scalable_dimension"],
    }


def _create_target(call: Call) -> str:
    sent = parameters(call.client, "RegisterScalableTarget", call.block, call.state, TARGET_NAMES)
    call.client.register_scalable_target(**sent | ({"Tags": call.tags} if call.tags else {}))
    return call["resource_id"]


def _update_target(call: Call) -> None:
    call.client.register_scalable_target(
        **parameters(call.client, "RegisterScalableTarget", call.block, call.state, TARGET_NAMES)
    )


def _read_target(call: Call) -> dict[str, Any] | None:
    found = call.client.describe_scalable_targets(
        ServiceNamespace=call["service_namespace"],
        ResourceIds=[call["resource_id"]],
        ScalableDimension=call["scalable_dimension"],
    )["ScalableTargets"]
    if not found:
        return None
    state = attributes(
        call.client, "DescribeScalableTargets", call.block, found[0], "ScalableTargets", renames=TARGET_NAMES
    )
    if not call["suspended_state"] and not any(found[0].get("SuspendedState", {}).values()):
        # Nothing is suspended: that is also what leaving the block out says.
        state["suspended_state"] = []
    arn = found[0].get("ScalableTargetARN")
    if arn:
        state["tags"] = call.client.list_tags_for_resource(ResourceARN=arn)["Tags"]
    return state


def _create_policy(call: Call) -> str:
    call.client.put_scaling_policy(**parameters(call.client, "PutScalingPolicy", call.block, call.state, POLICY_NAMES))
    return call["name"]


def _read_policy(call: Call) -> dict[str, Any] | None:
    found = call.client.describe_scaling_policies(PolicyNames=[call["name"]], **_target(call))["ScalingPolicies"]
    if not found:
        return None
    state = attributes(
        call.client, "DescribeScalingPolicies", call.block, found[0], "ScalingPolicies", renames=POLICY_NAMES
    )
    return state | {"alarm_arns": [alarm["AlarmARN"] for alarm in found[0].get("Alarms", ())]}


def _import_target(identifier: str) -> dict[str, str]:
    namespace, *resource, dimension = identifier.split("/")
    if not resource:
        raise ProviderError(
            Problem(f"{identifier} is not a target's import id", "Write SERVICE-NAMESPACE/RESOURCE-ID/DIMENSION.")
        )
    resource_id = "/".join(resource)
    return {
        "id": resource_id,
        "service_namespace": namespace,
        "resource_id": resource_id,
        "scalable_dimension": dimension,
    }


def _import_policy(identifier: str) -> dict[str, str]:
    target, _, name = identifier.rpartition("/")
    return {**_import_target(target), "id": name, "name": name}


RESOURCES = {
    "aws_appautoscaling_target": Resource(
        service="application-autoscaling",
        create=_create_target,
        read=_read_target,
        update=_update_target,
        tag=tags.by_arn(lambda call: call["arn"], "ResourceARN", as_map=True),
        delete=lambda call: call.client.deregister_scalable_target(**_target(call)),
        imports=_import_target,
        missing=MISSING,
    ),
    "aws_appautoscaling_policy": Resource(
        service="application-autoscaling",
        create=_create_policy,
        read=_read_policy,
        update=_create_policy,
        delete=lambda call: call.client.delete_scaling_policy(PolicyName=call["name"], **_target(call)),
        imports=_import_policy,
        missing=MISSING,
        unsupported=("predictive_scaling_policy_configuration",),
    ),
}
