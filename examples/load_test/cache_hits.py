"""Cache hits of a run as CloudWatch counts them. SageMaker says of no answer whether its model had to be loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from examples.load_test.report import CacheHits

_PERIOD_SECONDS = 60


def cache_hits(cloudwatch: Any, endpoint: str, variant: str, start: datetime, end: datetime) -> CacheHits | str:
    """Hits and misses in the minutes from `start` to `end`, or why they are not known.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html (ModelCacheHit)
    """
    first = start.astimezone(UTC).replace(second=0, microsecond=0)
    try:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ModelCacheHit",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
            StartTime=first,
            EndTime=end.astimezone(UTC) + timedelta(seconds=_PERIOD_SECONDS),
            Period=_PERIOD_SECONDS,
            Statistics=["SampleCount", "Sum"],
        )
    except (BotoCoreError, ClientError) as error:
        return f"CloudWatch was not read: {error}"
    points = answer["Datapoints"]
    if not points:
        return "CloudWatch has no ModelCacheHit of these minutes yet: on AWS it comes a few minutes later."
    return CacheHits(
        invocations=round(sum(point["SampleCount"] for point in points)),
        hits=round(sum(point["Sum"] for point in points)),
    )
