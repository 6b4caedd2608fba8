"""What the stacks of an environment share: provider, backend, programs of the project, private buckets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.aws_bindings import (
    App,
    AwsProvider,
    AwsProviderAssumeRole,
    AwsProviderDefaultTags,
    AwsProviderEndpoints,
    LocalBackend,
    LocalExecProvisioner,
    S3Backend,
    S3BackendAssumeRoleConfig,
    S3BackendEndpointConfig,
    S3Bucket,
    S3BucketVersioningA,
    SsmParameter,
    TerraformResource,
    TerraformResourceLifecycle,
    TerraformStack,
)
from stacks.aws_session import assume_role_variables
from stacks.names import Names, StackName
from stacks.private_bucket import PrivateBucket
from stacks.project import Project

# The first version whose S3 backend locks without a DynamoDB table.
TERRAFORM_VERSION = ">= 1.10.0"
# The services that the stacks' resources call: with a local AWS each has its endpoint there.
_SERVICES = (
    "applicationautoscaling",
    "cloudwatch",
    "ecr",
    "iam",
    "kms",
    "logs",
    "s3",
    "s3_control",
    "sagemaker",
    "sns",
    "ssm",
    "sts",
)


def _through_proxy(local_url: str) -> dict[str, Any]:
    """The provider's arguments that make the local AWS its proxy, so that no request can leave the machine.

    The SDK puts the account before the host of S3 Control's endpoint (and other names before other services'), and
    `123456789012.127.0.0.1` is no address. A proxy takes such requests, and nobody looks the name up. An endpoint at
    `localhost` would not do: Go's resolver asks the name server for the hosts below it, which only some systems
    (those with systemd-resolved, for one) answer.

    Requests for a service without an endpoint here arrive at the local AWS as CONNECT, which it refuses.
    `no_proxy` takes the place of the variable NO_PROXY, which might let hosts through.
    """
    return {"http_proxy": local_url, "https_proxy": local_url, "no_proxy": "127.0.0.1"}


def address(resource: TerraformResource) -> str:
    """The address of a resource that stands directly below its stack."""
    return f"{resource.terraform_resource_type}.{resource.node.id}"


class EnvironmentStack(TerraformStack):
    """One of an environment's stacks, named `<environment>-<stack>`, with a state of its own.

    Constructs stand directly below the stack, so that their addresses are their plain ids.
    """

    def __init__(self, app: App, stack: StackName, names: Names, project: Project) -> None:
        self.stack_name = names.stack(stack)
        super().__init__(app, self.stack_name)
        self.names = names
        self.settings = names.settings
        self.project = project
        self._local_url = None if self.settings.local_aws is None else self.settings.local_aws.endpoint_url
        self.add_override("terraform.required_version", TERRAFORM_VERSION)
        self._add_provider()
        if stack == "state" and self.settings.state_backend == "local":
            state_file = project.state_directory / f"terraform.{self.stack_name}.tfstate"
            LocalBackend(self, path=project.seen_from(self.stack_name, state_file))
        else:
            self._add_s3_backend(stack)

    def _add_provider(self) -> None:
        common: dict[str, Any] = {
            "region": self.settings.region,
            "allowed_account_ids": [self.settings.account_id],
            "default_tags": [AwsProviderDefaultTags(tags=self.names.tags)],
        }
        if self._role_to_assume:
            common["assume_role"] = [AwsProviderAssumeRole(**self._role_to_assume)]
        if self._local_url is None:
            AwsProvider(self, "aws", **common)
            return
        # The credentials are those of the environment: each start of the local AWS makes new ones.
        AwsProvider(
            self,
            "aws",
            **common,
            endpoints=[AwsProviderEndpoints(**dict.fromkeys(_SERVICES, self._local_url))],
            **_through_proxy(self._local_url),
            s3_use_path_style=True,
            skip_credentials_validation=True,
            skip_metadata_api_check="true",
        )

    @property
    def _role_to_assume(self) -> dict[str, Any]:
        """The arguments of `assume_role`; none where no role is assumed."""
        role = self.settings.assume_role
        return {} if role is None else role.model_dump(exclude_none=True)

    def _add_s3_backend(self, stack: StackName) -> None:
        identity: dict[str, Any] = {"allowed_account_ids": [self.settings.account_id]}
        if self._role_to_assume:
            identity["assume_role"] = S3BackendAssumeRoleConfig(**self._role_to_assume)
        local: dict[str, Any] = {}
        if self._local_url is not None:
            local = {
                "endpoints": S3BackendEndpointConfig(s3=self._local_url, iam=self._local_url, sts=self._local_url),
                "use_path_style": True,
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
            }
        S3Backend(
            self,
            bucket=self.names.state_bucket,
            key=self.names.state_key(stack),
            region=self.settings.region,
            encrypt=True,
            kms_key_id=self.settings.kms_key_arn,
            **identity,
            **local,
        )
        self.add_override("terraform.backend.s3.use_lockfile", True)

    def program(self, module: str, variables: Mapping[str, str]) -> LocalExecProvisioner:
        """A provisioner that runs a program of the project, with its arguments in environment variables: no shell."""
        aws = {"AWS_REGION": self.settings.region}
        if self._local_url is not None:
            aws["AWS_ENDPOINT_URL"] = self._local_url
        if self.settings.assume_role is not None:
            aws |= assume_role_variables(self.settings.assume_role)
        return LocalExecProvisioner(
            type="local-exec",
            interpreter=["python3", "-m"],
            command=module,
            working_dir=self.project.seen_from(self.stack_name, Path()),
            environment={**variables, **aws},
        )

    @property
    def protected(self) -> TerraformResourceLifecycle | None:
        """The lifecycle of what deletion protection is for: Terraform refuses every plan that destroys or replaces it.

        Terraform forgets this with the block itself. The plan review blocks a plan that destroys such a resource
        because its block is gone.
        """
        return TerraformResourceLifecycle(prevent_destroy=True) if self.settings.is_protected else None

    def parameter(self, id_: str, value: str, description: str) -> None:
        """An SSM parameter for programs that call the endpoint, unless they are switched off."""
        if self.settings.parameters:
            SsmParameter(
                self,
                f"{id_}_parameter",
                name=self.names.parameter(id_.replace("_", "-")),
                type="String",
                # Not `value`, which every plan hides.
                insecure_value=value,
                description=description,
            )

    def private_bucket(
        self, id_: str, name: str, *, noncurrent_days: int | None = None, archive_prefix: str | None = None
    ) -> tuple[S3Bucket, S3BucketVersioningA]:
        """A bucket that is versioned, encrypted, closed to the public and reached over TLS only.

        Args:
            id_: the id of the bucket; those of its settings begin with it.
            name: the bucket's name.
            noncurrent_days: after how many days replaced and deleted objects go for good; never when None.
            archive_prefix: where copies of removed objects lie, which go as many days after they were made.

        Returns:
            The bucket, and its versioning, which stands when the bucket is encrypted as well: what names the bucket by
            the versioning's `bucket` is written after both.
        """
        bucket = PrivateBucket(
            stack=self,
            id=id_,
            name=name,
            arn=self.names.bucket_arn(name),
            kms_key_arn=self.settings.kms_key_arn,
            # Only a local AWS throws a bucket away with what is in it.
            is_disposable=self.settings.is_local,
            lifecycle=self.protected,
        )
        return bucket.add(noncurrent_days, archive_prefix)
