"""Which requests the gateway executes: from this machine, from no web page of another origin, and with a right key.

A browser sends requests of any page to loopback. It names the page in `Origin`, or in `Host` where a page's own name
leads to 127.0.0.1 (DNS rebinding). The hosts that pass are 127.0.0.1, [::1], localhost, and names below 127.0.0.1 and
localhost. Browsers refuse names below 127.0.0.1, and resolve those below localhost to loopback only. S3 puts the bucket
there, S3 Control the account (as to a proxy: `POST http://123456789012.127.0.0.1:4566/...`).
"""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .access_key import KeyRing
from .cbor.translation import to_cbor_error
from .signature import access_key_id, signed_service
from .sigv4 import is_signed_by
from .timeliness import why_untimely

_HOST = re.compile(r"(?:(?:[\w-]+\.)*(?:127\.0\.0\.1|localhost)|\[::1\])\.?(?::\d+)?", re.IGNORECASE)
_FORBIDDEN = 403
_HINT = 'eval "$(python -m local_aws env)" sets the key of the local AWS that runs now'


def why_foreign(headers: Mapping[str, str]) -> str | None:
    """Why a request may not come in, None where it may. `headers` are looked up in lower case."""
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        return f"The local AWS does not answer requests for host {host!r}: only for 127.0.0.1, [::1] and localhost."
    origin = headers.get("origin")
    if origin is not None and not _is_own_origin(origin, host):
        return f"The local AWS does not answer web pages of another origin ({origin})."
    return None


def _is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of the local AWS itself sent the request: the same loopback host, the same port."""
    try:
        parts = urlsplit(origin)
        return parts.scheme == "http" and parts.netloc.lower() == host.lower()
    except ValueError:
        return False


def foreign(reason: str) -> Response:
    """The answer without any permission for other origins."""
    return JSONResponse({"message": reason}, _FORBIDDEN)


def unauthorized(keys: KeyRing, request: Request) -> Response | None:
    """The answer where a page of the local AWS is asked for without the key, None with it."""
    if keys.accepts_authorization(request.headers.get("authorization", "")):
        return None
    message = f"This page needs the access key id as user and the secret access key as password; {_HINT}."
    return JSONResponse({"message": message}, 401, {"WWW-Authenticate": 'Basic realm="local AWS", charset="UTF-8"'})


def refusal(keys: KeyRing, request: Request, body: bytes | None, form_key_id: str | None = None) -> Response | None:
    """The answer where a call of an AWS service is unsigned or wrongly signed, None where it may go on.

    `body`: see `is_signed_by`. `form_key_id`: the key's id in the form that a browser posts to S3.
    """
    key_id = access_key_id(request.headers, request.url.query) or form_key_id
    if key_id is None:
        code, message = "MissingAuthenticationToken", f"Missing Authentication Token. The local AWS: {_HINT}."
    elif (secret := keys.secret(key_id)) is not None:
        return _untimely(request) or _wrongly_signed(request, body, secret)
    else:
        code = "InvalidClientTokenId"
        message = f"The security token included in the request is invalid. The local AWS: {_HINT}."
    return _in_protocol(request, code, message)


def _untimely(request: Request) -> Response | None:
    """The answer to a request that comes too late, or at another time than it says; None where it may go on."""
    query = request.url.query
    is_s3 = signed_service(request.headers, query) in ("s3", None)  # without a service: S3's version 2
    why = why_untimely(request.headers, query, datetime.now(UTC), is_s3=is_s3)
    if why is None:
        return None
    if not is_s3:
        return _in_protocol(request, "SignatureDoesNotMatch", "Signature expired or not yet current: see the clock.")
    if why == "expired":
        return _in_protocol(request, "RequestExpired", "Request has expired")
    message = "The difference between the request time and the current time is too large."
    return _in_protocol(request, "RequestTimeTooSkewed", message)


def _wrongly_signed(request: Request, body: bytes | None, secret: str) -> Response | None:
    if is_signed_by(request, body, secret):
        return None
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        f"Key and signing method. The local AWS: {_HINT}."
    )
    return _in_protocol(request, "SignatureDoesNotMatch", message)


_S3_CODES = {
    "MissingAuthenticationToken": "AccessDenied",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "RequestExpired": "AccessDenied",
}
_JSON_CODES = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}


def _in_protocol(request: Request, code: str, message: str) -> Response:
    """The error in the service's protocol and with its code."""
    headers = request.headers
    identifier = str(uuid.uuid4())
    if "smithy-protocol" in headers:
        body = to_cbor_error(_JSON_CODES.get(code, code), message)
        return Response(body, _FORBIDDEN, {"smithy-protocol": "rpc-v2-cbor"}, media_type="application/cbor")
    service = signed_service(headers, request.url.query)
    is_json = "json" in headers.get("content-type", "") or "x-amz-target" in headers
    if not is_json and headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{identifier}</RequestId></ErrorResponse>"
        )
        return Response(text, _FORBIDDEN, media_type="text/xml")
    if not is_json and service in ("s3", "s3-outposts", None) and not request.url.path.startswith("/endpoints/"):
        text = (
            f"<Error><Code>{_S3_CODES.get(code, code)}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{identifier}</RequestId></Error>"
        )
        return Response(text, _FORBIDDEN, media_type="application/xml")
    return Response(
        json.dumps({"__type": _JSON_CODES.get(code, code), "message": message}),
        _FORBIDDEN,
        {"x-amzn-errortype": _JSON_CODES.get(code, code), "x-amzn-RequestId": identifier},
        media_type="application/x-amz-json-1.1",
    )
