"""When a signed request may come: near its date, and before its presigned URL expires. The signature is not computed.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs

Untimely = Literal["expired", "skewed"]

_MAX_SKEW_OF_S3 = timedelta(minutes=15)
_MAX_SKEW = timedelta(minutes=5)
_FORMAT = "%Y%m%dT%H%M%SZ"


def why_untimely(headers: Mapping[str, str], query: str, moment: datetime, *, is_s3: bool) -> Untimely | None:
    """`expired`: the URL is no longer good; `skewed`: the clocks differ too much; None: the request is in time.

    `headers` are looked up in lower case; `query` is the raw query string. A date that is missing or no date is not
    judged.
    """
    values = {name: found[0] for name, found in parse_qs(query).items()}
    skew = _MAX_SKEW_OF_S3 if is_s3 else _MAX_SKEW
    if "AWSAccessKeyId" in values:  # version 2: seconds since 1970
        expires = values.get("Expires", "")
        return "expired" if expires.isdecimal() and moment.timestamp() > int(expires) else None
    presigned = _read(values.get("X-Amz-Date", ""))
    lifetime = values.get("X-Amz-Expires", "")
    if presigned is not None and lifetime.isdecimal():
        if presigned - moment > skew:
            return "skewed"
        return "expired" if (moment - presigned).total_seconds() > int(lifetime) else None
    signed = _read(headers.get("x-amz-date", ""))
    return "skewed" if signed is not None and abs(moment - signed) > skew else None


def _read(date: str) -> datetime | None:
    try:
        return datetime.strptime(date, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
