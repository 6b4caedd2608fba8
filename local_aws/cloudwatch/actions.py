"""Alarm actions: notifications to SNS topics, and scaling policies. Other actions are noted in the alarm's history as
not executed."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from moto.sns.models import sns_backends

from ..account import ACCOUNT_ID, REGION
from .history import HistoryItem
from .notifications import Transition, message, subject

logger = logging.getLogger(__name__)

_SETTLED = ("INSUFFICIENT_DATA", "OK")

Publish = Callable[[str, str, str], None]
"""`publish(topic_arn, subject, message)`; raises for a topic that is not there."""


def publish_with_moto(topic_arn: str, subject_line: str, text: str) -> None:
    sns_backends[ACCOUNT_ID][REGION].publish(message=text, arn=topic_arn, subject=subject_line)


Scale = Callable[[str, Transition], None]
"""`scale(policy_arn, transition)`; raises for a policy that is not there or cannot act."""

SCALING = "arn:aws:autoscaling:"


class AlarmActions:
    """Executes what transitions set off, in threads: a topic's subscribers may take their time.

    A scaling policy is invoked again each minute while the alarm stays in its state, as on AWS. That is in the alarm's
    history only where it fails.
    """

    def __init__(self, publish: Publish, scale: Scale, note: Callable[[HistoryItem], None]) -> None:
        self._publish = publish
        self._scale = scale
        self._note = note

    def execute(self, transition: Transition) -> None:
        """Returns at once."""
        if transition.stays:
            self._start(transition, [arn for arn in transition.actions if arn.startswith(SCALING)])
            return
        # A new alarm that finds nothing wrong is no news: a deployment creates several at once.
        level = logging.DEBUG if (transition.old, transition.new) == _SETTLED else logging.INFO
        logger.log(level, "alarm %s: %s -> %s: %s", transition.alarm, transition.old, transition.new, transition.reason)
        self._start(transition, transition.actions)

    def _start(self, transition: Transition, arns: list[str]) -> None:
        for arn in arns:
            threading.Thread(target=self._execute, args=(transition, arn), name="alarm-action", daemon=True).start()

    def _execute(self, transition: Transition, arn: str) -> None:
        text = message(transition)
        error = self._error(transition, arn, text)
        if error is None and transition.stays:
            return
        data: dict[str, Any] = {
            "actionState": "Succeeded" if error is None else "Failed",
            "stateUpdateTimestamp": int(transition.at.timestamp() * 1000),
            "notificationResource": arn,
            "publishedMessage": json.loads(text),
            "error": error,
        }
        summary = f"Successfully executed action {arn}"
        if error is not None:
            summary = f'Failed to execute action {arn}. Received error: "{error}"'
            logger.warning("alarm %s: %s", transition.alarm, summary)
        self._note(HistoryItem(transition.alarm, transition.at, "Action", summary, data))

    def _error(self, transition: Transition, arn: str, text: str) -> str | None:
        if not arn.startswith(("arn:aws:sns:", SCALING)):
            return "The local AWS executes notifications to SNS topics and scaling policies only"
        try:
            if arn.startswith(SCALING):
                self._scale(arn, transition)
            else:
                self._publish(arn, subject(transition), text)
        except Exception as error:  # noqa: BLE001 - whatever moto and its subscribers raise belongs into the history
            return str(error) or type(error).__name__
        return None
