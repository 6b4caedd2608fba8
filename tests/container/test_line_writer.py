"""A reader of the log lines that is slow, or absent, delays nobody; lost lines are counted."""

import os

from container.model_server.telemetry.line_writer import LineWriter
from tests.container.clients import wait_for


def test_lines_arrive_in_order() -> None:
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    for number in range(1000):
        writer.write(b"%d\n" % number)
    writer.flush(10)
    os.close(descriptor)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"".join(b"%d\n" % number for number in range(1000))
    assert writer.dropped == 0


def test_what_is_not_read_is_dropped_whole_and_counted() -> None:
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor, max_waiting_bytes=10_000)
    line = b"x" * 999 + b"\n"
    for _ in range(1000):
        writer.write(line)
    assert writer.dropped > 0
    writer.flush(0.05)  # comes back though nothing is read
    received = b""
    while len(received) < (1000 - writer.dropped) * len(line):
        received += os.read(reader, 65536)
    writer.write(b"last\n")
    writer.flush(10)
    os.close(descriptor)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"last\n"
    assert received == line * (1000 - writer.dropped)


def test_a_closed_reader_costs_lines_only() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = LineWriter(descriptor)
    writer.write(b"first\n")
    writer.flush(10)
    writer.write(b"second\n")
    wait_for(lambda: writer.dropped == 2, "both are counted")
    writer.flush(10)
    os.close(descriptor)
