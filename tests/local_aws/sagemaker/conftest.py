"""The control plane twice: the service itself, and over HTTP with boto3. One set of cases runs against both."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local_aws.quotas import Quotas
from local_aws.sagemaker.data_capture import DataCapture
from local_aws.sagemaker.errors import SageMakerError
from local_aws.sagemaker.fleet import DeployedImage, Fleet, LaunchError, Variant, VariantPlan
from local_aws.sagemaker.metrics import Metrics
from local_aws.sagemaker.models import ModelImage
from local_aws.sagemaker.pace import Pace
from local_aws.sagemaker.service import SageMakerService
from local_aws.sagemaker.transport import CONTROL_PLANE_ERRORS
from tests.local_aws.account import BUCKET, ROLE, Account

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fake:1"


class CallError(Exception):
    """An error of the service: AWS's code and message."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


Call = Callable[..., dict[str, Any]]
"""`call("CreateModel", ModelName=...)`; raises CallError."""


class FakeAccount:
    """An account that has the image, the bucket and the role of the tests."""

    def image(self, uri: str) -> ModelImage | None:
        capabilities = "com.amazonaws.sagemaker.capabilities"
        labels = {f"{capabilities}.multi-models": "true", f"{capabilities}.accept-bind-to-port": "true"}
        return ModelImage("application/vnd.docker.distribution.manifest.v2+json", labels) if uri == IMAGE else None

    def bucket_exists(self, bucket: str) -> bool:
        return bucket == BUCKET

    def object_exists(self, bucket: str, key: str) -> bool:
        return self.bucket_exists(bucket) and key == "one.tar.gz"

    def role_exists(self, arn: str) -> bool:
        return arn == ROLE


class FakeHost:
    """An instance that comes up at once."""

    requests_under_way = 0

    def __init__(self, launcher: "FakeLauncher") -> None:
        self.id = f"i-{len(launcher.hosts)}"
        self.healthy = False
        self.stopped = False
        self._launcher = launcher

    def start(self) -> None:
        self._launcher.gate.wait(10)
        if self._launcher.failure is not None or self._launcher.hosts.index(self) >= self._launcher.last_good:
            raise LaunchError(self._launcher.failure or "no capacity")
        self.healthy = True

    def stop(self, drain: bool, grace_seconds: float = 0) -> None:
        self._launcher.stop_gate.wait(10)
        self.healthy = False
        self.stopped = True


@dataclass
class FakeLauncher:
    """Makes fleets of FakeHosts; `failure` makes the next starts fail, `gate` holds them up while it
    is cleared, and `stop_gate` the ends."""

    hosts: list[FakeHost] = field(default_factory=list)
    failure: str | None = None
    break_after: int | None = None
    """How many instances can be started, ever."""

    gate: threading.Event = field(default_factory=threading.Event)
    stop_gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.stop_gate.set()

    @property
    def last_good(self) -> int:
        return len(self.hosts) if self.break_after is None else self.break_after

    def prepare(self, endpoint_name: str, plans: list[VariantPlan]) -> Fleet:
        return Fleet([Variant(plan, [DeployedImage(IMAGE, f"{IMAGE}@sha256:0")], self._host) for plan in plans])

    def _host(self, plan: VariantPlan) -> FakeHost:
        self.hosts.append(FakeHost(self))
        return self.hosts[-1]


@dataclass
class FakeScaling:
    variants: set[str] = field(default_factory=set)
    deregistered: list[str] = field(default_factory=list)

    def registered(self, endpoint_name: str) -> set[str]:
        return self.variants

    def deregister(self, endpoint_name: str) -> None:
        self.deregistered.append(endpoint_name)


@dataclass
class FakeAlarms:
    """`absent` are those that do not exist."""

    in_alarm: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)

    def states(self, names: list[str]) -> dict[str, str]:
        return {name: "ALARM" if name in self.in_alarm else "OK" for name in names if name not in self.absent}


@dataclass
class InProcess:
    """The service without HTTP, and what stands in for its surroundings."""

    service: SageMakerService
    launcher: FakeLauncher
    scaling: FakeScaling
    alarms: FakeAlarms

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            return self.service.call(operation, request)
        except SageMakerError as error:
            raise CallError(CONTROL_PLANE_ERRORS[type(error)][1], error.message) from error


@pytest.fixture
def in_process() -> Iterator[InProcess]:
    launcher, scaling, alarms = FakeLauncher(), FakeScaling(), FakeAlarms()
    service = SageMakerService(
        account=FakeAccount(),
        launcher=launcher,
        scaling=scaling,
        alarms=alarms,
        pace=Pace(time_factor=0),
        metrics=Metrics([]),
        invocation_timeout_seconds=1,
        quotas=Quotas(),
        capture=DataCapture(lambda: None),
    )
    yield InProcess(service, launcher, scaling, alarms)
    service.stop()


@pytest.fixture(params=["in-process", "http"])
def call(request: pytest.FixtureRequest) -> Call:
    if request.param == "in-process":
        return request.getfixturevalue("in_process").call
    account: Account = request.getfixturevalue("account")
    # Without boto3's own checks, so that the service's are met.
    client = account.client("sagemaker", parameter_validation=False)

    def over_http(operation: str, **members: Any) -> dict[str, Any]:
        try:
            answer = client._make_api_call(operation, members)
        except client.exceptions.ClientError as error:
            details = error.response["Error"]
            raise CallError(details["Code"], details["Message"]) from error
        del answer["ResponseMetadata"]
        return answer

    return over_http
