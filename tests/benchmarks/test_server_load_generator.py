import socketserver
import threading

import pytest

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.load_generator import AnswerReader, generate_load, model_invocation, request_bytes

BODY = b"x" * 300_000


class Answering(socketserver.StreamRequestHandler):
    """Answers every second request with 503; remembers what it was sent."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) != b"\r\n":
                name, value = header.split(b":", 1)
                if name.lower() == b"content-length":
                    length = int(value)
            with self.server.guard:
                self.server.seen.append((line.strip(), self.rfile.read(length)))
                status = b"200 OK" if len(self.server.seen) % 2 else b"503 Busy"
            if self.server.closes:
                return
            self.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 3\r\n\r\n")
            self.wfile.flush()
            self.wfile.write(b"yes")


class AnsweringServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, closes: bool) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.seen: list[tuple[bytes, bytes]] = []
        self.guard = threading.Lock()
        self.closes = closes


@pytest.fixture
def server(request):
    with AnsweringServer(closes=getattr(request, "param", False)) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_every_request_is_whole_and_counted(server):
    port = server.server_address[1]
    load = generate_load(port, request_bytes(model_invocation("m", BODY, "image/jpeg"), port), clients=3, seconds=0.3)
    assert len(load.latencies_seconds) == len(server.seen) >= 3
    assert load.failures == len(server.seen) // 2
    assert set(server.seen) == {(b"POST /models/m/invoke HTTP/1.1", BODY)}
    assert all(0 < latency <= load.wall_seconds for latency in load.latencies_seconds)
    assert load.wall_seconds >= 0.3
    assert load.requests_per_second == pytest.approx(len(server.seen) / load.wall_seconds)


@pytest.mark.parametrize("server", [True], indirect=True)
def test_a_closed_connection_stops_the_run(server):
    port = server.server_address[1]
    with pytest.raises(BenchmarkError, match="closed a connection"):
        generate_load(port, request_bytes(model_invocation("m", b"", "image/jpeg"), port), clients=1, seconds=5)


def test_an_answer_is_read_from_any_pieces():
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
    reader = AnswerReader()
    pieces = [answer[position : position + 1] for position in range(len(answer))]
    assert [reader.feed(piece) for piece in pieces] == [False] * (len(answer) - 1) + [True]
    assert reader.status == 404


def test_an_answer_without_a_length_is_refused():
    with pytest.raises(BenchmarkError, match="Content-Length"):
        AnswerReader().feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
