"""The endpoint stack's monitoring: a topic, alarms that notify it, and a dashboard."""

from typing import Any

from stacks.alarms import alarms
from stacks.aws_bindings import CloudwatchDashboard, CloudwatchMetricAlarm, SnsTopic, SnsTopicSubscription
from stacks.dashboard import dashboard_body
from stacks.environment_stack import EnvironmentStack

ERRORS_ALARM = "invocation_5xx_errors"


def add_errors_alarm(stack: EnvironmentStack, actions: list[str]) -> CloudwatchMetricAlarm:
    """The alarm that every endpoint has, because it rolls updates back. Switched off, it only does not notify."""
    names, settings = stack.names, stack.settings
    maximum = settings.deployment.maximum_5xx_errors_per_minute
    notified = actions if settings.monitoring.alarms.invocation_5xx_errors else []
    return CloudwatchMetricAlarm(
        stack,
        ERRORS_ALARM,
        alarm_name=names.errors_alarm,
        alarm_description=f"The endpoint answers more than {maximum} calls a minute with 5xx errors. Rolls back an "
        "update that is under way.",
        namespace="AWS/SageMaker",
        metric_name="Invocation5XXErrors",
        dimensions=_dimensions(stack),
        statistic="Sum",
        period=60,
        evaluation_periods=1,
        comparison_operator="GreaterThanThreshold",
        threshold=maximum,
        treat_missing_data="notBreaching",
        **_actions(notified),
    )


def add_topic(stack: EnvironmentStack) -> list[str]:
    """Add the topic, unless the settings name one; answers what alarms notify.

    It is not encrypted with the environment's key: CloudWatch could not publish to it unless the key's policy, which is
    not part of the stacks, allowed that. An alarm's message holds names and numbers.
    """
    monitoring = stack.settings.monitoring
    if monitoring.topic_arn is not None:
        return [monitoring.topic_arn]
    topic = SnsTopic(stack, "alarms", name=stack.names.own_topic)
    for number, email in enumerate(sorted(monitoring.emails, key=str.lower), start=1):
        SnsTopicSubscription(stack, f"alarms_email_{number}", topic_arn=topic.arn, protocol="email", endpoint=email)
    return [topic.arn]


def add_alarms(stack: EnvironmentStack, actions: list[str]) -> None:
    """Add the alarms that are switched on, and the dashboard with all alarms.

    They wait for nothing: a metric need not exist before its alarm.
    """
    names = stack.names
    alarm_names = [names.errors_alarm]
    for alarm in alarms(stack.settings.monitoring.alarms):
        name = names.alarm(alarm.kind)
        alarm_names.append(name)
        CloudwatchMetricAlarm(
            stack,
            alarm.kind.replace("-", "_"),
            alarm_name=name,
            **alarm.arguments(_dimensions(stack)),
            **_actions(actions),
        )
    if stack.settings.monitoring.dashboard:
        # The alarms by their names, not by references: the plan then shows the dashboard.
        arns = [names.arn("cloudwatch", f"alarm:{name}") for name in alarm_names]
        # CloudWatch's ${...} is not Terraform's.
        body = dashboard_body(names, arns).replace("${", "$${")
        CloudwatchDashboard(stack, "dashboard", dashboard_name=names.dashboard, dashboard_body=body)


def _dimensions(stack: EnvironmentStack) -> dict[str, str]:
    return {"EndpointName": stack.names.endpoint, "VariantName": stack.settings.variant_name}


def _actions(topics: list[str]) -> dict[str, Any]:
    return {"alarm_actions": topics, "ok_actions": topics} if topics else {}
