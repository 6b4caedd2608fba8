"""Clients that send slowly, or never to the end, or do not read: all at once, beside one that is served."""

import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.census import MIB, PeakMemory, census, wait_until
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.prober import Prober

_BODY_SECONDS = 4.0
_MEMORY_MIB = 512
_BODY_BYTES = 1 << 20
# Bodies get a sixteenth of the budget; answers that nobody reads, and what a connection itself takes, come on top.
_MOST_MIB = 160
_LONGEST_SECONDS = 1.0
# Until the slow bodies are known to be slow, there may be no memory for another.
_SETTLED_SECONDS = 1.5
_HEAD = b"POST /models/good/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
_BEGUN = _HEAD + b"content-length: %d\r\n\r\n" % _BODY_BYTES
_LARGE_ANSWERS = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n" * 2000


def run(ground: Ground) -> list[Finding]:
    """200 slow-loris, 300 begun bodies, 50 half-open connections, 50 that do not read, at the same time."""
    numbers = {
        "slow-loris": ground.count(200, 60),
        "begun bodies": ground.count(300, 90),
        "half-open": 50,
        "not reading": ground.count(50, 10),
    }
    with ground.serving(memory_mib=_MEMORY_MIB, MODEL_SERVER_BODY_SECONDS=str(_BODY_SECONDS)) as server:
        server.load("good", artifacts.checkpoint(ground.directory / "good"))
        server.invoke("good", artifacts.ROW, "application/json")
        before = census(server.pid)
        with Prober(server, ["good"]) as prober, PeakMemory(server.pid) as peak, contextlib.ExitStack() as stack:
            opened = {
                kind: [stack.enter_context(_connected(server.port)) for _ in range(number)]
                for kind, number in numbers.items()
            }
            seen = _dawdle(opened)
        start = prober.asked[0].started
        late = Counter(asked.status for asked in prober.asked if asked.started > start + _SETTLED_SECONDS)
        complaints = [f"another client: {dict(late)} after the first second"] if late.keys() != {200} else []
        complaints += [] if set(prober.statuses) <= {"200", "503"} else [f"another client: {prober.statuses}"]
        if prober.longest_seconds > _LONGEST_SECONDS:
            complaints.append(f"another client waited {prober.longest_seconds:.1f} s")
        wait_until(lambda: census(server.pid).descriptors <= before.descriptors, 10)
        after = census(server.pid)
    if after.descriptors > before.descriptors or after.threads > before.threads + 1:
        complaints.append(f"left behind: {before} became {after}")
    if peak.grown_bytes > _MOST_MIB * MIB:
        complaints.append(f"memory grew by {peak.grown_bytes / MIB:.0f} MiB")
    if seen["slow-loris"].keys() != {408}:
        complaints.append(f"slow-loris were answered {dict(seen['slow-loris'])}")
    if seen["begun bodies"].keys() - {408, 503}:
        complaints.append(f"begun bodies were answered {dict(seen['begun bodies'])}")
    told = "; ".join(f"{kind}: {dict(sorted(seen[kind].items()))}" for kind in ("slow-loris", "begun bodies"))
    return [
        Finding(
            "at once: " + ", ".join(f"{number} {kind}" for kind, number in numbers.items()),
            f"bounded memory (+{_MOST_MIB} MiB), another client served (each answer < {_LONGEST_SECONDS:g} s; 503 in "
            f"the first {_SETTLED_SECONDS:g} s at most), 408 and 503 as fits, nothing left afterwards",
            f"{told}; memory grew by {peak.grown_bytes / MIB:.0f} MiB at most; another client: {prober.statuses}, the "
            f"longest {prober.longest_seconds * 1000:.0f} ms",
            tuple(complaints),
            {kind: {str(status): count for status, count in seen[kind].items()} for kind in seen},
        )
    ]


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.setblocking(False)
        yield sock


def _dawdle(opened: dict[str, list[socket.socket]]) -> dict[str, Counter[int]]:
    """Send a byte now and then, until the server has answered the slow ones or closed them; their statuses by kind."""
    for sock in opened["begun bodies"]:
        sock.send(_BEGUN)
    for sock in opened["not reading"]:
        with contextlib.suppress(BlockingIOError):
            sock.send(_LARGE_ANSWERS)
    head = _HEAD + b"x: y\r\n" * 100
    seen: dict[str, Counter[int]] = {"slow-loris": Counter(), "begun bodies": Counter()}
    position, deadline = 0, time.monotonic() + 3 * _BODY_SECONDS
    with selectors.DefaultSelector() as selector:
        for kind in seen:
            for sock in opened[kind]:
                selector.register(sock, selectors.EVENT_READ, kind)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(0.05):
                answer = b""
                with contextlib.suppress(OSError):
                    answer = key.fileobj.recv(65536)  # type: ignore[union-attr]
                seen[key.data][int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0] += 1
                selector.unregister(key.fileobj)
            for key in list(selector.get_map().values()):
                with contextlib.suppress(OSError):
                    key.fileobj.send(head[position : position + 1])  # type: ignore[union-attr]
            position += 1
            time.sleep(0.1)
        for key in selector.get_map().values():
            seen[key.data][-1] += 1  # neither answered nor closed
    return seen
