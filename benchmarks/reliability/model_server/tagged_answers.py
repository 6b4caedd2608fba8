"""Many requests over few connections, each with an answer that only it can have, while workers are killed."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.census import workers
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.server.server_process import ServerProcess

_CONNECTIONS = 50
_AHEAD = 4
_SECONDS_BETWEEN_KILLS = 0.25
_ANSWER_SECONDS = 60.0
# 500: the request that a killed worker was answering. 503: no worker took it in time.
_STATUSES = {200, 500, 503}


@dataclass
class _Seen:
    statuses: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


def run(ground: Ground) -> list[Finding]:
    """40,000 requests over 50 connections, workers killed meanwhile."""
    count = ground.count(40_000, 2_000)
    with ground.serving() as server:
        _load(server, ground.directory)
        stop = threading.Event()
        killed: list[int] = []
        killer = threading.Thread(target=_kill, args=(server.pid, ground.chance("kills"), stop, killed))
        killer.start()
        start = time.monotonic()
        seen = _Seen()
        try:
            asyncio.run(_ask_all(server.port, count, ground, seen))
        finally:
            stop.set()
            killer.join()
        seconds = time.monotonic() - start
        if server.request("GET", "/ping")[0] != 200:
            seen.complaints.append("the server is not healthy afterwards")
    failed = sum(seen.statuses.values()) - seen.statuses[200]
    if seen.statuses[500] > len(killed):
        seen.complaints.append(f"{seen.statuses[500]} requests failed over {len(killed)} kills")
    if sum(seen.statuses.values()) != count:
        seen.complaints.append(f"{sum(seen.statuses.values())} of {count} requests were answered")
    return [
        Finding(
            f"{count:,} requests with tagged answers over {_CONNECTIONS} connections, up to {_AHEAD} ahead on each, "
            f"a worker killed every {_SECONDS_BETWEEN_KILLS:g} s",
            "every answer belongs to its request; of a killed worker the request that it was answering fails, no other",
            f"{len(killed)} workers killed, {failed} requests failed, {len(seen.complaints)} violations; "
            f"{count / seconds:,.0f} requests/s",
            tuple(seen.complaints[:20]),
            {
                "killed": len(killed),
                "statuses": {str(status): number for status, number in sorted(seen.statuses.items())},
                "seconds": round(seconds, 1),
            },
        )
    ]


def _load(server: ServerProcess, directory: Path) -> None:
    echo, double = artifacts.code(directory / "echo", artifacts.ECHO), artifacts.doubling(directory / "double")
    for number in range(3):
        server.load(f"echo{number}", echo)
        server.load(f"double{number}", double)


def _kill(pid: int, chance: random.Random, stop: threading.Event, killed: list[int]) -> None:
    while not stop.wait(_SECONDS_BETWEEN_KILLS):
        found = workers(pid)
        if found:
            victim = chance.choice(found)
            victim.kill()
            killed.append(victim.pid)


async def _ask_all(port: int, count: int, ground: Ground, seen: _Seen) -> None:
    share = [range(connection, count, _CONNECTIONS) for connection in range(_CONNECTIONS)]
    await asyncio.gather(
        *(_ask(port, numbers, ground.chance(connection), seen) for connection, numbers in enumerate(share))
    )


async def _ask(port: int, numbers: range, chance: random.Random, seen: _Seen) -> None:
    """Ask over one connection, some requests ahead of their answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waiting = list(numbers)
    try:
        while waiting:
            ahead = waiting[: chance.randint(1, _AHEAD)]
            waiting = waiting[len(ahead) :]
            made = [_request(number, chance) for number in ahead]
            writer.write(b"".join(data for data, _ in made))
            for number, (_, expected) in zip(ahead, made, strict=True):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    status, body = await _answer(reader)
                seen.statuses[status] += 1
                if status not in _STATUSES:
                    seen.complaints.append(f"request {number}: status {status}: {body[:100]!r}")
                elif status == 200 and not _is_right(body, expected):
                    seen.complaints.append(f"request {number}: not its answer: {body[:60]!r}")
                elif status != 200 and (b"Traceback" in body or json.loads(body)["code"] != status):
                    seen.complaints.append(f"request {number}: not an error as they are worded: {body[:100]!r}")
    except (OSError, EOFError, TimeoutError) as error:
        seen.complaints.append(f"a connection broke off: {error!r}")
    finally:
        writer.close()


def _request(number: int, chance: random.Random) -> tuple[bytes, bytes | list[float]]:
    """A request's bytes, and what its answer is: the body of an echo, or the numbers of a network."""
    expected: bytes | list[float]
    if chance.random() < 0.5:
        body = b"tag-%d-" % number + b"x" * chance.choice((0, 10, 1000, 60_000))
        expected, model, kind = body, "echo", "text/csv"
    else:
        row = [number % 2**20, number % 7, number % 11, 1]
        body, model, kind = json.dumps([row]).encode(), "double", "application/json"
        expected = [2.0 * value for value in row]
    head = (
        f"POST /models/{model}{chance.randrange(3)}/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
        f"accept: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body, expected


def _is_right(body: bytes, expected: bytes | list[float]) -> bool:
    if isinstance(expected, bytes):
        return body == expected
    return json.loads(body)["outputs"] == [expected]


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.lower().split(b"\r\n")
    (length,) = (int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    return int(first.split()[1]), await reader.readexactly(length)
