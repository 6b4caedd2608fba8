"""The request that the worker is answering, in each line that it or an artifact's code logs meanwhile."""

import logging

FORMAT = "%(levelname)s %(name)s: %(message)s%(request)s"
_current = ""


def answering(request_id: str) -> None:
    """The lines from now on belong to this request; to none where it is empty."""
    global _current  # noqa: PLW0603 - one request at a time in this process, for threads of the code as well
    _current = f" [request {request_id}]" if request_id else ""


def install() -> None:
    """Give log records the field that FORMAT has."""
    make = logging.getLogRecordFactory()

    def with_request(*arguments: object, **options: object) -> logging.LogRecord:
        record = make(*arguments, **options)
        record.request = _current
        return record

    logging.setLogRecordFactory(with_request)
