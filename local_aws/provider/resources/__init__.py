"""The table of resource types: one module a service, one short entry a type."""

from . import (
    appautoscaling,
    cloudwatch,
    ecr,
    iam,
    kms,
    s3_bucket,
    s3_bucket_settings,
    s3_object,
    s3_object_copy,
    sagemaker,
    sns,
    ssm,
)

RESOURCES = {
    **appautoscaling.RESOURCES,
    **cloudwatch.RESOURCES,
    **ecr.RESOURCES,
    **iam.RESOURCES,
    **kms.RESOURCES,
    **s3_bucket.RESOURCES,
    **s3_bucket_settings.RESOURCES,
    **s3_object.RESOURCES,
    **s3_object_copy.RESOURCES,
    **sagemaker.RESOURCES,
    **sns.RESOURCES,
    **ssm.RESOURCES,
}
