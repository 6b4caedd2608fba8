"""What comes out of a translation is what went in."""

import gzip
import json
from typing import Any

import pytest
from botocore.model import OperationModel
from botocore.parsers import JSONParser, RpcV2CBORParser
from botocore.serialize import JSONSerializer, RpcV2CBORSerializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_aws.cbor.services import CborService, find_service
from local_aws.cbor.translation import MalformedRequestError, to_cbor_answer, to_cbor_error, to_json_request
from tests.local_aws.cbor.shapes import values_of

# With every kind of member: numbers, lists of lists, moments, maps, blobs, unions, and members of other names in JSON.
OPERATIONS = [
    ("GraniteServiceVersion20100801", "PutMetricAlarm"),
    ("GraniteServiceVersion20100801", "PutMetricData"),
    ("GraniteServiceVersion20100801", "GetMetricData"),
    ("GraniteServiceVersion20100801", "DescribeAlarms"),
    ("GraniteServiceVersion20100801", "GetMetricWidgetImage"),
    ("CodeBuild_20161006", "CreateProject"),
    ("Route53AutoNaming_v20170314", "RegisterInstance"),
    ("ACMPrivateCA", "DescribeCertificateAuthority"),
]


def service_of(target: str) -> CborService:
    service = find_service(target)
    assert service is not None
    return service


def operation_of(target: str, name: str) -> OperationModel:
    operation = service_of(target).operation(name)
    assert operation is not None
    return operation


def parsed(parser: Any, body: bytes, shape: Any, status: int = 200) -> dict[str, Any]:
    values = parser.parse({"body": body, "headers": {}, "status_code": status}, shape)
    del values["ResponseMetadata"]
    return values


@pytest.mark.parametrize(("target", "name"), OPERATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_requests_keep_their_parameters(target: str, name: str, data: st.DataObject) -> None:
    operation = operation_of(target, name)
    parameters = data.draw(values_of(operation.input_shape))
    body = RpcV2CBORSerializer().serialize_to_request(parameters, operation)["body"]
    request = to_json_request(operation, body)
    assert request.headers["X-Amz-Target"] == f"{target}.{name}"
    assert parsed(JSONParser(), request.body, operation.input_shape) == parameters
    assert to_json_request(operation, gzip.compress(body), "gzip") == request


@pytest.mark.parametrize(("target", "name"), OPERATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_answers_keep_their_members(target: str, name: str, data: st.DataObject) -> None:
    service, operation = service_of(target), operation_of(target, name)
    answer = service.answer(operation)
    if answer is None:
        assert to_cbor_answer(service, operation, 200, b"{}") == b""
        return
    members = data.draw(values_of(answer.input_shape))
    body = JSONSerializer().serialize_to_request(members, answer)["body"]
    assert parsed(RpcV2CBORParser(), to_cbor_answer(service, operation, 200, body), answer.input_shape) == members


@settings(max_examples=300, deadline=None)
@given(body=st.binary(min_size=1, max_size=40))
def test_any_other_body_is_malformed_or_is_read_and_nothing_else_happens(body: bytes) -> None:
    operation = operation_of(*OPERATIONS[0])
    try:
        request = to_json_request(operation, body)
    except MalformedRequestError as error:
        assert "PutMetricAlarm" in str(error)
    else:
        assert isinstance(json.loads(request.body), dict)


def test_gzip_that_is_none() -> None:
    with pytest.raises(MalformedRequestError):
        to_json_request(operation_of(*OPERATIONS[0]), b"x", "gzip")


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        # By the name of the shape, by the code of older protocols, and one that the model does not have.
        (404, {"__type": "DashboardNotFoundError", "message": "gone"}, "DashboardNotFoundError", "gone"),
        (404, {"__type": "ResourceNotFound", "Message": "gone"}, "ResourceNotFound", "gone"),
        (400, {"__type": "com.amazonaws.cloudwatch#Odd:x", "message": "no"}, "Odd", "no"),
        (500, None, "InternalFailure", "GetDashboard failed"),
        (404, None, "UnknownOperationException", "does not have GetDashboard"),
        (400, ["no object"], "UnknownOperationException", "does not have GetDashboard"),
    ],
)
def test_errors(status: int, body: Any, code: str, message: str) -> None:
    target = "GraniteServiceVersion20100801"
    content = b"<html>" if body is None else json.dumps(body).encode()
    answer = to_cbor_answer(service_of(target), operation_of(target, "GetDashboard"), status, content)
    error = parsed(RpcV2CBORParser(), answer, None, status)["Error"]
    assert error["Code"] == code
    assert message in error["Message"]


def test_members_of_an_error_stay() -> None:
    target = "GraniteServiceVersion20100801"
    problems = [{"DataPath": "/a", "Message": "m"}]
    body = json.dumps({"__type": "DashboardInvalidInputError", "message": "x", "dashboardValidationMessages": problems})
    service, operation = service_of(target), operation_of(target, "PutDashboard")
    answer = to_cbor_answer(service, operation, 400, body.encode())
    shape = service.error("DashboardInvalidInputError").input_shape
    assert parsed(RpcV2CBORParser(), answer, shape) == {
        "__type": "DashboardInvalidInputError",
        "message": "x",
        "dashboardValidationMessages": problems,
    }


def test_an_error_of_no_service() -> None:
    error = parsed(RpcV2CBORParser(), to_cbor_error("SomeException", "é"), None, 400)
    assert error["Error"] == {"Code": "SomeException", "Message": "é"}
