"""Brings a removed model back: from the archive in the models bucket into the catalog, under the number and key it had.

What archives it is `stacks/archive_models.py`. How long it stays is the setting `deleted_model_retention_days`.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from botocore.client import BaseClient

from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError
from model_catalog.lock import Version
from stacks.names import Names

_FILE = re.compile(r"(?P<version>[1-9][0-9]*)-(?P<digest>[0-9a-f]{16})\.tar\.gz")


@dataclass(frozen=True)
class Archived:
    """An artifact in the archive."""

    version: str
    key: str
    """Its key in the bucket."""
    digest: str
    """The first 16 digits of its SHA-256."""
    size_bytes: int
    removed_at: datetime


def archived_versions(client: BaseClient, names: Names, model: str) -> list[Archived]:
    """The removed versions of a model that can be brought back, the oldest number first.

    Args:
        client: boto3's `s3` client.
        names: those of the shard that the model is in.
        model: the model's name.
    """
    prefix = f"{names.archive_prefix}{model}/"
    found = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=names.models_bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            match = _FILE.fullmatch(item["Key"].removeprefix(prefix))
            if match is not None:
                digest = match["digest"]
                found.append(Archived(match["version"], item["Key"], digest, item["Size"], item["LastModified"]))
    return sorted(found, key=lambda archived: int(archived.version))


def restore(client: BaseClient, names: Names, catalog: Catalog, model: str, version: str) -> Version:
    """Download the artifact of a removed version, and put the version back into the catalog.

    Raises:
        CatalogError: the archive does not have it, its content is not what its key says, or the catalog has it.
    """
    archived = {item.version: item for item in archived_versions(client, names, model)}
    if version not in archived:
        raise CatalogError(
            f"model {model}: the archive s3://{names.models_bucket}/{names.archive_prefix} has no version {version}, "
            f"only {', '.join(archived) or 'none'}. Archived artifacts are kept for "
            f"{names.settings.deleted_model_retention_days} days."
        )
    found = archived[version]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "archive.tar.gz"
        client.download_file(names.models_bucket, found.key, str(file))
        return catalog.restore(model, version, file, digest=found.digest)
