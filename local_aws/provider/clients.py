"""The boto3 side: clients for loopback only, which never see the machine's credentials, profiles or proxies."""

import ipaddress
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import boto3
import botocore.session
from boto3.exceptions import Boto3Error
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from ..access_key import AccessKey
from .errors import Problem, ProviderError
from .object_listing import ObjectHeads

# The names under which the provider's `endpoints` block knows a boto3 service, where they are not boto3's own.
ENDPOINT_NAMES = {
    "application-autoscaling": ("appautoscaling", "applicationautoscaling"),
    "logs": ("logs", "cloudwatchlogs", "cloudwatchlog"),
    "s3": ("s3", "s3api"),
}
CONNECTIONS = 64


def require_loopback(url: str, attribute: tuple[str | int, ...] = ()) -> str:
    """The URL, when it is http(s) on loopback. Raises ProviderError otherwise."""
    try:
        parts = urlsplit(url)
        is_loopback = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
        if parts.scheme in ("http", "https") and is_loopback:
            return url
    except ValueError:
        pass  # neither a URL nor an address
    raise ProviderError(
        Problem(
            f"Endpoint {url} is not on loopback",
            "This is the local AWS's stand-in for hashicorp/aws: it talks to 127.0.0.1, [::1] or localhost only. "
            "To deploy to AWS, remove .terraform and run `terraform init` in a shell without the local AWS's "
            "variables: the real provider is used then.",
            attribute,
        )
    )


def error_code(error: ClientError) -> str:
    """`NoSuchBucket`."""
    return error.response.get("Error", {}).get("Code", "")


def error_text(error: ClientError) -> str:
    """`NoSuchBucket: The specified bucket does not exist`."""
    return f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"


@contextmanager
def aws_errors(doing: str, endpoint_url: str) -> Iterator[None]:
    """Turns what boto3 and the file system raise into a ProviderError that begins with `doing`."""
    try:
        yield
    except ClientError as error:
        code, _, message = error_text(error).partition(": ")
        raise ProviderError(Problem(f"{doing}: {error.operation_name} failed: {code}", message)) from error
    except (ConnectionError, HTTPClientError) as error:
        problem = Problem(f"{doing}: the local AWS at {endpoint_url} does not answer", f"Is it running? {error}")
        raise ProviderError(problem) from error
    except (BotoCoreError, Boto3Error) as error:
        raise ProviderError(Problem(f"{doing}: {type(error).__name__}", str(error))) from error
    except OSError as error:
        raise ProviderError(Problem(f"{doing}: {error}")) from error


def isolated_session(key: AccessKey, token: str | None = None) -> boto3.Session:
    """A boto3 session with `key` as its static credentials that reads no file, profile or variable of the machine."""
    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    return boto3.Session(key.id, key.secret, token, botocore_session=session)


@dataclass(frozen=True)
class ClientSettings:
    """How a provider configuration reaches its services.

    `endpoint_url` serves whatever `endpoints` (pairs of the provider's service name and URL) does not name. `role`
    holds the members of an AssumeRole request; empty, no role is assumed.
    """

    endpoint_url: str
    region: str
    endpoints: tuple[tuple[str, str], ...] = ()
    use_path_style: bool = True
    max_attempts: int = 3
    key: AccessKey | None = None
    """What the provider block names; None: the local AWS's own."""
    role: tuple[tuple[str, str], ...] = ()


@dataclass
class Clients:
    """boto3 clients by service and region, shared by all threads."""

    settings: ClientSettings
    session: boto3.Session
    heads: ObjectHeads = field(default_factory=ObjectHeads)
    _clients: dict[tuple[str, str], BaseClient] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, region: str | None = None) -> BaseClient:
        """The client of a boto3 service. Clients may be used by many threads, but made by one at a time."""
        key = (service, self.settings.region if region is None else region)
        client = self._clients.get(key)
        if client is None:
            with self._lock:
                client = self._clients.get(key)
                if client is None:
                    client = self._clients[key] = self._make(*key)
        return client

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """What STS says: Account, Arn, UserId."""
        return self.client("sts").get_caller_identity()

    @cached_property
    def partition(self) -> str:
        return self.session.get_partition_for_region(self.settings.region)

    def _make(self, service: str, region: str) -> BaseClient:
        endpoints = dict(self.settings.endpoints)
        names = ENDPOINT_NAMES.get(service, (service,))
        url = next((endpoints[name] for name in names if name in endpoints), self.settings.endpoint_url)
        return self.session.client(
            service,
            region_name=region,
            endpoint_url=url,
            config=Config(
                max_pool_connections=CONNECTIONS,
                retries={"total_max_attempts": self.settings.max_attempts, "mode": "standard"},
                s3={"addressing_style": "path" if self.settings.use_path_style else "auto"},
                proxies={},
                # The upload's own checksum_algorithm asks for a checksum; nothing else computes or verifies one.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


class ClientPool:
    """The Clients of every provider configuration met so far: Terraform configures the provider again for each step."""

    def __init__(self, key: AccessKey) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._pool: dict[ClientSettings, Clients] = {}

    def clients(self, settings: ClientSettings) -> Clients:
        with self._lock:
            if settings not in self._pool:
                session = self._assumed(settings) if settings.role else self._own(settings)
                self._pool[settings] = Clients(settings, session)
            return self._pool[settings]

    def _own(self, settings: ClientSettings) -> boto3.Session:
        return isolated_session(settings.key or self._key)

    def _assumed(self, settings: ClientSettings) -> boto3.Session:
        request = {"RoleSessionName": "terraform", **dict(settings.role)}
        with aws_errors(f"assuming the role {request['RoleArn']}", settings.endpoint_url):
            answer = Clients(settings, self._own(settings)).client("sts").assume_role(**request)["Credentials"]
        return isolated_session(AccessKey(answer["AccessKeyId"], answer["SecretAccessKey"]), answer["SessionToken"])
