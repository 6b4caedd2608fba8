"""Lines of log files: the container's own, and what CloudWatch Logs gives out.

CloudWatch's forms: the JSON of `aws logs filter-log-events` (or get-log-events), the JSON of `aws logs
get-query-results`, the CSV of Logs Insights, and the folder of `.gz` files of an export to S3.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capacity.errors import CapacityError

_MESSAGE = "@message"


def log_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of the file at `path`, or of every file below it.

    Raises:
        CapacityError: a file cannot be read.
    """
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    if not files:
        raise CapacityError(f"{path}: the folder has no files.")
    for file in files:
        yield from enumerate(messages(_text(file)), start=1)


def messages(text: str) -> Iterator[str]:
    """The log messages of one file's text, in any of the forms."""
    document = _document(text)
    if document is not None:
        yield from _of_document(document)
        return
    header = text[: text.find("\n") + 1 or None]
    if _MESSAGE in header and "{" not in header:
        try:
            for row in csv.DictReader(io.StringIO(text)):
                yield row.get(_MESSAGE) or ""
        except csv.Error as error:
            raise CapacityError(f"The CSV of Logs Insights is damaged: {error}.") from error
        return
    yield from (line for line in text.splitlines() if line.strip())


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise CapacityError(f"{file}: cannot be read: {error}.") from error


def _document(text: str) -> dict[str, Any] | None:
    """The whole text as one JSON document of CloudWatch's."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and {"events", "results"} & document.keys() else None


def _of_document(document: dict[str, Any]) -> Iterator[str]:
    for event in _listed(document.get("events")):
        if isinstance(event, dict):
            yield str(event.get("message", ""))
    for row in _listed(document.get("results")):
        for field in _listed(row):
            if isinstance(field, dict) and field.get("field") == _MESSAGE:
                yield str(field.get("value", ""))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
