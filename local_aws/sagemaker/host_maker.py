"""Makes one instance of a production variant: its containers, with artifacts, metrics and error texts of their own."""

import secrets
from dataclasses import dataclass

from ..instances.instance import Instance, InstanceFactory, InstanceSpec
from ..settings import LocalAwsSettings
from .artifacts import ArtifactCache, OneArtifact
from .container import ContainerClient
from .errors import ModelError, SageMakerError
from .fleet import VariantPlan
from .host import HostedInstance, MakeServing
from .loaded_models import LoadedModels
from .metrics import Metrics
from .model_events import ModelEvents
from .pipeline import HostedPipeline
from .records import ModelContainer
from .serving import MultiModelServing, Serving, SingleModelServing

_STARTUP_SECONDS = 480.0
"""SageMaker's own budget where the variant names none: eight minutes."""


@dataclass(frozen=True)
class HostMaker:
    """`make` makes instances, which are not started yet."""

    instances: InstanceFactory
    artifacts: ArtifactCache
    metrics: Metrics
    events: ModelEvents
    settings: LocalAwsSettings

    def make(self, endpoint: str, plan: VariantPlan, images: list[str]) -> HostedInstance | HostedPipeline:
        """`images`: URIs by digest, one for each container of the plan's model."""
        identifier = f"i-{secrets.token_hex(9)[:17]}"
        containers = [
            self._container(endpoint, plan, identifier, container, image)
            for container, image in zip(plan.model.containers, images, strict=True)
        ]
        if len(containers) == 1:
            return containers[0]
        return HostedPipeline(identifier, containers, plan.model.is_direct)

    def _container(
        self, endpoint: str, plan: VariantPlan, identifier: str, container: ModelContainer, image: str
    ) -> HostedInstance:
        is_alone = len(plan.model.containers) == 1
        instance = self.instances.make(
            InstanceSpec(
                id=identifier if is_alone else f"{identifier}-{container.name}",
                log_group=f"/aws/sagemaker/Endpoints/{endpoint}",
                log_stream=f"{plan.name}/{identifier}" + ("" if is_alone else f"/{container.name}"),
                image=image,
                instance_type=plan.instance_type,
                role_arn=None if plan.model.is_isolated else plan.model.request["ExecutionRoleArn"],
                environment=container.environment,
                is_multi_model=container.is_multi_model,
            )
        )
        timeout = self.settings.startup_health_check_seconds
        if timeout is None:
            timeout = plan.startup_timeout_seconds
        return HostedInstance(
            instance,
            plan.name,
            self._make_serving(endpoint, plan, identifier, container, instance),
            _STARTUP_SECONDS if timeout is None else timeout,
            container=container.name,
            one_model=OneArtifact(self.artifacts, None if container.is_multi_model else container.model_data),
        )

    def _make_serving(
        self, endpoint: str, plan: VariantPlan, identifier: str, container: ModelContainer, instance: Instance
    ) -> MakeServing:
        prefix = container.model_data
        if not container.is_multi_model or prefix is None:
            return SingleModelServing

        def model_error(status: int, text: str) -> SageMakerError:
            return ModelError(endpoint=endpoint, status=status, answer=text, container=container.name)

        def make(client: ContainerClient) -> Serving:
            models = LoadedModels(
                client=client,
                artifacts=self.artifacts,
                files=instance,
                prefix=prefix,
                metrics=self.metrics.for_variant(endpoint, plan.name),
                model_error=model_error,
                note=self.events.for_instance(endpoint, plan.name, identifier),
                load_timeout_seconds=self.settings.load_timeout_seconds,
                keep_loaded=container.cache_models,
            )
            return MultiModelServing(client, models)

        return make
