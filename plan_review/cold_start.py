"""What an update of an endpoint makes cold: every model, since the new instances have loaded none.

How many there are is in the plan of the models stack beside the endpoint's. How long each loads is in the catalog's
lock file, as measured when the model was added.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan_review.errors import ReviewError
from plan_review.models import Artifact, artifacts_after, newest
from plan_review.places import Places
from plan_review.plan import Plan

_DIGEST_LENGTH = 16
"""How much of a digest a key holds."""

LoadTimes = Mapping[str, float]
"""Seconds of a version's load, by the first digits of its sha256."""


@dataclass(frozen=True, slots=True)
class ColdModels:
    """The models of an endpoint that is updated. `seconds` are the load times that are known, in ascending order."""

    count: int
    seconds: tuple[float, ...]

    @property
    def text(self) -> str:
        """How many models are cold and for how long, as a sentence without its end."""
        what = "the only model is" if self.count == 1 else f"all {self.count:,} models are"
        text = f"{what} cold on the new instances and load with their first call"
        if not self.seconds:
            return f"{text}; the lock file has no load times"
        unknown = self.count - len(self.seconds)
        of = f" of {len(self.seconds):,} of them" if unknown else ""
        return (
            f"{text}: {_seconds(statistics.median(self.seconds))} at the median, {_seconds(self.seconds[-1])} at most, "
            f"{_seconds(sum(self.seconds))} in all{of}, as measured when they were added and without the download"
        )


def read_load_times(path: Path) -> LoadTimes:
    """The load times of a lock file; versions without one are left out.

    Raises:
        ReviewError: it cannot be read, or is no lock file.
    """
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"].values()
        versions = [version for model in models for version in model["versions"]]
        return {
            version["sha256"][:_DIGEST_LENGTH]: seconds for version in versions if (seconds := _observed(version)) >= 0
        }
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReviewError(f"{path}: is no lock file of a catalog ({error})") from error


def cold_models(endpoint: Plan, plans: Sequence[Plan], places: Places, times: LoadTimes) -> ColdModels | None:
    """The models of the endpoint's shard once the plans are applied; None if the plan of its models is not given."""
    wanted = endpoint.stack.replace("endpoint", "models")
    beside = next((plan for plan in plans if plan.stack == wanted), None)
    if beside is None or wanted == endpoint.stack:
        return None
    current: dict[str, Artifact] = {}
    for artifact in artifacts_after(beside, places):
        known = current.get(artifact.folder)
        current[artifact.folder] = artifact if known is None else newest(known, artifact)
    seconds = sorted(times[digest] for item in current.values() if (digest := item.sha256[:_DIGEST_LENGTH]) in times)
    return ColdModels(len(current), tuple(seconds)) if current else None


def _observed(version: Mapping[str, Any]) -> float:
    """-1 of a version that was not tried."""
    return float((version.get("observed") or {}).get("load_seconds", -1))


def _seconds(value: float) -> str:
    return f"{value * 1000:,.0f} ms" if value < 1 else f"{value:,.1f} s"
