"""Wiring: environment -> settings -> service -> HTTP server."""

import logging
import os
import sys

import uvicorn

from .app import build_app
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
    config = uvicorn.Config(
        build_app(ModelService(settings), settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.stop_seconds),
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1
