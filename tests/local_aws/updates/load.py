"""Light load on an endpoint while it is updated."""

import itertools
import threading
import time
from types import TracebackType
from typing import Self

from botocore.exceptions import ClientError

from tests.local_aws.account import Account


class Load:
    """A few invocations a second until it ends; at most two at a time."""

    def __init__(self, account: Account, endpoint: str) -> None:
        self._account = account
        self._endpoint = endpoint
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]
        self.pids: list[int] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.await_answers()
        return self

    def await_answers(self) -> None:
        """Wait for answers to requests that begin from now on: more than those that may be under way."""
        enough = len(self.pids) + len(self.failures) + len(self._threads) + 1
        deadline = time.monotonic() + 30
        while len(self.pids) + len(self.failures) < enough:
            assert time.monotonic() < deadline, "the endpoint answers nothing"
            time.sleep(0.02)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        for number in itertools.count():
            try:
                self.pids.append(self._account.invoke(self._endpoint, f"m{number % 3}")["pid"])
            except ClientError as error:
                self.failures.append(str(error))
            if self._stop.wait(0.15):
                return
