"""boto3's clients for what Terraform does not do, led to the same AWS as the stacks' backend block leads Terraform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config


class AwsClients:
    """Makes clients for the account of a synthesised stack.

    Args:
        backend: the arguments of the stack's S3 backend.
    """

    def __init__(self, backend: Mapping[str, Any]) -> None:
        self._region: str = backend["region"]
        self._endpoint_url: str | None = backend.get("endpoints", {}).get("s3")
        self._config = Config(
            s3={"addressing_style": "path" if backend.get("use_path_style") else "auto"},
            retries={"mode": "standard", "total_max_attempts": 5},
        )
        self._session = botocore.session.Session()
        if "access_key" in backend:
            # The local AWS: neither the machine's profile nor its proxy has anything to do with it.
            self._session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
            self._session.set_credentials(backend["access_key"], backend["secret_key"])
            self._config = self._config.merge(Config(proxies={}))

    def client(self, service: str) -> BaseClient:
        """A client of `service`, such as s3."""
        return self._session.create_client(
            service, region_name=self._region, endpoint_url=self._endpoint_url, config=self._config
        )
