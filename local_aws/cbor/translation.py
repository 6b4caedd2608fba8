"""CBOR requests into JSON requests, JSON answers into CBOR answers, with botocore's own serialisers and parsers."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel
from botocore.parsers import JSONParser, ResponseParser, ResponseParserError, RpcV2CBORParser
from botocore.serialize import JSONSerializer, RpcV2CBORSerializer

from .services import ANY_ERROR, CborService

# What botocore's parser, made for the answers of servers that are trusted, raises on bytes that are no CBOR.
_PARSER_ERRORS = (
    ResponseParserError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
)


class MalformedRequestError(Exception):
    """The request's body is not what the operation takes."""


@dataclass(frozen=True)
class JsonRequest:
    """A request of the AWS JSON protocol."""

    headers: Mapping[str, str]
    body: bytes


def to_json_request(operation: OperationModel, body: bytes, content_encoding: str = "") -> JsonRequest:
    """The same request in the AWS JSON protocol.

    Args:
        operation: what is called.
        body: CBOR; nothing counts as a request without parameters.
        content_encoding: `gzip`, with which clients send large requests, or nothing.

    Raises:
        MalformedRequestError: the body is no CBOR, or not what the operation takes.
    """
    try:
        if content_encoding == "gzip":
            body = gzip.decompress(body)
        parameters = _parse(RpcV2CBORParser(), body, operation) if body and operation.input_shape else {}
        serialized = JSONSerializer().serialize_to_request(parameters, operation)
    except (OSError, EOFError, zlib.error, *_PARSER_ERRORS) as error:
        raise MalformedRequestError(f"The body is not the CBOR that {operation.name} takes: {error}") from error
    return JsonRequest(serialized["headers"], serialized["body"])


def to_cbor_answer(service: CborService, operation: OperationModel, status: int, body: bytes) -> bytes:
    """The body of the same answer in CBOR; nothing where the operation gives nothing.

    What is no answer in JSON becomes the error that stands for the status.
    """
    try:
        if status < 300:
            answer = service.answer(operation)
            return b"" if answer is None else _serialize(_parse(JSONParser(), body, answer), answer)
        document = json.loads(body)
        code = document["__type"].partition(":")[0].rpartition("#")[2]
    except (ValueError, KeyError, TypeError, AttributeError):
        if status >= 500:
            return to_cbor_error("InternalFailure", f"{operation.name} failed: see the local AWS's output.")
        return to_cbor_error("UnknownOperationException", f"The local AWS does not have {operation.name}.")
    message = document.get("message", document.get("Message", ""))
    error = service.error(code)
    if error is None:
        return to_cbor_error(code, message)
    known = error.input_shape
    members = _parse(JSONParser(), body, error)
    members["message" if "message" in known.members else "Message"] = message
    return _serialize({**members, "__type": known.name}, error)


def to_cbor_error(code: str, message: str) -> bytes:
    """The body of an error that the service's model does not have."""
    return _serialize({"__type": code, "message": message}, ANY_ERROR)


def _parse(parser: ResponseParser, body: bytes, operation: OperationModel) -> dict[str, Any]:
    """The parameters of the (pseudo-)operation that the body holds."""
    parsed = parser.parse({"body": body, "headers": {}, "status_code": 200}, operation.input_shape)
    del parsed["ResponseMetadata"]
    return parsed


def _serialize(parameters: Mapping[str, Any], operation: OperationModel) -> bytes:
    return RpcV2CBORSerializer().serialize_to_request(parameters, operation)["body"]
