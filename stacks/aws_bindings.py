"""The one place that imports CDKTF and the AWS provider's bindings: quickly, and only what the stacks use.

Done the usual way, `import cdktf_cdktf_provider_aws` runs 2,200 Python modules, and behind it the jsii kernel, a Node
process, runs as many JavaScript modules: 10 to 20 seconds before the first construct. The stacks use some twenty of
them. So here:

- a bare module with the package's `__path__` stands in for the Python package's `__init__`, so that only the
  submodules named below are run;
- the kernel starts with `aws_bindings.cjs` preloaded (`NODE_OPTIONS`), which makes the provider's JavaScript index
  require a module when it is first used;
- the kernel's banner about the age of Node is silenced: the cdktf command shows it as an error on every call.

CDK_BINDINGS=cdktn takes the packages of CDKTF's successor, CDK Terrain, instead: its modules stand under the names that
are imported here. docs/way-out.md describes how to switch for good.

The kernel starts with the first import of `constructs` or `cdktf`. Therefore the stacks import everything of CDKTF
from here, never directly. tests/stacks/test_aws_bindings.py fails when an upgrade breaks one of these assumptions.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from stacks.errors import SettingsError

_PROVIDER = "cdktf_cdktf_provider_aws"
# The values of CDK_BINDINGS: the package of the bindings of the AWS provider that goes with each.
_PROVIDERS = {"cdktf": _PROVIDER, "cdktn": "cdktn_provider_aws"}
_PRELOAD = Path(__file__).with_suffix(".cjs")


def _bare_package(name: str) -> ModuleType:
    """A module that finds the submodules of the package `name` without running its `__init__`."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = ModuleType(name)
    module.__spec__ = spec
    module.__path__ = list(spec.submodule_search_locations)
    return module


def _chosen_cdk() -> str:
    """`cdktf` or `cdktn`.

    Raises:
        SettingsError: CDK_BINDINGS names something else.
    """
    chosen = os.environ.get("CDK_BINDINGS", "cdktf")
    if chosen not in _PROVIDERS:
        raise SettingsError(f"CDK_BINDINGS is {chosen!r}; allowed: {' or '.join(_PROVIDERS)} (default: cdktf)")
    return chosen


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """The variables that the jsii kernel is to start with; gone again afterwards."""
    quoted = str(_PRELOAD).replace("\\", "\\\\").replace('"', '\\"')
    variables = {
        "NODE_OPTIONS": f'{os.environ.get("NODE_OPTIONS", "")} --require "{quoted}"'.strip(),
        # Major versions of Node, comma-separated (any text in jsii before 1.140).
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_CDK = _chosen_cdk()

with _kernel_environment():
    if _CDK != "cdktf":
        sys.modules["cdktf"] = importlib.import_module(_CDK)
    from cdktf import (
        App,
        DataResource,
        LocalBackend,
        LocalExecProvisioner,
        S3Backend,
        S3BackendAssumeRoleConfig,
        S3BackendEndpointConfig,
        TerraformOutput,
        TerraformResource,
        TerraformResourceLifecycle,
        TerraformStack,
    )

sys.modules.setdefault(_PROVIDER, _bare_package(_PROVIDERS[_CDK]))

# ruff: noqa: E402
from cdktf_cdktf_provider_aws.appautoscaling_policy import AppautoscalingPolicy
from cdktf_cdktf_provider_aws.appautoscaling_target import AppautoscalingTarget
from cdktf_cdktf_provider_aws.cloudwatch_dashboard import CloudwatchDashboard
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.ecr_lifecycle_policy import EcrLifecyclePolicy
from cdktf_cdktf_provider_aws.ecr_repository import (
    EcrRepository,
    EcrRepositoryEncryptionConfiguration,
)
from cdktf_cdktf_provider_aws.iam_openid_connect_provider import IamOpenidConnectProvider
from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktf_cdktf_provider_aws.provider import (
    AwsProvider,
    AwsProviderAssumeRole,
    AwsProviderDefaultTags,
    AwsProviderEndpoints,
)
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
)
from cdktf_cdktf_provider_aws.s3_bucket_ownership_controls import S3BucketOwnershipControls
from cdktf_cdktf_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktf_cdktf_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktf_cdktf_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import S3BucketVersioningA
from cdktf_cdktf_provider_aws.sagemaker_endpoint import (
    SagemakerEndpoint,
    SagemakerEndpointDeploymentConfigAutoRollbackConfigurationAlarms,
)
from cdktf_cdktf_provider_aws.sagemaker_endpoint_configuration import (
    SagemakerEndpointConfiguration,
    SagemakerEndpointConfigurationProductionVariants,
)
from cdktf_cdktf_provider_aws.sagemaker_model import SagemakerModel
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription
from cdktf_cdktf_provider_aws.ssm_parameter import SsmParameter

__all__ = [
    "App",
    "AppautoscalingPolicy",
    "AppautoscalingTarget",
    "AwsProvider",
    "AwsProviderAssumeRole",
    "AwsProviderDefaultTags",
    "AwsProviderEndpoints",
    "CloudwatchDashboard",
    "CloudwatchLogGroup",
    "CloudwatchMetricAlarm",
    "DataResource",
    "EcrLifecyclePolicy",
    "EcrRepository",
    "EcrRepositoryEncryptionConfiguration",
    "IamOpenidConnectProvider",
    "IamPolicy",
    "IamRole",
    "IamRolePolicy",
    "IamRolePolicyAttachment",
    "LocalBackend",
    "LocalExecProvisioner",
    "S3Backend",
    "S3BackendAssumeRoleConfig",
    "S3BackendEndpointConfig",
    "S3Bucket",
    "S3BucketLifecycleConfiguration",
    "S3BucketLifecycleConfigurationRule",
    "S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload",
    "S3BucketLifecycleConfigurationRuleExpiration",
    "S3BucketLifecycleConfigurationRuleFilter",
    "S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration",
    "S3BucketOwnershipControls",
    "S3BucketPolicy",
    "S3BucketPublicAccessBlock",
    "S3BucketServerSideEncryptionConfigurationA",
    "S3BucketServerSideEncryptionConfigurationRuleA",
    "S3BucketVersioningA",
    "SagemakerEndpoint",
    "SagemakerEndpointConfiguration",
    "SagemakerEndpointConfigurationProductionVariants",
    "SagemakerEndpointDeploymentConfigAutoRollbackConfigurationAlarms",
    "SagemakerModel",
    "SnsTopic",
    "SnsTopicSubscription",
    "SsmParameter",
    "TerraformOutput",
    "TerraformResource",
    "TerraformResourceLifecycle",
    "TerraformStack",
]
