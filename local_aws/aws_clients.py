"""boto3 clients of the local AWS itself, for its own services."""

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from .access_key import AccessKey
from .account import REGION

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=300,
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=64,
    s3={"addressing_style": "path"},
)


class AwsClients:
    """Clients for `url`, made when first used. Call it an error of ours if one ever leaves loopback."""

    def __init__(self, url: str, key: AccessKey) -> None:
        self._url = url
        self._session = boto3.session.Session(
            aws_access_key_id=key.id, aws_secret_access_key=key.secret, region_name=REGION
        )

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url, config=_CONFIG)

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")

    @cached_property
    def ecr(self) -> Any:
        return self._client("ecr")

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def sts(self) -> Any:
        return self._client("sts")

    @cached_property
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    @cached_property
    def autoscaling(self) -> Any:
        return self._client("application-autoscaling")
