import pytest

from operations.account_check.storage import bucket_checks, check_repository

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def found(account) -> list[tuple[str, str, str]]:
    return [(name, item.status, item.text) for name, check in bucket_checks(account) for item in check]


def versioned(s3, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def test_names_that_are_free_or_ours_for_every_shard(account_of, client):
    account = account_of(models_bucket="check-models", state_bucket="check-states", shards={"count": 2})
    assert found(account) == [
        ("state bucket", "ok", "check-states is free"),
        ("models bucket", "ok", "check-models is free"),
        ("models bucket", "ok", "check-models-2 is free"),
    ]
    client("s3").create_bucket(Bucket="check-models")
    text = "check-models is yours already; `make adopt` takes over what no state knows"
    assert found(account)[1] == ("models bucket", "ok", text)


def test_a_bucket_of_somebody_else(account_of, answer):
    answer(HeadBucket="403")
    assert {item[1:] for item in found(account_of(models_bucket="theirs", state_bucket="theirs-too"))} == {
        ("problem", "theirs belongs to another account"),
        ("problem", "theirs-too belongs to another account"),
    }


def test_a_bucket_of_ours_that_may_not_be_looked_at(account_of, client, answer):
    client("s3").create_bucket(Bucket="check-closed")
    answer(HeadBucket="403")
    items = found(account_of(models_bucket="check-closed"))
    assert items[1][1:] == ("unknown", "check-closed is yours, and looking at it needs the right s3:ListBucket")
    answer(ListBuckets="AccessDenied")
    items = found(account_of(models_bucket="check-closed"))
    assert items[1][1:] == (
        "unknown",
        "check-closed is of another account, or you need the right s3:ListBucket on it, or s3:ListAllMyBuckets to see "
        "whose it is",
    )


def test_a_bucket_of_another_region(account_of, client):
    client("s3", "eu-west-1").create_bucket(
        Bucket="check-far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    items = found(account_of(models_bucket="check-far"))
    assert items[1][1:] == ("problem", "check-far is in eu-west-1, not in us-east-1")


def test_existing_buckets(account_of, client):
    account = account_of(existing={"state_bucket": "check-theirs", "models_bucket": "check-shared"})
    assert [item[1:] for item in found(account)] == [
        ("problem", "there is no check-theirs, which `existing.state_bucket` names"),
        ("problem", "there is no check-shared, which `existing.models_bucket` names"),
    ]
    s3 = client("s3")
    for bucket in ("check-theirs", "check-shared"):
        s3.create_bucket(Bucket=bucket)
    assert [item[1:] for item in found(account)] == [
        ("problem", "check-theirs is not versioned, so a damaged state is lost"),
        ("note", "check-shared is not versioned, so a model that is removed by mistake is lost"),
    ]
    for bucket in ("check-theirs", "check-shared"):
        versioned(s3, bucket)
    assert [item[1:] for item in found(account)] == [
        ("ok", "check-theirs is there, versioned"),
        ("ok", "check-shared is there, versioned"),
    ]


def test_an_existing_bucket_with_another_key(account_of, client):
    s3 = client("s3")
    versioned(s3, "check-encrypted")
    account = account_of(existing={"models_bucket": "check-encrypted"}, kms_key_arn=KEY)
    _, item = found(account)
    assert item[1] == "problem" and item[2].startswith("check-encrypted encrypts with a key of AWS, and the roles may")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    s3.put_bucket_encryption(
        Bucket="check-encrypted",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    assert found(account)[1][1:] == ("ok", "check-encrypted is there, versioned")


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [
        ({}, ("ok", "multi-model-dev-model-server is free"), ("ok", "multi-model-dev-model-server is there")),
        (
            {"existing": {"repository": "vision/server"}},
            ("problem", "there is no vision/server in us-east-1, which `existing.repository` names"),
            ("ok", "vision/server is there"),
        ),
    ],
)
def test_the_repository(account_of, client, settings, before, after):
    account = account_of(**settings)
    (item,) = check_repository(account)
    assert (item.status, item.text) == before
    client("ecr").create_repository(repositoryName=account.names.repository)
    (item,) = check_repository(account)
    assert (item.status, item.text) == after


def test_a_prebuilt_image_needs_no_repository(account_of):
    image = {"prebuilt_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/server:1"}
    assert list(check_repository(account_of(image=image))) == []
