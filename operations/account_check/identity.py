"""Who asks, in which account and region, and whether the clocks agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from operations.account_check.account import Account, code_of, found, is_denied
from operations.account_check.finding import Finding

# AWS refuses a request that is signed five minutes earlier or later than it is there. A clock that is a minute off is
# one that nobody sets.
_REFUSED_SECONDS, _TOLD_SECONDS = 300, 60
_NO_CREDENTIALS = "sign in (aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_ADVICE = {
    "ExpiredToken": "sign in again",
    "ExpiredTokenException": "sign in again",
    "InvalidClientTokenId": "check the access key, and that the region is enabled for the account",
    "SignatureDoesNotMatch": "check the secret key, and this machine's clock",
    "UnrecognizedClientException": "check the access key",
}
_NOT_ENABLED = ("AuthFailure", "OptInRequired")


def check_identity(account: Account, now: datetime | None = None) -> Iterator[Finding]:
    """The credentials, the account and the clock. `now`: this machine's time; default: what its clock says."""
    try:
        answer = account.client("sts").get_caller_identity()
    except (ConnectionError, HTTPClientError) as error:
        yield Finding("credentials", "problem", _sentence(error), "check network, HTTPS_PROXY and `region`")
        return
    except BotoCoreError as error:
        yield Finding("credentials", "problem", _sentence(error), _NO_CREDENTIALS)
        return
    except ClientError as error:
        yield Finding("credentials", "problem", _refusal(error), _advice(account, error))
        yield from _clock(error.response, now)
        return
    yield Finding("credentials", "ok", answer["Arn"])
    yield _account(account, answer["Account"])
    yield from _clock(answer, now)


def check_region(account: Account) -> Iterator[Finding]:
    """Whether the account may use the region at all."""
    answer = found(
        lambda: account.client("ec2").describe_regions(RegionNames=[account.region], AllRegions=True),
        "InvalidParameterValue",
        *_NOT_ENABLED,
    )
    regions = [] if answer is None else answer["Regions"]
    state = regions[0].get("OptInStatus", "opt-in-not-required") if regions else "not known to the account"
    if state in ("opt-in-not-required", "opted-in"):
        yield Finding("region", "ok", f"{account.region} is enabled")
        return
    yield Finding(
        "region",
        "problem",
        f"{account.region} is {state}",
        f"correct `region` in cdktf.json, or: aws account enable-region --region-name {account.region}",
    )


def _account(account: Account, actual: str) -> Finding:
    wanted = account.settings.account_id
    if actual == wanted:
        return Finding("account", "ok", wanted)
    return Finding(
        "account",
        "problem",
        f"the credentials are those of {actual}, and `account_id` is {wanted}",
        f"use credentials of {wanted}, or correct `account_id` in cdktf.json",
    )


def _clock(response: Mapping[str, Any], now: datetime | None) -> Iterator[Finding]:
    header = response["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    if header is None:
        return
    theirs = parsedate_to_datetime(header)
    skew = ((datetime.now(UTC) if now is None else now) - theirs).total_seconds()
    if abs(skew) < _TOLD_SECONDS:
        yield Finding("clock", "ok", "agrees with AWS's")
        return
    direction = "ahead of" if skew > 0 else "behind"
    yield Finding(
        "clock",
        "problem",
        f"this machine's is {abs(skew):.0f} s {direction} AWS's, which refuses requests from {_REFUSED_SECONDS} s on",
        "set the clock (timedatectl set-ntp true)",
    )


def _refusal(error: ClientError) -> str:
    message = error.response.get("Error", {}).get("Message", "")
    return f"{error.operation_name} was refused: {code_of(error)}: {message.rstrip('.')}"


def _advice(account: Account, error: ClientError) -> str:
    role = account.settings.assume_role
    if role is not None and error.operation_name == "AssumeRole" and is_denied(error):
        return (
            f"see that {role.role_arn} exists, that its trust policy names you (and `assume_role.external_id`), and "
            "that you have the right sts:AssumeRole on it"
        )
    return _ADVICE.get(code_of(error), "use other credentials")


def _sentence(error: Exception) -> str:
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:]
