"""A KMS key that is set, and taken out again, while the endpoint serves."""

import json
from pathlib import Path

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from tests.end_to_end.conftest import LocalAwsFactory


def _set_key(project: Path, key_arn: str | None) -> None:
    file = project / "cdktf.json"
    document = json.loads(file.read_text())
    document["context"]["environments"]["local"]["kms_key_arn"] = key_arn
    file.write_text(json.dumps(document))


def _deploy(rehearsal: Rehearsal) -> dict[str, dict[str, str]]:
    rehearsal.deployment.synth()
    plans = {stack: rehearsal.deploy(stack) for stack in rehearsal.deployment.stacks}
    assert all(not plan.changes for plan in rehearsal.plan().values())
    return {stack: {change.address: change.symbol for change in plan.changes} for stack, plan in plans.items()}


def test_a_key_set_later_and_taken_out_again_keeps_the_images_and_moves_the_endpoint_in_place(
    tmp_path: Path, project: Path, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
) -> None:
    model = example_models["digits-mlp"]
    with local_aws() as aws:
        rehearsal = Rehearsal(tmp_path, aws, project)
        rehearsal.catalog.add(model.name, model.directory)
        _deploy(rehearsal)
        endpoint = rehearsal.describe_endpoint()
        session = aws.session()
        key_arn = session.client("kms", endpoint_url=aws.url).create_key()["KeyMetadata"]["Arn"]

        for setting in (key_arn, None):
            _set_key(project, setting)
            changes = _deploy(rehearsal)
            assert changes["image"] == {}
            assert (
                changes["models"]["aws_s3_bucket_server_side_encryption_configuration.models_bucket_encryption"] == "~"
            )
            assert changes["endpoint"]["aws_sagemaker_endpoint.endpoint"] == "~"
            outputs = rehearsal.deployment.terraform("image").outputs()
            assert outputs["repository_encryption"] == "AES256"
            rehearsal.invoke(model)
            assert rehearsal.describe_endpoint()["CreationTime"] == endpoint["CreationTime"]
        assert rehearsal.describe_endpoint()["EndpointConfigName"] == endpoint["EndpointConfigName"]

        # Whatever else replaces the repository builds the image again.
        replaced = rehearsal.deployment.terraform("image").plan("-replace=aws_ecr_repository.repository")
        assert "terraform_data.image" in {change.address for change in replaced.changes if change.symbol == "-/+"}
        rehearsal.destroy()
