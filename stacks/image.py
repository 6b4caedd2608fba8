"""The image stack: the ECR repository, and the build of the model server's image into it."""

from pathlib import Path

from stacks import policies
from stacks.aws_bindings import (
    App,
    DataResource,
    EcrLifecyclePolicy,
    EcrRepository,
    EcrRepositoryEncryptionConfiguration,
    TerraformOutput,
    TerraformResourceLifecycle,
)
from stacks.environment_stack import EnvironmentStack, address
from stacks.names import Names
from stacks.project import Project

BUILD_CONTEXT = Path("container")


class ImageStack(EnvironmentStack):
    """Creates the repository, unless the account has it.

    Builds and pushes the image when its content hash, the tag, is new. An image that was built elsewhere is checked
    instead.
    """

    def __init__(self, app: App, names: Names, project: Project, context_hash: str) -> None:
        super().__init__(app, "image", names, project)
        image = self.settings.image
        repository = None if self.settings.existing.repository is not None else self._add_repository()
        repository_url = names.repository_uri if repository is None else repository.repository_url
        if image.prebuilt_uri is None:
            tag = names.image_tag(context_hash)
            DataResource(
                self,
                "image",
                # The URI as the repository reports it: whatever replaces the repository also builds the image again.
                triggers_replace={"repository": repository_url, "tag": tag},
                provisioners=[
                    self.program(
                        "image_builder",
                        {
                            "IMAGE_REPOSITORY_URI": names.repository_uri,
                            "IMAGE_TAG": tag,
                            "IMAGE_PLATFORM": image.platform,
                            "BUILD_CONTEXT": BUILD_CONTEXT.as_posix(),
                            "CONTAINER_ENGINE": image.container_engine,
                        },
                    )
                ],
            )
        else:
            DataResource(
                self,
                "image",
                triggers_replace={"image": image.prebuilt_uri, "platform": self.settings.instance_platform},
                provisioners=[
                    self.program(
                        "image_builder.check",
                        {"IMAGE_URI": image.prebuilt_uri, "IMAGE_PLATFORM": self.settings.instance_platform},
                    )
                ],
            )
        TerraformOutput(self, "repository_url", value=repository_url, description="The repository of the images.")
        if repository is not None:
            TerraformOutput(
                self,
                "repository_encryption",
                value=f'${{try(coalesce({address(repository)}.encryption_configuration[0].kms_key), "AES256")}}',
                description="What encrypts the images: the ARN of a KMS key, or AES256. ECR never changes it.",
            )
        TerraformOutput(
            self, "image_uri", value=names.image_uri(context_hash), description="The image that the endpoint runs."
        )

    def _add_repository(self) -> EcrRepository:
        encryption = {"encryption_type": "AES256"}
        if self.settings.kms_key_arn is not None:
            encryption = {"encryption_type": "KMS", "kms_key": self.settings.kms_key_arn}
        repository = EcrRepository(
            self,
            "repository",
            name=self.names.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configuration=[EcrRepositoryEncryptionConfiguration(**encryption)],
            force_delete=self.settings.is_local,
            # ECR cannot change a repository's encryption. Replacing the repository would delete the image that the
            # endpoint runs, so a repository keeps the encryption it was created with.
            lifecycle=TerraformResourceLifecycle(ignore_changes=["encryption_configuration"]),
        )
        kept = self.settings.image.kept_images
        EcrLifecyclePolicy(self, "image_expiry", repository=repository.name, policy=policies.image_expiry(kept))
        return repository
