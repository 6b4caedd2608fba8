"""What nobody waits for, such as counting and logging: put off a little, so that it delays no request, and done for
many requests at a time."""

import asyncio
import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)
# Long enough for a client that has its answer to ask again; no reader of a log or a metric notices.
_DELAY_SECONDS = 0.005


class Afterwards:
    """Calls that are put off, in their order. All methods belong to the event loop's thread."""

    def __init__(self) -> None:
        self._calls: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function a little later."""
        if not self._calls:
            asyncio.get_running_loop().call_later(_DELAY_SECONDS, self.run)
        self._calls.append((function, arguments))

    def run(self) -> None:
        """Do now what has been put off: somebody is about to look."""
        calls, self._calls = self._calls, []
        for function, arguments in calls:
            try:
                function(*arguments)
            except Exception:  # noqa: BLE001 - one that fails must not keep the others from being done
                _log.exception("counting or logging a request failed")
