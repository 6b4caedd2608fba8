"""The page over HTTP: who gets in, and what the JSON says."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local_aws.process import LocalAws
from tests.local_aws.page.conftest import Stage

OWN = {"X-Local-AWS-Page": "1"}


@pytest.fixture
def session(local_aws: LocalAws) -> Iterator[requests.Session]:
    """A browser that was given a link."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(local_aws.page_link())
        assert answer.status_code == 200
        yield session


@pytest.fixture
def stranger() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def endpoint_of(state: dict[str, Any], stage: Stage) -> dict[str, Any]:
    return next(endpoint for endpoint in state["endpoints"] if endpoint["name"] == stage.endpoint)


class TestAccess:
    def test_link_sets_a_cookie_that_no_script_reads_and_leaves_the_address(
        self, local_aws: LocalAws, stranger: requests.Session
    ) -> None:
        answer = stranger.get(local_aws.page_link(), allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/_local/")
        cookie = answer.headers["Set-Cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/_local/"))

    def test_link_is_good_for_one_use(self, local_aws: LocalAws) -> None:
        link = local_aws.page_link()
        assert requests.get(link, timeout=10).status_code == 200
        answer = requests.get(link, timeout=10)
        assert answer.status_code == 401
        assert "python -m local_aws page" in answer.text

    @pytest.mark.parametrize("path", ["", "?key=guess", "state.json", "state.json?key=guess", "models.json?endpoint=a"])
    def test_stranger_sees_nothing(self, local_aws: LocalAws, stranger: requests.Session, path: str) -> None:
        answer = stranger.get(f"{local_aws.url}/_local/{path}", headers={"Cookie": "local_aws_1=guess"})
        assert answer.status_code == 401
        assert "endpoints" not in answer.text

    def test_page_of_another_port_sees_nothing_and_invokes_nothing(
        self, local_aws: LocalAws, session: requests.Session, stage: Stage
    ) -> None:
        """It is of the same site: the browser sends the cookie along."""
        foreign = {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1", "X-Local-AWS-Page": "1"}
        assert session.get(f"{local_aws.url}/_local/state.json", headers=foreign).status_code == 403
        target = f"{local_aws.url}/_local/invocations?endpoint={stage.endpoint}&model=first.tar.gz"
        assert session.post(target, b"{}", headers=foreign).status_code == 403
        assert session.post(target, b"{}", headers={"Origin": "http://a.test", **OWN}).status_code == 403
        assert session.post(target, b"{}").status_code == 403  # what a form of any page can send

    def test_headers(self, local_aws: LocalAws, session: requests.Session) -> None:
        headers = session.get(f"{local_aws.url}/_local/").headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers

    def test_page_needs_nothing_from_elsewhere(self, local_aws: LocalAws, session: requests.Session) -> None:
        html = session.get(f"{local_aws.url}/_local/").text
        assert "innerHTML" not in html
        assert set(re.findall(r"https?://[^\s\"']+", html)) == {"http://www.w3.org/2000/svg"}


class TestState:
    def test_endpoint_with_instances_and_models(self, local_aws: LocalAws, stage: Stage) -> None:
        stage.account.invoke(stage.endpoint, "second")
        endpoint = endpoint_of(fresh(local_aws), stage)
        assert (endpoint["status"], endpoint["change"], endpoint["failure_reason"]) == ("InService", None, None)
        (variant,) = endpoint["variants"]
        assert (variant["name"], variant["fleet"], variant["current_instances"]) == ("AllTraffic", "serving", 1)
        (instance,) = variant["instances"]
        assert instance["healthy"]
        assert instance["memory_bytes"] > 1_000_000
        assert instance["memory_limit_bytes"] == 8 * 2**30
        models = {model["name"]: model for model in instance["models"]}
        assert models["second.tar.gz"]["state"] == "ready"
        assert models["second.tar.gz"]["memory_bytes"] is None  # the fake container does not say
        assert models["second.tar.gz"]["disk_bytes"] > 0
        assert 0 <= models["second.tar.gz"]["idle_seconds"] < 60

    def test_hits_misses_evictions_and_their_reasons(self, local_aws: LocalAws, stage: Stage) -> None:
        before = endpoint_of(fresh(local_aws), stage)["totals"]
        for name in ("first", "second", "wrong-name-of-none", "first"):
            try:
                stage.account.invoke(stage.endpoint, name)
            except stage.account.runtime.exceptions.ClientError:
                assert name == "wrong-name-of-none"
        stage.account.put_model(stage.prefix, "third")
        stage.account.invoke(stage.endpoint, "third")
        state = fresh(local_aws)
        after = endpoint_of(state, stage)["totals"]
        assert after["invocations"] - before["invocations"] == 5
        assert after["client_errors"] - before["client_errors"] == 1
        assert after["hits"] - before["hits"] >= 1
        assert after["misses"] - before["misses"] >= 1
        assert after["evictions"] > before["evictions"]
        mine = [event for event in state["events"] if event["endpoint"] == stage.endpoint]
        evicted = next(event for event in mine if event["kind"] == "evicted")
        assert evicted["reason"] == "the container needs room for third.tar.gz"
        failed = next(event for event in mine if event["kind"] == "failed")
        assert failed["target_model"] == "wrong-name-of-none.tar.gz"
        assert failed["reason"]

    def test_latency(self, local_aws: LocalAws, stage: Stage) -> None:
        stage.account.invoke(stage.endpoint, "first")
        newest = endpoint_of(fresh(local_aws), stage)["latency"][-1]
        assert newest["requests"] >= 1
        assert 0 < newest["p50_ms"] <= newest["p99_ms"]

    def test_alarm(self, local_aws: LocalAws, stage: Stage) -> None:
        stage.account.put_alarm("page-alarm")
        cloudwatch = stage.account.client("cloudwatch")
        cloudwatch.set_alarm_state(AlarmName="page-alarm", StateValue="ALARM", StateReason="said so")
        alarm = next(alarm for alarm in fresh(local_aws)["alarms"] if alarm["name"] == "page-alarm")
        assert alarm["condition"] == "Errors Sum is greater than 1 in 1 of 1 periods of 60 s"
        assert alarm["state"] in ("ALARM", "INSUFFICIENT_DATA")  # the evaluation may have come already
        cloudwatch.delete_alarms(AlarmNames=["page-alarm"])

    def test_update_under_way(self, local_aws: LocalAws, stage: Stage) -> None:
        account = stage.account
        endpoint, model = account.serve(InitialInstanceCount=2)
        config = account.create_config(model, InitialInstanceCount=2)
        size = {"Type": "CAPACITY_PERCENT", "Value": 50}
        canary = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 120}
        account.sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=config,
            DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": canary}},
        )
        seen, state = [], fresh(local_aws)
        while True:
            found = next(one for one in state["endpoints"] if one["name"] == endpoint)
            state = local_aws.state()
            if found["change"] is None:
                break
            seen.append((found["change"]["policy"], found["change"]["stage"], found["change"]["traffic_fraction"]))
            assert found["change"]["config"] == config
        assert ("CANARY", "Baking", 0.5) in seen
        assert found["config"] == config
        account.sagemaker.delete_endpoint(EndpointName=endpoint)


