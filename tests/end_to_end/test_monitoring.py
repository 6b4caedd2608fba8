"""An alarm of the stacks reaches the subscribers of the topic, on the local AWS with its minutes shortened."""

import json
import time
from pathlib import Path

from botocore.exceptions import ClientError

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings

TIMEOUT_SECONDS = 120


def test_calls_that_a_model_refuses_raise_an_alarm_that_somebody_gets(
    tmp_path: Path, project: Path, local_aws: LocalAwsFactory, example_models: dict[str, ExampleModel]
) -> None:
    alarms = {"model_errors_per_minute": 0}
    change_settings(project, monitoring={"emails": ["on-call@example.com"], "alarms": alarms}, model_list=True)
    with local_aws(time_factor=0.02) as aws:
        rehearsal = Rehearsal(tmp_path / "rehearsal", aws, project)
        model = example_models["digits-mlp"]
        rehearsal.catalog.add(model.name, model.directory)
        rehearsal.deployment.synth()
        for stack in rehearsal.deployment.stacks:
            rehearsal.deploy(stack)
        assert not any(plan.changes for plan in rehearsal.plan().values())
        session = aws.session()

        def client(service: str):
            return session.client(service, endpoint_url=aws.url)

        # A program that knows the environment's name only.
        ssm = client("ssm")
        found = {
            name: ssm.get_parameter(Name=f"/multi-model/local/{name}")["Parameter"]["Value"]
            for name in ("endpoint-name", "model-list")
        }
        bucket, _, key = found["model-list"].removeprefix("s3://").partition("/")
        listed = json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        target = listed["models"][model.name]["target_model"]

        (topic,) = client("sns").list_topics()["Topics"]
        (person,) = client("sns").list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
        assert (person["Protocol"], person["Endpoint"]) == ("email", "on-call@example.com")
        sqs = client("sqs")
        queue = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("sns").subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)

        runtime = client("sagemaker-runtime")
        messages: list[dict] = []
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not messages and time.monotonic() < deadline:
            try:
                runtime.invoke_endpoint(
                    EndpointName=found["endpoint-name"], TargetModel=target, ContentType="application/json", Body=b"{"
                )
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ModelError"
            time.sleep(0.2)
            messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        alarm = json.loads(json.loads(messages[0]["Body"])["Message"])
        assert (alarm["AlarmName"], alarm["NewStateValue"]) == ("multi-model-local-model-errors", "ALARM")
        assert "The dashboard shows which models" in alarm["AlarmDescription"]
        rehearsal.destroy()
