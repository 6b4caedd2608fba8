"""Makes fleets: from a production variant's plan to instances with artifacts, metrics and error texts of their own."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

from ..account import ACCOUNT_ID, REGION
from ..instances.image import ImageStore
from ..instances.instance import GRACE_SECONDS, InstanceError, InstanceFactory, InstanceSpec
from ..settings import LocalAwsSettings
from .artifacts import ArtifactCache
from .container import ContainerClient
from .errors import ModelError, SageMakerError
from .fleet import DeployedImage, Fleet, LaunchError, Variant, VariantPlan
from .host import HostedInstance
from .loaded_models import LoadedModels
from .metrics import Metrics, VariantMetrics
from .model_events import ModelEvents
from .s3_uri import S3Uri

_LAST_GRACE_SECONDS = 1.0
_STARTUP_SECONDS = 480.0
"""SageMaker's own budget where the variant names none: eight minutes."""


class Launcher:
    """See `endpoints.Fleets`."""

    def __init__(
        self,
        *,
        instances: InstanceFactory,
        images: ImageStore,
        artifacts: ArtifactCache,
        metrics: Metrics,
        events: ModelEvents,
        settings: LocalAwsSettings,
    ) -> None:
        self._instances = instances
        self._images = images
        self._artifacts = artifacts
        self._metrics = metrics
        self._events = events
        self._settings = settings
        self._hosts: list[tuple[HostedInstance, VariantMetrics, VariantPlan]] = []
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
        try:
            image = self._images.resolve(plan.model.image)
            self._images.check_platform(image, plan.instance_type)
        except InstanceError as error:
            raise LaunchError(str(error)) from error
        deployed = DeployedImage(image.uri, image.resolved_uri)
        return Variant(plan, deployed, lambda plan: self._host(endpoint_name, plan, image.resolved_uri))

    def _host(self, endpoint_name: str, plan: VariantPlan, image_uri: str) -> HostedInstance:
        instance_id = f"i-{secrets.token_hex(9)[:17]}"
        instance = self._instances.make(
            InstanceSpec(
                id=instance_id,
                log_group=f"/aws/sagemaker/Endpoints/{endpoint_name}",
                log_stream=f"{plan.name}/{instance_id}",
                image=image_uri,
                instance_type=plan.instance_type,
                role_arn=None if plan.model.is_isolated else plan.model.request["ExecutionRoleArn"],
                environment=plan.model.environment,
            )
        )

        def model_error(status: int, text: str) -> SageMakerError:
            return ModelError(endpoint=endpoint_name, account_id=ACCOUNT_ID, region=REGION, status=status, answer=text)

        metrics = self._metrics.for_variant(endpoint_name, plan.name)
        note = self._events.for_instance(endpoint_name, plan.name, instance_id)

        def make_models(client: ContainerClient) -> LoadedModels:
            return LoadedModels(
                client=client,
                artifacts=self._artifacts,
                prefix=S3Uri.parse(plan.model.model_data_url),
                metrics=metrics,
                model_error=model_error,
                note=note,
                load_timeout_seconds=self._settings.load_timeout_seconds,
                keep_loaded=plan.model.cache_models,
            )

        timeout = self._settings.startup_health_check_seconds
        if timeout is None:
            timeout = plan.startup_timeout_seconds
        host = HostedInstance(instance, plan.name, make_models, _STARTUP_SECONDS if timeout is None else timeout)
        with self._lock:
            self._hosts = [made for made in self._hosts if not made[0].is_stopping] + [(host, metrics, plan)]
        return host
