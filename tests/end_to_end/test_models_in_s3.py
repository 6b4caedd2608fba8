"""Models that are in S3 already, under real Terraform against the local AWS: copied by S3, checked, and invoked."""

import pytest

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from operations.terraform import TerraformError
from tests.end_to_end.conftest import LocalAwsFactory

BUCKET = "team-exports"


def test_s3_copies_what_was_checked_and_nothing_else(
    tmp_path, project, example_models: dict[str, ExampleModel], local_aws: LocalAwsFactory
):
    model, other, _ = example_models.values()
    with local_aws() as aws:
        s3 = aws.session().client("s3", endpoint_url=aws.url)
        rehearsal = Rehearsal(tmp_path, aws, project)
        catalog = rehearsal.catalog
        # Another catalog packs what another team has in its bucket.
        elsewhere = Rehearsal(tmp_path / "elsewhere", aws, project).catalog
        s3.create_bucket(Bucket=BUCKET)
        for example in (model, other):
            packed = elsewhere.add(example.name, example.directory).version
            s3.upload_file(str(elsewhere.directory / packed.artifact), BUCKET, f"{example.name}.tar.gz")
        added = catalog.add_from_s3(model.name, f"s3://{BUCKET}/{model.name}.tar.gz", s3).version
        assert list((catalog.directory / "artifacts").glob("*.tar.gz")) == []

        rehearsal.deployment.synth()
        plans = {stack: rehearsal.deploy(stack) for stack in ("state", "image", "models", "endpoint")}
        copies = [change for change in plans["models"].changes if change.address.startswith("aws_s3_object")]
        assert [(change.address, change.symbol) for change in copies] == [("aws_s3_object_copy.digits_mlp_v1", "+")]
        assert all(not plan.changes for plan in rehearsal.plan().values())
        assert rehearsal.list_models() == [added.key]
        prediction, _ = rehearsal.invoke(model)
        assert prediction.best.label == model.expected_label

        # The object of another team is overwritten after it was checked: nothing of it reaches the endpoint.
        catalog.add_from_s3(other.name, f"s3://{BUCKET}/{other.name}.tar.gz", s3)
        s3.put_object(Bucket=BUCKET, Key=f"{other.name}.tar.gz", Body=b"something else")
        rehearsal.deployment.synth()
        with pytest.raises(TerraformError, match=r"aws_s3_object_copy(?s:.*)[Pp]re-?condition"):
            rehearsal.deploy("models")
        assert rehearsal.list_models() == [added.key]
        (complaint,) = catalog.verify_sources(s3)
        assert "digits-cnn" in complaint and "changed since" in complaint

        # An ETag does not make a digest: S3's own digest of the copy is held against the lock's.
        s3.put_object(Bucket=BUCKET, Key=f"{other.name}.tar.gz", Body=b"something else again")
        lock_file = catalog.directory / "models.lock.json"
        etag = s3.head_object(Bucket=BUCKET, Key=f"{other.name}.tar.gz")["ETag"].strip('"')
        source = catalog.lock.models[other.name].current.source
        lock_file.write_text(lock_file.read_text().replace(source.etag, etag))
        rehearsal.deployment.synth()
        with pytest.raises(TerraformError, match=r"is not the version 1 of\s+digits-cnn"):
            rehearsal.deploy("models")

        # Out of the catalog, the copies go and the sources stay.
        catalog.remove(other.name)
        catalog.remove(model.name)
        rehearsal.deployment.synth()
        changes = {change.address: change.symbol for change in rehearsal.deploy("models").changes}
        assert changes.pop("terraform_data.archive") == "+/-"
        assert set(changes.values()) == {"-"}
        bucket = rehearsal.deployment.terraform("models").outputs()["bucket"]
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="models/")
        assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 2
