"""An account with --persist is the same after a restart, however the local AWS ended."""

import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from botocore.exceptions import ClientError

from local_aws.account import ACCOUNT_ID
from local_aws.errors import StartError
from local_aws.persistence.keeper import SAVE_SECONDS
from local_aws.process import LocalAws
from tests.container.clients import wait_for
from tests.local_aws.account import BUCKET, Account, quick_local_aws
from tests.local_aws.persistence.description import describe

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
LARGE = b"0123456789abcdef" * (6 * 2**20 // 16)


@contextmanager
def persistent(folder: Path, **settings: Any) -> Iterator[Account]:
    with quick_local_aws(folder, persist=True, **settings) as aws:
        yield Account(aws)


def fill_s3(account: Account) -> None:
    s3 = account.s3
    s3.create_bucket(Bucket="states")
    s3.put_bucket_versioning(Bucket="states", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="states", Tagging={"TagSet": [{"Key": "team", "Value": "ml"}]})
    for content in (b"first", b"second", b""):
        s3.put_object(Bucket="states", Key="a/terraform.tfstate", Body=content, Tagging="k=v", Metadata={"by": "me"})
    s3.put_object(Bucket="states", Key="gone", Body=b"once")
    s3.delete_object(Bucket="states", Key="gone")
    # Terraform's lock: taken once.
    s3.put_object(Bucket="states", Key="a/terraform.tfstate.tflock", Body=b'{"ID": "1"}', IfNoneMatch="*")
    upload = s3.create_multipart_upload(Bucket="states", Key="large", Tagging="size=large")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket="states", Key="large", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, LARGE), (2, b"the end"))
    ]
    s3.complete_multipart_upload(Bucket="states", Key="large", UploadId=upload, MultipartUpload={"Parts": parts})


def fill_others(account: Account, endpoint: str) -> None:
    account.client("iam").put_role_policy(
        RoleName="execution",
        PolicyName="read",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
        ),
    )
    account.ecr.tag_resource(
        resourceArn=f"arn:aws:ecr:us-east-1:{ACCOUNT_ID}:repository/fake", tags=[{"Key": "of", "Value": "tests"}]
    )
    account.put_alarm("errors")
    account.client("logs").create_log_group(logGroupName="kept", tags={"a": "b"})
    account.client("logs").put_retention_policy(logGroupName="kept", retentionInDays=7)
    account.client("kms").create_key()
    account.client("sns").create_topic(Name="news")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": DIMENSION,
    }
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3, Tags={"t": "1"})
    scaling.put_scaling_policy(
        **target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )


def endpoint_of(account: Account) -> tuple[str, str]:
    """An endpoint whose model and configuration are gone, with tags and with more instances than were configured."""
    model = account.create_model()
    config = account.create_config(model)
    endpoint = account.create_endpoint(config, Tags=[{"Key": "stage", "Value": "test"}])
    assert account.await_settled(endpoint)["EndpointStatus"] == "InService"
    account.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    )
    account.await_settled(endpoint)
    account.put_model(model, "m")
    return endpoint, model


