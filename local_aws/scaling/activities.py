"""What Application Auto Scaling did, and why: DescribeScalingActivities.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
"""

import threading
import uuid
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

_KEPT = 1000
_PAGE = 50


@dataclass(frozen=True)
class Activity:
    """One change, or one that failed."""

    resource_id: str
    dimension: str
    at: datetime
    description: str
    cause: str
    failure: str | None = None
    """Why it failed; None where it did not."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def text(self) -> tuple[str, str, str | None]:
        return self.description, self.cause, self.failure

    def describe(self) -> dict[str, Any]:
        done = self.description.removeprefix("Setting ").removesuffix(".")
        success = f"Successfully set {done}. Change successfully fulfilled by sagemaker."
        return {
            "ActivityId": self.id,
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.at.timestamp(),
            "EndTime": self.at.timestamp(),
            "StatusCode": "Successful" if self.failure is None else "Failed",
            "StatusMessage": success if self.failure is None else self.failure,
        }


class Activities:
    """The latest ones of the account."""

    def __init__(self) -> None:
        self._items: deque[Activity] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, activity: Activity) -> None:
        """A failure that only repeats the last activity of its target is not added."""
        with self._lock:
            last = next((item for item in reversed(self._items) if item.resource_id == activity.resource_id), None)
            if activity.failure is not None and last is not None and last.text == activity.text:
                return
            self._items.append(activity)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()

    def saved(self) -> list[dict[str, Any]]:
        """All of them, as JSON."""
        with self._lock:
            return [{**asdict(item), "at": item.at.isoformat()} for item in self._items]

    def restore(self, saved: list[dict[str, Any]]) -> None:
        """Begin with what `saved` gave."""
        with self._lock:
            self._items.extend(Activity(**{**item, "at": datetime.fromisoformat(item["at"])}) for item in saved)

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to DescribeScalingActivities: newest first."""
        with self._lock:
            chosen = [
                item
                for item in reversed(self._items)
                if request.get("ServiceNamespace") == "sagemaker"
                and request.get("ResourceId") in (None, item.resource_id)
                and request.get("ScalableDimension") in (None, item.dimension)
            ]
        start, size = int(request.get("NextToken") or 0), request.get("MaxResults") or _PAGE
        more = {"NextToken": str(start + size)} if start + size < len(chosen) else {}
        return {"ScalingActivities": [item.describe() for item in chosen[start : start + size]], **more}
