"""Whether a request's Signature Version 4 is that of its key: botocore computes the one that is right.

Of a body that comes in signed chunks the first signature is verified, that of the headers.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from starlette.requests import Request

_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})")
_HASH = re.compile(r"[0-9a-f]{64}")
_OF_S3 = ("s3", "s3-outposts")
_UNSIGNED = "UNSIGNED-PAYLOAD"


class _Signer(SigV4Auth):
    """botocore's signer, over the headers that the client signed."""

    def __init__(self, credentials: Credentials, service: str, region: str, signed: list[str]) -> None:
        super().__init__(credentials, service, region)
        self._signed = signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        chosen = HTTPHeaders()
        for name in self._signed:
            for value in request.headers.get_all(name, []):
                chosen[name] = value
        return chosen

    def _normalize_url_path(self, path: str) -> str:
        return path if self._service_name in _OF_S3 else str(super()._normalize_url_path(path))


def is_signed_by(request: Request, body: bytes | None, secret: str) -> bool:
    """Whether the request is signed with this secret access key.

    `body`: None where it is not at hand; then it is what x-amz-content-sha256 says. Requests without a signature of
    version 4 are not judged: True.
    """
    header, query = request.headers.get("authorization", ""), request.scope["query_string"].decode("latin-1")
    match = _HEADER.fullmatch(header.strip())
    values = {name: found[0] for name, found in parse_qs(query).items()}
    if match is not None:
        credential, signed, signature = match.groups()
        timestamp = request.headers.get("x-amz-date", "")
    elif "X-Amz-Credential" in values:
        credential, signed = values["X-Amz-Credential"], values.get("X-Amz-SignedHeaders", "")
        signature, timestamp = values.get("X-Amz-Signature", ""), values.get("X-Amz-Date", "")
        query = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
    else:
        return not header.startswith("AWS4-")
    parts = credential.rsplit("/", 4)
    if len(parts) != 5:
        return False
    key_id, _, region, service, _ = parts
    signer = _Signer(Credentials(key_id, secret), service, region, signed.lower().split(";"))
    asked = _request(request, query, timestamp)
    is_presigned_object = match is None and service in _OF_S3
    payload = _payload(request.headers.get("x-amz-content-sha256"), body, service, is_presigned_object)
    # botocore reads the payload's hash there; the headers that are signed have been chosen from the originals.
    canonical = signer.canonical_request(asked).rpartition("\n")[0] + f"\n{payload}"
    expected = signer.signature(signer.string_to_sign(asked, canonical), asked)
    return hmac.compare_digest(str(expected), signature)


def _request(request: Request, query: str, timestamp: str) -> Any:
    path = request.scope["raw_path"].decode("latin-1")
    asked = AWSRequest(request.method, f"http://localhost{path}" + (f"?{query}" if query else ""))
    for name, value in request.scope["headers"]:
        asked.headers.add_header(name.decode("latin-1"), _text(value))
    asked.context["timestamp"] = timestamp
    return asked


def _text(value: bytes) -> str:
    """A header's value as it was signed: signers take UTF-8, and some clients send Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _payload(said: str | None, body: bytes | None, service: str, is_presigned_object: bool) -> str:
    """What stands for the body in the signature."""
    if is_presigned_object:
        return said or _UNSIGNED
    is_hash = said is None or _HASH.fullmatch(said) is not None
    return sha256(body).hexdigest() if is_hash and body is not None else said or ""
