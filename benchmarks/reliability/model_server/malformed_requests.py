"""Requests that are no requests: smuggled, pipelined, cut anywhere, damaged."""

import random
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from benchmarks.reliability.model_server import artifacts
from benchmarks.reliability.model_server.census import census, workers
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.raw_http import NotAnAnswer, answers, exchange
from benchmarks.server.server_process import ServerProcess

CONTRACT = frozenset({200, 400, 404, 405, 406, 408, 409, 413, 415, 431, 501, 503, 505, 507})
"""What a request may be answered with while nothing crashes."""
_CLIENTS = 8
_TAG = re.compile(rb"tag-(\d+)-")
_SMUGGLED = b"smuggled-"
_TARGET = b"POST /models/echo/invoke HTTP/1.1\r\n"
_FIELDS = b"host: x\r\ncontent-type: text/csv\r\naccept: text/csv\r\n"


class Case(NamedTuple):
    """What goes over one connection.

    `echoed`: the bodies that have to come back, in this order, before anything else. `kind` names how it was made.
    """

    kind: str
    data: bytes
    echoed: tuple[bytes, ...] = ()


def run(ground: Ground) -> list[Finding]:
    """10,000 malformed requests."""
    count = ground.count(10_000, 400)
    folder = artifacts.code(ground.directory / "echo", artifacts.ECHO)
    with ground.serving() as server:
        server.load("echo", folder)
        server.invoke("echo", b"x", "text/csv")
        before = {worker.pid for worker in workers(server.pid)}
        kinds: Counter[str] = Counter()
        statuses: Counter[int] = Counter()
        complaints: list[str] = []
        with ThreadPoolExecutor(_CLIENTS) as pool:
            for case, seen, complaint in pool.map(lambda number: _send(server, ground, number), range(count)):
                kinds[case.kind] += 1
                statuses.update(seen)
                complaints += complaint
        if not before <= {worker.pid for worker in workers(server.pid)}:
            complaints.append("a worker was replaced")
        if server.request("GET", "/ping")[0] != 200 or census(server.pid).zombies:
            complaints.append("the server is not healthy afterwards")
        if b"Traceback" in server.log_path.read_bytes():
            complaints.append("the server's log has a traceback")
    answered = ", ".join(f"{statuses[status]} x {status}" for status in sorted(statuses))
    return [
        Finding(
            f"{count:,} malformed requests: {', '.join(sorted(kinds))}",
            "no crash, no smuggled request answered, no answer to another's request, no status outside the contract, "
            "no traceback in a body or in the log",
            f"{len(complaints)} violations; answers: {answered}",
            tuple(complaints[:20]),
            {"kinds": dict(kinds), "statuses": {str(status): statuses[status] for status in sorted(statuses)}},
        )
    ]


def _send(server: ServerProcess, ground: Ground, number: int) -> tuple[Case, list[int], list[str]]:
    chance = ground.chance(f"malformed {number}")
    case = malformed(chance, number)
    cut = sorted(chance.sample(range(1, len(case.data)), min(chance.choice((0, 0, 1, 3)), len(case.data) - 1)))
    pieces = [case.data[start:end] for start, end in zip([0, *cut], [*cut, len(case.data)], strict=True)]
    where = f"case {number} ({case.kind})"
    try:
        found = answers(exchange(server.port, pieces))
    except (NotAnAnswer, OSError) as error:
        return case, [], [f"{where}: {error}"]
    complaints = []
    for answer in found:
        if answer.status not in CONTRACT:
            complaints.append(f"{where}: status {answer.status}: {answer.body[:100]!r}")
        if b"Traceback" in answer.body:
            complaints.append(f"{where}: a traceback in the body")
        if answer.status == 404 and _SMUGGLED in answer.body:
            complaints.append(f"{where}: the smuggled request was answered")
        if any(int(tag) != number for tag in _TAG.findall(answer.body)):
            complaints.append(f"{where}: the answer to another's request")
    bodies = tuple(answer.body for answer in found[: len(case.echoed)] if answer.status == 200)
    if bodies != case.echoed:
        complaints.append(f"{where}: {len(case.echoed)} good requests came first, {len(bodies)} were answered")
    return case, [answer.status for answer in found], complaints


def malformed(chance: random.Random, number: int) -> Case:
    """The case of this number."""
    return chance.choice(_KINDS)(
        chance, b"tag-%d-" % number, b"GET /models/%s%d HTTP/1.1\r\n\r\n" % (_SMUGGLED, number)
    )


def _good(body: bytes) -> bytes:
    return _TARGET + _FIELDS + b"content-length: %d\r\n\r\n" % len(body) + body


def _two_lengths(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(tag), tag)
    body = chance.choice((chunked + inner, b"0\r\n\r\n" + inner, inner))
    length = chance.choice((len(body), len(chunked), 4, 0))
    fields = [b"content-length: %d\r\n" % length, chance.choice(_CODINGS) + b"\r\n"]
    chance.shuffle(fields)
    return Case("Content-Length with Transfer-Encoding", _TARGET + _FIELDS + b"".join(fields) + b"\r\n" + body)


