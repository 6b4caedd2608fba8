"""The one place where the local AWS is put together, and its run from start to stop."""

import logging
import os
import resource
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import uvicorn
from starlette.types import ASGIApp

from container.model_server.artifact.archive import extract_archive

from .access_key import AccessKey, KeyRing
from .aws_clients import AwsClients
from .blobs import BlobStore
from .cloudwatch.service import CloudWatch
from .cloudwatch.store import MetricStore
from .directory import Directory, Running
from .environment import aws_environment, isolate
from .gaps.application_autoscaling import AutoScalingGaps
from .gaps.ecr import REGISTRY_PURPOSE, EcrGaps, all_layers
from .gateway import Gateway
from .guardian import Guardian
from .instances.child import Surroundings
from .instances.docker import DockerInstanceFactory
from .instances.docker_engine import DockerEngine
from .instances.image import ImageStore
from .instances.instance import InstanceFactory
from .instances.ports import PortAllocator
from .instances.process import ProcessInstanceFactory
from .instances.runtime import ByImageFactory, choose_runtime
from .listener import url_of
from .log_shipping import LogShipper
from .moto_app import MotoApplication
from .page.facts import PageFacts
from .page.http import Page
from .page.invoking import invoke, list_models
from .page.recent import RecentMetrics
from .persistence.folder import StateFolder
from .persistence.keeper import Keeper, NoKeeper, SavedAccount, Service
from .persistence.moments import Moments
from .quotas import Quotas
from .recording import Recorder
from .registry import Registry
from .role_credentials import RoleCredentials
from .sagemaker.artifacts import ArtifactCache
from .sagemaker.capacities import VariantCapacities
from .sagemaker.data_capture import DataCapture
from .sagemaker.host_maker import HostMaker
from .sagemaker.launcher import Launcher
from .sagemaker.lookups import AccountLookups, ScalingLookups
from .sagemaker.metrics import Metrics
from .sagemaker.model_events import ModelEvents
from .sagemaker.pace import Pace
from .sagemaker.sampler import sampler
from .sagemaker.service import SageMakerService
from .sagemaker.transport import SageMakerTransport
from .scaling.activities import Activities
from .scaling.alarms import CloudWatchAlarms, ring_of
from .scaling.autoscaler import AutoScaler
from .scaling.moto_targets import MotoTargets
from .settings import LocalAwsSettings
from .terraform import TerraformProvider
from .web_server import Server, run_with, stop_when_asked

logger = logging.getLogger(__name__)


def serve(
    settings: LocalAwsSettings,
    listener: socket.socket,
    directory: Directory,
    *,
    recording: IO[str] | None = None,
    until_stdin_closes: bool = False,
) -> None:
    """Run in `directory`, which the caller owns, until SIGINT or SIGTERM (or end of file on stdin).

    What Terraform sends goes into `recording` as well. Leaves no process, and no file in the directory's run folder.
    """
    _raise_file_limit()
    outer = dict(os.environ)
    account = SavedAccount.open(directory.state) if settings.persist else None
    if account is None and StateFolder(directory.state).exists:
        logger.warning("%s holds a saved account, which stays as it is: --persist brings it back", directory.state)
    saved = account.manifest if account is not None else None
    key = saved.key if saved is not None else AccessKey.generate()
    isolate(os.environ, url_of(listener), key)
    guardian = Guardian(directory.watched)
    guardian.watch_folder(directory.run)
    guardian.watch_file(directory.state_file)
    try:
        _run(
            settings,
            directory,
            guardian,
            listener,
            key=key,
            account=account,
            outer=outer,
            recording=recording,
            until_stdin_closes=until_stdin_closes,
        )
    finally:
        guardian.stop()


