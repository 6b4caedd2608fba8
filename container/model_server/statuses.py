"""Every domain error, the status it is answered with, and the form of the answer."""

import json

from . import errors

STATUSES: dict[type[errors.ServerError], int] = {
    errors.InvalidRequest: 400,
    errors.InvalidInput: 400,
    errors.InvalidArtifact: 400,
    errors.ModelNotFound: 404,
    errors.UnsupportedAccept: 406,
    errors.RequestTimeout: 408,
    errors.ModelAlreadyLoaded: 409,
    errors.RequestTooLarge: 413,
    errors.UnsupportedContentType: 415,
    errors.PredictionFailed: 500,
    errors.WorkerCrashed: 500,
    errors.QueueFull: 503,
    errors.DeadlineExceeded: 503,
    errors.Stopping: 503,
    errors.InsufficientMemory: 507,
}


def error_answer(status: int, kind: str, message: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an error, as multi-model-server words it."""
    headers = {"content-type": "application/json"} | ({"retry-after": "1"} if status == 503 else {})
    return json.dumps({"code": status, "type": kind, "message": message}).encode(), headers
