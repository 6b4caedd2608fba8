"""Scheduled actions: at their times they give a scalable target new limits.

Times are those of the wall clock, whatever the time factor is.
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .schedule import Schedule


@dataclass(frozen=True)
class ScheduledAction:
    """New limits for a target. None: that one stays."""

    name: str
    resource_id: str
    schedule: Schedule
    made: datetime
    minimum: int | None = None
    maximum: int | None = None
    start: datetime | None = None
    end: datetime | None = None

    def is_due(self, after: datetime, until: datetime) -> bool:
        """Whether it runs later than `after`, at `until` at the latest. A run at the very StartTime counts."""
        anchor = self.start or self.made
        moment = self.schedule.next(max(after, anchor - timedelta.resolution), anchor)
        return moment is not None and moment <= until and (self.end is None or moment <= self.end)
