"""Where the local AWS does not answer as recorded, and why that is right."""

import re
from dataclasses import dataclass

from tests.local_aws.replay.answers import Difference


@dataclass(frozen=True)
class Accepted:
    """Differences that are none.

    Attributes:
        recordings: those in which it occurs; in these it has to.
        operation: as `Exchange.operation` says.
        where: is matched with the whole of `Difference.where`.
        reason: why.
    """

    recordings: frozenset[str]
    operation: str
    where: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return self.operation == difference.operation and re.fullmatch(self.where, difference.where) is not None


_CHAINS = frozenset({"main", "scaling"})

ACCEPTED = (
    Accepted(
        _CHAINS,
        "SageMaker.DescribeEndpoint",
        r"/ProductionVariants\[0\]/DeployedImages\[0\]/ResolvedImage",
        "the digest of the image: the tests' container takes the place of the model server",
    ),
    Accepted(
        _CHAINS,
        "Logs_20140328.DescribeLogGroups",
        r"/logGroups\[0\]/storedBytes",
        "how much the containers have written: the tests' container writes less",
    ),
    Accepted(
        _CHAINS,
        "DescribeAlarms",
        r".*/MetricAlarms/member/(StateValue|StateReason|StateReasonData|StateTransitionedTimestamp)",
        "recorded when the local AWS did not evaluate alarms: theirs began with OK and never changed",
    ),
    Accepted(
        _CHAINS,
        "SageMaker.DescribeEndpoint",
        r"/PendingDeploymentSummary/.*",
        "recorded when the summary had less of what SageMaker says about an update that is under way",
    ),
    Accepted(
        frozenset({"scaling"}),
        "AnyScaleFrontendService.DescribeScalingPolicies",
        r"/ScalingPolicies\[0\]/Alarms.*",
        "recorded when target tracking had no alarms here; on AWS it has two",
    ),
    Accepted(
        frozenset({"scaling"}),
        "AnyScaleFrontendService.PutScalingPolicy",
        r"/Alarms.*|header server|header content-type",
        "as above; the answer was moto's then, without the content type that AWS gives",
    ),
    Accepted(
        frozenset({"cbor"}),
        "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm",
        "status",
        "recorded with a local AWS that did not know the protocol and answered 404; it does now",
    ),
)
