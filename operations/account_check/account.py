"""The account that is looked at, with the identity of the environment's settings, and the rights that this needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from operations.sessions import own_session
from stacks.aws_session import assumed
from stacks.names import Names
from stacks.settings import EnvironmentSettings

# No check is worth a long wait: what does not answer is reported.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2, "mode": "standard"})

RIGHTS = {
    "DescribeKey": "kms:DescribeKey",
    "DescribeRegions": "ec2:DescribeRegions",
    "DescribeRepositories": "ecr:DescribeRepositories",
    "DescribeRouteTables": "ec2:DescribeRouteTables",
    "DescribeSecurityGroups": "ec2:DescribeSecurityGroups",
    "DescribeSubnets": "ec2:DescribeSubnets",
    "DescribeVpcEndpoints": "ec2:DescribeVpcEndpoints",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetPolicy": "iam:GetPolicy",
    "GetRole": "iam:GetRole",
    "HeadBucket": "s3:ListBucket",
    "ListAWSDefaultServiceQuotas": "servicequotas:ListAWSDefaultServiceQuotas",
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListServiceQuotas": "servicequotas:ListServiceQuotas",
}
"""The right that each call of a check needs. (STS answers who one is without any.)"""
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403", "Forbidden"}
)


class Account:
    """Clients for the services of an environment's account and region.

    Args:
        names: the environment's names and settings.
        variables: Terraform's environment variables, which hold the local AWS's key; default: this process's own.
        session: with the machine's credentials; default: found where AWS's tools find them, for the local AWS its key.
    """

    def __init__(
        self,
        names: Names,
        variables: Mapping[str, str] = os.environ,
        session: botocore.session.Session | None = None,
    ) -> None:
        self.names = names
        self.settings: EnvironmentSettings = names.settings
        self.region = self.settings.region
        self._url = None if self.settings.local_aws is None else self.settings.local_aws.endpoint_url
        base = own_session(self._url is not None, variables)[0] if session is None else session
        self._session = assumed(
            base, self.settings.assume_role, region=self.region, endpoint_url=self._url, config=self._config
        )
        self.client = cache(self._client)

    def _client(self, service: str) -> BaseClient:
        return self._session.create_client(
            service, region_name=self.region, endpoint_url=self._url, config=self._config
        )

    @property
    def _config(self) -> Config:
        if self._url is None:
            return _CONFIG
        return _CONFIG.merge(Config(proxies={}, s3={"addressing_style": "path"}))


def code_of(error: ClientError) -> str:
    """`NoSuchEntity`, or the status of an answer without a body: `404`."""
    return error.response.get("Error", {}).get("Code", "")


def is_denied(error: ClientError) -> bool:
    return code_of(error) in _DENIED


def right_of(error: ClientError) -> str:
    """The right that the call which was denied needs."""
    return RIGHTS.get(error.operation_name, f"for {error.operation_name}")


def found(call: Any, *absent: str) -> Any:
    """The answer of `call`; None where AWS answers with one of the codes in `absent`."""
    try:
        return call()
    except ClientError as error:
        if code_of(error) in absent:
            return None
        raise
