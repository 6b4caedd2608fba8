"""The instances behind an endpoint: launched together, scaled, drained, stopped; and which one takes a request."""

import hashlib
import logging
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..instances.instance import GRACE_SECONDS
from .data_capture import CapturePlan
from .invocation import Invocation
from .records import Model, now
from .serving import Served

logger = logging.getLogger(__name__)

_REPLACEMENT_PAUSE_SECONDS = 5.0
_SPILL_REQUESTS = 8
"""With so many requests under way on a model's instance its next request goes to the next instance."""


class LaunchError(Exception):
    """Instances did not come up; the text is the endpoint's FailureReason."""


class Host(Protocol):
    """One instance as the fleet sees it."""

    id: str

    @property
    def healthy(self) -> bool: ...

    @property
    def requests_under_way(self) -> int: ...

    def start(self) -> None:
        """Start and wait for the ping. Raises LaunchError."""

    def invoke(self, invocation: Invocation, deadline: float) -> Served:
        """The instance's answer, by `deadline` (monotonic seconds). Raises NotInServiceError, see `HostedInstance`."""

    def stop(self, drain: bool, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the instance; with `drain` only when its requests have been answered. `grace_seconds`: between SIGTERM
        and SIGKILL; 0 breaks off what it is doing, as when its machine fails."""


@dataclass(frozen=True)
class DeployedImage:
    """An image as DescribeEndpoint shows it."""

    specified: str
    resolved: str


@dataclass(frozen=True)
class VariantPlan:
    """What to run for one production variant."""

    name: str
    model: Model
    instance_type: str
    instance_count: int
    weight: float
    startup_timeout_seconds: int | None
    volume_gib: int | None = None
    """VolumeSizeInGB, None where the variant names none."""

    capture: CapturePlan | None = None
    """Of the endpoint configuration, None where nothing is captured."""

    images: tuple[DeployedImage, ...] = ()
    """Of the model's containers where they were resolved before a restart: a tag may name another image by now."""

    deployed: datetime | None = None
    """When they were; None: now."""


MakeHost = Callable[[VariantPlan], Host]


class Variant:
    """A production variant: its plan, its hosts, its share of the traffic."""

    def __init__(self, plan: VariantPlan, images: list[DeployedImage], make_host: MakeHost) -> None:
        self.plan = plan
        self.weight = plan.weight
        self.desired_weight = plan.weight
        self.hosts: list[Host] = []
        self.desired_count = plan.instance_count
        self.active_count: int | None = None
        """How many of the hosts get requests, the first ones; None: all of them."""

        self.images = images
        self.deployed = plan.deployed or now()
        self._make_host = make_host
        self._places: dict[str, str] = {}

    def resize(self, count: int) -> list[Host]:
        """Start or give up hosts until there are `count`; returns those given up, still running. Raises LaunchError."""
        added = [self._make_host(self.plan) for _ in range(count - len(self.hosts))]
        start_all(added)
        kept, surplus = self.hosts[:count], self.hosts[count:]
        self.hosts = kept + added
        return surplus

    def choose(self, target_model: str | None) -> list[Host]:
        """Healthy hosts in the order in which to try them for `target_model`.

        The order is the model's own (rendezvous hashing), so that a model stays where it is loaded, whatever hosts come
        and go; a busy first host passes its surplus on to the next. A host that replaces a lost one has its place: the
        lost one's models come back to it, and all others stay where they are. Without a target model it is random.
        """

        def rank(host: Host) -> bytes:
            if target_model is None:
                return random.randbytes(8)
            return hashlib.sha256(f"{self._places.get(host.id, host.id)} {target_model}".encode()).digest()

        hosts = sorted((host for host in self.hosts[: self.active_count] if host.healthy), key=rank)
        hosts.sort(key=lambda host: host.requests_under_way // _SPILL_REQUESTS)
        return hosts

    def replace(self, lost: Host) -> Host | None:
        """Start a host in the place of `lost`; None where that is no longer part of the variant. Raises LaunchError."""
        if lost not in self.hosts:
            return None
        host = self._make_host(self.plan)
        start_all([host])
        self._places[host.id] = self._places.pop(lost.id, lost.id)
        self.hosts = [host if item is lost else item for item in self.hosts]
        return host

    def describe(self) -> dict[str, Any]:
        return {
            "VariantName": self.plan.name,
            "DeployedImages": [
                {
                    "SpecifiedImage": image.specified,
                    "ResolvedImage": image.resolved,
                    "ResolutionTime": self.deployed,
                }
                for image in self.images
            ],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.desired_weight,
            "CurrentInstanceCount": len(self.hosts),
            "DesiredInstanceCount": self.desired_count,
        }


class Fleet:
    """All variants of one endpoint configuration."""

    def __init__(self, variants: list[Variant]) -> None:
        self.variants = {variant.plan.name: variant for variant in variants}
        self._random = random.Random()
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def variant(self, name: str | None) -> Variant | None:
        """The variant called `name`, or for None one drawn by the variants' weights."""
        if name is not None:
            return self.variants.get(name)
        variants = list(self.variants.values())
        if len(variants) == 1:
            return variants[0]
        weights = [variant.weight for variant in variants]
        return self._random.choices(variants, weights)[0] if any(weights) else variants[0]

    def start(self) -> None:
        """Start every planned instance and wait until all answer. Raises LaunchError; nothing stays running then."""
        try:
            self.resize(self.planned_counts())
        except LaunchError:
            self.stop(drain=False)
            raise

    def resize(self, counts: dict[str, int]) -> None:
        """Start or end instances of the variants named. What goes is drained first. Raises LaunchError."""
        for name, count in counts.items():
            with self._lock:
                surplus = self.variants[name].resize(count)
            stop_all(surplus, drain=True)

    def lose_instance(self, variant_name: str) -> str:
        """Let the variant's busiest instance go down, and start another one in its place; returns the id of the lost.

        Returns when the instance is gone; the replacement comes up in the background. Raises LookupError.
        """
        variant = self.variants.get(variant_name)
        if variant is None:
            raise LookupError(f"There is no variant {variant_name}: only {', '.join(self.variants)}.")
        healthy = [host for host in variant.hosts if host.healthy]
        if not healthy:
            raise LookupError(f"No instance of variant {variant_name} is in service.")
        lost = max(healthy, key=lambda host: host.requests_under_way)
        threading.Thread(target=self._replace, args=(variant, lost), name=f"replace-{lost.id}", daemon=True).start()
        lost.stop(drain=False, grace_seconds=0)
        return lost.id

    def _replace(self, variant: Variant, lost: Host) -> None:
        """Until it succeeds, or the fleet is not wanted any more."""
        while not self._stopped.is_set():
            try:
                with self._lock:
                    host = variant.replace(lost)
            except LaunchError as error:
                logger.warning("the replacement of instance %s did not come up: %s", lost.id, error)
                self._stopped.wait(_REPLACEMENT_PAUSE_SECONDS)
                continue
            if host is not None and self._stopped.is_set():
                host.stop(drain=False)
            return

    def want(self, wanted: dict[str, dict[str, Any]]) -> None:
        """Note what each variant named is to have: DesiredInstanceCount, DesiredWeight, or both."""
        for name, properties in wanted.items():
            variant = self.variants[name]
            variant.desired_count = properties.get("DesiredInstanceCount", variant.desired_count)
            variant.desired_weight = properties.get("DesiredWeight", variant.desired_weight)

    def scale(self) -> None:
        """Give each variant what it is to have. Raises LaunchError."""
        self.resize({name: variant.desired_count for name, variant in self.variants.items()})
        for variant in self.variants.values():
            variant.weight = variant.desired_weight

    def counts(self) -> dict[str, int]:
        """How many instances each variant has."""
        return {name: len(variant.hosts) for name, variant in self.variants.items()}

    def planned_counts(self) -> dict[str, int]:
        """How many instances each variant is to have."""
        return {name: variant.plan.instance_count for name, variant in self.variants.items()}

    def properties(self, excluded: set[str]) -> dict[str, dict[str, Any]]:
        """Count and weight of each variant, without the `excluded` property types."""
        return {
            name: {key: value for key, value in properties.items() if key not in excluded}
            for name, properties in (
                (name, {"DesiredInstanceCount": variant.desired_count, "DesiredWeight": variant.desired_weight})
                for name, variant in self.variants.items()
            )
        }

    def describe(self) -> list[dict[str, Any]]:
        return [variant.describe() for variant in self.variants.values()]

    def stop(self, drain: bool) -> None:
        self._stopped.set()
        stop_all([host for variant in self.variants.values() for host in variant.hosts], drain)


def start_all(hosts: Sequence[Host]) -> None:
    """Start `hosts` side by side; when one fails none stays. Raises LaunchError."""
    if not hosts:
        return
    with ThreadPoolExecutor(len(hosts)) as pool:
        starts = [pool.submit(host.start) for host in hosts]
    errors = [error for start in starts if (error := start.exception()) is not None]
    if errors:
        stop_all(hosts, drain=False)
        raise errors[0]


def stop_all(hosts: Sequence[Host], drain: bool) -> None:
    if not hosts:
        return
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(lambda host: host.stop(drain), hosts))
