"""The settings of an environment's alarms and dashboard. Each alarm's threshold is also its switch: false is off."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from stacks.settings_block import Block, conflict, setting

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


def _threshold(least: int, most: int) -> Any:
    """The type of a whole number within limits, or false. (A plain union would have two complaints for one value.)"""

    def checked(value: Any) -> Any:
        if value is False or (type(value) is int and least <= value <= most):
            return value
        raise PydanticCustomError("threshold", "neither a number within the limits nor false")

    return PlainValidator(checked, json_schema_input_type=Annotated[int, Field(ge=least, le=most)] | Literal[False])


Threshold = int | Literal[False]
Count = Annotated[Threshold, _threshold(0, 1_000_000)]
Milliseconds = Annotated[Threshold, _threshold(1, 3_600_000)]
Percent = Annotated[Threshold, _threshold(1, 100)]
_COUNT = "a whole number from 0 to 1000000, or false"
_PERCENT = "a whole number from 1 to 100, or false"


class Alarms(Block):
    """When each alarm is raised. `stacks/alarms.py` says why these are watched."""

    invocation_5xx_errors: bool = setting(
        "Whether the alarm that rolls updates back notifies as well. Its threshold is "
        "`deployment.maximum_5xx_errors_per_minute`.",
        "true or false",
        True,
    )
    model_errors_per_minute: Count = setting(
        "More calls in a minute than this that a model did not answer with 2xx, in 3 of 5 minutes.", _COUNT, 10
    )
    p99_latency_milliseconds: Milliseconds = setting(
        "A p99 of the container's latency above this, in 3 of 5 minutes.",
        "a whole number from 1 to 3600000, or false",
        5000,
    )
    loading_wait_milliseconds: Milliseconds = setting(
        "Calls that wait longer than this on average until their model is loaded, in 3 of 5 minutes.",
        "a whole number from 1 to 3600000, or false",
        10_000,
    )
    disk_percent: Percent = setting("An instance's disk that is fuller than this, in 3 of 5 minutes.", _PERCENT, 90)
    memory_percent: Percent = setting(
        "An instance's memory that is fuller than this, in 15 of 15 minutes.", _PERCENT, 95
    )
    unloads_per_minute: Count = setting(
        "More models unloaded in a minute than this, in 15 of 15 minutes: instances load and evict all the time.",
        _COUNT,
        10,
    )
    cache_hit_percent: Percent = setting(
        "Fewer calls than this that find their model loaded, in 30 of 30 minutes.", _PERCENT, 80
    )


class Monitoring(Block):
    """Who is notified when something is wrong, and where to look."""

    topic_arn: str | None = setting(
        "The SNS topic that the alarms notify. Absent: the endpoint stack creates one.",
        "the ARN of a topic, such as arn:aws:sns:us-east-1:123456789012:on-call",
        default=None,
        pattern=r"^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
    )
    emails: tuple[Email, ...] = setting(
        "Who gets the alarms by e-mail. SNS asks each of them once to confirm, and sends nothing before.",
        "a list of up to 20 e-mail addresses; empty where topic_arn is given",
        default=(),
        max_length=20,
        strict=False,
    )
    dashboard: bool = setting("Whether there is a CloudWatch dashboard for each endpoint.", "true or false", True)
    alarms: Alarms = setting("The alarms' thresholds.", "a block with the keys of `monitoring.alarms`", Alarms())

    @model_validator(mode="after")
    def _subscribers_of_the_own_topic(self) -> Self:
        if self.topic_arn is not None and self.emails:
            raise conflict("emails must be empty where topic_arn is given: the owner of that topic subscribes people")
        if len({email.lower() for email in self.emails}) < len(self.emails):
            raise conflict("emails must not repeat an address")
        return self