def test_everything_is_there_again(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.prepare()
        fill_s3(account)
        endpoint, model = endpoint_of(account)
        fill_others(account, endpoint)
        assert account.invoke(endpoint, "m")["title"] == "m"
        account.sagemaker.delete_model(ModelName=model)
        before, key = describe(account), account.key
        presigned = account.s3.list_object_versions(Bucket="states", Prefix="a/terraform.tfstate")["Versions"]
    assert len(presigned) == 4
    with persistent(tmp_path) as account:
        assert account.key == key
        assert account.await_settled(endpoint)["EndpointStatus"] == "InService"
        assert describe(account) == before
        assert account.invoke(endpoint, "m")["title"] == "m"
        # The account is alive: versions go on, the lock holds, what is forbidden stays forbidden.
        account.s3.put_object(Bucket="states", Key="a/terraform.tfstate", Body=b"third")
        with pytest.raises(ClientError, match="PreconditionFailed"):
            account.s3.put_object(Bucket="states", Key="a/terraform.tfstate.tflock", Body=b"", IfNoneMatch="*")
        part = account.s3.get_object(Bucket="states", Key="large", Range="bytes=6291450-6291460")["Body"].read()
        assert part == b"abcdef" + b"the e"
        with pytest.raises(ClientError, match="already exist"):
            account.ecr.create_repository(repositoryName="fake")
        account.sagemaker.delete_endpoint(EndpointName=endpoint)
    with persistent(tmp_path) as account:
        assert account.s3.get_object(Bucket="states", Key="a/terraform.tfstate")["Body"].read() == b"third"
        # It was being deleted when the account was saved.
        wait_for(lambda: not account.sagemaker.list_endpoints()["Endpoints"], "the endpoint is gone")
        # Its scalable targets go right after it.
        scaling = account.client("application-autoscaling")
        wait_for(
            lambda: not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
            "its scalable target is gone",
        )
    assert "Traceback" not in (tmp_path / "aws.log").read_text()


def test_files_are_private_and_go_with_what_they_held(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.s3.create_bucket(Bucket=BUCKET)
        account.s3.put_object(Bucket=BUCKET, Key="k", Body=b"content")
    state = tmp_path / "run" / "state"
    for path in (state, *state.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert [path.read_bytes() for path in (state / "bodies").iterdir()] == [b"content"]
    assert not (tmp_path / "run" / "run").exists()
    with persistent(tmp_path) as account:
        account.s3.delete_object(Bucket=BUCKET, Key="k")
    assert list((state / "bodies").iterdir()) == []


def test_a_kill_loses_at_most_what_came_since_it_was_saved(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.prepare()
        endpoint, prefix = account.serve()
        account.put_model(prefix, "m")
        account.invoke(endpoint, "m")
        time.sleep(2 * SAVE_SECONDS)
        before = describe(account)
        process = psutil.Process(account.aws.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with persistent(tmp_path) as account:
        account.await_settled(endpoint)
        assert describe(account) == before
        assert account.invoke(endpoint, "m")["title"] == "m"


def test_what_was_under_way_goes_on_or_comes_to_nothing(tmp_path: Path) -> None:
    """Creation begins again, an update does not: the endpoint runs its old configuration, and says why."""
    slow = {"FAKE_PING": "late:20"}
    with persistent(tmp_path, startup_health_check_seconds=60) as account:
        account.prepare()
        served, model = account.serve()
        before = account.sagemaker.describe_endpoint(EndpointName=served)
        next_config = account.create_config(account.create_model(environment=slow))
        account.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=next_config)
        made = account.create_endpoint(account.create_config(account.create_model()))
        assert account.sagemaker.describe_endpoint(EndpointName=served)["EndpointStatus"] == "Updating"
    with persistent(tmp_path) as account:
        assert account.await_settled(made)["EndpointStatus"] == "InService"
        after = account.await_settled(served)
        assert after["EndpointStatus"] == "InService"
        assert after["EndpointConfigName"] == before["EndpointConfigName"]
        assert next_config in after["FailureReason"]
        account.put_model(model, "m")
        assert account.invoke(served, "m")["title"] == "m"


def test_an_endpoint_that_does_not_run_again_says_why(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.prepare()
        endpoint, _ = account.serve()
        image = account.ecr.list_images(repositoryName="fake")["imageIds"]
        manifest = account.ecr.batch_get_image(repositoryName="fake", imageIds=image)["images"][0]
        account.ecr.batch_delete_image(repositoryName="fake", imageIds=image)
    with persistent(tmp_path) as account:
        description = account.await_settled(endpoint)
        assert description["EndpointStatus"] == "Failed"
        assert "not found" in description["FailureReason"]
        account.ecr.put_image(
            repositoryName="fake",
            imageManifest=manifest["imageManifest"],
            imageTag="1",
            imageManifestMediaType=manifest["imageManifestMediaType"],
        )
    with persistent(tmp_path) as account:
        assert account.await_settled(endpoint)["EndpointStatus"] == "InService"


def test_quotas_that_were_raised(tmp_path: Path) -> None:
    with persistent(tmp_path, quota={"ml.m5.large": 1}) as account:
        quotas = account.client("service-quotas")
        [code] = [
            item["QuotaCode"]
            for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            for item in page["Quotas"]
            if item["QuotaName"] == "ml.m5.large for endpoint usage"
        ]
        quotas.request_service_quota_increase(ServiceCode="sagemaker", QuotaCode=code, DesiredValue=2)
    with persistent(tmp_path, quota={"ml.m5.large": 1}) as account:
        account.prepare()
        account.serve(InitialInstanceCount=2)


def test_a_reset_empties_what_is_saved(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.s3.create_bucket(Bucket=BUCKET)
        url = f"{account.url}/moto-api/reset"
        assert requests.post(url, timeout=30, auth=(account.key.id, account.key.secret)).status_code == 200
    with persistent(tmp_path) as account:
        assert account.s3.list_buckets()["Buckets"] == []


def test_without_the_option_the_saved_account_stays_as_it_is(tmp_path: Path) -> None:
    with persistent(tmp_path) as account:
        account.s3.create_bucket(Bucket=BUCKET)
    with quick_local_aws(tmp_path) as aws:
        assert Account(aws).s3.list_buckets()["Buckets"] == []
    assert "holds a saved account" in (tmp_path / "aws.log").read_text()
    with persistent(tmp_path) as account:
        assert [bucket["Name"] for bucket in account.s3.list_buckets()["Buckets"]] == [BUCKET]


def change_mode(state: Path) -> None:
    (state / "manifest.json").chmod(0o666)


def open_the_folder(state: Path) -> None:
    state.chmod(0o777)


def change_a_parts_mode(state: Path) -> None:
    next((state / "parts").iterdir()).chmod(0o640)


def replace_by_a_link(state: Path) -> None:
    part = next((state / "parts").iterdir())
    part.rename(state / "elsewhere")
    part.symlink_to(state / "elsewhere")


def edit(state: Path, **members: Any) -> None:
    manifest = state / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **members}))


def change_format(state: Path) -> None:
    edit(state, format=999)


def change_moto(state: Path) -> None:
    edit(state, moto="4.0.0")


def cut_off(state: Path) -> None:
    (state / "manifest.json").write_text('{"format": ')


def lose_a_part(state: Path) -> None:
    next((state / "parts").iterdir()).unlink()


def damage_a_part(state: Path) -> None:
    next((state / "parts").iterdir()).write_bytes(b"")


def lose_a_body(state: Path) -> None:
    next((state / "bodies").iterdir()).unlink()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (change_mode, "has mode 0666, so that others can use it"),
        (open_the_folder, "has mode 0777, so that others can use it"),
        (change_a_parts_mode, "has mode 0640, so that others can use it"),
        (replace_by_a_link, "is no file of yours"),
        (change_format, "it has format 999, and this version of the local AWS reads format"),
        (change_moto, "it was written with moto 4.0.0"),
        (cut_off, "it is not JSON"),
        (lose_a_part, "the file is missing"),
        (damage_a_part, "its content is not what was written"),
        (lose_a_body, "the content of an S3 object is missing"),
    ],
)
def test_what_cannot_be_trusted_or_read_is_refused(tmp_path: Path, saved_once: Path, harm: Any, why: str) -> None:
    state = tmp_path / "run" / "state"
    copy_tree(saved_once, state)
    harm(state)
    aws = LocalAws(
        directory=tmp_path / "run", port=0, provider="none", runtime="process", persist=True, log_file=tmp_path / "log"
    )
    with pytest.raises(StartError) as refused:
        aws.start()
    aws.stop()
    message = str(refused.value)
    assert why in message
    assert str(state) in message
    assert "emov" in message  # what to do
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert state.exists()  # nothing is thrown away


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    with persistent(folder) as account:
        account.s3.create_bucket(Bucket=BUCKET)
        account.s3.put_object(Bucket=BUCKET, Key="k", Body=b"content")
    return folder / "run" / "state"


def copy_tree(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    shutil.copytree(source, target)  # modes as well
