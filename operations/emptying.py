"""Empties what AWS deletes only when it is empty: buckets with all their versions, and repositories of images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from operations.errors import DestroyError

# What one call takes at most.
_OBJECTS, _IMAGES = 1000, 100
Result = TypeVar("Result")
_GONE = ("NoSuchBucket", "404", "RepositoryNotFoundException", "NoSuchUpload")


@dataclass(frozen=True)
class BucketContent:
    """What a bucket holds: versions with content, their bytes, and delete markers."""

    versions: int
    size_bytes: int
    markers: int


def bucket_content(s3: BaseClient, bucket: str) -> BucketContent | None:
    """What a bucket holds; None when there is no such bucket."""

    def count() -> BucketContent:
        versions, markers = 0, 0
        size = 0
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions += len(page.get("Versions", ()))
            size += sum(item["Size"] for item in page.get("Versions", ()))
            markers += len(page.get("DeleteMarkers", ()))
        return BucketContent(versions, size, markers)

    return _unless_gone(count)


def empty_bucket(s3: BaseClient, bucket: str) -> None:
    """Delete every version, every delete marker and every unfinished upload. A bucket that is gone is empty.

    Raises:
        DestroyError: S3 refused to delete something, with the first key and the reason.
    """

    def empty() -> None:
        for page in s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": _OBJECTS}
        ):
            objects = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            for some in _batches(objects, _OBJECTS):
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
                for error in answer.get("Errors", ()):
                    raise DestroyError(
                        f"S3 does not delete {error['Key']} in {bucket}: {error['Code']}, {error['Message']}. What is "
                        "left is as it was; remove the cause and run the command again."
                    )
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", ()):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    _unless_gone(empty)


def delete_bucket(s3: BaseClient, bucket: str) -> None:
    """Empty a bucket and delete it; one that is gone is left alone."""
    empty_bucket(s3, bucket)
    _unless_gone(lambda: s3.delete_bucket(Bucket=bucket))


def image_count(ecr: BaseClient, repository: str) -> int | None:
    """How many images a repository holds; None when there is no such repository."""
    return _unless_gone(lambda: len({image["imageDigest"] for image in _images(ecr, repository)}))


def empty_repository(ecr: BaseClient, repository: str) -> None:
    """Delete every image. Images that an index names go after it: ECR refuses them before.

    Raises:
        DestroyError: ECR refused to delete an image.
    """

    def empty() -> None:
        while digests := sorted({image["imageDigest"] for image in _images(ecr, repository)}):
            failures: list[Any] = []
            for some in _batches(digests, _IMAGES):
                ids = [{"imageDigest": digest} for digest in some]
                failures += ecr.batch_delete_image(repositoryName=repository, imageIds=ids).get("failures", ())
            if len(failures) == len(digests):
                raise DestroyError(
                    f"ECR does not delete {failures[0]['imageId']['imageDigest']} in {repository}: "
                    f"{failures[0].get('failureReason', failures[0].get('failureCode'))}."
                )

    _unless_gone(empty)


def _images(ecr: BaseClient, repository: str) -> Iterator[dict[str, Any]]:
    for page in ecr.get_paginator("list_images").paginate(repositoryName=repository):
        yield from page["imageIds"]


def _batches(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _unless_gone(call: Callable[[], Result]) -> Result | None:
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise
