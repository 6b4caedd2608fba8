"""Makes fleets from production variants' plans, and knows all instances that run."""

import threading
from concurrent.futures import ThreadPoolExecutor

from ..instances.image import ImageStore
from ..instances.instance import GRACE_SECONDS, InstanceError
from .fleet import DeployedImage, Fleet, Host, LaunchError, Variant, VariantPlan
from .host import HostedInstance
from .host_maker import HostMaker
from .metrics import Metrics, VariantMetrics
from .pipeline import HostedPipeline

_LAST_GRACE_SECONDS = 1.0


class Launcher:
    """See `endpoints.Fleets`."""

    def __init__(self, maker: HostMaker, images: ImageStore, metrics: Metrics) -> None:
        self._maker = maker
        self._images = images
        self._metrics = metrics
        self._hosts: list[tuple[HostedInstance | HostedPipeline, VariantMetrics, VariantPlan]] = []
        self._lock = threading.Lock()

    def prepare(self, endpoint_name: str, plans: list[VariantPlan]) -> Fleet:
        return Fleet([self._variant(endpoint_name, plan) for plan in plans])

    def sample(self) -> None:
        """Count the metrics that instances have at this moment."""
        with self._lock:
            hosts = list(self._hosts)
        for host, metrics, plan in hosts:
            for name, value in host.gauges(plan.volume_gib).items():
                metrics.gauge(name, value)

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End every instance that was made, those that are still starting included.

        `grace_seconds`: between SIGTERM and SIGKILL.
        """
        with self._lock:
            hosts, self._hosts = self._hosts, []
        if hosts:
            with ThreadPoolExecutor(len(hosts)) as pool:
                list(pool.map(lambda made: made[0].stop(drain=False, grace_seconds=grace_seconds), hosts))

    def stop_quickly(self) -> None:
        """As `stop`, for the end of the local AWS."""
        self.stop(_LAST_GRACE_SECONDS)

    def _variant(self, endpoint_name: str, plan: VariantPlan) -> Variant:
        deployed = []
        for number, container in enumerate(plan.model.containers):
            try:
                image = self._images.resolve(plan.images[number].resolved if plan.images else container.image)
                self._images.check_platform(image, plan.instance_type)
            except InstanceError as error:
                raise LaunchError(str(error)) from error
            deployed.append(DeployedImage(container.image, image.resolved_uri))
        return Variant(plan, deployed, lambda plan: self._host(endpoint_name, plan, deployed))

    def _host(self, endpoint_name: str, plan: VariantPlan, images: list[DeployedImage]) -> Host:
        host = self._maker.make(endpoint_name, plan, [image.resolved for image in images])
        metrics = self._metrics.for_variant(endpoint_name, plan.name)
        with self._lock:
            self._hosts = [made for made in self._hosts if not made[0].is_stopping] + [(host, metrics, plan)]
        return host
