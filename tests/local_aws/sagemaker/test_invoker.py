"""InvokeEndpoint over HTTP with boto3, against the fake container. The local AWS waits 1.5 s for an invocation."""

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.sagemaker.invocation import MAX_BODY_BYTES
from tests.local_aws.account import BUCKET, Account, unique


@pytest.fixture(scope="module")
def shared(account: Account) -> tuple[str, str]:
    """An endpoint for the tests that need nothing special of one."""
    return account.serve()


def error_of(call: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response


def eventually(condition: Any, timeout_seconds: float = 10) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


class TestAnswers:
    def test_cold_and_warm(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "first")
        for _ in range(2):
            answer = account.invoke(endpoint, "first", b"12345")
            assert (answer["title"], answer["size"]) == ("first", 5)
        assert answer["events"].count(["load", "first"]) == 1

    def test_headers_reach_the_container_and_come_back(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "sub folder/a=model")
        answer = account.runtime.invoke_endpoint(
            EndpointName=endpoint,
            TargetModel="/sub folder/a=model.tar.gz",
            Body=b"x",
            ContentType="image/jpeg",
            Accept="application/json;verbose",
            CustomAttributes="trace=1",
            InferenceId="request 7",
        )
        assert answer["InvokedProductionVariant"] == "AllTraffic"
        assert answer["ContentType"] == "application/json"
        assert answer["CustomAttributes"] == "trace=1"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-sagemaker-inference-id"] == "request 7"
        headers = json.loads(answer["Body"].read())["headers"]
        assert headers["content-type"] == "image/jpeg"
        assert headers["accept"] == "application/json;verbose"
        assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=1"
        assert headers["x-amzn-sagemaker-inference-id"] == "request 7"
        assert headers["x-amzn-sagemaker-target-model"] == "/sub folder/a=model.tar.gz"

    def test_every_header_of_the_operation_is_passed_or_refused(
        self, account: Account, shared: tuple[str, str]
    ) -> None:
        """A header that a newer SDK adds fails here until somebody decides about it."""
        endpoint, prefix = shared
        account.put_model(prefix, "headers")
        passed = {
            "ContentType": "text/csv",
            "Accept": "text/csv",
            "CustomAttributes": "a",
            "InferenceId": "b",
            "TargetVariant": "AllTraffic",
        }
        account.invoke(endpoint, "headers", **{name: passed[name] for name in passed if name != "ContentType"})
        shape = account.runtime.meta.service_model.operation_model("InvokeEndpoint").input_shape
        others = set(shape.members) - set(passed) - {"EndpointName", "Body", "TargetModel"}
        assert others
        for name in others:
            value = "NEW_SESSION" if name == "SessionId" else "c"
            error = error_of(lambda name=name, value=value: account.invoke(endpoint, "headers", **{name: value}))
            assert error["Error"]["Code"] == "ValidationError"
            assert f"{name} must not be given" in error["Error"]["Message"]

    def test_container_sees_its_own_environment_only(self, account: Account) -> None:
        endpoint, prefix = account.serve(environment={"MODEL_SERVER_WORKERS": "3"})
        account.put_model(prefix, "m")
        environment = account.invoke(endpoint, "m")["environment"]
        assert environment["MODEL_SERVER_WORKERS"] == "3"
        assert environment["SAGEMAKER_MULTI_MODEL"] == "true"
        assert environment["MODEL_SERVER_MEMORY_MIB"] == str(8 * 1024)
        first, last = map(int, environment["SAGEMAKER_SAFE_PORT_RANGE"].split("-"))
        assert int(environment["SAGEMAKER_BIND_TO_PORT"]) < first < last
        assert not [name for name in environment if name.startswith("TF_")]
        # Its role, and nothing of the machine or of the local AWS itself: see test_admission.py.
        assert {name for name in environment if name.startswith("AWS_")} == {
            "AWS_CONFIG_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_DEFAULT_REGION",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_SHARED_CREDENTIALS_FILE",
        }

    def test_largest_body(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "large")
        assert account.invoke(endpoint, "large", bytes(MAX_BODY_BYTES))["size"] == MAX_BODY_BYTES


class TestValidationErrors:
    def test_unknown_endpoint(self, account: Account) -> None:
        error = error_of(lambda: account.invoke("nowhere", "m"))
        assert error["Error"] == {
            "Code": "ValidationError",
            "Message": "Endpoint nowhere of account 123456789012 not found.",
        }
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400

    def test_name_in_another_case(self, account: Account, shared: tuple[str, str]) -> None:
        """It is the same name to the control plane, and no endpoint's name to InvokeEndpoint."""
        other = shared[0].upper()
        error = error_of(lambda: account.invoke(other, "m"))
        assert error["Error"]["Message"] == f"Endpoint {other} of account 123456789012 not found."
        assert account.sagemaker.describe_endpoint(EndpointName=other)["EndpointName"] == shared[0]

    def test_another_region_does_not_have_the_endpoint(self, account: Account, shared: tuple[str, str]) -> None:
        session = account.aws.session("eu-west-1")
        runtime = session.client("sagemaker-runtime", endpoint_url=account.url)
        error = error_of(lambda: runtime.invoke_endpoint(EndpointName=shared[0], TargetModel="m.tar.gz", Body=b"{}"))
        assert error["Error"]["Message"] == f"Endpoint {shared[0]} of account 123456789012 not found."

    def test_response_streams_and_async_are_answered_by_the_runtime(
        self, account: Account, shared: tuple[str, str]
    ) -> None:
        for name, reason in ((shared[0], "multi-model endpoint"), ("nowhere", "not found")):
            error = error_of(
                lambda name=name: account.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"{}")
            )
            assert error["Error"]["Code"] == "ValidationError"
            assert reason in error["Error"]["Message"]
        for name, reason in ((shared[0], "has no AsyncInferenceConfig"), ("nowhere", "not found")):
            error = error_of(
                lambda name=name: account.runtime.invoke_endpoint_async(
                    EndpointName=name, InputLocation=f"s3://{BUCKET}/input"
                )
            )
            assert error["Error"]["Code"] == "ValidationError"
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
            assert reason in error["Error"]["Message"]

    def test_no_target_model(self, account: Account, shared: tuple[str, str]) -> None:
        error = error_of(lambda: account.runtime.invoke_endpoint(EndpointName=shared[0], Body=b""))
        assert error["Error"]["Code"] == "ValidationError"
        assert "requires the target model header" in error["Error"]["Message"]

    def test_unknown_target_model(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        error = error_of(lambda: account.invoke(endpoint, "nothing"))
        assert error["Error"]["Code"] == "ValidationError"
        assert (
            f"Failed to download model data(bucket: {BUCKET}, key: {prefix}/nothing.tar.gz)"
            in (error["Error"]["Message"])
        )

    def test_unknown_variant(self, account: Account, shared: tuple[str, str]) -> None:
        error = error_of(lambda: account.invoke(shared[0], "m", TargetVariant="other"))
        assert error["Error"]["Code"] == "ValidationError"

    @pytest.mark.parametrize("target", ["ü.tar.gz", "x" * 1025])
    def test_impossible_target_model(self, account: Account, shared: tuple[str, str], target: str) -> None:
        error = error_of(lambda: account.runtime.invoke_endpoint(EndpointName=shared[0], TargetModel=target, Body=b""))
        assert error["Error"]["Code"] == "ValidationError"
        assert "at 'targetModel' failed to satisfy constraint" in error["Error"]["Message"]

    def test_body_over_the_limit(self, account: Account, shared: tuple[str, str]) -> None:
        error = error_of(lambda: account.invoke(shared[0], "m", bytes(MAX_BODY_BYTES + 1)))
        assert error["Error"]["Code"] == "ValidationError"
        assert "less than or equal to 6291456" in error["Error"]["Message"]

    @pytest.mark.parametrize("content", [b"no archive at all", b"\x1f\x8b\x08\x00broken"])
    def test_corrupt_artifact_leaves_the_endpoint_alive(
        self, account: Account, shared: tuple[str, str], content: bytes
    ) -> None:
        (endpoint, prefix), name = shared, unique("corrupt")
        account.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}.tar.gz", Body=content)
        error = error_of(lambda: account.invoke(endpoint, name))
        assert error["Error"]["Code"] == "ValidationError"
        assert f"s3://{BUCKET}/{prefix}/{name}.tar.gz" in error["Error"]["Message"]
        account.put_model(prefix, name)
        assert account.invoke(endpoint, name)["title"] == name


