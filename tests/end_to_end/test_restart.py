"""A deployment on a local AWS with --persist: after a restart there is nothing to change, and the endpoint answers."""

from pathlib import Path
from urllib.parse import urlsplit

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from local_aws.process import LocalAws
from model_catalog.check import Check


def test_no_changes_in_any_stack_and_an_answer_after_a_restart(
    tmp_path: Path, project: Path, example_models: dict[str, ExampleModel], provider: str
) -> None:
    def local_aws(port: int = 0) -> LocalAws:
        return LocalAws(
            directory=tmp_path / "aws", port=port, provider=provider, persist=True, log_file=tmp_path / "local-aws.log"
        )

    first, second, third = example_models.values()
    with local_aws() as aws:
        assert not aws.is_restored()
        rehearsal = Rehearsal(tmp_path, aws, project)
        for model in (first, second):
            rehearsal.catalog.add(model.name, model.directory, check=Check())
        rehearsal.deployment.synth()
        for stack in rehearsal.deployment.stacks:
            rehearsal.deploy(stack)
        port = urlsplit(aws.url).port  # the stacks name it, and Terraform remembers it
        answer, _ = rehearsal.invoke(first)
        described, listed = rehearsal.describe_endpoint(), rehearsal.list_models()
    with local_aws(port) as aws:
        assert aws.is_restored()
        rehearsal = Rehearsal(tmp_path, aws, project, goes_on=True)
        for stack, plan in rehearsal.plan().items():
            assert not plan.changes, stack
        rehearsal.await_endpoint()
        assert rehearsal.describe_endpoint() == described
        assert rehearsal.list_models() == listed
        again, _ = rehearsal.invoke(first)
        assert again.outputs == answer.outputs
        assert rehearsal.invoke(second)[0].best.label == second.expected_label
        # And it goes on: another model, and an end that leaves nothing.
        rehearsal.catalog.add(third.name, third.directory, check=Check())
        rehearsal.deployment.synth()
        rehearsal.deploy("models")
        assert rehearsal.invoke(third)[0].best.label == third.expected_label
        rehearsal.destroy()
    with local_aws(port) as aws:
        assert aws.session().client("s3", endpoint_url=aws.url).list_buckets()["Buckets"] == []
