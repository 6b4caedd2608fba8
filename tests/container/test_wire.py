"""Frames come out whole however the socket cuts them, and both ends agree on them."""

import itertools
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from container.model_server import wire

INTEGERS = st.integers(-(2**63), 2**64 - 1)
HEADERS = st.dictionaries(st.text(max_size=20), st.none() | st.booleans() | INTEGERS | st.text(), max_size=4)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=5)


def collect(pieces: list[bytes]) -> list[tuple[wire.Header, bytes]]:
    frames: list[tuple[wire.Header, bytes]] = []
    channel = wire.FrameChannel(lambda header, body: frames.append((header, body)), lambda: None)
    for piece in pieces:
        channel.feed(piece)
    return frames


@given(FRAMES, st.lists(st.integers(0, 2000), max_size=12))
def test_frames_come_out_whole_however_they_are_cut(frames, cuts) -> None:
    data = b"".join(wire.pack(header, len(body)) + body for header, body in frames)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    assert collect(pieces) == frames


@given(FRAMES)
def test_a_frame_cut_short_is_not_delivered(frames) -> None:
    data = b"".join(wire.pack(header, len(body)) + body for header, body in frames)
    assert collect([data[:-1]]) == frames[:-1]


@given(HEADERS, st.binary(max_size=300))
def test_a_worker_sends_and_receives_the_same_frame(header, body) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send_blocking(ours, header, body)
        assert wire.receive_blocking(theirs) == (header, body)


def test_a_frame_larger_than_the_socket_takes_at_once() -> None:
    body = bytes(range(256)) * 40_000
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=wire.send_blocking, args=(ours, {"answer": 1}, body))
        sender.start()
        assert wire.receive_blocking(theirs) == ({"answer": 1}, body)
        sender.join()


def test_nobody_to_send_to() -> None:
    channel = wire.FrameChannel(lambda *_: None, lambda: None)
    assert not channel.send({"operation": "invoke"}, b"")
