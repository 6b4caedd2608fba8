"""Endpoints of the local AWS with the project's own model server, for one run."""

import datetime
import json
import time
from pathlib import Path
from typing import Any

from botocore.config import Config

from image_builder.repository import Repository
from image_builder.snapshot import push_snapshot
from local_aws.account import ACCOUNT_ID, REGION
from local_aws.process import PROJECT_ROOT, LocalAws

BUCKET, PREFIX, REPOSITORY = "capacity-models", "models", "capacity"
VARIANT = "all-models"
_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/execution"
_READY_SECONDS = 90


class Account:
    """The account of one local AWS, through boto3 only."""

    def __init__(self, aws: LocalAws) -> None:
        self.session = aws.session()
        config = Config(retries={"total_max_attempts": 1})
        names = ("iam", "s3", "ecr", "sagemaker", "cloudwatch", "logs")
        self._clients = {name: self.session.client(name, endpoint_url=aws.url, config=config) for name in names}
        self._image = ""

    def client(self, name: str) -> Any:
        return self._clients[name]

    def prepare(self) -> None:
        """A role, a bucket, and the model server's image."""
        principal = {"Service": "sagemaker.amazonaws.com"}
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        self.client("iam").create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(trust))
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.client("ecr").create_repository(repositoryName=REPOSITORY)
        repository = Repository(self.client("ecr"), ACCOUNT_ID, REPOSITORY)
        push_snapshot(repository, PROJECT_ROOT / "container", "1", "linux/amd64")
        self._image = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}:1"

    def put_model(self, name: str, content: bytes) -> None:
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=content)

    def create_endpoint(self, name: str, environment: dict[str, str]) -> None:
        """One instance with these variables of the model server, in service."""
        sagemaker = self.client("sagemaker")
        container = {
            "Image": self._image,
            "Mode": "MultiModel",
            "ModelDataUrl": f"s3://{BUCKET}/{PREFIX}/",
            "Environment": environment,
        }
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=_ROLE)
        variant = {"VariantName": VARIANT, "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            description = sagemaker.describe_endpoint(EndpointName=name)
            if description["EndpointStatus"] == "InService":
                return
            if description["EndpointStatus"] == "Failed":
                raise RuntimeError(description["FailureReason"])
            time.sleep(0.2)
        raise RuntimeError(f"endpoint {name} is not in service after {_READY_SECONDS} s")

    def delete_endpoint(self, name: str) -> None:
        self.client("sagemaker").delete_endpoint(EndpointName=name)

    def log(self, endpoint: str, path: Path) -> Path:
        """Write the endpoint's log to `path`, as `aws logs filter-log-events` does."""
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        path.write_text(json.dumps({"events": [event for page in pages for event in page["events"]]}))
        return path

    def hit_ratio(self, endpoint: str) -> tuple[float, float]:
        """ModelCacheHit: its average, and how many samples it has."""
        now = datetime.datetime.now(datetime.UTC)
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ModelCacheHit",
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": VARIANT}],
            StartTime=now - datetime.timedelta(hours=2),
            EndTime=now + datetime.timedelta(minutes=2),
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )
        samples = sum(point["SampleCount"] for point in answer["Datapoints"])
        return sum(point["Sum"] for point in answer["Datapoints"]) / max(samples, 1), samples
