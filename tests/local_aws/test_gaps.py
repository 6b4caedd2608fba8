"""What moto lacks and the gateway answers."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from image_builder.requirements import DOCKER_MANIFEST
from local_aws.instances.image import SNAPSHOT_LAYER
from stacks.policies import tls_only
from tests.local_aws.account import FAKE_CONTAINER, Account, unique


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"]


class TestEcr:
    @pytest.fixture
    def repository(self, account: Account) -> str:
        name = unique("repository")
        account.ecr.create_repository(repositoryName=name)
        return name

    def upload(self, account: Account, repository: str, content: bytes, digest: str | None = None) -> str:
        digest = digest or f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload = account.ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        middle = len(content) // 2
        for first, last in ((0, middle), (middle, len(content))):
            account.ecr.upload_layer_part(
                repositoryName=repository,
                uploadId=upload,
                partFirstByte=first,
                partLastByte=last - 1,
                layerPartBlob=content[first:last],
            )
        account.ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
        return digest

    def test_layers_keep_their_bytes(self, account: Account, repository: str) -> None:
        digest = self.upload(account, repository, b"layer content")
        url = account.ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(url).content == b"layer content"

    def test_wrong_digest(self, account: Account, repository: str) -> None:
        digest = f"sha256:{'0' * 64}"
        assert code_of(lambda: self.upload(account, repository, b"content", digest)) == "InvalidLayerException"
        check = account.ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
        assert check["failures"]

    def test_layer_twice(self, account: Account, repository: str) -> None:
        self.upload(account, repository, b"content")
        assert code_of(lambda: self.upload(account, repository, b"content")) == "LayerAlreadyExistsException"

    def test_layer_of_another_repository(self, account: Account, repository: str) -> None:
        other = unique("repository")
        account.ecr.create_repository(repositoryName=other)
        digest = self.upload(account, other, b"other content")
        download = account.ecr.get_download_url_for_layer
        assert code_of(lambda: download(repositoryName=repository, layerDigest=digest)) == "LayersNotFoundException"

    def test_unknown_repository(self, account: Account) -> None:
        download = account.ecr.get_download_url_for_layer
        code = code_of(lambda: download(repositoryName="nothing", layerDigest=f"sha256:{'0' * 64}"))
        assert code == "RepositoryNotFoundException"

    def test_image_without_its_layers(self, account: Account, repository: str) -> None:
        config = self.upload(account, repository, b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {"digest": config, "size": 2},
            "layers": [{"mediaType": SNAPSHOT_LAYER, "digest": f"sha256:{'1' * 64}", "size": 1}],
        }
        put = account.ecr.put_image
        code = code_of(lambda: put(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="1"))
        assert code == "LayersNotFoundException"

    def test_image_digest_is_that_of_the_manifest(self, account: Account, repository: str) -> None:
        account.push(FAKE_CONTAINER, repository, "1")
        image = account.ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "1"}])["images"][0]
        digest = f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}"
        assert image["imageId"]["imageDigest"] == digest
        by_digest = account.ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        assert by_digest["images"][0]["imageManifest"] == image["imageManifest"]

    def test_image_without_the_label_is_no_multi_model_image(self, account: Account, repository: str) -> None:
        config = self.upload(account, repository, json.dumps({"config": {"Labels": {"other": "1"}}}).encode())
        manifest = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": {"digest": config, "size": 1}}
        account.ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="1")
        uri = account.fake_image.replace("/fake:", f"/{repository}:")
        with pytest.raises(ClientError) as error:
            account.create_model(Image=uri)
        assert error.value.response["Error"]["Message"] == (
            f"Your Ecr Image {uri} does not contain required "
            "com.amazonaws.sagemaker.capabilities.multi-models=true Docker label(s)."
        )

    def test_image_with_a_manifest_of_oci_s_kind(self, account: Account, repository: str) -> None:
        """ECR takes it, CreateModel does not."""
        config = self.upload(account, repository, b"{}")
        media_type = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": config, "size": 2}}
        account.ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="1")
        uri = account.fake_image.replace("/fake:", f"/{repository}:")
        with pytest.raises(ClientError) as error:
            account.create_model(Image=uri)
        assert error.value.response["Error"]["Message"] == (
            f"Unsupported manifest media type {media_type} for image {uri}. "
            "Ensure that valid manifest media type is used for specified image."
        )


class TestApplicationAutoScaling:
    def test_tags_of_a_target(self, account: Account) -> None:
        scaling, (endpoint, _) = account.client("application-autoscaling"), account.serve()
        target = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        arn = scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2, Tags={"a": "1"})[
            "ScalableTargetARN"
        ]
        assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1"}
        scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
        scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
        assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
        scaling.deregister_scalable_target(**target)
        assert code_of(lambda: scaling.list_tags_for_resource(ResourceARN=arn)) == "ResourceNotFoundException"

    def test_deleted_endpoint_is_no_target_any_more(self, account: Account) -> None:
        scaling, (endpoint, _) = account.client("application-autoscaling"), account.serve()
        resource = f"endpoint/{endpoint}/variant/AllTraffic"
        scaling.register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=resource,
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=1,
            MaxCapacity=2,
        )
        bigger = account.create_config(account.create_model(), InstanceType="ml.m5.xlarge")
        with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
            account.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bigger)
        account.sagemaker.delete_endpoint(EndpointName=endpoint)
        with pytest.raises(ClientError, match="Could not find endpoint"):
            account.await_settled(endpoint)
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
        assert found["ScalableTargets"] == []


class TestS3:
    @pytest.fixture
    def versioned_bucket(self, account: Account) -> str:
        name = unique("versioned")
        account.s3.create_bucket(Bucket=name)
        account.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def test_a_policy_for_requests_without_tls_does_not_hold_on_loopback(
        self, account: Account, versioned_bucket: str
    ) -> None:
        policy = json.loads(tls_only(f"arn:aws:s3:::{versioned_bucket}"))
        account.s3.put_bucket_policy(Bucket=versioned_bucket, Policy=json.dumps(policy))
        account.s3.put_object(Bucket=versioned_bucket, Key="key", Body=b"content")
        assert account.s3.get_object(Bucket=versioned_bucket, Key="key")["Body"].read() == b"content"

    def test_any_other_denial_holds(self, account: Account, versioned_bucket: str) -> None:
        policy = json.loads(tls_only(f"arn:aws:s3:::{versioned_bucket}"))
        del policy["Statement"][0]["Condition"]
        account.s3.put_object(Bucket=versioned_bucket, Key="key", Body=b"content")
        account.s3.put_bucket_policy(Bucket=versioned_bucket, Policy=json.dumps(policy))
        assert code_of(lambda: account.s3.get_object(Bucket=versioned_bucket, Key="key")) == "403"

    def test_a_copy_is_made_of_the_source_that_was_asked_for_and_of_no_other(
        self, account: Account, versioned_bucket: str
    ) -> None:
        etag = account.s3.put_object(Bucket=versioned_bucket, Key="key", Body=b"content")["ETag"]
        where = {"Bucket": versioned_bucket, "Key": "copy", "CopySource": f"{versioned_bucket}/key"}
        account.s3.copy_object(**where, CopySourceIfMatch=etag)
        account.s3.put_object(Bucket=versioned_bucket, Key="key", Body=b"other")
        assert code_of(lambda: account.s3.copy_object(**where, CopySourceIfMatch=etag)) == "PreconditionFailed"
        assert account.s3.get_object(Bucket=versioned_bucket, Key="copy")["Body"].read() == b"content"

    def test_what_is_held_is_listed_after_a_bucket_is_gone(self, account: Account) -> None:
        name = unique("lost")
        account.s3.create_bucket(Bucket=name)
        account.s3.put_object(Bucket=name, Key="key", Body=b"x")
        account.s3.delete_object(Bucket=name, Key="key")
        account.s3.delete_bucket(Bucket=name)
        own = (account.key.id, account.key.secret)
        with requests.Session() as session:
            session.trust_env = False  # never through a proxy
            answer = session.get(f"{account.url}/moto-api/data.json", auth=own, timeout=30)
        assert answer.status_code == 200
        assert "FakeKey" in answer.json()["s3"]

    def test_what_is_left_of_a_key_can_be_deleted_after_versioning_was_suspended(
        self, account: Account, versioned_bucket: str
    ) -> None:
        version = account.s3.put_object(Bucket=versioned_bucket, Key="key", Body=b"content")["VersionId"]
        marker = account.s3.delete_object(Bucket=versioned_bucket, Key="key")["VersionId"]
        account.s3.put_bucket_versioning(Bucket=versioned_bucket, VersioningConfiguration={"Status": "Suspended"})
        objects = [{"Key": "key", "VersionId": version_id} for version_id in (version, marker)]
        account.s3.delete_objects(Bucket=versioned_bucket, Delete={"Objects": objects, "Quiet": True})
        account.s3.delete_bucket(Bucket=versioned_bucket)

    def test_a_bucket_has_the_tags_that_it_was_created_with(self, account: Account) -> None:
        name = unique("tagged")
        tags = [{"Key": "Team", "Value": "ml & vision"}, {"Key": "Empty", "Value": ""}]
        account.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
        assert account.s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
        # Created once more by its owner, it stays as it is.
        account.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": [{"Key": "Team", "Value": "x"}]})
        assert account.s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
        # And they go with it.
        account.s3.delete_bucket(Bucket=name)
        account.s3.create_bucket(Bucket=name)
        assert code_of(lambda: account.s3.get_bucket_tagging(Bucket=name)) == "NoSuchTagSet"

    @pytest.mark.parametrize("tags", [("Team", "Team"), ("aws:cloudformation:stack-name",)])
    def test_a_bucket_is_not_created_with_tags_that_s3_refuses(self, account: Account, tags: tuple[str, ...]) -> None:
        name = unique("tagged")
        configuration = {"Tags": [{"Key": key, "Value": "1"} for key in tags]}
        create = account.s3.create_bucket
        assert code_of(lambda: create(Bucket=name, CreateBucketConfiguration=configuration)) == "InvalidTag"
        assert code_of(lambda: account.s3.head_bucket(Bucket=name)) == "404"
