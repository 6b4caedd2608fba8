import socket

import botocore.session
import pytest
from botocore.config import Config

from stacks import verify_endpoint
from stacks.verify_endpoint import judge, main, verify


def description(status: str = "InService", configuration: str = "new", **more: str) -> dict:
    return {"EndpointStatus": status, "EndpointConfigName": configuration, **more}


def test_in_service_on_the_new_configuration():
    assert verify(description, "new") is None


def test_a_rolled_back_update_is_a_complaint():
    complaint = verify(lambda: description(configuration="old", FailureReason="the alarm went off"), "new")
    assert complaint == (
        "it runs the configuration old: the update to new was rolled back. SageMaker's reason: the alarm went off"
    )


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed", "Deleting"])
def test_an_endpoint_out_of_service_is_a_complaint(status):
    verdict = judge(description(status, FailureReason="no ping"), "new")
    assert verdict.settled
    assert verdict.complaint == f"its status is {status}. SageMaker's reason: no ping"


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_it_waits_while_sagemaker_is_at_work(status):
    answers = [description(status, "old"), description(status, "old"), description()]
    assert verify(lambda: answers.pop(0), "new", poll_seconds=0) is None
    assert not answers


def test_it_does_not_wait_for_ever():
    complaint = verify(lambda: description("Updating"), "new", timeout_seconds=0.01, poll_seconds=0.005)
    assert complaint == "it is still Updating"


class Client:
    def __init__(self, answer: dict):
        self.answer = answer

    def describe_endpoint(self, **arguments: str) -> dict:
        assert arguments == {"EndpointName": "fleet"}
        return self.answer


ENVIRON = {
    "ENDPOINT_NAME": "fleet",
    "ENDPOINT_CONFIGURATION_NAME": "new",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


@pytest.fixture
def client(monkeypatch):
    """Puts a client that answers `answer` in the place of botocore's; gathers what it was made with."""
    made = []

    def install(answer: dict) -> list[dict]:
        def create(self: object, service: str, **arguments: object) -> Client:
            made.append({"service": service, **arguments})
            return Client(answer)

        monkeypatch.setattr(botocore.session.Session, "create_client", create)
        return made

    return install


def test_success_says_so(client, capsys):
    made = client(description())
    assert main(ENVIRON) == 0
    assert capsys.readouterr().out == "The endpoint fleet is InService on new.\n"
    assert (made[0]["service"], made[0]["region_name"], made[0]["endpoint_url"]) == (
        "sagemaker",
        "us-east-1",
        "http://127.0.0.1:9",
    )


def test_failure_says_what_to_do(client, capsys):
    client(description(configuration="old"))
    assert main(ENVIRON) == 1
    assert capsys.readouterr().err == (
        "The endpoint fleet is not as planned: it runs the configuration old: the update to new was rolled back.\n"
        "The previous configuration and model stay. Look into the endpoint's logs (/aws/sagemaker/Endpoints/fleet), "
        "fix the cause, and deploy again when the alarms are OK: one that still rings rolls the next "
        "update back as well. To go back to the earlier image and settings, raise `revision` in "
        "cdktf.json as well: theirs still exist.\n"
    )


def test_an_aws_that_cannot_be_reached_is_a_line(monkeypatch, capsys):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(verify_endpoint, "Config", lambda **_: Config(retries={"total_max_attempts": 1}))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert main(ENVIRON | {"AWS_ENDPOINT_URL": url}) == 1
    error = capsys.readouterr().err
    assert error.startswith("The endpoint fleet cannot be checked: Could not connect to the endpoint URL")


def test_missing_variables_are_named(capsys):
    assert main({"AWS_REGION": "us-east-1"}) == 2
    assert capsys.readouterr().err == "These variables must be set: ENDPOINT_NAME, ENDPOINT_CONFIGURATION_NAME.\n"
