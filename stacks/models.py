"""The models stack: the bucket of the artifacts, and one object for each version of each model."""

from pathlib import Path
from typing import Any

from model_catalog.lock import Lock, Version
from stacks.aws_bindings import App, TerraformOutput, TerraformResource
from stacks.environment_stack import EnvironmentStack, address
from stacks.names import MODELS_PREFIX, Names
from stacks.project import Project


class ModelsStack(EnvironmentStack):
    """Creates the bucket and uploads the catalog. The endpoint sees a new object at once: no other stack changes."""

    def __init__(self, app: App, names: Names, project: Project, lock: Lock) -> None:
        super().__init__(app, "models", names, project)
        bucket, versioning = self.private_bucket(
            "models_bucket",
            names.models_bucket,
            noncurrent_days=self.settings.deleted_model_retention_days,
        )
        common = {
            # A reference and no `depends_on`, which costs a plan of thousands of models a fifth of its time.
            "bucket": f"${{{address(versioning)}.bucket}}",
            "content_type": "application/gzip",
            "checksum_algorithm": "SHA256",
            # A new version stands before the one it replaces goes.
            "lifecycle": {"create_before_destroy": True},
        }
        catalog = project.seen_from(self.stack_name, project.catalog_directory)
        # One block for each model: Terraform's time for `for_each` grows with the square of the number of models.
        # All blocks in one override: a construct for each costs 2 ms, an override of thousands as much as one.
        objects = {
            version.resource_name(name): common | _object(name, version, catalog)
            for name, model in lock.models.items()
            for version in model.versions
        }
        if project.hcl:
            # CDKTF's HCL leaves the overrides of a stack out.
            for id_, arguments in objects.items():
                self._add_object(id_, arguments)
        elif objects:
            self.add_override("resource.aws_s3_object", objects)
        TerraformOutput(self, "bucket", value=bucket.bucket, description="The bucket of the artifacts.")
        TerraformOutput(
            self, "model_data_url", value=names.model_data_url, description="What every TargetModel is relative to."
        )

    def _add_object(self, id_: str, arguments: dict[str, Any]) -> None:
        resource = TerraformResource(self, id_, terraform_resource_type="aws_s3_object")
        for name, value in arguments.items():
            resource.add_override(name, value)


def _object(name: str, version: Version, catalog: str) -> dict[str, Any]:
    return {
        "key": f"{MODELS_PREFIX}{version.key}",
        "source": (Path(catalog) / version.artifact).as_posix(),
        "source_hash": version.sha256,
        "metadata": {
            "model": name,
            "version": version.version,
            "engine": version.engine,
            "sha256": version.sha256,
            "size_bytes": str(version.size_bytes),
        },
    }
