"""The process that workers are forked from, and its standby, as the front process sees them.

Importing the engines takes seconds. So the zygote forks a standby, a twin that has imported them too and shares its
memory: when the zygote dies, the standby takes its place, and forks the next standby.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from ..errors import WorkerCrashed
from ..memory import anonymous_bytes, private_bytes
from ..process_tree import adopts_orphans, children, end_child
from ..settings import Settings
from ..wire import FORK_STANDBY, FORK_WORKER
from .background import Background

START_SECONDS = 120.0
"""How long the engines' import may take, and the start of a worker."""

_PACKAGE_ROOT = Path(__file__).resolve().parents[len(__package__.split("."))]
_ZYGOTE = f"{__package__.rpartition('.')[0]}.worker.zygote"
_STOP_SECONDS = 5.0
_RETRY_SECONDS = 1.0
# The children of a process that is killed are orphans a moment after its sockets are closed.
_ORPHANS_SECONDS = 1.0
_ORPHANS_PERIOD_SECONDS = 0.02
_STDERR = 2
_SOCKET_BYTES = 1024 * 1024
_DIED = "the process that workers are forked from died"


class Zygote:
    """One process that forks workers.

    Args:
        control: this side of its socket.
        pid: where it is known already; None for a standby, which says it when it is ready.
        ready: called when it can fork.
        lost: called when it is gone.
    """

    def __init__(
        self,
        control: socket.socket,
        pid: int | None,
        ready: Callable[["Zygote"], None],
        lost: Callable[["Zygote"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pid = pid
        self.ended: asyncio.Future[None] = loop.create_future()
        self._control = control
        self._on_ready = ready
        self._on_lost = lost
        self._ready = asyncio.Event()
        self._forked: asyncio.Queue[int] = asyncio.Queue()
        self._exits: dict[int, asyncio.Future[int]] = {}
        control.setblocking(False)
        loop.add_reader(control, self._on_message)

    async def fork(self) -> tuple[int, socket.socket, asyncio.Future[int]]:
        """Fork a worker; returns its pid, this side of its socket, and what will be its exit code. One call at a time.

        Raises WorkerCrashed when the zygote dies over it, TimeoutError.
        """
        await asyncio.wait_for(self._ready.wait(), START_SECONDS)
        ours, theirs = socket.socketpair()
        try:
            for end in (ours, theirs):
                # As large as the system allows: a whole photograph fits, and is handed over without waiting.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            with theirs:
                self.ask(FORK_WORKER, theirs)
            ours.setblocking(False)
            pid = await asyncio.wait_for(self._forked.get(), START_SECONDS)
            if pid < 0:
                raise WorkerCrashed(_DIED)
        except BaseException:
            ours.close()
            raise
        return pid, ours, self._exits[pid]

    def ask(self, what: bytes, theirs: socket.socket) -> None:
        """Ask for a process that gets this socket. Raises WorkerCrashed."""
        if self.ended.done():
            raise WorkerCrashed(_DIED)
        try:
            socket.send_fds(self._control, [what], [theirs.fileno()])
        except ConnectionError as error:
            raise WorkerCrashed(_DIED) from error

    def leave(self) -> None:
        """Have it end, and its workers with it."""
        if not self.ended.done():
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)

    def _on_message(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.lost()
            return
        message = orjson.loads(data)
        if "ready" in message:
            self.pid = message["ready"]
            self._ready.set()
            self._on_ready(self)
        elif "pid" in message:
            self._exits[message["pid"]] = asyncio.get_running_loop().create_future()
            self._forked.put_nowait(message["pid"])
        else:
            self._exited(message["exited"], message["status"])

    def lost(self) -> None:
        """It died. The kernel kills the workers together with it; nobody else would report them."""
        if self.ended.done():
            return
        self.ended.set_result(None)
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._forked.put_nowait(-1)
        self._ready.set()
        for pid in list(self._exits):
            self._exited(pid, -signal.SIGKILL)
        self._on_lost(self)

    def _exited(self, pid: int, status: int) -> None:
        future = self._exits.pop(pid, None)
        if future is not None and not future.done():
            future.set_result(status)


class Zygotes:
    """The zygote, started when it is first needed, and its standby."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._active: Zygote | None = None
        self._standby: Zygote | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._lock = asyncio.Lock()
        self._background = Background()
        self._stopping = False

    async def fork(self) -> tuple[int, socket.socket, asyncio.Future[int]]:
        """As `Zygote.fork`; starts a zygote where none runs."""
        async with self._lock:
            if self._active is None:
                self._active = self._start()
            return await self._active.fork()

    def memory_bytes(self) -> int:
        """What both hold: what the zygote shares with its forks is its own."""
        total = 0
        for zygote, held_bytes in ((self._active, anonymous_bytes), (self._standby, private_bytes)):
            if zygote is not None and zygote.pid is not None:
                with contextlib.suppress(OSError):  # it is gone
                    total += held_bytes(zygote.pid)
        return total

    async def stop(self) -> None:
        """End both; the workers end with them."""
        self._stopping = True
        for zygote in (self._standby, self._active):
            if zygote is None:
                continue
            zygote.leave()
            try:
                await asyncio.wait_for(asyncio.shield(zygote.ended), _STOP_SECONDS)
            except TimeoutError:
                if zygote.pid is not None:
                    end_child(zygote.pid)
        await self._background.stop()
        if self._started is not None:
            await asyncio.to_thread(self._started.wait)

    def _start(self) -> Zygote:
        """Start a process that imports the engines."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join([str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self._started = subprocess.Popen(
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
        return Zygote(ours, self._started.pid, self._on_ready, self._on_lost)

    def _on_ready(self, zygote: Zygote) -> None:
        if zygote is self._active:
            self._make_standby()

    def _make_standby(self) -> None:
        """Have the zygote fork a standby, where there is none."""
        if self._stopping or self._active is None or self._standby is not None:
            return
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError:  # no descriptor is left
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._make_standby)
            return
        self._standby = standby = Zygote(ours, None, self._on_ready, self._on_lost)
        with theirs:
            try:
                self._active.ask(FORK_STANDBY, theirs)
            except (WorkerCrashed, OSError):
                standby.lost()

    def _on_lost(self, zygote: Zygote) -> None:
        if zygote is self._standby:
            self._standby = None
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._make_standby)
        elif zygote is self._active:
            self._active, self._standby = self._standby, None
            self._make_standby()
        if not self._stopping:
            self._background.spawn(self._end_orphans())

    async def _end_orphans(self) -> None:
        """End what a zygote left behind: its workers, on their way out, and children of artifacts' code.

        They are this process's children now, if it adopts orphans: then it has no other children than zygotes.
        """
        deadline = time.monotonic() + _ORPHANS_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(_ORPHANS_PERIOD_SECONDS)
            if self._started is not None:
                self._started.poll()
            ours = [zygote for zygote in (self._active, self._standby) if zygote is not None]
            if not adopts_orphans() or any(zygote.pid is None for zygote in ours):
                continue  # one whose pid is not known yet may be among the children
            for orphan in set(children()) - {zygote.pid for zygote in ours}:
                end_child(orphan)


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