class TestInvoking:
    def post(self, local_aws: LocalAws, session: requests.Session, stage: Stage, model: str) -> dict[str, Any]:
        answer = session.post(
            f"{local_aws.url}/_local/invocations",
            b"{}",
            params={"endpoint": stage.endpoint, "model": model},
            headers={"Content-Type": "application/json", "Origin": local_aws.url, **OWN},
        )
        assert answer.status_code == 200
        return answer.json()

    def test_answer(self, local_aws: LocalAws, session: requests.Session, stage: Stage) -> None:
        found = self.post(local_aws, session, stage, "first.tar.gz")
        assert (found["status"], found["variant"]) == (200, "AllTraffic")
        assert '"title": "first"' in found["text"]
        assert found["milliseconds"] > 0

    def test_errors_are_those_of_the_service(
        self, local_aws: LocalAws, session: requests.Session, stage: Stage
    ) -> None:
        wrong = self.post(local_aws, session, stage, "wrong.tar.gz")
        assert (wrong["status"], wrong["error"], wrong["original_status"]) == (424, "ModelError", 500)
        missing = self.post(local_aws, session, stage, "none.tar.gz")
        assert (missing["status"], missing["error"]) == (400, "ValidationError")

    def test_models_to_choose_from(self, local_aws: LocalAws, session: requests.Session, stage: Stage) -> None:
        answer = session.get(f"{local_aws.url}/_local/models.json", params={"endpoint": stage.endpoint})
        assert {"first.tar.gz", "second.tar.gz", "wrong.tar.gz"} <= set(answer.json()["models"])


def fresh(local_aws: LocalAws) -> dict[str, Any]:
    """Facts are kept for a second: those from after now."""
    time.sleep(1.1)
    return local_aws.state()