class TestModelErrors:
    @pytest.mark.parametrize(("status", "kind"), [(415, "client"), (500, "server")])
    def test_container_error(self, account: Account, shared: tuple[str, str], status: int, kind: str) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, f"answers-{status}", invoke_status=status)
        error = error_of(lambda: account.invoke(endpoint, f"answers-{status}"))
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert error["Error"]["Code"] == "ModelError"
        assert error["Error"]["Message"].startswith(f"Received {kind} error ({status}) from primary with message")
        assert error["OriginalStatusCode"] == status
        assert json.loads(error["OriginalMessage"])["title"] == f"answers-{status}"
        assert error["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{endpoint}")

    def test_a_models_own_404_is_not_repeated(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "finds-nothing", invoke_status=404)
        for number in (1, 2):
            error = error_of(lambda: account.invoke(endpoint, "finds-nothing"))
            assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 404)
            original = json.loads(error["OriginalMessage"])
            assert original["invocations"] == number
        assert original["events"].count(["load", "finds-nothing"]) == 1

    def test_any_2xx_is_an_answer(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "accepts", invoke_status=202)
        assert account.invoke(endpoint, "accepts")["title"] == "accepts"

    def test_invocation_over_the_time_limit(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "slow", invoke_seconds=3)
        error = error_of(lambda: account.invoke(endpoint, "slow"))
        assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
        assert "Your invocation timed out" in error["OriginalMessage"]

    def test_failing_load(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "unloadable", load_status=500)
        for _ in range(2):
            error = error_of(lambda: account.invoke(endpoint, "unloadable"))
            assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 500)

    def test_load_over_the_time_limit(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "endless", load_seconds=5)
        codes = []
        for _ in range(4):
            codes.append(error_of(lambda: account.invoke(endpoint, "endless"))["Error"]["Code"])
            if codes[-1] == "ModelError":
                break
        assert codes[0] == "ModelNotReadyException"
        assert codes[-1] == "ModelError"


