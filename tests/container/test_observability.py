"""Metrics, event lines and CloudWatch's embedded metrics, as a platform engineer reads them."""

import asyncio
import io
import json

import pytest

from container.model_server.hosting.registry import Model
from container.model_server.telemetry.events import EventLog
from container.model_server.telemetry.metrics import Histogram, family, labels, sample
from container.model_server.telemetry.observer import Observer
from tests.container.clients import Client

JSON = "application/json"
GAUGES = {"queue_length": ("gauge", "x", 2.0), "memory_used_bytes": ("gauge", "x", 5.0)}


def test_a_model_can_be_followed_by_its_name_and_target(client: Client, models) -> None:
    target = {"content-type": JSON, "x-amzn-sagemaker-target-model": 'shop/"a".tar.gz'}
    with client.loaded("seen", models["dense"]):
        for _ in range(3):
            assert client.request("POST", "/models/seen/invoke", b"[[1, 2, 3, 4]]", target).status == 200
        assert client.request("POST", "/models/seen/invoke", b"{", target).status == 400
        told = client.metrics()
        assert told['model_server_invoke_seconds_count{model="seen",start="cold"}'] == 1
        assert told['model_server_invoke_seconds_count{model="seen",start="warm"}'] == 2
        assert told['model_server_request_seconds_bucket{start="warm",le="+Inf"}'] >= 2
        assert told['model_server_model_errors_total{model="seen",kind="InvalidInput"}'] == 1
        assert told['model_server_model_info{model="seen",target_model="shop/\\"a\\".tar.gz",engine="mxnet"}'] == 1
        assert told["model_server_workers_ready"] == 2
        assert told["model_server_queue_length"] == 0
        assert 0 < told["model_server_memory_used_bytes"] < told["model_server_memory_limit_bytes"]
    assert not [name for name in client.metrics() if '"seen"' in name]
    events = client.events()
    (load,) = [event for event in events if event["event"] == "load" and event["model"] == "seen"]
    assert (load["reason"], load["engine"]) == ("first load", "mxnet")
    (unload,) = [event for event in events if event["event"] == "unload" and event["model"] == "seen"]
    assert unload["reason"].startswith("asked for, ")
    assert (unload["invocations"], unload["target_model"]) == (3, 'shop/"a".tar.gz')
    requests = [event for event in events if event["event"] == "request" and event.get("model") == "seen"]
    assert [event["status"] for event in requests] == [200, 200, 200, 400]
    assert requests[0]["cold"] and "cold" not in requests[1]
    assert {"queue_ms", "decode_ms", "engine_ms", "encode_ms", "milliseconds"} <= requests[1].keys()


def test_the_first_answer_after_a_load_says_so_to_the_caller(client: Client, models) -> None:
    mark = "x-amzn-sagemaker-custom-attributes"
    for _ in range(2):
        with client.loaded("marked", models["dense"]):
            answers = [client.request("POST", "/models/marked/invoke", b"[[1, 2, 3, 4]]", {"content-type": JSON})]
            answers += [client.request("POST", "/models/marked/invoke", b"[[1, 2, 3, 4]]", {"content-type": JSON})]
            found = [{name.lower(): value for name, value in answer.headers.items()}.get(mark) for answer in answers]
            assert found == ["cold-start", None]


def test_a_reload_tells_how_long_the_model_was_away(client: Client, models) -> None:
    for _ in range(2):
        with client.loaded("back", models["dense"]):
            pass
    reasons = [e["reason"] for e in client.events() if e["event"] == "load" and e["model"] == "back"]
    assert reasons[0] == "first load"
    assert reasons[1].startswith("asked for 0.") and reasons[1].endswith("s after its unload")


def test_a_failed_load_says_why(client: Client, tmp_path) -> None:
    assert client.load("wrong", tmp_path).error() == (400, "InvalidArtifact")
    (event,) = [event for event in client.events() if event["event"] == "load_failed" and event["model"] == "wrong"]
    assert event["error"] == "InvalidArtifact" and "holds no model" in event["reason"]


