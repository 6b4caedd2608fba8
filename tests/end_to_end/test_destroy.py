"""The last day of an environment: an account that is as empty as before, after a whole deployment or half of one."""

import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from demo.example_models import ExampleModel
from demo.rehearsal import Rehearsal
from local_aws.process import LocalAws
from operations.bootstrap import bootstrap, bootstrap_existing
from operations.destroy import Scope, destroy_stacks
from operations.errors import DestroyError, StateError
from operations.outcome import Outcome
from operations.remote_state import RemoteState
from tests.end_to_end.conftest import LocalAwsFactory
from tests.end_to_end.project import change_settings

LOG_GROUP = "/aws/sagemaker/Endpoints/multi-model-local"
SETTINGS: dict[str, Any] = {
    "state_backend": "s3",
    "model_list": True,
    "monitoring": {"emails": ["on-call@example.com"]},
    "callers": {"web": {"models": ["*"]}},
    "auto_scaling": {
        "minimum_instance_count": 1,
        "maximum_instance_count": 2,
        "target_invocations_per_instance_per_minute": 100,
    },
    "access": {"github": {"repository": "acme/models"}},
}


class World:
    """A rehearsal whose buckets and repository AWS deletes only when they are empty, and the account it is in."""

    def __init__(self, rehearsal: Rehearsal, aws: LocalAws, directory: Path) -> None:
        self.rehearsal = rehearsal
        self.directory = directory
        self._url = aws.url
        self._session = aws.session()

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._url)

    def deploy(self) -> None:
        self.bootstrap()
        for stack in self.rehearsal.deployment.stacks[1:]:
            self.rehearsal.deploy(stack)

    def bootstrap(self) -> None:
        self.rehearsal.deployment.synth()
        bootstrap(self.rehearsal.deployment.terraform("state"), self.directory, Console(file=io.StringIO()))

    def destroy(self, scope: Scope = Scope(logs=True)) -> str:  # noqa: B008 - it is immutable
        out, outcome = io.StringIO(), Outcome(self.rehearsal.deployment.environment)
        console = Console(file=out, width=200)
        code = destroy_stacks(self.rehearsal.deployment, console, scope, approved=True, outcome=outcome)
        assert code == 0
        assert outcome.result == ("destroyed" if outcome.stacks else "nothing_there")
        assert all(stack["destroyed"] for stack in outcome.stacks.values())
        return out.getvalue()

    def content(self, bucket: str) -> dict[str, Any]:
        """All that a bucket holds: versions, delete markers, unfinished uploads."""
        s3 = self.client("s3")
        versions, uploads = s3.list_object_versions(Bucket=bucket), s3.list_multipart_uploads(Bucket=bucket)
        return {
            "versions": {(item["Key"], item["VersionId"], item["ETag"]) for item in versions["Versions"]},
            "markers": {(item["Key"], item["VersionId"]) for item in versions.get("DeleteMarkers", ())},
            "uploads": {item["UploadId"] for item in uploads.get("Uploads", ())},
        }

    def account(self) -> dict[str, Any]:
        """All that is in the account, by what lists it."""
        listed = {
            ("s3", "list_buckets"): "Buckets",
            ("ecr", "describe_repositories"): "repositories",
            ("iam", "list_roles"): "Roles",
            ("iam", "list_open_id_connect_providers"): "OpenIDConnectProviderList",
            ("sagemaker", "list_endpoints"): "Endpoints",
            ("sagemaker", "list_endpoint_configs"): "EndpointConfigs",
            ("sagemaker", "list_models"): "Models",
            ("cloudwatch", "describe_alarms"): "MetricAlarms",
            ("cloudwatch", "list_dashboards"): "DashboardEntries",
            ("logs", "describe_log_groups"): "logGroups",
            ("sns", "list_topics"): "Topics",
            ("sns", "list_subscriptions"): "Subscriptions",
            ("ssm", "describe_parameters"): "Parameters",
            ("kms", "list_keys"): "Keys",
        }
        found = {key: getattr(self.client(key[0]), key[1])().get(items, []) for key, items in listed.items()}
        found["iam", "policies"] = self.client("iam").list_policies(Scope="Local")["Policies"]
        scaling = self.client("application-autoscaling")
        found["targets", ""] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        found["scaling", ""] = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        return {" ".join(key): items for key, items in found.items()}


@pytest.fixture
def world(
    tmp_path: Path, project: Path, local_aws: LocalAwsFactory, example_models: dict[str, ExampleModel]
) -> Iterator[World]:
    change_settings(project, **SETTINGS)
    for file in ("environment_stack.py", "image.py"):
        path = project / "stacks" / file
        text = path.read_text()
        assert "=self.settings.is_local" in text
        path.write_text(text.replace("=self.settings.is_local", "=False"))
    with local_aws() as aws:
        rehearsal = Rehearsal(tmp_path / "rehearsal", aws, project)
        model = example_models["digits-mlp"]
        rehearsal.catalog.add(model.name, model.directory)
        yield World(rehearsal, aws, tmp_path)


def test_nothing_is_left_and_once_more_is_no_error(world: World) -> None:
    before = world.account()
    world.deploy()
    s3 = world.client("s3")
    bucket = world.rehearsal.deployment.terraform("models").outputs()["bucket"]
    # A version under a delete marker, and an upload that was never finished.
    s3.put_object(Bucket=bucket, Key="models/theirs", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="models/theirs")
    s3.create_multipart_upload(Bucket=bucket, Key="models/large")

    shown = world.destroy()
    assert world.account() == before
    assert f"all of s3://{bucket}" in shown and "1 delete markers" in shown
    assert "1 images in the repository multi-model-local-model-server" in shown
    order = [line.partition(":")[0] for line in shown.splitlines() if line.endswith(": destroyed")]
    assert order == ["local-access", "local-endpoint", "local-models", "local-image", "local-state"]

    assert "nothing is left" in world.destroy()
    assert world.account() == before


