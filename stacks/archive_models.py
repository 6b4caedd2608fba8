"""`python3 -m stacks.archive_models`: copies the artifacts of removed versions before Terraform destroys them.

The models stack runs it. The AWS provider deletes every version of an object that it destroys, so S3's own history
keeps nothing of it. The copy is below `archive/`, which no endpoint reads, and S3 counts its days from the removal.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from model_catalog.errors import CatalogError
from model_catalog.lock import Lock, read_lock
from stacks.names import ARCHIVE_PREFIX, MODELS_PREFIX

_VARIABLES = ("MODELS_BUCKET", "CATALOG_DIRECTORY", "CATALOG_DIGEST", "AWS_REGION")


def archive(s3: Any, bucket: str, lock: Lock) -> list[str]:
    """Copy every artifact of the bucket that `lock` does not name, and return their keys.

    A copy that is there already is made again: its days count from the last removal.
    """
    removed = sorted(_artifacts(s3, bucket) - lock.keys)
    for key in removed:
        # In parts where the object is larger than one request may copy.
        s3.copy({"Bucket": bucket, "Key": f"{MODELS_PREFIX}{key}"}, bucket, f"{ARCHIVE_PREFIX}{key}")
    return removed


def _artifacts(s3: Any, bucket: str) -> set[str]:
    return {key.removeprefix(MODELS_PREFIX) for key in _keys(s3, bucket) if key.endswith(".tar.gz")}


def _keys(s3: Any, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=MODELS_PREFIX):
        for item in page.get("Contents", ()):
            yield item["Key"]


def main(environ: Mapping[str, str]) -> int:
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if missing:
        print(f"These variables must be set: {', '.join(missing)}.", file=sys.stderr)
        return 2
    try:
        lock = read_lock(Path(environ["CATALOG_DIRECTORY"]))
    except CatalogError as error:
        print(error, file=sys.stderr)
        return 1
    if environ.get("PROMOTED_TO"):
        lock = lock.in_environment(environ["PROMOTED_TO"])
    if lock.keys_digest() != environ["CATALOG_DIGEST"]:
        print(
            f"The lock file in {environ['CATALOG_DIRECTORY']} is not the one that was planned, so it does not say what "
            "this plan removes. Nothing was removed. Check out the commit of the plan, or plan again.",
            file=sys.stderr,
        )
        return 1
    bucket = environ["MODELS_BUCKET"]
    s3 = boto3.client(
        "s3",
        region_name=environ["AWS_REGION"],
        endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        config=Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10, read_timeout=60),
    )
    try:
        removed = archive(s3, bucket, lock)
    except (BotoCoreError, Boto3Error, ClientError) as error:
        print(f"The removed models cannot be archived, and none was removed: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"Archived s3://{bucket}/{ARCHIVE_PREFIX}{key}" for key in removed) or "No model was removed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
