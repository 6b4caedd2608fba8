"""SNS: subscriptions by e-mail wait for their addressee.

moto confirms every subscription at once. SNS sends a link first, nothing else before somebody follows it, and refuses
to end a subscription that waits. Here nobody follows the link: it waits until its topic is deleted.
"""

from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription

_BY_MAIL = ("email", "email-json")
_subscribe = SNSBackend.subscribe
_unsubscribe = SNSBackend.unsubscribe


def fill_sns_gaps() -> None:
    """Make moto's subscriptions behave as said above. Safe to repeat."""
    SNSBackend.subscribe = _subscribe_and_wait
    SNSBackend.unsubscribe = _unsubscribe_confirmed


def _subscribe_and_wait(backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
    if protocol in _BY_MAIL and "@" not in endpoint:
        raise SNSInvalidParameter("Invalid parameter: Email address")
    subscription = _subscribe(backend, topic_arn, endpoint, protocol)
    if protocol in _BY_MAIL:
        subscription.attributes["PendingConfirmation"] = "true"
    return subscription


def _unsubscribe_confirmed(backend: SNSBackend, subscription_arn: str) -> None:
    subscription = backend.subscriptions.get(subscription_arn)
    if subscription is not None and subscription.attributes.get("PendingConfirmation") == "true":
        raise SNSInvalidParameter(
            "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation"
        )
    _unsubscribe(backend, subscription_arn)
