"""Which request it is: an id for the log and the answer, and the trace that the caller is in.

Only a few header fields pass SageMaker's InvokeEndpoint. There a caller puts `traceparent=...` into
X-Amzn-SageMaker-Custom-Attributes. https://www.w3.org/TR/trace-context/
"""

import itertools
import os
import re
from collections.abc import Mapping

REQUEST_ID = "x-request-id"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TRACE = "traceparent"
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_MAX_CHARACTERS = 128
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f])")
_IN_ATTRIBUTES = re.compile(rf"(?:^|[,;\s]){_TRACE}=(\S{{55}})")

# A number after a random beginning: cheaper than random bytes for each request, and unique across servers.
_beginning = os.urandom(8).hex()
_numbers = itertools.count(1)


def identify(fields: dict[str, str]) -> str:
    """The request's id: the caller's X-Request-Id where it is printable ASCII of 128 characters at most, else a new
    one, which is added to the header fields."""
    given = fields.get(REQUEST_ID)
    if given and len(given) <= _MAX_CHARACTERS and given.isascii() and given.isprintable():
        return given
    made = fields[REQUEST_ID] = f"{_beginning}-{next(_numbers):x}"
    return made


def trace_id(fields: Mapping[str, str]) -> str | None:
    """The id of the trace that a request belongs to, from its header fields; None without a valid one."""
    text = fields.get(_TRACE)
    if text is None and (attributes := fields.get(_ATTRIBUTES)) is not None:
        found = _IN_ATTRIBUTES.search(attributes)
        text = found[1] if found else None
    match = None if text is None else _TRACEPARENT.match(text)
    return None if match is None else match[1]


def log_fields(fields: Mapping[str, str]) -> dict[str, object]:
    """What a request's line in the log says about which one it is."""
    return {
        "request_id": fields.get(REQUEST_ID),
        "inference_id": fields.get(_INFERENCE_ID),
        "trace_id": trace_id(fields),
    }
