"""Requests are distinguishable: an id each, and the trace that the caller is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.model_server.telemetry.tracing import identify, log_fields, trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_each_request_has_an_id_and_a_proper_one_of_the_callers_is_kept() -> None:
    made = [identify({}) for _ in range(100)]
    assert len(set(made)) == 100
    assert identify({"x-request-id": "abc"}) == "abc"
    for bad in ("", "x" * 129, "é", "a\tb"):
        fields = {"x-request-id": bad}
        assert identify(fields) not in made
        assert fields["x-request-id"] != bad


@pytest.mark.parametrize(
    "fields",
    [
        {"traceparent": PARENT},
        {"traceparent": f"cc-{PARENT[3:]}-more"},
        {"x-amzn-sagemaker-custom-attributes": f"tenant=1,traceparent={PARENT}"},
        {"x-amzn-sagemaker-custom-attributes": f"traceparent={PARENT};tenant=1"},
    ],
)
def test_the_trace_is_found(fields: dict[str, str]) -> None:
    assert trace_id(fields) == TRACE
    assert log_fields({**fields, "x-request-id": "r", "x-amzn-sagemaker-inference-id": "i"}) == {
        "request_id": "r",
        "inference_id": "i",
        "trace_id": TRACE,
    }


@pytest.mark.parametrize(
    "text",
    ["", "x", f"ff{PARENT[2:]}", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", PARENT.upper()],
)
def test_what_is_no_trace_is_ignored(text: str) -> None:
    assert trace_id({"traceparent": text}) is None


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    trace_id({"traceparent": text})
    trace_id({"x-amzn-sagemaker-custom-attributes": text})
    identify({"x-request-id": text})
