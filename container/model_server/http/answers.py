"""What is sent back: a status, header fields, a body."""

import http
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from .. import errors

JSON = "application/json"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}

STATUSES: dict[type[errors.ServerError], int] = {
    errors.InvalidRequest: 400,
    errors.InvalidInput: 400,
    errors.InvalidArtifact: 400,
    errors.ModelTooLarge: 400,
    errors.ModelNotFound: 404,
    errors.NoSuchRoute: 404,
    errors.MethodNotAllowed: 405,
    errors.UnsupportedAccept: 406,
    errors.RequestTimeout: 408,
    errors.ModelAlreadyLoaded: 409,
    errors.RequestTooLarge: 413,
    errors.UnsupportedContentType: 415,
    errors.Abandoned: 499,
    errors.PredictionFailed: 500,
    errors.WorkerCrashed: 500,
    errors.QueueFull: 503,
    errors.DeadlineExceeded: 503,
    errors.Stopping: 503,
    errors.ModelTimeout: 504,
    errors.InsufficientMemory: 507,
    errors.OutOfDescriptors: 507,
}


class Answer(NamedTuple):
    """An answer, and what the request's line in the access log says besides."""

    status: int
    fields: Mapping[str, str]
    body: bytes
    log: Mapping[str, object] = {}


def head_bytes(status: int, fields: Mapping[str, str], body_size: int, keep_alive: bool, request_id: str) -> bytes:
    """Status line and fields, up to the body. `request_id` is empty where there was no request to speak of."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    close = "" if keep_alive else "connection: close\r\n"
    said = f"x-request-id: {request_id}\r\n" if request_id else ""
    first = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    return f"{first}{lines}{said}{close}content-length: {body_size}\r\n\r\n".encode("latin-1")


def json_answer(status: int, value: object) -> Answer:
    return Answer(status, {"content-type": JSON}, orjson.dumps(value))


def refusal(error: errors.ServerError, log: Mapping[str, object] | None = None) -> Answer:
    """The answer to a request that failed with an error."""
    status = error.status if isinstance(error, errors.CodeError) else STATUSES[type(error)]
    return failure(status, error.kind, error.message, log)


def failure(status: int, kind: str, message: str, log: Mapping[str, object] | None = None) -> Answer:
    """An error as multi-model-server words it. What may be tried again soon says so."""
    body = orjson.dumps({"code": status, "type": kind, "message": message})
    fields = {"content-type": JSON} | ({"retry-after": "1"} if status == 503 else {})
    return Answer(status, fields, body, log or {})
