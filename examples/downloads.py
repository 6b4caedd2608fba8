"""Downloads over HTTP that survive broken connections, and are verified before anything uses them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

_CHUNK_BYTES = 1 << 14
_TIMEOUTS_SECONDS = (10, 30)
_RANGE_NOT_SATISFIABLE = 416
_TRY_AGAIN = (408, 429)

OnProgress = Callable[[int, int | None], None]
Verify = Callable[[Path], None]


class DownloadError(Exception):
    """No source gave a file that passed its verification; the text names every source and what was wrong with it."""

    def __init__(self, file_name: str, failures: Sequence[str], *, out_of_reach: bool) -> None:
        self.out_of_reach = out_of_reach
        """Whether not one source delivered anything, so that it is the network and not the files."""
        lines = "".join(f"\n  {failure}" for failure in failures)
        super().__init__(f"{file_name} cannot be downloaded:{lines}")


class VerificationError(Exception):
    """A file arrived whole, but is not the one that was asked for."""


class _Refused(Exception):
    """The server answered, and a second attempt would get the same answer."""


@dataclass(frozen=True)
class Retries:
    """How often a source is tried and how long to wait in between.

    Attributes:
        attempts: at least 1; counts from the last attempt that brought the file further.
        first_pause_seconds: before the second attempt; doubles each time.
    """

    attempts: int = 3
    first_pause_seconds: float = 1.0


def download(
    sources: Sequence[str],
    destination: Path,
    verify: Verify,
    on_progress: OnProgress = lambda done_bytes, total_bytes: None,
    retries: Retries = Retries(),
) -> None:
    """Fetch a file from the first source that has it, unless it is there already.

    What arrived before a connection broke is kept in `destination` + `.part`, also for the next run, and only the
    rest is asked for.

    Args:
        verify: raises VerificationError for a file that is not the right one.
        on_progress: called with the bytes that are there and the total, None where the server does not say.

    Raises:
        DownloadError: no source gave the file.
    """
    if destination.exists():
        try:
            verify(destination)
            return
        except VerificationError:
            destination.unlink()
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(destination.name + ".part")
    # What an earlier run left may be of another file: then the first source gets a second turn, from the beginning.
    turns = (sources[0], *sources) if part.exists() else tuple(sources)
    failures: list[str] = []
    was_delivered = False
    for source in turns:
        try:
            _fetch_persistently(source, part, on_progress, retries)
            was_delivered = True
            verify(part)
        except requests.RequestException as error:
            failures.append(f"{source}: {_reason(error)}")
        except _Refused as error:
            failures.append(f"{source}: {error}")
        except VerificationError as error:
            part.unlink()
            failures.append(f"{source}: {error}")
        else:
            part.replace(destination)
            return
    raise DownloadError(destination.name, failures, out_of_reach=not was_delivered)


def _fetch_persistently(source: str, part: Path, on_progress: OnProgress, retries: Retries) -> None:
    failed = 0
    while True:
        had_bytes = _size(part)
        try:
            _fetch(source, part, on_progress)
            return
        except requests.RequestException:
            failed = 1 if _size(part) > had_bytes else failed + 1
            if failed >= retries.attempts:
                raise
            time.sleep(retries.first_pause_seconds * 2 ** (failed - 1))


def _fetch(source: str, part: Path, on_progress: OnProgress) -> None:
    had_bytes = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had_bytes}-"} if had_bytes else {})
    with requests.get(source, headers=headers, stream=True, timeout=_TIMEOUTS_SECONDS) as answer:
        if answer.status_code == _RANGE_NOT_SATISFIABLE:
            # The part is the whole file, or of another file: the verification tells.
            return
        if 400 <= answer.status_code < 500 and answer.status_code not in _TRY_AGAIN:
            raise _Refused(f"{answer.status_code} {answer.reason}")
        answer.raise_for_status()
        resumes = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {had_bytes}-"
        )
        done_bytes = had_bytes if resumes else 0
        length = answer.headers.get("Content-Length")
        total_bytes = done_bytes + int(length) if length is not None else None
        with part.open("ab" if resumes else "wb") as file:
            for chunk in answer.iter_content(_CHUNK_BYTES):
                file.write(chunk)
                done_bytes += len(chunk)
                on_progress(done_bytes, total_bytes)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the layers of urllib3 around it that repeat the URL."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner)).rpartition("): ")[2]
