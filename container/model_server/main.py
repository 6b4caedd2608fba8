"""Wiring: environment -> settings -> service -> HTTP server."""

import asyncio
import logging
import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import uvloop

from .hosting.service import ModelService
from .http.bodies import BodyMemory
from .http.hall import Hall
from .http.invocations import Invocations
from .http.routes import Routes
from .http.server import HttpServer
from .process_tree import adopt_orphans
from .settings import Settings, SettingsError, read_settings
from .telemetry.access_log import AccessLog
from .telemetry.afterwards import Afterwards
from .telemetry.events import EventLog
from .telemetry.line_writer import LineHandler, LineWriter
from .telemetry.observer import Observer

# Bodies of waiting requests may take this share of the memory budget.
_BODIES_SHARE = 16
_FLUSH_SECONDS = 1.0
# What walks artifacts' folders and reads /proc, beside the event loop. They start as they are needed, and stay.
_FILE_THREADS = 4


class Parts(NamedTuple):
    """The assembled server: the service, and the hall that its connections share."""

    service: ModelService
    hall: Hall


def assemble(settings: Settings, events: EventLog, max_connections: int = 1024) -> Parts:
    """Put everything together but for the listening socket."""
    afterwards = Afterwards()
    place = {"EndpointName": settings.endpoint, "VariantName": settings.variant}
    service = ModelService(settings, Observer(events, place), afterwards)
    bodies = BodyMemory(max(settings.memory_bytes // _BODIES_SHARE, 2 * settings.max_request_bytes))
    hall = Hall(
        Routes(service, Invocations(service, settings.max_request_bytes)),
        bodies,
        AccessLog(events if settings.access_log else None),
        afterwards,
        settings.body_seconds,
        max_connections,
    )
    return Parts(service, hall)


def main(arguments: list[str]) -> int:
    """Run the server until SIGTERM. Returns the process's exit code."""
    if arguments != ["serve"]:
        print("usage: serve serve (SageMaker runs the image with the argument 'serve')", file=sys.stderr)
        return 2
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"The server's settings are wrong:\n{error}", file=sys.stderr)
        return 2
    events, log = LineWriter(sys.stdout.fileno()), LineWriter(sys.stderr.fileno())
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[LineHandler(log)],
    )
    service, hall = assemble(settings, EventLog(events), _max_connections())

    async def serve() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_FILE_THREADS, "files"))
        adopt_orphans()  # what a process that died leaves behind is ended here
        service.start()
        try:
            await HttpServer(hall, settings.host, settings.port, settings.stop_seconds).run()
        finally:
            await service.stop()

    try:
        uvloop.run(serve())
    except OSError as error:
        print(f"The server cannot listen on {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        events.flush(_FLUSH_SECONDS)
        log.flush(_FLUSH_SECONDS)
    return 0


def _max_connections() -> int:
    """Raise the limit of file descriptors, whose usual 1024 is low; three quarters of it are for connections, so that
    workers can be replaced and models loaded however many clients there are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard * 3 // 4
