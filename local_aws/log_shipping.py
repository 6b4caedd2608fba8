"""Containers' output into CloudWatch Logs, as SageMaker does: a thread follows their log files.

The log group is created with a container's first line where it is not there. One that is deleted under a running
container stays deleted, and what the container writes from then on is lost: a group that came back would stand in the
way of the next creation. Nothing is sent for a container that has ended, so that a group can be deleted after its
endpoint. https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 1.0
_MAX_BYTES_PER_CALL = 512 * 1024
_MAX_EVENTS_PER_CALL = 5_000


@dataclass
class _Followed:
    path: Path
    group: str
    stream: str
    position: int = 0
    created: bool = False
    over: bool = False
    """Nothing more is sent: the container has ended, or its log group is gone."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while lines are read and sent."""


Notice = Callable[[list[str]], None]
"""Is given the lines of a container that were sent."""


class LogShipper:
    """Follows files and sends what they gain. `logs` is a boto3 client; `sent` sees what it took."""

    def __init__(self, logs: Any, sent: Notice = lambda _: None) -> None:
        self._logs = logs
        self._sent = sent
        self._files: dict[Path, _Followed] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Send nothing from now on: the service that would take it goes down."""
        self._stop.set()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def follow(self, path: Path, group: str, stream: str) -> None:
        with self._lock:
            self._files.setdefault(path, _Followed(path, group, stream))

    def forget(self, path: Path) -> None:
        """Send the rest of a file that gets no more lines; nothing is sent for it afterwards."""
        with self._lock:
            followed = self._files.pop(path, None)
        if followed is not None and not self._stop.is_set():
            self._ship(followed, last=True)

    def ship_all(self) -> None:
        """Send what all files have gained; `start` makes a thread do it every second."""
        with self._lock:
            files = list(self._files.values())
        for followed in files:
            self._ship(followed)

    def _run(self) -> None:
        while not self._stop.wait(_PERIOD_SECONDS):
            self.ship_all()

    def _ship(self, followed: _Followed, *, last: bool = False) -> None:
        with followed.lock:
            try:
                while not followed.over and (lines := _new_lines(followed)):
                    self._send(followed, lines)
            except Exception:  # logs never take the service down
                if not self._stop.is_set():
                    logger.exception("the log %s could not be sent", followed.path)
            followed.over |= last

    def _send(self, followed: _Followed, lines: list[str]) -> None:
        self._create(followed)
        moment = int(time.time() * 1000)
        events = [{"timestamp": moment, "message": line} for line in lines]
        try:
            self._logs.put_log_events(logGroupName=followed.group, logStreamName=followed.stream, logEvents=events)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            logger.warning("the log group %s was deleted; what %s writes is not kept", followed.group, followed.stream)
            followed.over = True
            return
        self._sent(lines)

    def _create(self, followed: _Followed) -> None:
        if followed.created:
            return
        for create, arguments in (
            (self._logs.create_log_group, {"logGroupName": followed.group}),
            (self._logs.create_log_stream, {"logGroupName": followed.group, "logStreamName": followed.stream}),
        ):
            try:
                create(**arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise
        followed.created = True


def _new_lines(followed: _Followed) -> list[str]:
    """The complete lines that came since the last call, at most what one call may send; empty lines are left out."""
    try:
        with followed.path.open("rb") as log:
            log.seek(followed.position)
            data = log.read(_MAX_BYTES_PER_CALL)
    except FileNotFoundError:
        return []
    end = data.rfind(b"\n") + 1
    if end == 0 and len(data) == _MAX_BYTES_PER_CALL:
        end = len(data)  # one endless line
    lines = data[:end].splitlines(keepends=True)[:_MAX_EVENTS_PER_CALL]
    followed.position += sum(map(len, lines))
    return [text for line in lines if (text := line.decode("utf-8", "replace").rstrip())]
