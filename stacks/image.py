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
)
from stacks.environment_stack import EnvironmentStack
from stacks.names import Names
from stacks.project import Project

BUILD_CONTEXT = Path("container")


class ImageStack(EnvironmentStack):
    """Creates the repository. Builds and pushes the image when its content hash, the tag, is new.

    An image that was built elsewhere is checked instead.
    """

    def __init__(self, app: App, names: Names, project: Project, context_hash: str) -> None:
        super().__init__(app, "image", names, project)
        image = self.settings.image
        encryption = {"encryption_type": "AES256"}
        if self.settings.kms_key_arn is not None:
            encryption = {"encryption_type": "KMS", "kms_key": self.settings.kms_key_arn}
        repository = EcrRepository(
            self,
            "repository",
            name=names.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configuration=[EcrRepositoryEncryptionConfiguration(**encryption)],
            force_delete=self.settings.is_local,
        )
        EcrLifecyclePolicy(
            self, "image_expiry", repository=repository.name, policy=policies.image_expiry(image.kept_images)
        )
        if image.prebuilt_uri is None:
            tag = names.image_tag(context_hash)
            DataResource(
                self,
                "image",
                triggers_replace={"repository": names.repository_uri, "tag": tag},
                depends_on=[repository],
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
        TerraformOutput(
            self, "repository_url", value=repository.repository_url, description="The repository of the images."
        )
        TerraformOutput(
            self, "image_uri", value=names.image_uri(context_hash), description="The image that the endpoint runs."
        )