class TestLoading:
    def test_slow_load_goes_on_after_the_caller_has_been_told(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "later", load_seconds=2)
        error = error_of(lambda: account.invoke(endpoint, "later"))
        assert error["Error"]["Code"] == "ModelNotReadyException"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
        answer = account.invoke(endpoint, "later")
        assert answer["events"].count(["load", "later"]) == 1

    def test_requests_for_one_cold_model_load_it_once(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "wanted", load_seconds=0.3)
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: account.invoke(endpoint, "wanted"), range(12)))
        assert answers[-1]["events"].count(["load", "wanted"]) == 1

    def test_different_models_load_side_by_side(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        names = [f"parallel-{number}" for number in range(6)]
        for name in names:
            account.put_model(prefix, name, load_seconds=0.6)
        started = time.monotonic()
        with ThreadPoolExecutor(len(names)) as pool:
            titles = [answer["title"] for answer in pool.map(lambda name: account.invoke(endpoint, name), names)]
        assert titles == names
        assert time.monotonic() - started < 0.6 * len(names) / 2

    def test_overwritten_artifact_is_another_one_after_an_unload(self, account: Account) -> None:
        endpoint, prefix = account.serve(environment={"FAKE_CAPACITY": "1"})
        account.put_model(prefix, "a")
        account.put_model(prefix, "b")
        assert account.invoke(endpoint, "a")["title"] == "a"
        account.s3.copy_object(Bucket=BUCKET, Key=f"{prefix}/a.tar.gz", CopySource=f"{BUCKET}/{prefix}/b.tar.gz")
        assert account.invoke(endpoint, "a")["title"] == "a"
        account.invoke(endpoint, "b")
        assert account.invoke(endpoint, "a")["title"] == "b"

    def test_model_that_the_container_lost_is_loaded_again(self, account: Account, shared: tuple[str, str]) -> None:
        endpoint, prefix = shared
        account.put_model(prefix, "lost")
        account.invoke(endpoint, "lost", b"forget")
        answer = account.invoke(endpoint, "lost")
        assert answer["events"].count(["load", "lost"]) == 2


class TestRoom:
    def test_least_recently_used_model_goes_first(self, account: Account) -> None:
        endpoint, prefix = account.serve(environment={"FAKE_CAPACITY": "2"})
        for name in ("a", "b", "c"):
            account.put_model(prefix, name)
        for name in ("a", "b", "a", "c", "a"):
            events = account.invoke(endpoint, name)["events"]
        assert events == [["load", "a"], ["load", "b"], ["unload", "b"], ["load", "c"]]

    def test_invocation_without_room_gets_it(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "idle")
        account.put_model(prefix, "hungry", invoke_507=1)
        account.invoke(endpoint, "idle")
        answer = account.invoke(endpoint, "hungry")
        assert ["unload", "idle"] in answer["events"]

    def test_model_that_never_fits(self, account: Account) -> None:
        endpoint, prefix = account.serve(environment={"FAKE_CAPACITY": "0"})
        account.put_model(prefix, "giant")
        error = error_of(lambda: account.invoke(endpoint, "giant"))
        assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 507)

    def test_no_unload_under_an_invocation(self, account: Account) -> None:
        endpoint, prefix = account.serve(environment={"FAKE_CAPACITY": "2"})
        names = [f"m{number}" for number in range(5)]
        for name in names:
            account.put_model(prefix, name, invoke_seconds=0.01)

        def one(number: int) -> Any:
            name = names[(number * 7 + number // 5) % len(names)]
            return account.invoke(endpoint, name)["title"] == name

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(one, range(80)))
        kinds = Counter(kind for kind, _ in account.invoke(endpoint, "m0")["events"])
        assert kinds["unload"] > 0
        assert kinds["unloaded under an invocation"] == 0

    def test_disabled_cache_unloads_after_each_call(self, account: Account) -> None:
        model = account.create_model(MultiModelConfig={"ModelCacheSetting": "Disabled"})
        endpoint = account.create_endpoint(account.create_config(model))
        account.await_settled(endpoint)
        account.put_model(model, "m")
        account.invoke(endpoint, "m")
        events = account.invoke(endpoint, "m")["events"]
        assert events == [["load", "m"], ["unload", "m"], ["load", "m"]]


class TestInstances:
    def test_model_stays_with_its_instance(self, account: Account) -> None:
        endpoint, prefix = account.serve(InitialInstanceCount=2)
        pids: dict[str, set[int]] = {}
        for name in [f"m{number}" for number in range(8)] * 3:
            if name not in pids:
                account.put_model(prefix, name)
            pids.setdefault(name, set()).add(account.invoke(endpoint, name)["pid"])
        assert all(len(found) == 1 for found in pids.values())
        assert len(set.union(*pids.values())) == 2

    def test_container_that_ends_is_started_again(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "good")
        account.put_model(prefix, "deadly", exit=True)
        first = account.invoke(endpoint, "good")["pid"]
        error = error_of(lambda: account.invoke(endpoint, "deadly"))
        assert error["Error"]["Code"] == "ServiceUnavailable"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 503

        def back() -> bool:
            try:
                return account.invoke(endpoint, "good")["pid"] != first
            except account.runtime.exceptions.ServiceUnavailable:
                return False

        assert eventually(back)

    def test_request_that_ends_a_container_is_not_tried_on_the_next_one(self, account: Account) -> None:
        endpoint, prefix = account.serve(InitialInstanceCount=2)
        account.put_model(prefix, "deadly", exit=True)
        names = [f"m{number}" for number in range(8)]
        for name in names:
            account.put_model(prefix, name)
        before = {account.invoke(endpoint, name)["pid"] for name in names}
        assert len(before) == 2
        error = error_of(lambda: account.invoke(endpoint, "deadly"))
        assert error["Error"]["Code"] == "ServiceUnavailable"

        def all_served() -> set[int]:
            try:
                return {account.invoke(endpoint, name)["pid"] for name in names}
            except account.runtime.exceptions.ServiceUnavailable:
                return set()

        assert eventually(lambda: len(all_served()) == 2)
        assert len(all_served() & before) == 1


class TestHealthChecks:
    @pytest.mark.parametrize(
        ("ping", "reason"),
        [
            ("never", "/ping did not answer within 2 s"),
            ("500", "/ping answered 500 in 3 s"),
            ("exit:1", "`serve` ended with exit code 1, 3 times. Its last lines: told to end with exit:1"),
        ],
    )
    def test_container_that_is_never_healthy(self, account: Account, ping: str, reason: str) -> None:
        endpoint = account.create_endpoint(account.create_config(account.create_model(environment={"FAKE_PING": ping})))
        description = account.await_settled(endpoint)
        assert description["EndpointStatus"] == "Failed"
        assert description["FailureReason"].startswith(
            "The primary container for production variant AllTraffic did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        assert reason in description["FailureReason"]

    def test_container_that_is_healthy_late(self, account: Account) -> None:
        account.serve(environment={"FAKE_PING": "late:0.5"})

    def test_unhealthy_update_leaves_the_endpoint_as_it_was(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        before = account.invoke(endpoint, "m")["pid"]
        old = account.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        broken = account.create_config(account.create_model(environment={"FAKE_PING": "exit:1"}))
        account.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
        description = account.await_settled(endpoint)
        assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", old)
        assert "did not pass the ping health check" in description["FailureReason"]
        assert account.invoke(endpoint, "m")["pid"] == before


def sums(account: Account, endpoint: str, namespace: str = "AWS/SageMaker") -> dict[str, dict[str, float]]:
    """Sum and number of values of each metric of the namespace that the endpoint has."""
    cloudwatch, now = account.client("cloudwatch"), time.time()
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]
    metrics = cloudwatch.list_metrics(Namespace=namespace, Dimensions=dimensions)["Metrics"]
    found = {}
    for name in {metric["MetricName"] for metric in metrics}:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - 300,
            EndTime=now + 60,
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        found[name] = {
            "sum": sum(point["Sum"] for point in points),
            "count": sum(point["SampleCount"] for point in points),
        }
    return found


class TestObservation:
    def test_metrics(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        for _ in range(4):
            account.invoke(endpoint, "m")
        error_of(lambda: account.invoke(endpoint, "nothing"))
        assert eventually(lambda: sums(account, endpoint).get("Invocations", {}).get("sum") == 5)
        found = sums(account, endpoint)
        assert found["ModelCacheHit"] == {"sum": 3, "count": 4}
        assert found["Invocation4XXErrors"] == {"sum": 1, "count": 5}
        assert found["Invocation5XXErrors"] == {"sum": 0, "count": 5}
        assert found["ModelLoadingTime"]["count"] == 1
        assert found["ModelLoadingWaitTime"]["sum"] > 0

    def test_model_that_is_not_ready_is_no_server_error(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "later", load_seconds=2)
        assert error_of(lambda: account.invoke(endpoint, "later"))["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert eventually(lambda: "Invocation4XXErrors" in sums(account, endpoint))
        found = sums(account, endpoint)
        assert found["Invocation4XXErrors"]["sum"] == 1
        assert found["Invocation5XXErrors"]["sum"] == 0
        assert found["InvocationModelErrors"]["sum"] == 0

    @pytest.mark.parametrize(("status", "metric"), [(415, "Invocation4XXErrors"), (500, "Invocation5XXErrors")])
    def test_errors_of_the_container(self, account: Account, status: int, metric: str) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m", invoke_status=status)
        error_of(lambda: account.invoke(endpoint, "m"))
        assert eventually(lambda: metric in sums(account, endpoint))
        found = sums(account, endpoint)
        assert found["Invocation4XXErrors"]["sum"] + found["Invocation5XXErrors"]["sum"] == 1
        assert found[metric]["sum"] == 1
        assert found["InvocationModelErrors"]["sum"] == 1

    def test_instances_are_sampled(self, account: Account) -> None:
        endpoint, prefix = account.serve(VolumeSizeInGB=1)
        account.put_model(prefix, "m", padding="x" * 100_000)
        account.invoke(endpoint, "m")
        namespace = "/aws/sagemaker/Endpoints"
        assert eventually(lambda: sums(account, endpoint, namespace).get("LoadedModelCount", {}).get("sum", 0) > 0)
        assert eventually(lambda: "CPUUtilization" in sums(account, endpoint, namespace), 30)
        found = {name: value["sum"] / value["count"] for name, value in sums(account, endpoint, namespace).items()}
        assert found["LoadedModelCount"] <= 1
        assert 0 < found["DiskUtilization"] < 1
        assert 0 < found["MemoryUtilization"] < 100
        assert 0 <= found["CPUUtilization"] <= 100 * os.cpu_count()

    def test_logs(self, account: Account) -> None:
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        account.invoke(endpoint, "m")
        logs, group = account.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"

        def logged() -> bool:
            if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                return False
            events = logs.filter_log_events(logGroupName=group)["events"]
            return any("POST /models" in event["message"] for event in events)

        assert eventually(logged)
        stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
        assert stream.startswith("AllTraffic/i-")
