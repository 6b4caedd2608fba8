"""What of invocations gets into S3, and where."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws.sagemaker.data_capture import CapturePlan, DataCapture, Message
from tests.local_aws.account import BUCKET, ROLE, Account, unique
from tests.local_aws.sagemaker.conftest import IMAGE, CallError, InProcess

MOMENT = datetime(2026, 3, 1, 9, 5, 7, 8000, tzinfo=UTC)


def config(**more: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
        **more,
    }


class Bucket:
    """An S3 client that keeps what is put."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_object(self, **request: Any) -> None:
        self.put.append(request)


def captured(plan: CapturePlan, *samples: float) -> list[dict[str, Any]]:
    """The requests to S3 after one invocation for each sample."""
    bucket, numbers = Bucket(), iter(samples)
    capture = DataCapture(lambda: bucket, lambda: next(numbers), lambda: MOMENT)
    for _ in samples:
        request, answer = Message(b"1,2", "text/csv; charset=utf-8"), Message(b"\xff", None)
        capture.record(plan, ("e", "v"), request, answer, {"inferenceId": "i"})
    capture.flush()
    capture.flush()
    return bucket.put


def test_lines_of_one_variant_share_a_file() -> None:
    (put,) = captured(CapturePlan.read(config()), 0.0, 0.99)
    assert put["Bucket"] == BUCKET
    assert put["Key"].startswith("captured/e/v/2026/03/01/09/05-07-008-")
    assert put["Key"].endswith(".jsonl")
    lines = [json.loads(line) for line in put["Body"].decode().splitlines()]
    assert len(lines) == 2
    assert lines[0]["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "INPUT",
            "data": "1,2",
            "encoding": "CSV",
        },
        "endpointOutput": {"observedContentType": None, "mode": "OUTPUT", "data": "/w==", "encoding": "BASE64"},
    }
    assert lines[0]["eventVersion"] == "0"
    event = lines[0]["eventMetadata"].pop("eventId")
    assert lines[0]["eventMetadata"] == {"inferenceId": "i", "inferenceTime": "2026-03-01T09:05:07Z"}
    assert event != lines[1]["eventMetadata"]["eventId"]


def test_a_part_is_sampled() -> None:
    (put,) = captured(CapturePlan.read(config(InitialSamplingPercentage=30)), 0.1, 0.29, 0.3, 0.9)
    assert len(put["Body"].splitlines()) == 2
    assert captured(CapturePlan.read(config(InitialSamplingPercentage=0)), 0.0) == []


@pytest.mark.parametrize(
    ("mode", "sides"),
    [
        ("Input", {"endpointInput"}),
        ("Output", {"endpointOutput"}),
        ("InputAndOutput", {"endpointInput", "endpointOutput"}),
    ],
)
def test_modes(mode: str, sides: set[str]) -> None:
    (put,) = captured(CapturePlan.read(config(CaptureOptions=[{"CaptureMode": mode}])), 0.0)
    assert json.loads(put["Body"])["captureData"].keys() == sides


def test_encryption_and_switch() -> None:
    (put,) = captured(CapturePlan.read(config(KmsKeyId="alias/capture")), 0.0)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "alias/capture")
    assert CapturePlan.read(config(EnableCapture=False)) is None
    assert CapturePlan.read(None) is None


def test_destination_that_is_no_s3_location(in_process: InProcess) -> None:
    container = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/m/"}
    in_process.call("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    with pytest.raises(CallError, match="DestinationS3Uri"):
        in_process.call(
            "CreateEndpointConfig",
            EndpointConfigName="c",
            ProductionVariants=[
                {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            ],
            DataCaptureConfig=config(DestinationS3Uri="https://example.com/x"),
        )


def test_invocations_are_captured(account: Account) -> None:
    model, name, prefix = account.create_model(), unique("config"), unique("captured")
    account.put_model(model, "m")
    account.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {"VariantName": "Main", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        ],
        DataCaptureConfig=config(DestinationS3Uri=f"s3://{BUCKET}/{prefix}/"),
    )
    endpoint = account.create_endpoint(name)
    described = account.await_settled(endpoint)["DataCaptureConfig"]
    assert (described["EnableCapture"], described["CaptureStatus"]) == (True, "Started")
    account.invoke(endpoint, "m", b'{"a": 1}', InferenceId="mine", CustomAttributes="c")
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        time.sleep(0.2)
        found = account.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/{endpoint}/Main/").get("Contents", [])
    line = json.loads(account.s3.get_object(Bucket=BUCKET, Key=found[0]["Key"])["Body"].read())
    assert line["captureData"]["endpointInput"]["data"] == '{"a": 1}'
    assert line["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert json.loads(line["captureData"]["endpointOutput"]["data"])["title"] == "m"
    assert (line["eventMetadata"]["inferenceId"], line["eventMetadata"]["customAttributes"]) == ("mine", ["c"])
