"""The buckets and the repository: free to be created, or there to be used."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from operations.account_check.account import Account, code_of, found, is_denied, right_of
from operations.account_check.finding import Finding
from stacks.names import Names

_NO_BUCKET = ("404", "NoSuchBucket", "NotFound")


def bucket_checks(account: Account) -> Iterator[tuple[str, Iterator[Finding]]]:
    """A check for the bucket of the states, and one for that of each shard's artifacts, with their names."""
    names, existing = account.names, account.settings.existing
    yield "state bucket", _bucket(account, names.state_bucket, "state", is_existing=existing.state_bucket is not None)
    for shard in range(1, account.settings.shards.deployed_count + 1):
        bucket = Names(names.environment, account.settings, shard).models_bucket
        yield "models bucket", _bucket(account, bucket, "models", is_existing=existing.models_bucket is not None)


def check_repository(account: Account) -> Iterator[Finding]:
    """The repository that the image is pushed to."""
    if account.settings.image.prebuilt_uri is not None:
        return
    repository, is_existing = account.names.repository, account.settings.existing.repository is not None
    answer = found(
        lambda: account.client("ecr").describe_repositories(
            registryId=account.settings.account_id, repositoryNames=[repository]
        ),
        "RepositoryNotFoundException",
    )
    if answer is not None:
        yield Finding("repository", "ok", f"{repository} is there")
    elif not is_existing:
        yield Finding("repository", "ok", f"{repository} is free")
    else:
        yield Finding(
            "repository",
            "problem",
            f"there is no {repository} in {account.region}, which `existing.repository` names",
            "have its owner create it, or leave `existing.repository` out",
        )


def _bucket(account: Account, bucket: str, purpose: str, *, is_existing: bool) -> Iterator[Finding]:
    check, key = f"{purpose} bucket", f"existing.{purpose}_bucket"
    try:
        answer = account.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account.settings.account_id)
    except ClientError as error:
        if code_of(error) in _NO_BUCKET:
            yield _absent(check, bucket, key, is_existing=is_existing)
        elif is_denied(error):
            yield _denied(account, check, bucket, error)
        else:
            raise
        return
    region = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if region not in (None, account.region):
        yield Finding(
            check,
            "problem",
            f"{bucket} is in {region}, not in {account.region}",
            f"name a bucket of {account.region}; SageMaker and the states need it there",
        )
        return
    if not is_existing:
        yield Finding(check, "ok", f"{bucket} is yours already; `make adopt` takes over what no state knows")
        return
    yield from _existing(account, bucket, purpose, check)


def _absent(check: str, bucket: str, key: str, *, is_existing: bool) -> Finding:
    if not is_existing:
        return Finding(check, "ok", f"{bucket} is free")
    advice = f"have its owner create it, or leave `{key}` out"
    return Finding(check, "problem", f"there is no {bucket}, which `{key}` names", advice)


def _denied(account: Account, check: str, bucket: str, error: ClientError) -> Finding:
    """S3 says the same of a bucket of somebody else and of one of ours that we may not see; a list tells them apart."""
    try:
        ours = {item["Name"] for item in account.client("s3").list_buckets()["Buckets"]}
    except ClientError as listing:
        if not is_denied(listing):
            raise
        rights = f"{right_of(error)} on it, or {right_of(listing)} to see whose it is"
        return Finding(check, "unknown", f"{bucket} is of another account, or you need the right {rights}")
    if bucket in ours:
        return Finding(check, "unknown", f"{bucket} is yours, and looking at it needs the right {right_of(error)}")
    advice = "choose another name: `name_prefix`, or the key of the bucket in cdktf.json"
    return Finding(check, "problem", f"{bucket} belongs to another account", advice)


def _existing(account: Account, bucket: str, purpose: str, check: str) -> Iterator[Finding]:
    """What a bucket needs that the stacks do not look after."""
    s3, key = account.client("s3"), account.settings.kms_key_arn
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        turn_on = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        lost = "a damaged state" if purpose == "state" else "a model that is removed by mistake"
        yield Finding(
            check,
            "problem" if purpose == "state" else "note",
            f"{bucket} is not versioned, so {lost} is lost",
            f"have its owner turn versioning on: {turn_on}",
        )
        return
    if key is not None and (found_key := _key_of(account, bucket)) != key:
        yield Finding(
            check,
            "problem",
            f"{bucket} encrypts with {found_key or 'a key of AWS'}, and the roles may use only `kms_key_arn`, {key}",
            "have its owner set this key as the bucket's default encryption, or correct `kms_key_arn`",
        )
        return
    yield Finding(check, "ok", f"{bucket} is there, versioned")


def _key_of(account: Account, bucket: str) -> str | None:
    answer = found(
        lambda: account.client("s3").get_bucket_encryption(Bucket=bucket),
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    if answer is None:
        return None
    (rule, *_) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
