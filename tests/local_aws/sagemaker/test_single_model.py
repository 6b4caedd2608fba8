"""Containers with one model, alone, in a row and called by name, over HTTP with boto3."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import BUCKET, ROLE, Account, artifact, unique

CSV = "text/csv"


@pytest.fixture(scope="module")
def archive(account: Account) -> str:
    key = f"{unique('single')}/model.tar.gz"
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=artifact(title="the one"))
    return f"s3://{BUCKET}/{key}"


def serve(account: Account, containers: list[dict[str, Any]], **model: Any) -> str:
    """An endpoint of these containers, in service."""
    name = unique("model")
    account.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, Containers=containers, **model)
    endpoint = account.create_endpoint(account.create_config(name))
    description = account.await_settled(endpoint)
    assert description["EndpointStatus"] == "InService", description.get("FailureReason")
    return endpoint


def echo(account: Account, text: str, hostname: str | None = None, **environment: str) -> dict[str, Any]:
    container = {"Image": account.fake_image, "Environment": {"FAKE_ECHO": text, **environment}}
    return container if hostname is None else {**container, "ContainerHostname": hostname}


def invoke(account: Account, endpoint: str, body: bytes = b"{}", **request: Any) -> bytes:
    return account.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **request)["Body"].read()


def error_of(account: Account, endpoint: str, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        invoke(account, endpoint, **request)
    return error.value.response


class TestSingleModel:
    @pytest.fixture(scope="class")
    @classmethod
    def endpoint(cls, account: Account, archive: str) -> str:
        container = {"Image": account.fake_image, "ModelDataUrl": archive, "Environment": {"GREETING": "hello"}}
        return serve(account, [container])

    def test_the_archive_is_unpacked_where_the_toolkits_look(self, account: Account, endpoint: str) -> None:
        answer = json.loads(invoke(account, endpoint, b"12345", ContentType="image/jpeg", InferenceId="7"))
        assert (answer["files"], answer["title"], answer["size"]) == (["script.json"], "the one", 5)
        assert answer["headers"]["content-type"] == "image/jpeg"
        assert answer["headers"]["x-amzn-sagemaker-inference-id"] == "7"
        assert answer["environment"]["GREETING"] == "hello"
        assert "SAGEMAKER_MULTI_MODEL" not in answer["environment"]

    def test_a_target_model_is_refused(self, account: Account, endpoint: str) -> None:
        error = error_of(account, endpoint, TargetModel="m.tar.gz")["Error"]
        assert error["Code"] == "ValidationError"
        assert error["Message"] == (
            f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
        )

    def test_a_target_container_is_refused(self, account: Account, endpoint: str) -> None:
        error = error_of(account, endpoint, TargetContainerHostname="primary")["Error"]
        assert error["Code"] == "ValidationError"
        assert "TargetContainerHostname must not be given" in error["Message"]

    def test_a_response_stream_is_refused(self, account: Account, endpoint: str) -> None:
        with pytest.raises(ClientError, match="gets no response streams from the local AWS") as caught:
            account.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"{}")
        assert caught.value.response["Error"]["Code"] == "ValidationError"

    def test_no_model_is_counted_as_loaded(self, account: Account, endpoint: str) -> None:
        invoke(account, endpoint)
        metrics, deadline = set(), time.monotonic() + 10
        while "ModelLatency" not in metrics and time.monotonic() < deadline:
            dimensions = [{"Name": "EndpointName", "Value": endpoint}]
            found = account.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"]
            metrics = {metric["MetricName"] for metric in found}
            time.sleep(0.05)
        assert {"Invocations", "ModelLatency", "OverheadLatency"} <= metrics
        assert not {"ModelCacheHit", "ModelLoadingWaitTime", "LoadedModelCount"} & metrics

    def test_a_container_without_an_artifact(self, account: Account) -> None:
        assert invoke(account, serve(account, [echo(account, "a")]), b"1") == b"a1"

    def test_an_error_of_the_container(self, account: Account) -> None:
        error = error_of(account, serve(account, [echo(account, "no", FAKE_STATUS="500")]))
        assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 500)
        assert error["Error"]["Message"].startswith('Received server error (500) from primary with message "no')

    def test_a_damaged_archive_fails_the_endpoint(self, account: Account) -> None:
        key = f"{unique('damaged')}.tar.gz"
        account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"no archive at all")
        model = account.create_model(Mode="SingleModel", ModelDataUrl=f"s3://{BUCKET}/{key}")
        description = account.await_settled(account.create_endpoint(account.create_config(model)))
        assert description["EndpointStatus"] == "Failed"
        assert f"Unable to extract model data archive from URL s3://{BUCKET}/{key}" in description["FailureReason"]


class TestInARow:
    def test_each_answer_is_the_next_request(self, account: Account) -> None:
        endpoint = serve(account, [echo(account, "a"), echo(account, "b"), echo(account, "c")])
        assert invoke(account, endpoint, b"1") == b"cba1"

    def test_content_type_goes_with_the_body_and_accept_to_the_end(self, account: Account, archive: str) -> None:
        last = {"Image": account.fake_image, "ModelDataUrl": archive}
        endpoint = serve(account, [echo(account, "a"), last])
        headers = json.loads(
            invoke(account, endpoint, ContentType="image/jpeg", Accept="text/plain", CustomAttributes="trace=1")
        )["headers"]
        assert (headers["content-type"], headers["accept"]) == (CSV, "text/plain")
        assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=1"

    def test_an_error_ends_the_row_and_names_its_container(self, account: Account) -> None:
        containers = [
            echo(account, "a", "first"),
            echo(account, "b", "second", FAKE_STATUS="400"),
            echo(account, "c", "3"),
        ]
        error = error_of(account, serve(account, containers))
        assert error["OriginalStatusCode"] == 400
        assert "from second with message" in error["Error"]["Message"]
        assert error["OriginalMessage"] == "ba{}"

    def test_one_of_them_may_have_many_models(self, account: Account) -> None:
        prefix = unique("many")
        account.put_model(prefix, "m")
        many = {"Image": account.fake_image, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/{prefix}/"}
        endpoint = serve(account, [echo(account, "a"), many])
        answer = json.loads(invoke(account, endpoint, b"1", TargetModel="m.tar.gz"))
        assert (answer["title"], answer["size"]) == ("m", 2)
        assert "requires the target model header" in error_of(account, endpoint)["Error"]["Message"]

    def test_a_container_that_is_never_healthy_fails_the_endpoint(self, account: Account) -> None:
        name = unique("model")
        containers = [echo(account, "a", "good"), echo(account, "b", "bad", FAKE_PING="500")]
        account.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, Containers=containers)
        description = account.await_settled(account.create_endpoint(account.create_config(name)))
        assert description["EndpointStatus"] == "Failed"
        assert "The bad container for production variant AllTraffic" in description["FailureReason"]

    def test_each_has_a_log_stream_and_its_image(self, account: Account) -> None:
        endpoint = serve(account, [echo(account, "a"), echo(account, "b")])
        invoke(account, endpoint)
        streams: list[str] = []
        deadline = time.monotonic() + 10
        while len(streams) < 2 and time.monotonic() < deadline:
            try:
                found = account.client("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
                streams = sorted(stream["logStreamName"].rpartition("/")[2] for stream in found["logStreams"])
            except ClientError:
                pass
            time.sleep(0.05)
        assert streams == ["container-1", "container-2"]
        (variant,) = account.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
        assert len(variant["DeployedImages"]) == 2


class TestByName:
    @pytest.fixture(scope="class")
    @classmethod
    def endpoint(cls, account: Account) -> str:
        containers = [echo(account, "a", "first"), echo(account, "b", "second")]
        return serve(account, containers, InferenceExecutionConfig={"Mode": "Direct"})

    def test_the_named_container_answers(self, account: Account, endpoint: str) -> None:
        for name, answer in (("first", b"a1"), ("second", b"b1")):
            assert invoke(account, endpoint, b"1", TargetContainerHostname=name) == answer

    @pytest.mark.parametrize("request_", [{}, {"TargetContainerHostname": "third"}])
    def test_no_other_name_will_do(self, account: Account, endpoint: str, request_: dict[str, str]) -> None:
        error = error_of(account, endpoint, **request_)["Error"]
        assert error["Code"] == "ValidationError"
        assert "It has: first, second." in error["Message"]
