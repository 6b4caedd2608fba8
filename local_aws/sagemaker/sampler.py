"""The metrics that instances have whether they are invoked or not, once a minute, as on AWS.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Callable

from ..periodic import PeriodicThread

_PERIOD_SECONDS = 60.0
_SHORTEST_SECONDS = 3.0
"""However fast time goes: a look at many instances takes its milliseconds."""


def sampler(sample: Callable[[], None], time_factor: float = 1.0) -> PeriodicThread:
    """A thread that calls `sample`. `time_factor`: how long a second of the minute takes."""
    return PeriodicThread("the sampling of instances", sample, max(_PERIOD_SECONDS * time_factor, _SHORTEST_SECONDS))
