"""Wiring: environment -> settings -> service -> HTTP server."""

import logging
import os
import resource
import sys
from typing import NamedTuple

import uvicorn
from starlette.applications import Starlette

from .access_log import AccessLog
from .afterwards import Afterwards
from .app import build_app
from .bodies import BodyReader
from .buffered_connection import BufferedConnection
from .events import EventLog
from .exchange import DirectInvocations
from .http_server import GracefulServer, ServerProtocol
from .invocations import Invocations
from .observer import Observer
from .service import ModelService
from .settings import Settings, SettingsError, read_settings

# Bodies of waiting requests may take this share of the memory budget.
_BODIES_SHARE = 16


class Parts(NamedTuple):
    """The assembled server: the application, and the invocations that go past it."""

    app: Starlette
    invocations: DirectInvocations


def assemble(settings: Settings, events: EventLog) -> Parts:
    """Put everything together but for the HTTP server."""
    afterwards = Afterwards()
    service = ModelService(settings, Observer(events), afterwards)
    invocations = Invocations(service)
    bodies = BodyReader(
        max(settings.memory_bytes // _BODIES_SHARE, 2 * settings.max_request_bytes), settings.body_seconds
    )
    log = AccessLog(events if settings.access_log else None)
    return Parts(
        build_app(service, invocations, bodies, log, settings.max_request_bytes),
        DirectInvocations(invocations, bodies, log, afterwards, settings.max_request_bytes),
    )


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
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    _raise_file_limit()
    app, invocations = assemble(settings, EventLog())

    def connection(*arguments, **named) -> BufferedConnection:
        return BufferedConnection(ServerProtocol(*arguments, invocations=invocations, **named))

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=connection,  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    server = GracefulServer(config)
    server.run()
    return 0 if server.started else 1


def _raise_file_limit() -> None:
    """Each mapped checkpoint and each connection holds a file descriptor; the usual soft limit of 1024 is low."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
