"""The stand-in for every Terraform of this machine's user: a provider of its own for each shim that asks for one."""

import contextlib
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import grpc
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_services
from tf.gen import tfplugin_pb2_grpc as services

from ..access_key import AccessKey
from .clients import ClientPool, require_loopback
from .data_sources import DATA_SOURCES
from .messages import covered_schemas
from .provider import Provider
from .resources import RESOURCES
from .schema import load_schema
from .servicer import Servicer

WORKERS = 32
_HANDSHAKE = "1|6|unix|{}|grpc|\n"
"""go-plugin's: version of the handshake, of Terraform's protocol, network, address, protocol, no certificate."""
_LONGEST_REQUEST = 65536
_REQUEST_TIMEOUT_SECONDS = 10
_GRACE_SECONDS = 5
logger = logging.getLogger(__name__)


class ProviderServer:
    """Serves the stand-in provider until stopped.

    `endpoint_url` is the local AWS (loopback, else ProviderError), `key` what it is called with. Its sockets are in
    `folder`, which no other user can enter. It is a temporary one: a socket's path has at most 107 bytes.
    """

    def __init__(self, endpoint_url: str, key: AccessKey) -> None:
        self.endpoint_url = require_loopback(endpoint_url)
        self.folder = Path(tempfile.mkdtemp(prefix="local-aws-"))
        self._clients = ClientPool(key)
        self._numbers = count(1)
        self._control = socket.socket(socket.AF_UNIX)
        self._is_stopped = False
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start serving; returns when connections are accepted."""
        self._provider = Provider(load_schema(), RESOURCES, DATA_SOURCES)
        self._covered = covered_schemas(self._provider.schema)
        self._control.bind(str(self._socket))
        self._control.listen(128)
        self._begin(self._accept)

    def stop(self) -> None:
        """Stop serving, letting calls in flight finish for 5 s."""
        with self._lock:
            self._is_stopped = True
            connections, threads = list(self._connections), list(self._threads)
        _end(self._control)
        self._control.close()
        for connection in connections:
            _end(connection)
        for thread in threads:
            thread.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """What makes the shim that Terraform starts ask this server."""
        return {
            "LOCAL_AWS_PROVIDER_SOCKET": str(self._socket),
            "LOCAL_AWS_PYTHON": sys.executable,
            # The folder keeps others out. gRPC's TLS does not take the certificates that Terraform makes (P-521).
            "TF_DISABLE_PLUGIN_TLS": "1",
        }

    @property
    def _socket(self) -> Path:
        return self.folder / "control"

    def _begin(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="provider", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._control.accept()
            except OSError:
                return  # stopped
            with self._lock:
                if self._is_stopped:
                    connection.close()
                    return
                self._connections.add(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        """Serve one provider as long as its shim is there and Terraform wants it."""
        try:
            with connection:
                directory = _read_request(connection)
                if directory is not None:
                    self._serve_provider(connection, directory)
        except Exception:  # one shim's end, not everybody's
            logger.exception("the stand-in provider failed")
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())

    def _serve_provider(self, connection: socket.socket, directory: Path) -> None:
        path = self.folder / str(next(self._numbers))
        workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="provider")
        server = grpc.server(
            workers, options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        )
        servicer = Servicer(self._provider, self._covered, self.endpoint_url, self._clients, directory)
        services.add_ProviderServicer_to_server(servicer, server)
        controller_services.add_GRPCControllerServicer_to_server(_Controller(connection), server)
        server.add_insecure_port(f"unix:{path}")
        server.start()
        try:
            with contextlib.suppress(OSError):
                connection.sendall(_HANDSHAKE.format(path).encode())
                connection.recv(1)
        finally:
            _end(connection)
            server.stop(_GRACE_SECONDS).wait()
            workers.shutdown(wait=False)
            path.unlink(missing_ok=True)


class _Controller(controller_services.GRPCControllerServicer):
    """go-plugin's own service: Terraform calls it, and then waits up to 2 s for the process to end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def Shutdown(self, request: Any, context: grpc.ServicerContext) -> Any:
        # With the connection the shim ends.
        context.add_callback(lambda: _end(self._connection))
        return controller.Empty()


def _read_request(connection: socket.socket) -> Path | None:
    """The folder in which a shim runs; None where nothing that makes sense comes in time."""
    connection.settimeout(_REQUEST_TIMEOUT_SECONDS)
    request = b""
    try:
        while not request.endswith(b"\0"):
            piece = connection.recv(_LONGEST_REQUEST)
            if not piece or len(request) > _LONGEST_REQUEST:
                return None
            request += piece
    except OSError:
        return None
    connection.settimeout(None)
    return Path(os.fsdecode(request[:-1]))


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
