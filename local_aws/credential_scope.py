"""Which AWS service a request is for, read from its signature (Signature Version 4).

Header: `Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/SERVICE/aws4_request, ...`;
presigned: query parameter `X-Amz-Credential` with the same value. Signatures are not checked: the local AWS has no
secrets, and listens on loopback only.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


def signed_service(headers: Mapping[str, str], query: str) -> str | None:
    """The service named in the request's credential scope, None for an unsigned request.

    `headers` are looked up in lower case; `query` is the raw query string.
    """
    parts = _scope(headers, query)
    return parts[3] if parts is not None else None


def signed_region(headers: Mapping[str, str], query: str) -> str | None:
    """The region in the request's credential scope; as `signed_service`."""
    parts = _scope(headers, query)
    return parts[2] if parts is not None else None


def _scope(headers: Mapping[str, str], query: str) -> list[str] | None:
    """Key id, date, region, service, `aws4_request`."""
    match = _CREDENTIAL.search(headers.get("authorization", ""))
    if match:
        credential = match.group(1)
    elif "X-Amz-Credential=" in query:
        credential = parse_qs(query)["X-Amz-Credential"][0]
    else:
        return None
    # AKID/date/region/service/aws4_request: the key id may hold slashes, so count from the end.
    parts = credential.rsplit("/", 4)
    return parts if len(parts) == 5 else None