def _run(
    settings: LocalAwsSettings,
    directory: Directory,
    guardian: Guardian,
    listener: socket.socket,
    *,
    key: AccessKey,
    account: SavedAccount | None,
    outer: Mapping[str, str],
    recording: IO[str] | None,
    until_stdin_closes: bool,
) -> None:
    url = url_of(listener)
    blobs = BlobStore(directory.path("blobs") if account is None else account.folder.blobs, account is not None)
    clients = AwsClients(url, key)
    keys = KeyRing(key)
    images = ImageStore(clients.ecr, directory.path("snapshots"))
    store = MetricStore()
    logs = LogShipper(clients.logs, store.record_embedded)
    runtime = choose_runtime(settings.runtime, url.removeprefix("http://"), keys.token_for(REGISTRY_PURPOSE))
    roles = RoleCredentials(url, keys, clients.sts)
    surroundings = Surroundings(guardian, directory.path("logs"), logs, PortAllocator(), roles.environment)
    instances = _instance_factory(settings, images, surroundings, runtime.engine, directory.path("containers"))
    artifacts = ArtifactCache(clients.s3, directory.path("artifacts"), settings.artifact_cache_bytes, extract_archive)
    recent = RecentMetrics(time.time)
    metrics = Metrics([store.record, recent.record], settings.time_factor)
    cloudwatch = CloudWatch(
        store, lambda arn, transition: scaler.ring(arn, ring_of(transition)), metrics.flush, settings.time_factor
    )
    events = ModelEvents()
    capture = DataCapture(lambda: clients.s3)
    quotas = Quotas(settings.quota)
    launcher = Launcher(HostMaker(instances, artifacts, metrics, events, settings), images, metrics)

    def make_service() -> SageMakerService:
        return SageMakerService(
            account=AccountLookups(images, clients.s3, clients.iam),
            launcher=launcher,
            scaling=ScalingLookups(clients.autoscaling),
            alarms=cloudwatch,
            metrics=metrics,
            pace=Pace(settings.time_factor),
            invocation_timeout_seconds=settings.invocation_timeout_seconds,
            quotas=quotas,
            capture=capture,
        )

    sagemaker = SageMakerTransport(make_service)
    provider = TerraformProvider(
        settings.provider, directory, url, key, outer=outer, watch_folder=guardian.watch_folder
    )

    def status() -> dict[str, Any]:
        return {
            "url": url,
            "pid": os.getpid(),
            "directory": str(directory.root),
            "restored": account is not None and account.manifest is not None,
            "environment": aws_environment(url, key, outer),
            "terraform": provider.status(),
            "runtime": runtime.description,
        }

    activities = Activities()
    capacities = VariantCapacities(sagemaker.call)
    scaler = AutoScaler(
        account=MotoTargets(), capacities=capacities, activities=activities, time_factor=settings.time_factor
    )
    autoscaling = AutoScalingGaps(capacities.exists, CloudWatchAlarms(lambda: clients.cloudwatch), activities)

    page = Page(
        url=url,
        state=PageFacts(
            about={"url": url, "runtime": runtime.description, "time_factor": settings.time_factor},
            endpoints=lambda: sagemaker.service.endpoints,
            alarms=cloudwatch.alarms,
            events=events,
            recent=recent,
            collect=metrics.flush,
        ),
        invoke=lambda invocation: invoke(sagemaker.service.invoker, invocation),
        models=partial(list_models, clients.s3),
    )
    gateway = Gateway(
        moto=MotoApplication(EcrGaps(blobs, url, keys, has_registry=runtime.engine is not None), autoscaling, quotas),
        sagemaker=sagemaker,
        registry=Registry(blobs, clients.ecr, keys),
        blobs=blobs,
        keys=keys,
        roles=roles,
        page=page,
        status=status,
        lose_instance=sagemaker.lose_instance,
        # What the ended instances counted until then belongs to the account that was.
        reset=partial(
            _call_all,
            (
                sagemaker.reset,
                launcher.stop,
                scaler.reset,
                autoscaling.reset,
                quotas.reset,
                capture.discard,
                metrics.discard,
            ),
        ),
    )
    application: ASGIApp = gateway if recording is None else Recorder(gateway, recording)
    own: dict[str, Service] = {
        "sagemaker": sagemaker,
        "scaling-tags": autoscaling,
        "scaling-activities": activities,
        "quotas": quotas,
    }
    application, keeper = _keeping(account, key, own, application, blobs)
    # Docker tries TLS first on every registry; uvicorn would warn about it each time.
    server = Server(
        uvicorn.Config(
            application, lifespan="off", access_log=False, log_level="error", ws="none", timeout_graceful_shutdown=1
        )
    )
    server.on_started = [
        lambda: directory.announce(Running(os.getpid(), url, key)),
        # Their images and models come from this very server.
        sagemaker.service.endpoints.resume,
    ]
    # From here on nothing is sent to this very server any more.
    # Ending the instances ends invocations in flight, which uvicorn would wait for.
    server.on_stopping = [logs.cancel, sagemaker.cancel, launcher.stop_quickly]
    stop_when_asked(server, until_stdin_closes)
    logger.info("page: %s (the link is good for one use)", page.new_link())
    place = "everything is in memory" if account is None else f"the account is saved in {account.folder.root}"
    logger.info("ready at %s; instances run as %s; %s", url, runtime.description, place)
    sampling = sampler(launcher.sample, settings.time_factor)
    try:
        run_with(
            (provider, metrics, cloudwatch, scaler, capture, sampling, logs, keeper),
            lambda: server.run(sockets=[listener]),
        )
        keeper.save()
    finally:
        sagemaker.stop()
        launcher.stop()
        if runtime.engine is not None:
            runtime.engine.stop()


def _keeping(
    account: SavedAccount | None,
    key: AccessKey,
    own: Mapping[str, Service],
    application: ASGIApp,
    blobs: BlobStore,
) -> tuple[ASGIApp, Keeper | NoKeeper]:
    """Bring an account back; the application, and what saves the account from now on."""
    if account is None:
        return application, NoKeeper()
    moments = Moments(application)
    keeper = Keeper(account, key, own, moments.call)
    if keeper.restore():
        logger.info("the account of an earlier start is back, from %s", account.folder.root)
        blobs.keep_only(all_layers())
    return moments, keeper


def _raise_file_limit() -> None:
    """Each large object of S3 is an open file, and the usual limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _instance_factory(
    settings: LocalAwsSettings,
    images: ImageStore,
    surroundings: Surroundings,
    engine: DockerEngine | None,
    models: Path,
) -> InstanceFactory:
    processes = ProcessInstanceFactory(images, surroundings)
    if engine is None:
        return processes
    containers = DockerInstanceFactory(images, surroundings, engine, models)
    return containers if settings.runtime == "docker" else ByImageFactory(images, containers, processes)
