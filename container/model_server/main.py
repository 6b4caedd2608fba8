"""Wiring: environment -> settings -> service -> HTTP server."""

import logging
import os
import resource
import sys

import uvicorn

from .app import build_app
from .events import EventLog
from .http_server import BoundedProtocol, GracefulServer
from .observer import Observer
from .service import ModelService
from .settings import SettingsError, read_settings


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
    events = EventLog()
    config = uvicorn.Config(
        build_app(ModelService(settings, Observer(events)), settings, events),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedProtocol,
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
