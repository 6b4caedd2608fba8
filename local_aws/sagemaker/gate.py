"""Who may come in: the requests under way on an instance or a container, and whether more may follow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class NotInServiceError(Exception):
    """The instance takes no requests (any more): another one may."""


class Gate:
    """Counts requests while it is open. It starts closed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._open = False
        self._shut = False
        self._requests = 0

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def requests(self) -> int:
        """How many are inside."""
        return self._requests

    def open(self) -> bool:
        """Let requests in; False where it was shut."""
        with self._changed:
            self._open = not self._shut
            return self._open

    def close(self) -> None:
        """Let no request in until it is opened again."""
        self._open = False

    def shut(self) -> None:
        """Let no request in ever again."""
        with self._changed:
            self._open, self._shut = False, True

    @contextmanager
    def request(self) -> Iterator[None]:
        """Be counted. Raises NotInServiceError where it is closed."""
        with self._changed:
            if not self._open:
                raise NotInServiceError(self._name)
            self._requests += 1
        try:
            yield
        finally:
            with self._changed:
                self._requests -= 1
                self._changed.notify_all()

    def drain(self, timeout_seconds: float) -> None:
        """Wait until nobody is inside any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._requests == 0, timeout_seconds)
