"""The life of an endpoint under real Terraform against the local AWS, with the real model server."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from examples.invoke_endpoint import InvocationError
from examples.train_models import predict as predict_with_mxnet
from operations.deployment import SynthesisError
from operations.terraform import SavedPlan, TerraformError
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings

_NEW_CONFIGURATION = {
    "aws_sagemaker_endpoint.endpoint": "~",
    "aws_sagemaker_endpoint_configuration.endpoint_configuration": "+/-",
    "terraform_data.verification": "+/-",
}
_NEW_IMAGE = {**_NEW_CONFIGURATION, "aws_sagemaker_model.model": "+/-"}


RehearsalFactory = Callable[..., AbstractContextManager[Rehearsal]]


@pytest.fixture
def rehearse(tmp_path: Path, project: Path, local_aws: LocalAwsFactory) -> RehearsalFactory:
    """Makes a rehearsal with the test's copy of the project."""

    @contextmanager
    def make(startup_seconds: float = 60) -> Iterator[Rehearsal]:
        with local_aws(startup_health_check_seconds=startup_seconds) as aws:
            yield Rehearsal(tmp_path, aws, project)

    return make


def _actions(plan: SavedPlan) -> dict[str, str]:
    return {change.address: change.symbol for change in plan.changes}


def _deploy_all(rehearsal: Rehearsal) -> None:
    rehearsal.deployment.synth()
    for stack in rehearsal.deployment.stacks:
        rehearsal.deploy(stack)


def _assert_equals_mxnet(rehearsal: Rehearsal, model: ExampleModel) -> None:
    """The endpoint's answer for the model's sample is the one of MXNet called directly, and the right one."""
    if model.sample.suffix == ".png":
        pixels = np.asarray(Image.open(model.sample), dtype=np.float32)
        inputs = pixels[np.newaxis, np.newaxis] / np.float32(255)
    else:
        inputs = np.asarray(json.loads(model.sample.read_text())["instances"], dtype=np.float32)
    prediction, _ = rehearsal.invoke(model)
    direct = predict_with_mxnet(model.directory, model.name, inputs)[0]
    np.testing.assert_allclose(prediction.outputs, direct, rtol=0, atol=1e-5)
    assert prediction.best.label == model.expected_label


def test_plan_apply_add_a_model_change_image_and_settings_destroy(
    project: Path, example_models: dict[str, ExampleModel], rehearse: RehearsalFactory
) -> None:
    first, second, third = example_models.values()
    with rehearse() as rehearsal:
        rehearsal.catalog.add(first.name, first.directory)
        rehearsal.catalog.add(second.name, second.directory)
        rehearsal.deployment.synth()
        previews = rehearsal.preview()
        for stack in rehearsal.deployment.stacks:
            assert rehearsal.deploy(stack).changes == previews[stack].changes
        assert all(not plan.changes for plan in rehearsal.plan().values())
        _assert_equals_mxnet(rehearsal, first)
        _assert_equals_mxnet(rehearsal, second)
        endpoint = rehearsal.describe_endpoint()

        # A model more: an object, and nothing of the endpoint.
        rehearsal.catalog.add(third.name, third.directory)
        rehearsal.deployment.synth()
        plans = rehearsal.plan()
        assert _actions(plans["models"]) == {"aws_s3_object.breast_cancer_v1": "+"}
        assert all(not plans[stack].changes for stack in plans if stack != "models")
        rehearsal.deploy("models")
        _assert_equals_mxnet(rehearsal, third)
        assert rehearsal.describe_endpoint() == endpoint

        # Another content of the image: the endpoint moves to it in place, the old configuration goes last.
        (project / "container" / "model_server" / "version.py").write_text("# Another content of the build context.\n")
        rehearsal.deployment.synth()
        assert _actions(rehearsal.deploy("image")) == {"terraform_data.image": "-/+"}
        assert _actions(rehearsal.deploy("endpoint")) == _NEW_IMAGE
        updated = rehearsal.describe_endpoint()
        assert updated["EndpointArn"] == endpoint["EndpointArn"]
        assert updated["CreationTime"] == endpoint["CreationTime"]
        assert updated["EndpointConfigName"] != endpoint["EndpointConfigName"]
        _assert_equals_mxnet(rehearsal, first)

        # Another instance type.
        change_settings(project, instance_type="ml.m5.xlarge")
        rehearsal.deployment.synth()
        assert _actions(rehearsal.deploy("endpoint")) == _NEW_CONFIGURATION
        assert rehearsal.describe_endpoint()["CreationTime"] == endpoint["CreationTime"]
        _assert_equals_mxnet(rehearsal, second)
        assert all(not plan.changes for plan in rehearsal.plan().values())

        rehearsal.destroy()
        assert all(rehearsal.deployment.terraform(stack).state_list() == [] for stack in ("state",))


