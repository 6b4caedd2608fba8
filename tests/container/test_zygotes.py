"""The handle of a process that forks workers; what it is started with. Real ones are killed in test_workers.py."""

import asyncio
import signal
import socket

import orjson
import pytest

from container.model_server.errors import WorkerCrashed
from container.model_server.hosting.zygotes import Zygote, _engine_environment
from container.model_server.settings import read_settings
from container.model_server.wire import FORK_WORKER


def test_engines_report_to_nobody_and_have_their_threads() -> None:
    environment = _engine_environment(read_settings({"MODEL_SERVER_ENGINE_THREADS": "3"}))
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert environment["OMP_NUM_THREADS"] == "3"


class Bench:
    """A zygote's handle, and the zygote's end of its socket."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ready: list[Zygote] = []
        self.lost: list[Zygote] = []
        self.zygote = Zygote(ours, None, self.ready.append, self.lost.append)

    def say(self, **message: object) -> None:
        self.theirs.send(orjson.dumps(message))

    async def fork(self, pid: int) -> asyncio.Future[int]:
        """Fork a worker: its exit."""
        forking = asyncio.create_task(self.zygote.fork())
        await asyncio.sleep(0)
        what, (descriptor,), _, _ = await asyncio.to_thread(socket.recv_fds, self.theirs, 1, 1)
        assert what == FORK_WORKER
        socket.socket(fileno=descriptor).close()
        self.say(pid=pid)
        found, sock, exited = await forking
        sock.close()
        assert found == pid
        return exited


def test_workers_end_with_their_zygote() -> None:
    """Nobody else would report them: they would count as alive for ever."""

    async def run() -> None:
        bench = Bench()
        bench.say(ready=7)
        first, second = await bench.fork(11), await bench.fork(12)
        bench.say(exited=11, status=3)
        assert await first == 3
        bench.theirs.close()
        assert await second == -signal.SIGKILL
        assert (bench.zygote.pid, bench.ready, bench.lost) == (7, [bench.zygote], [bench.zygote])
        with pytest.raises(WorkerCrashed):
            await bench.zygote.fork()

    asyncio.run(run())


def test_who_waits_for_a_zygote_that_never_gets_ready_is_told() -> None:
    async def run() -> None:
        bench = Bench()
        forking = asyncio.create_task(bench.zygote.fork())
        await asyncio.sleep(0)
        bench.theirs.close()
        with pytest.raises(WorkerCrashed):
            await forking

    asyncio.run(run())
