"""boto3's clients for what Terraform does not do, led to the same AWS as the stacks' backend block leads Terraform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config

from operations.sessions import session_for


class AwsClients:
    """Makes clients for the account of a synthesised stack.

    Args:
        backend: the arguments of the stack's S3 backend.
        variables: Terraform's environment variables, which hold the local AWS's key.
    """

    def __init__(self, backend: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        self._region: str = backend["region"]
        self._endpoint_url: str | None = backend.get("endpoints", {}).get("s3")
        self._config = Config(
            s3={"addressing_style": "path" if backend.get("use_path_style") else "auto"},
            retries={"mode": "standard", "total_max_attempts": 5},
        )
        self._session, own = session_for(
            is_local="endpoints" in backend,
            variables=variables,
            region=self._region,
            role=backend.get("assume_role"),
            sts_url=self._endpoint_url,
        )
        self._config = self._config.merge(own)

    def client(self, service: str) -> BaseClient:
        """A client of `service`, such as s3."""
        return self._session.create_client(
            service, region_name=self._region, endpoint_url=self._endpoint_url, config=self._config
        )