def test_a_plan_names_the_versions_that_come_and_go_and_the_earlier_one_stays(
    project: Path, example_models: dict[str, ExampleModel], rehearse: RehearsalFactory
) -> None:
    contents = [example_models["digits-mlp"], example_models["digits-cnn"], example_models["digits-mlp"]]
    with rehearse() as rehearsal:
        keys = []
        plans = []
        for content in contents:
            keys.append(rehearsal.catalog.add("digits", content.directory).version.key)
            rehearsal.deployment.synth()
            if not plans:
                rehearsal.deploy("state")
            plans.append(_actions(rehearsal.deploy("models")))
        assert len(set(keys)) == 3
        assert plans[0]["aws_s3_object.digits_v1"] == "+"
        assert plans[1] == {"aws_s3_object.digits_v2": "+"}
        assert plans[2] == {
            "aws_s3_object.digits_v3": "+",
            "aws_s3_object.digits_v1": "-",
            "terraform_data.archive": "+/-",
        }
        assert rehearsal.list_models() == sorted(keys[1:])


def test_faults_are_told_and_leave_everything_as_it_was(
    project: Path, example_models: dict[str, ExampleModel], rehearse: RehearsalFactory
) -> None:
    model, other, _ = example_models.values()
    with rehearse(startup_seconds=20) as rehearsal:
        rehearsal.catalog.add(model.name, model.directory)
        _deploy_all(rehearsal)
        endpoint = rehearsal.describe_endpoint()

        # A TargetModel that is not there.
        rehearsal.catalog.add(other.name, other.directory)
        with pytest.raises(InvocationError, match=r"ValidationError.*digits-cnn/1-"):
            rehearsal.invoke(other)

        # An artifact that is not what the lock says: nothing is planned, let alone uploaded.
        artifact = rehearsal.catalog.directory / rehearsal.catalog.lock.models[other.name].current.artifact
        content = artifact.read_bytes()
        artifact.write_bytes(content[:-1])
        with pytest.raises(SynthesisError, match=r"digits-cnn.*sha256"):
            rehearsal.deployment.synth()
        artifact.write_bytes(content)

        # Wrong settings, both in one message.
        settings = (project / "cdktf.json").read_text()
        change_settings(project, instance_type="m5.large", initial_instance_count=0)
        with pytest.raises(
            SynthesisError, match=r"(?s)instance_type.*initial_instance_count|initial_instance_count.*type"
        ):
            rehearsal.deployment.synth()
        (project / "cdktf.json").write_text(settings)

        # An image that never answers ping: SageMaker goes back to the old configuration, and so says the apply.
        serve = project / "container" / "serve"
        original = serve.read_text()
        serve.write_text("#!/usr/bin/env python3\nimport time\n\ntime.sleep(600)\n")
        rehearsal.deployment.synth()
        rehearsal.deploy("image")
        with pytest.raises(TerraformError, match="ping"):
            rehearsal.deploy("endpoint")
        after = rehearsal.describe_endpoint()
        assert after["EndpointStatus"] == "InService"
        assert after["EndpointConfigName"] == endpoint["EndpointConfigName"]
        _assert_equals_mxnet(rehearsal, model)

        # The way back to exactly the earlier content: its model and configuration are still there, and in use.
        serve.write_text(original)
        change_settings(project, revision=1)
        _deploy_all(rehearsal)
        assert all(not plan.changes for plan in rehearsal.plan().values())
        _assert_equals_mxnet(rehearsal, model)
        _assert_equals_mxnet(rehearsal, other)


def test_the_cdktf_command_line_plans_and_deploys(
    project: Path, example_models: dict[str, ExampleModel], rehearse: RehearsalFactory
) -> None:
    model, other, _ = example_models.values()
    with rehearse() as rehearsal:
        rehearsal.catalog.add(model.name, model.directory)
        cdktf = rehearsal.deployment.cdktf
        cdktf("deploy", "local-state", "--auto-approve")
        # All at once, in no order: the endpoint waits for the image and the artifacts.
        cdktf("deploy", "local-*", "--auto-approve")
        assert "No changes" in cdktf("plan", "local-endpoint")
        _assert_equals_mxnet(rehearsal, model)

        # A new model on an ordinary day: its stack alone.
        rehearsal.catalog.add(other.name, other.directory)
        planned = cdktf("plan", "local-models")
        assert f"aws_s3_object.{other.name.replace('-', '_')}_v1" in planned
        assert "1 to add, 0 to change, 0 to destroy" in planned
        cdktf("deploy", "local-models", "--auto-approve")
        _assert_equals_mxnet(rehearsal, other)