def test_after_a_deployment_that_was_killed(world: World) -> None:
    """Killed while SageMaker creates the endpoint, and with the state as it was before."""
    before = world.account()
    world.bootstrap()
    deployment = world.rehearsal.deployment
    for stack in ("image", "models"):
        world.rehearsal.deploy(stack)
    terraform = deployment.terraform("endpoint")
    terraform.init()
    apply = subprocess.Popen(
        ["terraform", f"-chdir={terraform.directory}", "apply", "-auto-approve", "-no-color"],
        env=terraform.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    sagemaker = world.client("sagemaker")
    deadline = time.monotonic() + 60
    while not sagemaker.list_endpoints()["Endpoints"]:
        assert time.monotonic() < deadline and apply.poll() is None
        time.sleep(0.05)
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    assert world.client("cloudwatch").describe_alarms()["MetricAlarms"]

    remote = RemoteState(terraform.directory, terraform.environment)
    lock = remote.lock()
    assert lock is not None
    with pytest.raises(StateError, match="make unlock ENV=local STACK=endpoint"):
        world.destroy()
    assert sagemaker.list_endpoints()["Endpoints"], "nothing was destroyed"
    terraform.run("force-unlock", "-force", lock.id)
    # What Terraform had saved in between is lost as well: no state knows any of it.
    world.client("s3").delete_object(Bucket=remote.bucket, Key=remote.key)

    shown = world.destroy()
    assert world.account() == before
    assert "took over aws_sagemaker_endpoint.endpoint" in shown
    assert "aws_sns_topic.alarms" in shown and "which no state knew" in shown


def test_the_logs_stay_unless_they_are_asked_for(world: World) -> None:
    world.deploy()
    shown = world.destroy(Scope())
    assert f"What stays: the log group {LOG_GROUP}" in shown
    left = {key: items for key, items in world.account().items() if items}
    assert [group["logGroupName"] for group in left.pop("logs describe_log_groups")] == [LOG_GROUP]
    assert left == {}


def test_what_is_protected_or_forgotten_is_refused(world: World, project: Path) -> None:
    change_settings(project, deletion_protection=True)
    with pytest.raises(DestroyError, match=r'local has deletion protection.*"deletion_protection": false'):
        world.destroy()
    change_settings(project, deletion_protection=None)
    world.bootstrap()
    terraform = world.rehearsal.deployment.terraform("models")
    bucket = RemoteState(terraform.directory, terraform.environment).bucket
    instance = {"mode": "managed", "type": "aws_x", "name": "x", "instances": [{"attributes": {}}]}
    state = {"version": 4, "serial": 1, "lineage": "x", "resources": [instance]}
    world.client("s3").put_object(Bucket=bucket, Key="local-models-3/terraform.tfstate", Body=json.dumps(state))
    with pytest.raises(DestroyError, match=r"local-models-3 \(1 resources\)"):
        world.destroy()
    with pytest.raises(DestroyError, match=r"Shard 2 of local.*Now that is none"):
        world.destroy(Scope(shard=2))
    with pytest.raises(ClientError, match="NotEmpty"):
        world.client("s3").delete_bucket(Bucket=bucket)


def test_what_the_account_had_before_is_neither_emptied_nor_deleted(world: World, project: Path) -> None:
    """Nothing in `existing.*` goes but the objects of the stacks: no version, no delete marker, no upload, no image."""
    models, states, repository = "corporate-models", "corporate-states", "corporate/model-server"
    existing = {"models_bucket": models, "models_folder": "vision", "state_bucket": states, "repository": repository}
    change_settings(project, existing=existing, state_backend=None)
    s3, ecr = world.client("s3"), world.client("ecr")
    for bucket in (models, states):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        # Theirs, also where the stacks keep what is their own: in the folder, and in that of the removed models.
        for key in ("theirs", "vision/models/theirs", "vision/archive/theirs"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"1")
            s3.put_object(Bucket=bucket, Key=key, Body=b"2")
        s3.delete_object(Bucket=bucket, Key="theirs")
        s3.create_multipart_upload(Bucket=bucket, Key="vision/models/large")
    ecr.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    before = {bucket: world.content(bucket) for bucket in (models, states)}
    account = world.account()

    deployment = world.rehearsal.deployment
    deployment.synth()
    bootstrap_existing(deployment.terraform("image"), Console(file=io.StringIO()))
    for stack in deployment.stacks:
        world.rehearsal.deploy(stack)
    images = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert images
    assert world.content(models) != before[models]

    shown = world.destroy()
    assert world.content(models) == before[models]
    left = world.content(states)
    # Besides, there are the emptied states, and what Terraform's locks leave in a versioned bucket.
    assert all(before[states][kind] <= left[kind] for kind in left)
    assert all(
        key.startswith("local-") for kind in ("versions", "markers") for key, *_ in left[kind] - before[states][kind]
    )
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == images
    assert world.account() == account
    kept = next(line for line in shown.splitlines() if line.startswith("What stays: "))
    assert all(f"(existing.{name})" in kept for name in ("models_bucket", "state_bucket", "repository"))
    assert "all of s3://" not in shown and "images in the repository" not in shown

    assert "destroyed" in world.destroy()
    assert world.content(models) == before[models]