_CODINGS = (
    b"transfer-encoding: chunked",
    b"Transfer-Encoding:chunked",
    b"transfer-encoding:\tchunked",
    b"transfer-encoding: ChUnKeD",
    b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
    b"transfer-encoding: identity\r\ntransfer-encoding: chunked",
)


def _coding(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    field = chance.choice(
        (
            b"transfer-encoding: identity, chunked",
            b"transfer-encoding: chunked, chunked",
            b"transfer-encoding: xchunked",
            b"transfer-encoding: gzip",
            b"transfer-encoding : chunked",
            b" transfer-encoding: chunked",
            b"transfer-encoding:\x0bchunked",
            b"transfer-encoding: chunked\x00",
            b"transfer-encoding:\r\n chunked, x",
            b'transfer-encoding: "chunked"',
        )
    )
    return Case("odd Transfer-Encoding", _TARGET + _FIELDS + field + b"\r\n\r\n0\r\n\r\n" + inner)


def _length(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    value = chance.choice(
        (b"+4", b"-1", b"4, 4", b"0x4", b"4 4", b"", b"four", b"4.0", b"\xb2", b"9" * 30, b"4\r\ncontent-length: 5")
    )
    return Case("odd Content-Length", _TARGET + _FIELDS + b"content-length: " + value + b"\r\n\r\n" + tag + inner)


def _chunks(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    body = chance.choice(
        (
            b"-1\r\n" + tag,
            b"ffffffffffffffff\r\n" + tag,
            b"7fffffff\r\n" + tag,
            b"0x5\r\n" + tag,
            b"2\r\n" + tag + b"\r\n0\r\n\r\n",
            b"%x\n%s\n0\n\n" % (len(tag), tag),
            b"5;" + b"x" * 2000 + b"\r\n" + tag,
            b"\r\n0\r\n\r\n",
            b"5 5\r\n" + tag,
            b"1\rx\r\n" + tag,
        )
    )
    return Case("malformed chunks", _TARGET + _FIELDS + b"transfer-encoding: chunked\r\n\r\n" + body + b"\r\n" + inner)


def _cut(chance: random.Random, tag: bytes, _: bytes) -> Case:
    whole = _good(tag)
    size = chance.randrange(1, len(whole))
    return Case("cut off", whole[:size])


def _flipped(chance: random.Random, tag: bytes, _: bytes) -> Case:
    head = bytearray(_TARGET + _FIELDS + b"content-length: %d\r\n" % len(tag))
    for _number in range(chance.randint(1, 4)):
        head[chance.randrange(len(head))] ^= 1 << chance.randrange(8)
    return Case("bits flipped in the head", bytes(head) + b"\r\n" + tag)


def _pipelined(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    bodies = tuple(tag + b"%d" % number for number in range(chance.randint(1, 5)))
    bad = chance.choice(_KINDS[:-1])(chance, tag, inner)
    return Case("pipelined behind good ones", b"".join(map(_good, bodies)) + bad.data, bodies)


def _garbage(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    data = chance.choice(
        (
            chance.randbytes(chance.randint(1, 3000)),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(200),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /ping\r\n\r\n" + inner,
            b"GET /ping HTTP/9.9\r\n\r\n" + inner,
            b"GET http://[::1 HTTP/1.1\r\n\r\n" + inner,
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"GET /ping HTTP/1.1\r\n" + b"x: y\r\n" * 12_000 + b"\r\n" + inner,
            b"GET /models/%00%ff%2e%2e/ HTTP/1.1\r\nconnection: close\r\n\r\n",
            b"GET /models?limit=%d&next_page_token=%%ff HTTP/1.1\r\nconnection: close\r\n\r\n" % chance.getrandbits(70),
            b"POST /models HTTP/1.1\r\ncontent-length: 9\r\nconnection: close\r\n\r\n[[[[[[[[[",
        )
    )
    return Case("garbage", data)


def _fields(chance: random.Random, tag: bytes, inner: bytes) -> Case:
    field = chance.choice(
        (
            b"content-length : 4",
            b"content-length\x00: 4",
            b"\x00: x",
            b": x",
            b"x",
            b"x: a\x00b",
            b"x: a\rb",
            b"x y: z",
            b"x: a\r\n\tcontent-length: 4",
        )
    )
    return Case("odd fields", _TARGET + field + b"\r\n" + _FIELDS + b"connection: close\r\n\r\n" + inner)


_KINDS: tuple[Callable[[random.Random, bytes, bytes], Case], ...] = (
    _two_lengths,
    _coding,
    _length,
    _chunks,
    _cut,
    _flipped,
    _garbage,
    _fields,
    _pipelined,
)
