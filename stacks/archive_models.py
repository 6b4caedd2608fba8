"""`python3 -m stacks.archive_models`: copies the artifacts of removed versions before Terraform destroys them.

The models stack runs it. The AWS provider deletes every version of an object that it destroys, so S3's own history
keeps nothing of it. The copy is below `archive/`, which no endpoint reads, and S3 counts its days from the removal.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from model_catalog.errors import CatalogError
from model_catalog.lock import Lock, read_lock
from stacks.aws_session import assumed, role_of_variables

_VARIABLES = ("MODELS_BUCKET", "MODELS_PREFIX", "ARCHIVE_PREFIX", "CATALOG_DIRECTORY", "CATALOG_DIGEST", "AWS_REGION")


@dataclass(frozen=True)
class Place:
    """Where artifacts are in S3: the bucket, and the prefixes of those that are invokable and of removed ones."""

    bucket: str
    models: str
    archive: str


def archive(s3: Any, place: Place, lock: Lock) -> list[str]:
    """Copy every artifact of the bucket that `lock` does not name, and return their keys.

    A copy that is there already is made again: its days count from the last removal.
    """
    removed = sorted(_artifacts(s3, place) - lock.keys)
    for key in removed:
        # In parts where the object is larger than one request may copy.
        s3.copy({"Bucket": place.bucket, "Key": f"{place.models}{key}"}, place.bucket, f"{place.archive}{key}")
    return removed


def _artifacts(s3: Any, place: Place) -> set[str]:
    return {key.removeprefix(place.models) for key in _keys(s3, place) if key.endswith(".tar.gz")}


def _keys(s3: Any, place: Place) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.models):
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
    place = Place(environ["MODELS_BUCKET"], environ["MODELS_PREFIX"], environ["ARCHIVE_PREFIX"])
    region, endpoint_url = environ["AWS_REGION"], environ.get("AWS_ENDPOINT_URL")
    session = botocore.session.get_session()
    session = assumed(session, role_of_variables(environ), region=region, endpoint_url=endpoint_url)
    s3 = boto3.Session(botocore_session=session).client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10, read_timeout=60),
    )
    try:
        removed = archive(s3, place, lock)
    except (BotoCoreError, Boto3Error, ClientError) as error:
        print(f"The removed models cannot be archived, and none was removed: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"Archived s3://{place.bucket}/{place.archive}{key}" for key in removed) or "No model was removed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
