"""The models stack: the bucket of the artifacts, and one object for each version of each model."""

import base64
import json
from pathlib import Path
from typing import Any

from model_catalog.lock import Lock, S3Source, Version
from stacks.aws_bindings import (
    App,
    DataResource,
    TerraformOutput,
    TerraformResource,
    TerraformResourceLifecycle,
)
from stacks.environment_stack import EnvironmentStack, address
from stacks.names import Names
from stacks.project import Project

MODEL_LIST_ID = "model_list"


class ModelsStack(EnvironmentStack):
    """Creates the bucket and uploads the catalog. The endpoint sees a new object at once: no other stack changes."""

    def __init__(self, app: App, names: Names, project: Project, lock: Lock, catalog_digest: str) -> None:
        """`lock` is what the stack's shard holds, `catalog_digest` the digest of all that the environment holds."""
        super().__init__(app, "models", names, project)
        bucket = self._bucket(lock, catalog_digest)
        common = {
            "bucket": bucket,
            "content_type": "application/gzip",
            "checksum_algorithm": "SHA256",
            # What is removed goes after the archive has it; and nothing is ever replaced by destroying it first.
            "lifecycle": {"create_before_destroy": True},
        }
        catalog = project.seen_from(self.stack_name, project.catalog_directory)
        self._moves: list[dict[str, str]] = []
        # One block for each version: Terraform's time for `for_each` grows with the square of the number of models.
        # All blocks in one override: a construct for each costs 2 ms, an override of thousands as much as one.
        uploads: dict[str, Any] = {}
        copies: dict[str, Any] = {}
        for name, model in lock.models.items():
            for version in model.versions:
                arguments = common | _object(version, names.models_prefix)
                self._note_move(name, version)
                if version.source is None:
                    uploads[version.resource_name(name)] = arguments | _upload(version, catalog)
                else:
                    copies[version.resource_name(name)] = arguments | _copy(name, version, version.source)
        if self._moves:
            self.add_override("moved", self._moves)
        every = (("aws_s3_object", uploads), ("aws_s3_object_copy", copies))
        for type_, objects in every:
            if objects:
                self.add_override(f"resource.{type_}", objects)
        self.parameter("models_uri", names.model_data_url, "The place in S3 that every TargetModel is relative to.")
        if self.settings.model_list:
            self._add_list(bucket, lock, [f"{type_}.{id_}" for type_, objects in every for id_ in objects])
        TerraformOutput(self, "bucket", value=names.models_bucket, description="The bucket of the artifacts.")
        TerraformOutput(
            self, "model_data_url", value=names.model_data_url, description="What every TargetModel is relative to."
        )

    def _bucket(self, lock: Lock, catalog_digest: str) -> str:
        """The bucket's name, as the objects have it."""
        versioning: TerraformResource | None = None
        if self.settings.existing.models_bucket is None:
            _, versioning = self.private_bucket(
                "models_bucket",
                self.names.models_bucket,
                noncurrent_days=self.settings.deleted_model_retention_days,
                archive_prefix=self.names.archive_prefix,
            )
        archive = self._add_archive(versioning, lock, catalog_digest)
        name = f'"{self.names.models_bucket}"' if versioning is None else f"{address(versioning)}.bucket"
        # The second element makes every object depend on the archive, so that removed ones are destroyed after it. The
        # first stays known while the archive is replaced. (`depends_on` would cost a plan of thousands of models a
        # fifth of its time.)
        return f"${{[{name}, {address(archive)}.id][0]}}"

    def _add_archive(self, versioning: TerraformResource | None, lock: Lock, catalog_digest: str) -> DataResource:
        """Copies the artifacts of removed versions before Terraform destroys them: the provider deletes all of an
        object's versions.

        Replaced only when a version has left the catalog. Objects depend on it, and they and it are created before they
        are destroyed: so the new one is made, and its program run, before the first object goes. If the program fails,
        none does.
        """
        promoted = self.settings.promoted_models_only
        return DataResource(
            self,
            "archive",
            triggers_replace={"removed": lock.removals_digest()},
            depends_on=None if versioning is None else [versioning],
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            provisioners=[
                self.program(
                    "stacks.archive_models",
                    {
                        "MODELS_BUCKET": self.names.models_bucket,
                        "MODELS_PREFIX": self.names.models_prefix,
                        "ARCHIVE_PREFIX": self.names.archive_prefix,
                        "CATALOG_DIRECTORY": self.project.seen_from_root(self.project.catalog_directory),
                        "CATALOG_DIGEST": catalog_digest,
                        "PROMOTED_TO": self.names.environment if promoted else "",
                    },
                )
            ],
        )

    def _note_move(self, name: str, version: Version) -> None:
        """Objects of states written before addresses were named after versions follow to their new addresses."""
        former = version.former_resource_name(name)
        if former is not None:
            type_ = "aws_s3_object" if version.source is None else "aws_s3_object_copy"
            self._moves.append({"from": f"{type_}.{former}", "to": f"{type_}.{version.resource_name(name)}"})

    def _add_list(self, bucket: str, lock: Lock, objects: list[str]) -> None:
        """The list of the models, for programs that call the endpoint.

        4,000 models do not fit into an SSM parameter, which takes 4 KB. The list waits for the objects: it never names
        a model that is not there yet, and an object that goes is taken from the list first.
        """
        models = {
            name: {
                "target_model": model.current.key,
                "earlier": [version.key for version in model.versions if version is not model.current],
            }
            for name, model in sorted(lock.models.items())
        }
        arguments = {
            "bucket": bucket,
            "key": self.names.model_list_key,
            "content": json.dumps({"models": models}, indent=1),
            "content_type": "application/json",
            "depends_on": objects,
        }
        self.add_override(f"resource.aws_s3_object.{MODEL_LIST_ID}", arguments)
        place = f"s3://{self.names.models_bucket}/{self.names.model_list_key}"
        self.parameter("model_list", place, "The list of the models.")


def _object(version: Version, prefix: str) -> dict[str, Any]:
    # Metadata only of what the object does not say otherwise: each entry costs a plan of thousands of models several
    # percent of its time.
    return {"key": f"{prefix}{version.key}", "metadata": {"size_bytes": str(version.size_bytes)}}


def _upload(version: Version, catalog: str) -> dict[str, Any]:
    return {"source": (Path(catalog) / version.artifact).as_posix(), "source_hash": version.sha256}


def _copy(name: str, version: Version, source: S3Source) -> dict[str, Any]:
    """A copy by S3 itself, made only of what was checked, and checked again by S3's own digest of what it wrote."""
    digest = base64.b64encode(bytes.fromhex(version.sha256)).decode()
    return {
        "source": source.path,
        "metadata": {"sha256": version.sha256, "size_bytes": str(version.size_bytes)},
        "copy_if_match": source.etag,
        "metadata_directive": "REPLACE",
        "tagging_directive": "REPLACE",
        "lifecycle": {
            "create_before_destroy": True,
            "postcondition": [
                {
                    "condition": f'${{self.checksum_sha256 == "{digest}"}}',
                    "error_message": f"The copy of {source.uri} is not the version {version.version} of {name} that "
                    f"the lock file names: S3 says that its SHA-256 is another than {version.sha256}.",
                }
            ],
        },
    }
