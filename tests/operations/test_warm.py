"""Loading models before callers wait for them."""

import io
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from container.model_server.http.invocations import COLD_MARK as COLD_MARK_OF_THE_SERVER
from model_catalog.example_input import COLD_MARK
from model_catalog.lock import Lock, Model
from operations import warm as warm_module
from operations.connection import Connection
from operations.warm import Warmed, WarmUp, Wish, candidates, warm
from tests.operations.serving import Serving, model


def lock_of(**models: Model) -> Lock:
    return Lock(models=models)


def test_pinned_models_come_first_then_those_invoked_most() -> None:
    lock = lock_of(a=model("a"), b=model("b"), c=model("c"), d=model("d", pinned=True), e=model("e"))
    chosen = candidates(lock, {"a": 5, "b": 70, "e": 5}, 10, None)
    assert [item.name for item in chosen] == ["d", "b", "a", "e"]
    assert [item.invocations for item in chosen] == [0, 70, 5, 5]
    assert [item.name for item in candidates(lock, {"a": 5, "b": 70}, 2, None)] == ["d", "b"]


def test_without_known_invocations_the_catalogs_order_counts() -> None:
    lock = lock_of(b=model("b"), a=model("a"), c=model("c", pinned=True))
    assert [item.name for item in candidates(lock, {}, 10, None)] == ["c", "a", "b"]


def test_a_model_whose_inputs_nobody_knows_needs_a_sample(tmp_path: Path) -> None:
    lock = lock_of(own=model("own", inputs=()))
    assert candidates(lock, {}, 1, None)[0].input is None
    (tmp_path / "own.json").write_text("{}")
    given = candidates(lock, {}, 1, tmp_path)[0].input
    assert given is not None
    assert (given.body, given.content_type) == (b"{}", "application/json")


def run(serving: Serving, *models: Model, rate: float = 1000.0) -> list[Warmed]:
    connection = serving.connection(*models)
    (shard,) = connection.shards
    runtime = connection.client("sagemaker-runtime", retries={"total_max_attempts": 1})
    return list(WarmUp(runtime, serving.endpoint, rate).run(candidates(shard.lock, {}, 100, None)))


def test_each_model_is_called_once_and_what_came_of_it_is_said(serving: Serving) -> None:
    cold, plain, fails, own = model("cold"), model("plain"), model("fails"), model("own", inputs=())
    serving.put(cold, marks_cold=True)
    serving.put(plain)
    serving.put(fails, invoke_status=400)
    found = {item.name: item for item in run(serving, cold, plain, fails, own, model("missing"))}
    assert {name: item.outcome for name, item in found.items()} == {
        "cold": "loaded", "plain": "warm", "fails": "failed", "own": "left out", "missing": "failed",
    }  # fmt: skip
    assert found["fails"].reason.startswith("ModelError: ")
    assert found["missing"].reason.startswith("ValidationError: ")
    assert "give a sample" in found["own"].reason
    assert sorted(serving.loads()) == ["cold", "fails", "plain"]
    assert run(serving, cold)[0].outcome == "warm"


def test_calls_keep_to_the_rate(serving: Serving) -> None:
    models = [model(f"m{number}") for number in range(5)]
    for item in models:
        serving.put(item)
    started = time.monotonic()
    assert [item.outcome for item in run(serving, *models, rate=10)] == ["warm"] * 5
    assert time.monotonic() - started >= 0.4  # four pauses of a tenth of a second


def test_server_errors_end_it_before_the_alarm_counts_many(serving: Serving) -> None:
    models = [model(f"m{number:02}") for number in range(20)]
    for item in models:
        serving.put(item, invoke_status=500)
    outcomes = [item.outcome for item in run(serving, *models, rate=20)]
    # Those that are under way when the third fails may fail as well.
    assert 3 <= outcomes.count("failed") <= 6
    assert outcomes.count("left out") == 20 - outcomes.count("failed")


def test_without_the_permission_one_call_is_enough() -> None:
    class Denied:
        calls = 0

        def invoke_endpoint(self, **_: object) -> None:
            self.calls += 1
            error = {"Code": "AccessDeniedException", "Message": "not authorized"}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "InvokeEndpoint")

    denied = Denied()
    lock = lock_of(**{f"m{number}": model(f"m{number}") for number in range(30)})
    found = list(WarmUp(denied, "e", 50).run(candidates(lock, {}, 30, None)))
    assert 1 <= denied.calls <= 4  # those under way
    assert {item.outcome for item in found} == {"failed", "left out"}
    assert "it needs sagemaker:InvokeEndpoint" in found[-1].reason


@pytest.fixture
def connected(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    """Has `warm` work on this connection."""

    def use(connection: Connection) -> None:
        monkeypatch.setattr(warm_module, "connect", lambda environment: nullcontext(connection))

    return use


def test_the_report_names_what_was_chosen_and_what_failed(serving: Serving, connected) -> None:
    used, unused, broken = model("used"), model("unused"), model("broken")
    serving.put(used, marks_cold=True)
    serving.put(broken, load_status=400)
    serving.report_use(used, 40)
    serving.report_use(broken, 2)
    connected(serving.connection(used, unused, broken))
    told = io.StringIO()
    assert warm("local", Console(file=told, width=200), Wish(rate=100)) is False
    text = told.getvalue()
    assert f"{serving.endpoint}: 2 models by the last day's invocations (42 calls of 2 models)" in text
    assert "1 loaded (the longest in " in text
    assert "0 were loaded before, 0 left out, 1 failed" in text
    assert text.splitlines()[-1].startswith("- broken: failed: ModelError: ")
    assert "unused" not in text


def test_the_server_marks_cold_answers_as_callers_expect_it() -> None:
    assert COLD_MARK == COLD_MARK_OF_THE_SERVER
