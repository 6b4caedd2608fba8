"""Who signed a request, and for which AWS service and region.

Signature Version 4: header `Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/SERVICE/aws4_request,
...`; presigned: query parameter `X-Amz-Credential` with the same value; a browser's form: field `x-amz-credential`.
Signature Version 2, which boto3 still uses for S3's presigned URLs: `Authorization: AWS AKID:...`,
`AWSAccessKeyId=AKID`.
Here they are read; sigv4.py verifies those of version 4.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")
_VERSION_2 = re.compile(r"AWS ([^:\s]+):")
_FORM_FIELD = re.compile(rb'name="(?i:x-amz-credential|awsaccesskeyid)"\r\n\r\n([^\r\n/]+)')


def signed_service(headers: Mapping[str, str], query: str) -> str | None:
    """The service named in the request's credential scope, None for a request without one.

    `headers` are looked up in lower case; `query` is the raw query string.
    """
    parts = _scope(headers, query)
    return parts[3] if parts is not None else None


def signed_region(headers: Mapping[str, str], query: str) -> str | None:
    """The region in the request's credential scope; as `signed_service`."""
    parts = _scope(headers, query)
    return parts[2] if parts is not None else None


def access_key_id(headers: Mapping[str, str], query: str) -> str | None:
    """The id of the key that the request is signed with; as `signed_service`."""
    parts = _scope(headers, query)
    if parts is not None:
        return parts[0]
    match = _VERSION_2.match(headers.get("authorization", ""))
    if match is not None:
        return match[1]
    return parse_qs(query).get("AWSAccessKeyId", [None])[0]


def form_access_key_id(body: bytes) -> str | None:
    """The id of the key that a form posted to S3 (multipart/form-data) is signed with, None without one."""
    match = _FORM_FIELD.search(body)
    return match[1].decode("latin-1") if match is not None else None


def _scope(headers: Mapping[str, str], query: str) -> list[str] | None:
    """Key id, date, region, service, `aws4_request`."""
    match = _CREDENTIAL.search(headers.get("authorization", ""))
    credential = match[1] if match is not None else parse_qs(query).get("X-Amz-Credential", [""])[0]
    # AKID/date/region/service/aws4_request: the key id may hold slashes, so count from the end.
    parts = credential.rsplit("/", 4)
    return parts if len(parts) == 5 else None
