"""Writes lines to a file descriptor from a thread of its own, so that nobody waits for who reads them, or does not."""

import logging
import os
import threading
import time
from collections import deque

_MAX_WAITING_BYTES = 1024 * 1024
# Lines gather for so long: a thread that woke for each would cost the event loop as much as a request does.
_GATHER_SECONDS = 0.02


class LineWriter:
    """A bounded buffer in front of a descriptor.

    Lines that find it full, or the descriptor closed, are dropped whole and counted.
    """

    def __init__(self, descriptor: int, max_waiting_bytes: int = _MAX_WAITING_BYTES) -> None:
        self._descriptor = descriptor
        self._max_waiting_bytes = max_waiting_bytes
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._dropped = 0
        self._is_idle = False
        self._is_urgent = threading.Event()
        threading.Thread(target=self._write_all, name=f"writer of descriptor {descriptor}", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Lines that were dropped so far."""
        return self._dropped

    @property
    def waiting_bytes(self) -> int:
        """What is not written yet."""
        return self._waiting_bytes

    def write(self, line: bytes) -> None:
        """Take a line with its end. Never waits."""
        with self._changed:
            if self._waiting_bytes + len(line) > self._max_waiting_bytes:
                self._dropped += 1
                return
            self._lines.append(line)
            self._waiting_bytes += len(line)
            if self._is_idle:
                self._is_idle = False
                self._changed.notify_all()

    def flush(self, seconds: float) -> None:
        """Wait until all is written, at most so long."""
        deadline = time.monotonic() + seconds
        self._is_urgent.set()
        with self._changed:
            while self._waiting_bytes and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._lines:
                    self._is_idle = True
                    self._changed.wait()
            self._is_urgent.wait(_GATHER_SECONDS)
            with self._changed:
                lines = list(self._lines)
                self._lines.clear()
            data = memoryview(b"".join(lines))
            size = len(data)
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:  # nobody reads any more
                with self._changed:
                    self._dropped += len(lines)
            with self._changed:
                self._waiting_bytes -= size
                self._changed.notify_all()


class LineHandler(logging.Handler):
    """Hands the log's lines to a writer."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.write(self.format(record).encode(errors="replace") + b"\n")
