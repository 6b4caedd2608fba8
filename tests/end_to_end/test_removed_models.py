"""A removed model comes back: archived by the deployment that deletes it, restored, deployed and invoked again."""

import pytest

from demo.example_models import ExampleModel
from demo.rehearsal import ENVIRONMENT, Rehearsal
from model_catalog.errors import CatalogError
from operations.model_restore import archived_versions, restore
from operations.terraform import TerraformError
from stacks.shards import names_for
from tests.end_to_end.conftest import LocalAwsFactory


def symbols(plan) -> dict[str, str]:
    return {change.address: change.symbol for change in plan.changes}


def test_a_removed_model_comes_back_under_its_key(
    tmp_path, project, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
):
    model, other, _ = example_models.values()
    with local_aws() as aws:
        s3 = aws.session().client("s3", endpoint_url=aws.url)
        rehearsal = Rehearsal(tmp_path, aws, project)
        catalog = rehearsal.catalog
        added = catalog.add(model.name, model.directory).version
        catalog.add(other.name, other.directory)
        rehearsal.deployment.synth()
        for stack in ("state", "models"):
            rehearsal.deploy(stack)
        names = names_for(model.name, ENVIRONMENT, rehearsal.deployment.settings)
        bucket = names.models_bucket
        assert archived_versions(s3, names, model.name) == []

        # Another lock file than the plan's says nothing of what the plan removes: nothing is destroyed.
        before = (catalog.directory / "models.lock.json").read_bytes()
        catalog.remove(model.name)
        rehearsal.deployment.synth()
        removed = (catalog.directory / "models.lock.json").read_bytes()
        (catalog.directory / "models.lock.json").write_bytes(before)
        with pytest.raises(TerraformError, match="is not the one that was planned"):
            rehearsal.deploy("models")
        assert added.key in rehearsal.list_models()

        # The provider deletes every version of the object; the copy was made before.
        (catalog.directory / "models.lock.json").write_bytes(removed)
        plan = rehearsal.deploy("models")
        assert symbols(plan)["aws_s3_object.digits_mlp_v1"] == "-"
        assert added.key not in rehearsal.list_models()
        versions = s3.list_object_versions(Bucket=bucket, Prefix=f"models/{model.name}/")
        assert "Versions" not in versions
        (archived,) = archived_versions(s3, names, model.name)
        assert (archived.version, archived.key) == ("1", f"archive/{added.key}")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        (expiry,) = [rule for rule in rules if rule["ID"] == "expire-archive"]
        assert expiry["Filter"] == {"Prefix": "archive/"}
        assert expiry["Expiration"]["Days"] == names.settings.deleted_model_retention_days

        catalog.prune()
        with pytest.raises(CatalogError, match="has no version 2, only 1"):
            restore(s3, names, catalog, model.name, "2")
        restored = restore(s3, names, catalog, model.name, "1")
        assert restored.key == added.key
        rehearsal.deployment.synth()
        for stack in ("image", "models", "endpoint"):
            plan = rehearsal.deploy(stack)
            assert stack != "models" or symbols(plan)["aws_s3_object.digits_mlp_v1"] == "+"
        prediction, _ = rehearsal.invoke(model)
        assert prediction.best.label == model.expected_label
        assert all(not plan.changes for plan in rehearsal.plan().values())
