"""The facts that the page shows, as JSON has them. Times are seconds since the epoch."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..cloudwatch.moto_alarms import AlarmFacts
from ..sagemaker.endpoints import Endpoints
from ..sagemaker.fleet import Fleet, Variant
from ..sagemaker.model_events import ModelEvents
from ..sagemaker.records import Endpoint
from ..sagemaker.traffic import Traffic
from .probes import InstanceProbes
from .recent import RecentMetrics

_FRESH_SECONDS = 1.0
"""Several open pages cost what one costs."""

_EVENTS = 60


class PageFacts:
    """Callable: everything of this moment.

    Args:
        about: what does not change: the address, what runs the instances.
        endpoints: those of the account; another object after a reset.
        alarms: the metric alarms.
        collect: records the metrics that are gathered and not recorded yet.
    """

    def __init__(
        self,
        *,
        about: dict[str, Any],
        endpoints: Callable[[], Endpoints],
        alarms: Callable[[], list[AlarmFacts]],
        events: ModelEvents,
        recent: RecentMetrics,
        collect: Callable[[], None],
    ) -> None:
        self._about = about
        self._endpoints = endpoints
        self._alarms = alarms
        self._events = events
        self._recent = recent
        self._collect = collect
        self._probes = InstanceProbes()
        self._started = time.time()
        self._lock = threading.Lock()
        self._last: tuple[float, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        """Not older than a second."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _FRESH_SECONDS:
                facts = self._facts()
                self._last = (time.monotonic(), facts)
            return self._last[1]

    def _facts(self) -> dict[str, Any]:
        self._collect()
        endpoints = self._endpoints().each(_endpoint)
        present = set()
        for endpoint in endpoints:
            endpoint["totals"] = {
                **self._recent.totals(endpoint["name"]),
                "evictions": self._events.count(endpoint["name"], "evicted"),
            }
            endpoint["latency"] = self._recent.latency(endpoint["name"])
            for variant in endpoint["variants"]:
                hosts = variant.pop("hosts")
                present |= {host.id for host in hosts}
                variant["instances"] = [self._probes.look(host) for host in hosts]
        self._probes.forget_others(present)
        return {
            **self._about,
            "now": time.time(),
            "started": self._started,
            "endpoints": sorted(endpoints, key=lambda endpoint: endpoint["name"]),
            "alarms": [_plain(asdict(alarm)) for alarm in self._alarms()],
            "events": [_plain(asdict(event)) for event in self._events.newest_first()[:_EVENTS]],
        }


def _endpoint(endpoint: Endpoint, traffic: Traffic | None) -> dict[str, Any]:
    """Without its numbers: the instances are asked later, when nothing waits for it."""
    variants = []
    if traffic is not None:
        variants = _variants(traffic.serving, "serving")
        if traffic.arriving is not None:
            variants += _variants(traffic.arriving, "arriving")
    return {
        "name": endpoint.name,
        "arn": endpoint.arn,
        "status": endpoint.status,
        "failure_reason": endpoint.failure_reason,
        "config": endpoint.config.name if endpoint.config is not None else None,
        "created": endpoint.created.timestamp(),
        "modified": endpoint.modified.timestamp(),
        "change": _change(endpoint, traffic),
        "variants": variants,
    }


def _change(endpoint: Endpoint, traffic: Traffic | None) -> dict[str, Any] | None:
    """The update under way, None where there is none."""
    if endpoint.is_idle:
        return None
    since = endpoint.pending_since or endpoint.modified
    update = (endpoint.deployment_config or {}).get("BlueGreenUpdatePolicy", {})
    routing = update.get("TrafficRoutingConfiguration", {}).get("Type", "ALL_AT_ONCE")
    return {
        "config": endpoint.pending.name if endpoint.pending is not None else None,
        "stage": endpoint.stage,
        "stage_since": endpoint.stage_since.timestamp() if endpoint.stage_since is not None else None,
        "since": since.timestamp(),
        "policy": "ROLLING" if "RollingUpdatePolicy" in (endpoint.deployment_config or {}) else routing,
        "traffic_fraction": round(traffic.arriving_fraction, 3) if traffic is not None else 0.0,
    }


def _variants(fleet: Fleet, role: str) -> list[dict[str, Any]]:
    return [_variant(variant, role) for variant in fleet.variants.values()]


def _variant(variant: Variant, role: str) -> dict[str, Any]:
    """`artifacts`: the S3 prefix of the models, None where SageMaker does not load them."""
    multi_model = variant.plan.model.multi_model
    return {
        "name": variant.plan.name,
        "fleet": role,
        "model": variant.plan.model.name,
        "artifacts": str(multi_model.model_data) if multi_model is not None else None,
        "instance_type": variant.plan.instance_type,
        "weight": variant.weight,
        "desired_weight": variant.desired_weight,
        "current_instances": len(variant.hosts),
        "desired_instances": variant.desired_count,
        "hosts": list(variant.hosts),
    }


def _plain(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value.timestamp() if isinstance(value, datetime) else value for name, value in members.items()}
