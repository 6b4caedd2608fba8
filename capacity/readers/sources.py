"""A file or folder as a trace, whatever its form."""

from pathlib import Path

from capacity.errors import CapacityError
from capacity.readers.csv_trace import REQUIRED, read_csv
from capacity.readers.log_events import Observations, read_events
from capacity.readers.log_files import log_lines

_LOOKED_AT_BYTES = 4096


def read_source(path: Path) -> Observations:
    """The trace at `path`: CSV, the model server's log, or one of CloudWatch's exports.

    Raises:
        CapacityError: it cannot be read, or is none of them.
    """
    if not path.exists():
        raise CapacityError(f"{path}: is not there. Give a CSV trace, a log, or a folder of exported logs.")
    if path.is_file() and _is_csv_trace(path):
        return Observations(read_csv(path), {}, 0)
    return read_events(log_lines(path), str(path))


def _is_csv_trace(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            begin = file.read(_LOOKED_AT_BYTES)
    except OSError as error:
        raise CapacityError(f"{path}: cannot be read: {error}.") from error
    header = begin.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").lower()
    columns = [column.strip() for column in header.split(",")]
    return "{" not in header and "@message" not in header and any(name in columns for name in REQUIRED)