def test_histogram_buckets_are_cumulative_and_inclusive() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 2.0):
        histogram.observe(seconds)
    assert list(histogram.lines("h", labels(a="b"))) == [
        'h_bucket{a="b",le="0.1"} 2',
        'h_bucket{a="b",le="1.0"} 3',
        'h_bucket{a="b",le="+Inf"} 4',
        'h_sum{a="b"} 2.65',
        'h_count{a="b"} 4',
    ]


def test_label_values_are_escaped_and_empty_families_left_out() -> None:
    assert sample("m", labels(a='"\\\n'), 1) == 'm{a="\\"\\\\\\n"} 1'
    assert list(family("m", "counter", "Meaning.", [])) == []
    assert list(family("m", "counter", "Meaning.", ["m 1"])) == ["# HELP m Meaning.", "# TYPE m counter", "m 1"]


@pytest.fixture
def observed() -> tuple[Observer, io.BytesIO, Model]:
    stream = io.BytesIO()
    observer = Observer(EventLog(stream), {"EndpointName": "fleet", "VariantName": "all-models"})
    model = Model("opaque", "/m", target_model="a.tar.gz", memory_bytes={0: 7})
    observer.loaded(model, 0.5, 0)
    stream.truncate(0)
    stream.seek(0)
    return observer, stream, model


def test_embedded_metrics_have_a_line_a_model_with_traffic(observed) -> None:
    observer, stream, model = observed
    for number in range(150):
        observer.invoked("opaque", number / 1000, cold=number == 0, stages={"engine": 0.001})
    observer.failed("opaque", "InvalidInput")
    observer.write_period([model, Model("quiet", "/q")], GAUGES)
    server, line = map(json.loads, stream.getvalue().splitlines())
    assert (server["Server"], server["LoadedModelCount"], server["QueueLength"]) == ("all", 2, 2)
    assert (line["Model"], line["Invocations"], line["Errors"], line["MemoryUsed"]) == ("a.tar.gz", 150, 1, 7)
    assert len(line["Latency"]) == 100
    (definition,) = line["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["EndpointName", "VariantName", "Model"]]
    assert (
        (line["EndpointName"], line["VariantName"])
        == ("fleet", "all-models")
        == (
            server["EndpointName"],
            server["VariantName"],
        )
    )
    assert {"Name": "Latency", "Unit": "Milliseconds"} in definition["Metrics"]
    assert all(metric["Name"] in line for metric in definition["Metrics"])
    stream.truncate(0)
    stream.seek(0)
    observer.write_period([model], GAUGES)
    assert len(stream.getvalue().splitlines()) == 1


def test_the_metrics_of_300_models_are_bounded_and_written_in_slices() -> None:
    """Requests are answered between the slices, and models may come and go."""
    observer = Observer(EventLog(io.BytesIO()))
    models = [Model(f"{number:032x}", "/m", target_model=f"shop/{number}.tar.gz") for number in range(300)]
    for model in models:
        observer.loaded(model, 0.1, 0)
        for cold in (True, False):
            observer.invoked(model.name, 0.01, cold, {"engine": 0.001})

    async def scrape() -> tuple[str, int]:
        rendering = asyncio.create_task(observer.render(list(models), GAUGES))
        turns = 0
        while not rendering.done():
            await asyncio.sleep(0)
            turns += 1
            observer.loaded(Model(f"new-{turns}", "/m"), 0.1, 0)
            observer.failed(models[0].name, f"Kind{turns}")
        return await rendering, turns

    text, turns = asyncio.run(scrape())
    series = [line for line in text.splitlines() if models[7].name in line]
    assert len(series) == 8, series
    assert turns >= 5
    assert len(text) < 300_000


def test_without_an_endpoints_name_there_is_no_such_dimension() -> None:
    stream = io.BytesIO()
    Observer(EventLog(stream), {"EndpointName": "", "VariantName": ""}).write_period([], GAUGES)
    (definition,) = json.loads(stream.getvalue())["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["Server"]]
