"""What moto does by itself: a probe for each entry of `local_aws/gaps/registry.py`.

`python -m tests.local_aws.gap_probes` starts moto's own server, in a process in which nothing of it is replaced, and
prints as JSON which gaps are still there.
"""

import hashlib
import json
import sys
import threading
import time
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

_PART = 6 * 2**20
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_RESOURCE = "endpoint/none/variant/none"
_TARGET = {"ServiceNamespace": "sagemaker", "ResourceId": _RESOURCE, "ScalableDimension": _DIMENSION}


class Moto:
    """Clients of the server, as the probes need them."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def bucket(self, name: str, *, versions: bool = False) -> Any:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        if versions:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return s3

    def alarm(self, name: str, **more: Any) -> Any:
        cloudwatch = self.client("cloudwatch")
        alarm = {
            "Namespace": "Probe",
            "MetricName": "Errors",
            "Statistic": "Sum",
            "Period": 10,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        cloudwatch.put_metric_alarm(AlarmName=name, **alarm | more)
        return cloudwatch

    def state(self, name: str) -> str:
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"]


def _fails(call: Callable[..., Any], **request: Any) -> bool:
    try:
        call(**request)
    except ClientError:
        return True
    return False


def _layer(moto: Moto, repository: str, content: bytes) -> str:
    ecr = moto.client("ecr")
    ecr.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return digest


def ecr_layers(moto: Moto) -> bool:
    digest = _layer(moto, "layers", b"content")
    return _fails(moto.client("ecr").get_download_url_for_layer, repositoryName="layers", layerDigest=digest)


def ecr_images(moto: Moto) -> bool:
    """Two manifests without layers that are there."""
    ecr = moto.client("ecr")
    ecr.create_repository(repositoryName="images")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    layer = {
        "digest": f"sha256:{'0' * 64}",
        "size": 1,
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": [layer]}
    return not _fails(ecr.put_image, repositoryName="images", imageManifest=json.dumps(manifest), imageTag="1")


def ecr_registry(moto: Moto) -> bool:
    (data,) = moto.client("ecr").get_authorization_token()["authorizationData"]
    return not data["proxyEndpoint"].startswith(moto.url)


def _register(moto: Moto, **more: Any) -> Any:
    scaling = moto.client("application-autoscaling")
    scaling.register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=_RESOURCE,
        ScalableDimension=_DIMENSION,
        MinCapacity=1,
        MaxCapacity=2,
        **more,
    )
    return scaling


def sagemaker_quotas(moto: Moto) -> bool:
    quotas = moto.client("service-quotas")
    try:
        return not quotas.list_service_quotas(ServiceCode="sagemaker")["Quotas"]
    except ClientError:
        return True


def sns_confirmation(moto: Moto) -> bool:
    sns = moto.client("sns")
    topic = sns.create_topic(Name="probe")["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.invalid")["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    return attributes["PendingConfirmation"] == "false"


def sts_unknown_roles(moto: Moto) -> bool:
    arn = "arn:aws:iam::123456789012:role/is-not-there"
    return not _fails(moto.client("sts").assume_role, RoleArn=arn, RoleSessionName="probe")


def scaling_tags(moto: Moto) -> bool:
    scaling = _register(moto, Tags={"team": "vision"})
    arn = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]["ScalableTargetARN"]
    try:
        return scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] != {"team": "vision"}
    except ClientError:
        return True


def scaling_variants(moto: Moto) -> bool:
    return not _fails(lambda: _register(moto))


def scaling_policies(moto: Moto) -> bool:
    scaling = _register(moto)
    try:
        steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": []}
        policy = {**_TARGET, "PolicyName": "steps", "PolicyType": "StepScaling"}
        return not _fails(scaling.put_scaling_policy, **policy, StepScalingPolicyConfiguration=steps)
    finally:
        scaling.deregister_scalable_target(**_TARGET)


def scaling_schedules(moto: Moto) -> bool:
    action = {**_TARGET, "ScheduledActionName": "never", "Schedule": "cron(never)"}
    limits = {"MinCapacity": 1}
    return not _fails(
        moto.client("application-autoscaling").put_scheduled_action, **action, ScalableTargetAction=limits
    )


def scaling_deregistration(moto: Moto) -> bool:
    scaling = _register(moto)
    scaling.put_scheduled_action(
        **_TARGET, ScheduledActionName="left", Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 1}
    )
    scaling.deregister_scalable_target(**_TARGET)
    return bool(scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"])


def scaling_activities(moto: Moto) -> bool:
    return _fails(moto.client("application-autoscaling").describe_scaling_activities, ServiceNamespace="sagemaker")


def scaling_acts(moto: Moto) -> bool:
    scaling = _register(moto)
    scaling.put_scaling_policy(
        PolicyName="probe",
        ServiceNamespace="sagemaker",
        ResourceId=_RESOURCE,
        ScalableDimension=_DIMENSION,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    try:
        return not scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    except ClientError:
        return True


def s3_policy_conditions(moto: Moto) -> bool:
    """The condition never holds: nobody's agent is called so."""
    s3 = moto.bucket("policy-conditions")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::policy-conditions", "arn:aws:s3:::policy-conditions/*"],
        "Condition": {"StringEquals": {"aws:UserAgent": "nobody"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="policy-conditions", Policy=json.dumps(policy))
    return _fails(s3.put_object, Bucket="policy-conditions", Key="k", Body=b"x")


def s3_lost_objects(moto: Moto) -> bool:
    s3 = moto.bucket("lost")
    s3.put_object(Bucket="lost", Key="k", Body=b"x")
    s3.delete_object(Bucket="lost", Key="k")
    s3.delete_bucket(Bucket="lost")
    try:
        with urllib.request.urlopen(f"{moto.url}/moto-api/data.json") as answer:
            return answer.status != 200
    except urllib.error.HTTPError:
        return True


def s3_delete_markers(moto: Moto) -> bool:
    s3 = moto.bucket("delete-markers", versions=True)
    version = s3.put_object(Bucket="delete-markers", Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket="delete-markers", Key="k")["VersionId"]
    s3.put_bucket_versioning(Bucket="delete-markers", VersioningConfiguration={"Status": "Suspended"})
    objects = [{"Key": "k", "VersionId": one} for one in (version, marker)]
    return _fails(s3.delete_objects, Bucket="delete-markers", Delete={"Objects": objects, "Quiet": True})


def s3_copy_if_match(moto: Moto) -> bool:
    s3 = moto.bucket("copies")
    s3.put_object(Bucket="copies", Key="k", Body=b"x")
    return not _fails(s3.copy_object, Bucket="copies", Key="l", CopySource="copies/k", CopySourceIfMatch='"other"')


def s3_creation_tags(moto: Moto) -> bool:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="creation-tags", CreateBucketConfiguration={"Tags": [{"Key": "a", "Value": "b"}]})
    return _fails(s3.get_bucket_tagging, Bucket="creation-tags")


def s3_large_uploads(moto: Moto) -> bool:
    """To complete an upload takes memory as large as it."""
    s3 = moto.bucket("large")
    place = {"Bucket": "large", "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    etags = [s3.upload_part(**upload, PartNumber=number, Body=bytes(_PART))["ETag"] for number in (1, 2)]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    tracemalloc.start()
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak > _PART


def s3_if_none_match(moto: Moto) -> bool:
    """Two writers at once; the write itself is slowed down, so that both have looked before either has written."""
    from moto.s3.models import S3Backend  # noqa: PLC0415 - brings all of S3

    s3, write = moto.bucket("conditional"), S3Backend.put_object

    def slow(*arguments: Any, **members: Any) -> Any:
        time.sleep(0.3)
        return write(*arguments, **members)

    failures: list[bool] = []

    def put() -> None:
        failures.append(_fails(s3.put_object, Bucket="conditional", Key="lock", Body=b"x", IfNoneMatch="*"))

    S3Backend.put_object = slow
    threads = [threading.Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    S3Backend.put_object = write
    return not any(failures)


def alarm_states(moto: Moto) -> bool:
    moto.alarm("states")
    new = moto.state("states")
    moto.client("cloudwatch").set_alarm_state(AlarmName="states", StateValue="ALARM", StateReason="probe")
    moto.alarm("states")
    return (new, moto.state("states")) != ("INSUFFICIENT_DATA", "ALARM")


def alarm_history(moto: Moto) -> bool:
    cloudwatch = moto.alarm("history")
    cloudwatch.set_alarm_state(AlarmName="history", StateValue="ALARM", StateReason="probe")
    try:
        return not cloudwatch.describe_alarm_history(AlarmName="history")["AlarmHistoryItems"]
    except ClientError:
        return True


def alarm_evaluation(moto: Moto) -> bool:
    """The last two periods of ten seconds are far above the threshold."""
    cloudwatch, before = moto.client("cloudwatch"), moto.alarm("evaluation") and moto.state("evaluation")
    now = datetime.now(UTC)
    data = [{"MetricName": "Errors", "Value": 100, "Timestamp": now - timedelta(seconds=age)} for age in (0, 10, 20)]
    cloudwatch.put_metric_data(Namespace="Probe", MetricData=data)
    return moto.state("evaluation") == before


def alarm_actions(moto: Moto) -> bool:
    topic = moto.client("sns").create_topic(Name="probe")["TopicArn"]
    cloudwatch = moto.alarm("actions", AlarmActions=[topic])
    cloudwatch.set_alarm_state(AlarmName="actions", StateValue="ALARM", StateReason="probe")
    from moto.sns.models import sns_backends  # noqa: PLC0415 - brings all of SNS

    return not sns_backends["123456789012"]["us-east-1"].topics[topic].sent_notifications


def metric_percentiles(moto: Moto) -> bool:
    cloudwatch, now = moto.client("cloudwatch"), datetime.now(UTC)
    data = [{"MetricName": "Latency", "Value": value, "Timestamp": now} for value in range(100)]
    cloudwatch.put_metric_data(Namespace="Percentiles", MetricData=data)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Percentiles",
        MetricName="Latency",
        StartTime=now - timedelta(minutes=2),
        EndTime=now + timedelta(minutes=2),
        Period=60,
        ExtendedStatistics=["p90"],
    )
    return not any(point.get("ExtendedStatistics") for point in answer["Datapoints"])


def cbor(moto: Moto) -> bool:
    request = urllib.request.Request(
        f"{moto.url}/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
        b"\xa0",
        {
            "Smithy-Protocol": "rpc-v2-cbor",
            "Content-Type": "application/cbor",
            "Accept": "application/cbor",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, "
            "SignedHeaders=host, Signature=0",
        },
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.headers.get("Smithy-Protocol") != "rpc-v2-cbor"
    except OSError:
        return True


PROBES: dict[str, Callable[[Moto], bool]] = {
    "ecr-layers": ecr_layers,
    "ecr-images": ecr_images,
    "ecr-registry": ecr_registry,
    "sagemaker-quotas": sagemaker_quotas,
    "sns-confirmation": sns_confirmation,
    "sts-unknown-roles": sts_unknown_roles,
    "scaling-tags": scaling_tags,
    "scaling-variants": scaling_variants,
    "scaling-policies": scaling_policies,
    "scaling-schedules": scaling_schedules,
    "scaling-deregistration": scaling_deregistration,
    "scaling-activities": scaling_activities,
    "s3-policy-conditions": s3_policy_conditions,
    "s3-lost-objects": s3_lost_objects,
    "s3-delete-markers": s3_delete_markers,
    "s3-copy-if-match": s3_copy_if_match,
    "s3-creation-tags": s3_creation_tags,
    "s3-large-uploads": s3_large_uploads,
    "s3-if-none-match": s3_if_none_match,
    "alarm-states": alarm_states,
    "alarm-history": alarm_history,
    "alarm-evaluation": alarm_evaluation,
    "alarm-actions": alarm_actions,
    "metric-percentiles": metric_percentiles,
    "cbor": cbor,
    "scaling-acts": scaling_acts,
}
"""Each answers whether the gap is there."""


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    moto = Moto(f"http://{host}:{port}")
    found: dict[str, bool | str] = {}
    for name, probe in PROBES.items():
        try:
            found[name] = probe(moto)
        except Exception as error:  # noqa: BLE001 - a probe that no longer works is as much news as one that fails
            found[name] = f"{type(error).__name__}: {error}"
    server.stop()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
