"""What tests need of an AWS account: clients, and the resources around an endpoint."""

import io
import itertools
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from image_builder.repository import Repository
from image_builder.snapshot import push_snapshot
from local_aws.access_key import AccessKey
from local_aws.account import ACCOUNT_ID, REGION
from local_aws.directory import Running
from local_aws.process import LocalAws

FAKE_CONTAINER = Path(__file__).parent / "fake_container"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/execution"
BUCKET = "test-models"
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def artifact(**script: Any) -> bytes:
    """An artifact for the fake container: a `.tar.gz` with its script."""
    content = json.dumps(script).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("script.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@contextmanager
def quick_local_aws(folder: Path, **settings: Any) -> Iterator[LocalAws]:
    """A local AWS without Terraform, in which a second of a wait and of an alarm's period takes 0.02 s."""
    defaults: dict[str, Any] = {"provider": "none", "runtime": "process", "time_factor": 0.02}
    with LocalAws(directory=folder / "run", port=0, log_file=folder / "aws.log", **defaults | settings) as aws:
        yield aws


def prepared_account(aws: LocalAws) -> "Account":
    account = Account(aws)
    account.prepare()
    return account


class Signature(AuthBase):
    """Signs what `requests` sends, whatever it says of its body."""

    def __init__(self, key: AccessKey, service: str) -> None:
        self._key = key
        self._service = service

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        request.headers = CaseInsensitiveDict(self.headers(request.method, request.url, request.headers, content))
        return request

    def headers(self, method: Any, url: Any, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers with the signature of all."""
        request = AWSRequest(method, url, dict(headers), body)
        signer = _S3Signer if self._service == "s3" else SigV4Auth
        signer(Credentials(self._key.id, self._key.secret), self._service, REGION).add_auth(request)
        return dict(request.headers.items())


class _S3Signer(S3SigV4Auth):
    """For bodies in chunks as well."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        self._said = request.headers.get("X-Amz-Content-SHA256")
        super()._modify_request_before_signing(request)

    def payload(self, request: AWSRequest) -> str:
        return self._said or str(super().payload(request))


class Account:
    """The account of one local AWS, seen through boto3 only."""

    def __init__(self, aws: LocalAws | Running) -> None:
        self.aws = aws
        self.url = aws.url
        self.key = aws.key
        self._session = aws.session()

    def client(self, service: str, **config: Any) -> Any:
        settings = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 64, **config}
        return self._session.client(service, endpoint_url=self.url, config=Config(**settings))

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def ecr(self) -> Any:
        return self.client("ecr")

    @cached_property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    @cached_property
    def runtime(self) -> Any:
        return self.client("sagemaker-runtime")

    def prepare(self) -> None:
        """A role, a bucket, and the fake container's image."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        self.client("iam").create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(trust))
        self.s3.create_bucket(Bucket=BUCKET)
        self.ecr.create_repository(repositoryName="fake")
        self.fake_image = self.push_fake("fake")

    def push_fake(self, repository: str) -> str:
        """Push the fake container; returns the image's URI."""
        return self.push(FAKE_CONTAINER, repository, "1")

    def push(self, context: Path, repository: str, tag: str) -> str:
        """Push `context` as a snapshot; returns the image's URI."""
        push_snapshot(Repository(self.ecr, ACCOUNT_ID, repository), context, tag, "linux/amd64")
        return f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{repository}:{tag}"

    def put_alarm(self, name: str, namespace: str = "Tests") -> None:
        """An alarm of a metric that nothing writes."""
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )

    def put_model(self, prefix: str, name: str, **script: Any) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}.tar.gz", Body=artifact(title=name, **script))

    def create_model(self, *, environment: dict[str, str] | None = None, **overrides: Any) -> str:
        """A model whose name is also the prefix of its artifacts; `overrides` go into the container."""
        name = unique("model")
        container = {
            "Image": self.fake_image,
            "Mode": "MultiModel",
            "ModelDataUrl": f"s3://{BUCKET}/{name}/",
            "Environment": environment or {},
            **overrides,
        }
        if not container["Environment"]:
            del container["Environment"]
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return name

    def create_config(self, model: str, **variant: Any) -> str:
        name = unique("config")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    **variant,
                }
            ],
        )
        return name

    def create_endpoint(self, config: str, **request: Any) -> str:
        name = unique("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **request)
        return name

    def await_settled(self, endpoint: str, timeout_seconds: float = 20) -> dict[str, Any]:
        """The endpoint's description once it is neither Creating, Updating nor Deleting."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            description = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if description["EndpointStatus"] not in ("Creating", "Updating", "RollingBack", "Deleting"):
                return description
            time.sleep(0.03)
        raise TimeoutError(f"{endpoint} is still {description['EndpointStatus']}")

    def serve(self, *, environment: dict[str, str] | None = None, **variant: Any) -> tuple[str, str]:
        """An endpoint in service: its name, and the prefix for put_model."""
        model = self.create_model(environment=environment)
        endpoint = self.create_endpoint(self.create_config(model, **variant))
        description = self.await_settled(endpoint)
        if description["EndpointStatus"] != "InService":
            raise RuntimeError(description["FailureReason"])
        return endpoint, model

    def invoke(self, endpoint: str, target: str, body: bytes = b"{}", **request: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, TargetModel=f"{target}.tar.gz", Body=body, ContentType="application/json", **request
        )
        return json.loads(answer["Body"].read())
