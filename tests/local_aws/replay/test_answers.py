"""The comparison finds what differs, and nothing else."""

from dataclasses import replace

import pytest

from tests.local_aws.replay.answers import Answer, differences
from tests.local_aws.replay.exchange import Exchange, exchanges

JSON = Exchange(
    client="provider",
    service="sagemaker",
    method="POST",
    raw_path="/",
    query="",
    headers={"x-amz-target": "SageMaker.DescribeModel"},
    body="{}",
    status=200,
    response_headers={"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "a"},
    response_body='{"Name": "m", "CreationTime": 1764190055.5, "Count": 1, "Tags": [{"Key": "a"}, {"Key": "b"}]}',
)
XML = replace(
    JSON,
    service="s3",
    method="GET",
    headers={},
    raw_path="/bucket",
    query="versioning=",
    response_headers={"content-type": "application/xml", "etag": '"0123456789abcdef0123456789abcdef"'},
    response_body="<A><At>2026-11-26T21:07:35Z</At><Tag><Key>a</Key></Tag><Tag><Key>b</Key></Tag><Empty/></A>",
)


def answer(exchange: Exchange, body: str | None = None, status: int = 200, **headers: str | None) -> Answer:
    """The exchange's own answer, with some of it replaced; None takes a header away."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {name: value for name, value in {**exchange.response_headers, **given}.items() if value is not None}
    return status, merged, exchange.response_body if body is None else body


@pytest.mark.parametrize("name", ["main", "scaling", "cbor"])
def test_a_recording_does_not_differ_from_itself(name: str) -> None:
    for exchange in exchanges(name):
        own = (exchange.status, exchange.response_headers, exchange.response_body)
        assert list(differences(exchange, own)) == []


@pytest.mark.parametrize(
    ("exchange", "same"),
    [
        (JSON, JSON.response_body.replace("1764190055.5", "1800000000")),
        (JSON, JSON.response_body.replace('[{"Key": "a"}, {"Key": "b"}]', '[{"Key": "b"}, {"Key": "a"}]')),
        (
            XML,
            XML.response_body.replace(
                "<Tag><Key>a</Key></Tag><Tag><Key>b</Key></Tag>", "<Tag><Key>b</Key></Tag><Tag><Key>a</Key></Tag>"
            ),
        ),
        (XML, XML.response_body.replace("21:07:35Z", "21:07:36.123456Z")),
    ],
)
def test_what_is_random_or_in_no_order(exchange: Exchange, same: str) -> None:
    assert list(differences(exchange, answer(exchange, same, x_new="1", x_amzn_requestid="b"))) == []


@pytest.mark.parametrize(
    ("exchange", "found", "where"),
    [
        (JSON, answer(JSON, status=400), "status"),
        (JSON, answer(JSON, content_type="text/plain"), "header content-type"),
        (JSON, answer(JSON, JSON.response_body.replace('"m"', '"n"')), "/Name"),
        (JSON, answer(JSON, JSON.response_body.replace('"Count": 1', '"Count": null')), "/Count"),
        (JSON, answer(JSON, JSON.response_body.replace('"Count": 1', '"Count": "1"')), "/Count"),
        (JSON, answer(JSON, JSON.response_body.replace(', {"Key": "b"}', "")), "/Tags[1]/Key"),
        (JSON, answer(JSON, JSON.response_body.replace("1764190055.5", '"now"')), "/CreationTime"),
        (JSON, answer(JSON, JSON.response_body.replace("{", '{"More": {}, ', 1)), "/More"),
        (XML, answer(XML, etag=None), "header etag"),
        (XML, answer(XML, XML.response_body.replace("A>", "B>")), "/A/At"),
        (XML, answer(XML, XML.response_body.replace("<Empty/>", "")), "/A/Empty"),
    ],
)
def test_what_differs(exchange: Exchange, found: Answer, where: str) -> None:
    assert where in [difference.where for difference in differences(exchange, found)]
