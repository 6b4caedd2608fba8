"""HTTP client of SageMaker's contract with containers.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html (with many models)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

_CONNECT_TIMEOUT_SECONDS = 5.0
_CONNECTIONS = 128


class ContainerGoneError(Exception):
    """Nothing answers at the container's address, or it broke off in the middle of an answer."""


class ContainerUnreachableError(ContainerGoneError):
    """No connection came about: the container has seen nothing of the request."""


class ContainerTimeoutError(Exception):
    """The container did not answer in time. `container`: which one of the instance, where that is known."""

    container = "primary"


@dataclass(frozen=True)
class Answer:
    """What the container said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class ContainerClient:
    """Talks to one running container. Methods raise ContainerGoneError and ContainerTimeoutError."""

    def __init__(self, url: str) -> None:
        parsed = urllib3.util.parse_url(url)
        self._pool = urllib3.HTTPConnectionPool(str(parsed.host), parsed.port, maxsize=_CONNECTIONS, retries=False)

    def ping(self, timeout_seconds: float) -> Answer:
        return self._request("GET", "/ping", timeout_seconds)

    def metrics(self, timeout_seconds: float) -> Answer:
        """Not part of the contract: many containers answer 404."""
        return self._request("GET", "/metrics", timeout_seconds)

    def has_model(self, model_name: str, timeout_seconds: float) -> bool:
        return self._request("GET", f"/models/{model_name}", timeout_seconds).status == 200

    def load(self, model_name: str, url: str, target_model: str, timeout_seconds: float) -> Answer:
        body = json.dumps({"model_name": model_name, "url": url}).encode()
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": _header(target_model)}
        return self._request("POST", "/models", timeout_seconds, body, headers)

    def unload(self, model_name: str, timeout_seconds: float) -> Answer:
        return self._request("DELETE", f"/models/{model_name}", timeout_seconds)

    def invoke(self, model_name: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        return self._request("POST", f"/models/{model_name}/invoke", timeout_seconds, body, headers)

    def invoke_single(self, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """Ask a container that has one model."""
        return self._request("POST", "/invocations", timeout_seconds, body, headers)

    def close(self) -> None:
        self._pool.close()

    def _request(
        self,
        method: str,
        path: str,
        timeout_seconds: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_SECONDS, read=max(timeout_seconds, 0.001))
        try:
            answer = self._pool.urlopen(method, path, body=body, headers=dict(headers or {}), timeout=timeout)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ContainerTimeoutError(str(error)) from error
        except urllib3.exceptions.NewConnectionError as error:
            raise ContainerUnreachableError(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise ContainerGoneError(str(error)) from error
        return Answer(answer.status, answer.headers, answer.data)


def _header(value: str) -> str:
    """`value` as a header can carry it."""
    return value.encode("utf-8").decode("latin-1").replace("\n", " ").replace("\r", " ")
