"""The least that two processes take for a request: plain sockets, no HTTP beyond a length, no application.

`python -m benchmarks.server.bare_server PORT`: one process takes each request from its connection and hands the body to
another, which works for WORK_SECONDS and gives back an answer as long as a classifier's. What a client waits beyond
that work is what the kernel's sockets and the waking of processes cost on the machine, to any server built like ours.
"""

import os
import re
import socket
import sys
import time
from pathlib import Path

from .server_process import ServerProcess, free_port

WORK_SECONDS = 0.015
_ROOT = Path(__file__).resolve().parents[2]
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + bytes(20_000)
_PONG = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BUFFER_BYTES = 1 << 20


def bare_server(directory: Path) -> ServerProcess:
    """The server on a free loopback port; not started yet. `directory`: its working directory and log."""
    port = free_port()
    return ServerProcess(
        "bare sockets", [sys.executable, "-m", __name__, str(port)], {"PYTHONPATH": str(_ROOT)}, directory, port
    )


def _work(front: socket.socket) -> None:
    buffer = bytearray(_BUFFER_BYTES)
    while received := front.recv_into(buffer):
        size = int.from_bytes(buffer[:8], "little")
        while received < size:
            received += front.recv_into(memoryview(buffer)[received:])
        end = time.perf_counter() + WORK_SECONDS
        while time.perf_counter() < end:
            pass
        front.sendall(_ANSWER)


def _serve(connection: socket.socket, worker: socket.socket) -> None:
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    while received := connection.recv_into(view[8:]):
        head_end = buffer.index(b"\r\n\r\n") + 4
        length = re.search(rb"Content-Length: (\d+)", buffer[8:head_end])
        if length is None:
            connection.sendall(_PONG)
            return
        end = head_end + int(length[1])
        while received + 8 < end:
            received += connection.recv_into(view[8 + received :])
        buffer[:8] = end.to_bytes(8, "little")
        worker.sendall(view[:end])
        answer = 0
        while answer < len(_ANSWER):
            piece = worker.recv(_BUFFER_BYTES)
            connection.sendall(piece)
            answer += len(piece)


def main() -> None:
    """Serve one connection after another until the process is killed."""
    front, worker = socket.socketpair()
    if os.fork() == 0:
        front.close()
        _work(worker)
        return
    worker.close()
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve(connection, front)


if __name__ == "__main__":
    main()
