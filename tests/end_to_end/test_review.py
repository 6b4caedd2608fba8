"""What the plan review says of this project's own stacks, planned by real Terraform: what is added is safe, with or
without the list of the models, and what is taken from callers is blocked."""

from pathlib import Path

import pytest

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from operations.terraform import SavedPlan
from plan_review.findings import Severity, Verdict
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings
from tests.plan_review.conftest import asked

SAFE = (Verdict.MODELS_ONLY, Severity.NOTE, {})


@pytest.mark.parametrize("model_list", [True, False])
def test_models_may_come_and_earlier_versions_go_but_no_current_one(
    tmp_path: Path,
    project: Path,
    example_models: dict[str, ExampleModel],
    local_aws: LocalAwsFactory,
    model_list: bool,
):
    change_settings(project, model_list=model_list)
    listed = {"aws_s3_object.model_list": "~"} if model_list else {}
    first, second, third = example_models.values()
    with local_aws() as aws:
        rehearsal = Rehearsal(tmp_path, aws, project)

        def deployed() -> SavedPlan:
            rehearsal.deployment.synth()
            return rehearsal.deploy("models")

        def changes(plan: SavedPlan) -> dict[str, str]:
            return {change.address: change.symbol for change in plan.changes}

        rehearsal.catalog.add("model", first.directory)
        rehearsal.deployment.synth()
        rehearsal.deploy("state")
        created = changes(deployed())
        assert ("aws_s3_object.model_list" in created) == model_list
        assert ("aws_ssm_parameter.model_list_parameter" in created) == model_list

        rehearsal.catalog.add("other", first.directory)
        plan = deployed()
        assert changes(plan) == {"aws_s3_object.other_v1": "+"} | listed
        assert asked(dict(plan.document)) == SAFE

        rehearsal.catalog.add("model", second.directory)
        plan = deployed()
        assert changes(plan) == {"aws_s3_object.model_v2": "+"} | listed
        assert asked(dict(plan.document)) == SAFE

        # One earlier version stays: the first goes when the third comes, after the archive has it.
        rehearsal.catalog.add("model", third.directory)
        plan = deployed()
        moving = {"aws_s3_object.model_v1": "-", "aws_s3_object.model_v3": "+", "terraform_data.archive": "+/-"}
        assert changes(plan) == moving | listed
        assert asked(dict(plan.document)) == SAFE

        rehearsal.catalog.remove("other")
        verdict, decision, rules = asked(dict(deployed().document))
        assert (verdict, decision) == (Verdict.OUTAGE, Severity.BLOCKED)
        assert rules["live-model-removed"] == "aws_s3_object.other_v1"
