"""SNS: https://docs.aws.amazon.com/sns/latest/api/ (attributes travel as text)"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ..json_text import JSON
from ..resource import Call, Resource, chosen_name, name_prefix
from . import tags

# Argument: attribute of the topic. Whole numbers and booleans are text there.
TOPIC = {
    "application_failure_feedback_role_arn": "ApplicationFailureFeedbackRoleArn",
    "application_success_feedback_role_arn": "ApplicationSuccessFeedbackRoleArn",
    "application_success_feedback_sample_rate": "ApplicationSuccessFeedbackSampleRate",
    "archive_policy": "ArchivePolicy",
    "content_based_deduplication": "ContentBasedDeduplication",
    "delivery_policy": "DeliveryPolicy",
    "display_name": "DisplayName",
    "fifo_throughput_scope": "FifoThroughputScope",
    "firehose_failure_feedback_role_arn": "FirehoseFailureFeedbackRoleArn",
    "firehose_success_feedback_role_arn": "FirehoseSuccessFeedbackRoleArn",
    "firehose_success_feedback_sample_rate": "FirehoseSuccessFeedbackSampleRate",
    "http_failure_feedback_role_arn": "HTTPFailureFeedbackRoleArn",
    "http_success_feedback_role_arn": "HTTPSuccessFeedbackRoleArn",
    "http_success_feedback_sample_rate": "HTTPSuccessFeedbackSampleRate",
    "kms_master_key_id": "KmsMasterKeyId",
    "lambda_failure_feedback_role_arn": "LambdaFailureFeedbackRoleArn",
    "lambda_success_feedback_role_arn": "LambdaSuccessFeedbackRoleArn",
    "lambda_success_feedback_sample_rate": "LambdaSuccessFeedbackSampleRate",
    "policy": "Policy",
    "signature_version": "SignatureVersion",
    "sqs_failure_feedback_role_arn": "SQSFailureFeedbackRoleArn",
    "sqs_success_feedback_role_arn": "SQSSuccessFeedbackRoleArn",
    "sqs_success_feedback_sample_rate": "SQSSuccessFeedbackSampleRate",
    "tracing_config": "TracingConfig",
}
SUBSCRIPTION = {
    "delivery_policy": "DeliveryPolicy",
    "filter_policy": "FilterPolicy",
    "filter_policy_scope": "FilterPolicyScope",
    "raw_message_delivery": "RawMessageDelivery",
    "redrive_policy": "RedrivePolicy",
    "replay_policy": "ReplayPolicy",
    "subscription_role_arn": "SubscriptionRoleArn",
}
_PENDING = "Cannot unsubscribe a subscription that is pending confirmation"
MISSING = ("NotFound", "ResourceNotFound")


def _sent(call: Call, table: Mapping[str, str]) -> dict[str, str]:
    return {member: _text(call[name]) for name, member in table.items() if call[name] not in (None, "", False)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _read_attributes(call: Call, found: Mapping[str, str], table: Mapping[str, str]) -> dict[str, Any]:
    """The attributes in the types that the schema gives them."""
    state: dict[str, Any] = {}
    for name, member in table.items():
        text = found.get(member)
        kind = call.block.attributes[name].type
        if text is not None and kind == "bool":
            state[name] = text.lower() == "true"
        elif text is not None and kind == "number":
            state[name] = int(text)
        else:
            state[name] = text
    return state


def _create_topic(call: Call) -> str:
    sent = _sent(call, TOPIC)
    name = chosen_name(call)
    if call["fifo_topic"]:
        sent["FifoTopic"] = "true"
        name = name if name.endswith(".fifo") else f"{name}.fifo"
    return call.client.create_topic(Name=name, Attributes=sent, Tags=tags.to_list(call.tags))["TopicArn"]


def _read_topic(call: Call) -> dict[str, Any]:
    found = call.client.get_topic_attributes(TopicArn=call.id)["Attributes"]
    name = call.id.rpartition(":")[2]
    return {
        **_read_attributes(call, found, TOPIC),
        "arn": call.id,
        "name": name,
        "name_prefix": name_prefix(name.removesuffix(".fifo")),
        "owner": found["Owner"],
        "fifo_topic": name.endswith(".fifo"),
        "beginning_archive_time": found.get("BeginningArchiveTime", ""),
        "tags": tags.from_list(call.client.list_tags_for_resource(ResourceArn=call.id)["Tags"]),
    }


def _update_topic(call: Call) -> None:
    for name, member in TOPIC.items():
        if call.changed(name):
            call.client.set_topic_attributes(TopicArn=call.id, AttributeName=member, AttributeValue=_text(call[name]))


def _create_subscription(call: Call) -> str:
    return call.client.subscribe(
        TopicArn=call["topic_arn"],
        Protocol=call["protocol"],
        Endpoint=call["endpoint"],
        Attributes=_sent(call, SUBSCRIPTION),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]


def _read_subscription(call: Call) -> dict[str, Any]:
    found = call.client.get_subscription_attributes(SubscriptionArn=call.id)["Attributes"]
    return {
        **_read_attributes(call, found, SUBSCRIPTION),
        "arn": call.id,
        "topic_arn": found["TopicArn"],
        "protocol": found["Protocol"],
        "endpoint": found["Endpoint"],
        "owner_id": found["Owner"],
        "confirmation_was_authenticated": found.get("ConfirmationWasAuthenticated") == "true",
        "pending_confirmation": found.get("PendingConfirmation") == "true",
    }


def _delete_subscription(call: Call) -> None:
    try:
        call.client.unsubscribe(SubscriptionArn=call.id)
    except ClientError as error:
        # Only the addressee can end it, or time. As the provider: it is forgotten.
        if _PENDING not in error.response["Error"]["Message"]:
            raise


def _update_subscription(call: Call) -> None:
    for name, member in SUBSCRIPTION.items():
        if call.changed(name):
            call.client.set_subscription_attributes(
                SubscriptionArn=call.id, AttributeName=member, AttributeValue=_text(call[name])
            )


RESOURCES = {
    "aws_sns_topic": Resource(
        service="sns",
        create=_create_topic,
        read=_read_topic,
        update=_update_topic,
        tag=tags.by_arn(lambda call: call.id),
        delete=lambda call: call.client.delete_topic(TopicArn=call.id),
        wordings={"policy": JSON, "delivery_policy": JSON, "archive_policy": JSON},
        missing=MISSING,
    ),
    "aws_sns_topic_subscription": Resource(
        service="sns",
        create=_create_subscription,
        read=_read_subscription,
        update=_update_subscription,
        delete=_delete_subscription,
        wordings={"filter_policy": JSON, "redrive_policy": JSON, "delivery_policy": JSON},
        missing=MISSING,
        # Waiting for an HTTP endpoint to confirm.
        unsupported=("confirmation_timeout_in_minutes", "endpoint_auto_confirms"),
    ),
}
