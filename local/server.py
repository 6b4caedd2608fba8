"""The one place where the local AWS is put together, and its run from start to stop."""

import logging
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any

import uvicorn

from container.model_server.archive import extract_archive

from .aws_clients import AwsClients
from .blobs import BlobStore
from .directory import Directory, Running
from .environment import aws_environment, isolate
from .errors import PortInUseError
from .gateway import Gateway
from .guardian import Guardian
from .instances.image import ImageStore
from .instances.process import ProcessInstanceFactory
from .log_shipping import LogShipper
from .moto_app import MotoApplication
from .sagemaker.artifacts import ArtifactCache
from .sagemaker.launcher import Launcher
from .sagemaker.lookups import AccountLookups, AlarmLookups, ScalingLookups
from .sagemaker.metrics import Metrics
from .sagemaker.service import SageMakerService
from .sagemaker.transport import SageMakerTransport
from .settings import LocalAwsSettings
from .terraform import TerraformProvider

logger = logging.getLogger(__name__)


def serve(settings: LocalAwsSettings, *, until_stdin_closes: bool = False) -> None:
    """Run until SIGINT or SIGTERM (or end of file on stdin); leaves no process and no file.

    Raises PortInUseError, DirectoryInUseError.
    """
    listener = _listen(settings.port)
    directory = Directory(settings.directory)
    with listener:
        directory.acquire()
        isolate(os.environ, _url(listener))
        guardian = Guardian()
        guardian.watch_folder(directory.run)
        try:
            _run(settings, directory, guardian, listener, until_stdin_closes=until_stdin_closes)
        finally:
            directory.release()
            guardian.stop()


def _run(
    settings: LocalAwsSettings,
    directory: Directory,
    guardian: Guardian,
    listener: socket.socket,
    *,
    until_stdin_closes: bool,
) -> None:
    url = _url(listener)
    blobs = BlobStore(directory.path("blobs"))
    clients = AwsClients(url)
    images = ImageStore(clients.ecr, directory.path("snapshots"))
    logs = LogShipper(clients.logs)
    instances = ProcessInstanceFactory(images, guardian, directory.path("logs"), logs)
    artifacts = ArtifactCache(clients.s3, directory.path("artifacts"), settings.artifact_cache_bytes, extract_archive)
    metrics = Metrics(clients.cloudwatch)
    launcher = Launcher(instances, images, artifacts, metrics, settings)
    service = SageMakerService(
        account=AccountLookups(images, clients.s3, clients.iam),
        launcher=launcher,
        scaling=ScalingLookups(clients.autoscaling),
        alarms=AlarmLookups(clients.cloudwatch),
        metrics=metrics,
        invocation_timeout_seconds=settings.invocation_timeout_seconds,
    )
    provider = TerraformProvider(settings.provider, directory.root, directory.run, url)

    def status() -> dict[str, Any]:
        return {
            "url": url,
            "pid": os.getpid(),
            "directory": str(directory.root),
            "environment": aws_environment(url),
            "terraform": provider.status(),
        }

    gateway = Gateway(MotoApplication(blobs, url), SageMakerTransport(service), blobs, status)
    server = _Server(uvicorn.Config(gateway, lifespan="off", access_log=False, log_level="warning", ws="none"))
    server.on_started = lambda: directory.announce(Running(os.getpid(), url))
    _stop_on_signals(server)
    if until_stdin_closes:
        _stop_at_end_of_stdin(server)
    provider.start()
    metrics.start()
    logs.start()
    logger.info("ready at %s (everything is in memory and ends with this process)", url)
    try:
        server.run(sockets=[listener])
    finally:
        logger.info("stopping")
        logs.stop()
        metrics.stop()
        provider.stop()
        service.stop()
        launcher.stop()


class _Server(uvicorn.Server):
    """uvicorn that says when it accepts requests."""

    on_started: Any = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_started is not None:
            self.on_started()


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off: 40 ms less a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortInUseError(port) from error
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _stop_on_signals(server: uvicorn.Server) -> None:
    """uvicorn stops at a signal and then raises it again: this handler makes that harmless, so that we clean up."""

    def ask_to_stop(signal_number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, ask_to_stop)


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    def wait() -> None:
        while os.read(0, 4096):  # the descriptor itself: a reader's lock would block the interpreter's end
            pass
        server.should_exit = True

    threading.Thread(target=wait, name="stdin", daemon=True).start()
