"""Every place where the local AWS does what moto does not, in one table.

Each entry says what the release of moto does that was looked at, and what stands in for it.
`tests/local_aws/test_gap_registry.py` runs a probe for each against moto as it is: once moto has learned it, the test
fails, and the entry goes with its code. No entry has an issue at moto yet; `issue` is for its address.
"""

from dataclasses import dataclass

MOTO_VERSION = "5.2.5"
"""The release that the entries describe."""


@dataclass(frozen=True)
class Gap:
    """One gap.

    name: also that of its probe.
    moto: what moto does.
    module: where it is filled, below local_aws.
    operations: the calls (service, operation) that are answered or completed before they reach moto.
    patches: moto's attributes that are replaced.
    """

    name: str
    moto: str
    module: str
    operations: tuple[tuple[str, str], ...] = ()
    patches: tuple[str, ...] = ()
    issue: str = ""


def _calls(service: str, *operations: str) -> tuple[tuple[str, str], ...]:
    return tuple((service, operation) for operation in operations)


GAPS = (
    Gap(
        "ecr-layers",
        "forgets the bytes of layers, and has no GetDownloadUrlForLayer",
        "gaps.ecr",
        operations=_calls("ecr", "GetDownloadUrlForLayer", "CompleteLayerUpload"),
    ),
    Gap(
        "ecr-images",
        "accepts a manifest whose layers are missing, and makes up digests",
        "gaps.ecr",
        operations=_calls("ecr", "PutImage"),
    ),
    Gap(
        "ecr-registry",
        "hands out credentials for AWS's registry, to which nothing can be pushed here",
        "gaps.ecr",
        operations=_calls("ecr", "GetAuthorizationToken"),
    ),
    Gap(
        "sagemaker-quotas",
        "has no quotas of SageMaker",
        "gaps.service_quotas",
        operations=_calls(
            "servicequotas", "ListAWSDefaultServiceQuotas", "ListServiceQuotas", "RequestServiceQuotaIncrease"
        ),
    ),
    Gap(
        "sns-confirmation",
        "confirms subscriptions by e-mail at once",
        "gaps.sns",
        patches=("SNSBackend.subscribe", "SNSBackend.unsubscribe"),
    ),
    Gap(
        "sts-unknown-roles",
        "lets anybody assume roles that do not exist, and ignores the external id",
        "gaps.sts",
        patches=("STSBackend.assume_role",),
    ),
    Gap(
        "scaling-tags",
        "drops the tags of scalable targets, and has no ListTagsForResource, TagResource and UntagResource for them",
        "gaps.application_autoscaling",
        operations=_calls(
            "application-autoscaling",
            "DeregisterScalableTarget",
            "ListTagsForResource",
            "RegisterScalableTarget",
            "TagResource",
            "UntagResource",
        ),
    ),
    Gap(
        "scaling-variants",
        "registers SageMaker variants that do not exist",
        "gaps.application_autoscaling",
        operations=_calls("application-autoscaling", "RegisterScalableTarget"),
    ),
    Gap(
        "scaling-policies",
        "takes wrong scaling policies, makes no alarms for SageMaker's, and changes the ARN of one that is put again",
        "gaps.application_autoscaling",
        operations=_calls("application-autoscaling", "PutScalingPolicy"),
    ),
    Gap(
        "scaling-schedules",
        "takes scheduled actions with any schedule, for any target",
        "gaps.application_autoscaling",
        operations=_calls("application-autoscaling", "PutScheduledAction"),
    ),
    Gap(
        "scaling-deregistration",
        "keeps the policies and scheduled actions of a target that is deregistered",
        "gaps.application_autoscaling",
        operations=_calls("application-autoscaling", "DeregisterScalableTarget"),
    ),
    Gap(
        "scaling-activities",
        "has no DescribeScalingActivities",
        "gaps.application_autoscaling",
        operations=_calls("application-autoscaling", "DescribeScalingActivities"),
    ),
    Gap(
        "s3-policy-conditions",
        "denies a request that a Deny statement names, whether the statement's condition holds or not",
        "gaps.s3",
        patches=("FakeBucket.get_permission",),
    ),
    Gap(
        "s3-lost-objects",
        "cannot list what it holds once a bucket is gone whose objects it still knows",
        "gaps.s3",
        patches=("FakeKey.status",),
    ),
    Gap(
        "s3-delete-markers",
        "fails to delete what is left of a key, delete markers included, after versioning was suspended",
        "gaps.s3",
        patches=("FakeDeleteMarker.dispose",),
    ),
    Gap(
        "s3-copy-if-match",
        "ignores x-amz-copy-source-if-match",
        "gaps.s3",
        patches=("S3Response.copy_object",),
    ),
    Gap(
        "s3-creation-tags",
        "drops the tags in CreateBucket's configuration",
        "gaps.s3",
        patches=("S3Response._bucket_response_put",),
    ),
    Gap(
        "s3-large-uploads",
        "holds bodies of requests and an upload's parts in memory, and copies them several times",
        "gaps.s3_content",
        patches=(
            "FakeKey.value",
            "FakeMultipart.set_part",
            "FakeMultipart.complete",
            "S3Response.setup_class",
            "responses.compute_checksum",
        ),
    ),
    Gap(
        "s3-if-none-match",
        "lets two conditional writes of one key both succeed",
        "moto_app",
    ),
    Gap(
        "alarm-states",
        "creates alarms as OK, and sets them back to OK when they are put again",
        "cloudwatch.moto_alarms",
        patches=("Alarm.__init__", "CloudWatchResponse.put_metric_alarm"),
    ),
    Gap(
        "alarm-history",
        "keeps no history of alarms",
        "cloudwatch.moto_alarms",
        patches=("CloudWatchResponse.delete_alarms", "CloudWatchResponse.describe_alarm_history"),
    ),
    Gap(
        "alarm-evaluation",
        "never evaluates a metric alarm",
        "cloudwatch.evaluator",
    ),
    Gap(
        "alarm-actions",
        "notifies nobody when an alarm changes its state",
        "cloudwatch.moto_alarms",
        patches=("Alarm.update_state",),
    ),
    Gap(
        "metric-percentiles",
        "computes no percentiles of metrics",
        "cloudwatch.store",
    ),
    Gap(
        "cbor",
        "does not speak Smithy RPC v2 CBOR",
        "cbor.middleware",
    ),
    Gap(
        "scaling-acts",
        "keeps scaling policies and does nothing with them",
        "scaling.autoscaler",
    ),
)
