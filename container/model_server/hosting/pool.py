"""The worker processes as the front process sees them: start, call, watch, replace."""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from .. import wire
from ..errors import ServerError, WorkerCrashed
from ..settings import Settings

_PACKAGE_ROOT = Path(__file__).resolve().parents[len(__package__.split("."))]
_ZYGOTE = f"{__package__.rpartition('.')[0]}.worker.zygote"
_START_SECONDS = 120.0
# How long a process whose socket closed may take to end. A crash takes milliseconds.
_EXIT_SECONDS = 1.0
_STDERR = 2
_log = logging.getLogger(__name__)
_SOCKET_BYTES = 1024 * 1024

# A worker's frame in reply to a call: its header and its body.
Reply = tuple[wire.Header, bytes]
# Takes what came of a call: the answer, or the error.
Done = Callable[[Reply | Exception], None]


class Zygote:
    """Handle of the process that forks workers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._forked: asyncio.Queue[int] = asyncio.Queue()
        self._ready = asyncio.Event()
        self._lock = asyncio.Lock()
        self._exits: dict[int, asyncio.Future[int]] = {}

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def fork(self) -> tuple[int, socket.socket, asyncio.Future[int]]:
        """Fork a worker; returns its pid, this side of its socket, and what will be its exit code.

        Starts the zygote where none runs. Raises WorkerCrashed when the zygote dies over it.
        """
        async with self._lock:
            if self._process is None or self._process.poll() is not None:
                await self._start()
            await asyncio.wait_for(self._ready.wait(), _START_SECONDS)
            ours, theirs = socket.socketpair()
            for end in (ours, theirs):
                # As large as the system allows: a whole photograph fits, and is handed over without waiting.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            with theirs:
                if self._control is None:
                    raise WorkerCrashed("the process that workers are forked from died")
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            ours.setblocking(False)
            pid = await asyncio.wait_for(self._forked.get(), _START_SECONDS)
            if pid < 0:
                ours.close()
                raise WorkerCrashed("the process that workers are forked from died")
            return pid, ours, self._exits[pid]

    async def _start(self) -> None:
        self._lost()  # its end may be seen here first
        self._ready.clear()
        self._forked = asyncio.Queue()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        path = os.pathsep.join([str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _ZYGOTE, str(theirs.fileno()), self._settings.model_dump_json()],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # What artifacts' code prints must not land inside the JSON lines that this process writes to stdout.
                stdout=_STDERR,
                env={
                    **os.environ,
                    **_engine_environment(self._settings),
                    "PYTHONPATH": path,
                    # Python keeps what is printed to anything but a terminal, and a worker that is ended loses it.
                    "PYTHONUNBUFFERED": "1",
                },
            )
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._on_message)

    def _on_message(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._lost()
            return
        message = orjson.loads(data)
        if "ready" in message:
            self._ready.set()
        elif "pid" in message:
            self._exits[message["pid"]] = asyncio.get_running_loop().create_future()
            self._forked.put_nowait(message["pid"])
        else:
            self._exited(message["exited"], message["status"])

    def _lost(self) -> None:
        """It died. The kernel kills the workers together with it; nobody else would report them."""
        self._close_control()
        self._forked.put_nowait(-1)
        self._ready.set()
        for pid in list(self._exits):
            self._exited(pid, -signal.SIGKILL)

    def _exited(self, pid: int, status: int) -> None:
        future = self._exits.pop(pid, None)
        if future is not None and not future.done():
            future.set_result(status)

    def _close_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None

    async def stop(self) -> None:
        """End the zygote; its workers end with it."""
        self._close_control()
        if self._process is not None:
            process = self._process
            try:
                await asyncio.to_thread(process.wait, 5)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)


class WorkerProcess:
    """One worker process: one call at a time."""

    def __init__(self, pid: int, exited: asyncio.Future[int]) -> None:
        self.pid = pid
        self.exited = exited
        self.private_bytes = 0
        self.descendants_bytes = 0
        self._frames = wire.FrameChannel(self._on_frame, self._on_lost)
        # Answers carry their request's number: one that nobody asked for, or too late, is nobody's answer.
        self._number = 0
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None

    @staticmethod
    async def start(zygote: Zygote) -> "WorkerProcess":
        """Fork a worker and wait until it is ready. Raises WorkerCrashed, TimeoutError."""
        pid, sock, exited = await zygote.fork()
        worker = WorkerProcess(pid, exited)
        ready: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        worker._expect(_START_SECONDS, functools.partial(settle, ready))
        worker._frames.open(sock)
        await ready
        return worker

    def call(
        self,
        header: wire.Header,
        body: wire.Body,
        timeout_seconds: float,
        done: Done,
    ) -> None:
        """Send one request; `done` is called, later, with what comes of it.

        That is the answer; the ServerError the worker answered; WorkerCrashed when it died; TimeoutError when it takes
        longer than it may (the worker is then still busy and has to be killed).
        """
        self._number += 1
        self._expect(timeout_seconds, done)
        if not self._frames.send({**header, "number": self._number}, body):
            asyncio.get_running_loop().call_soon(self._on_lost)

    def _expect(self, timeout_seconds: float, done: Done) -> None:
        if self._done is not None:
            raise RuntimeError(f"worker {self.pid} was called while it was answering")
        self._done = done
        self._timer = asyncio.get_running_loop().call_later(timeout_seconds, self._finish, TimeoutError())

    def _on_frame(self, header: wire.Header, body: bytes) -> None:
        if header.get("number") != self._number:
            _log.error("worker %d sent a frame that nobody asked for; it is ignored", self.pid)
            return
        if "private_bytes" in header:
            self.private_bytes = int(header["private_bytes"])  # type: ignore[call-overload]
        if "error" in header:
            self._finish(ServerError.of_wire(header))
        else:
            self._finish((header, body))

    def _on_lost(self) -> None:
        self._finish(WorkerCrashed("the worker process died while it worked on this request"))

    def _finish(self, outcome: Reply | Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
        done, self._done, self._timer = self._done, None, None
        if done is not None:
            done(outcome)

    async def status(self) -> int | None:
        """The exit code (negative: the signal) of a process whose socket closed; None when it does not end."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.exited), _EXIT_SECONDS)
        except TimeoutError:
            return None

    def kill(self) -> None:
        """End the process at once; its pending call sees WorkerCrashed."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the socket: a pending call sees WorkerCrashed, and an idle worker ends by itself."""
        self._frames.close()


def settle(future: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    """End a future with what a call came to."""
    if future.done():
        return  # the task that waited for it was cancelled
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _engine_environment(settings: Settings) -> dict[str, str]:
    threads = str(settings.engine_threads)
    return {
        "OMP_NUM_THREADS": threads,
        # ONNX Runtime reports usage to its maker unless told otherwise.
        "ORT_DISABLE_TELEMETRY": "1",
        # Threads that wait must not spin: other workers need the core.
        "OMP_WAIT_POLICY": "PASSIVE",
        # The worker runs one request at a time: MXNet's own scheduler threads would only pass it around.
        "MXNET_ENGINE_TYPE": "NaiveEngine",
        "MXNET_SUBGRAPH_VERBOSE": "0",
        # ONNX Runtime without its arena allocates its activations again for each request. Mapped one by one, or given
        # back to the system each time, they cost a page fault every 4 KiB: a third of SqueezeNet's time. So they
        # stay in the heap, for all models of the worker; an unload trims it.
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
        "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
    }
