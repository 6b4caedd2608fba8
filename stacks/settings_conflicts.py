"""What settings say together and no single field can know; every complaint begins with the key it is about."""

from collections import defaultdict
from collections.abc import Mapping

from stacks.names import Names, name_complaints
from stacks.settings import RESERVED_VARIABLES, EnvironmentSettings
from stacks.settings_account import TagPolicy
from stacks.settings_block import shown

# How long Terraform's AWS provider waits for an endpoint to be in service: fixed in its source.
_PROVIDER_WAIT_SECONDS = 3600
# Policies of AWS's own, which every account has.
_AWS_OWN = "aws"


def conflicts(environment: str, settings: EnvironmentSettings, tag_policy: TagPolicy) -> list[str]:
    """What no single field of an environment can know: each begins with the key it is about."""
    scaling = settings.auto_scaling
    # The last shard has the longest names.
    names = Names(environment, settings, settings.shards.deployed_count)
    found = name_complaints(names)
    found += [
        f"{key}.pins.{name}: must be a shard from 1 to {layout.count} ({key}.count), not {shard}"
        for key, layout in settings.shards.layouts.items()
        for name, shard in layout.pins.items()
        if not 1 <= shard <= layout.count
    ]
    found += [
        f"server_environment.{name}: SageMaker sets this variable itself; remove it"
        for name in RESERVED_VARIABLES
        if name in settings.server_environment
    ]
    found += [
        f"server_environment.{name}: the endpoint stack sets this variable itself; remove it"
        for name in names.place
        if name in settings.server_environment
    ]
    if scaling is not None and not (
        scaling.minimum_instance_count <= settings.initial_instance_count <= scaling.maximum_instance_count
    ):
        found.append(
            f"initial_instance_count: must be from auto_scaling's minimum ({scaling.minimum_instance_count}) to its "
            f"maximum ({scaling.maximum_instance_count}), not {settings.initial_instance_count}"
        )
    if settings.volume_size_gb is not None and settings.has_local_storage:
        found.append(f"volume_size_gb: must be absent, {settings.instance_type} has local storage of fixed size")
    found += _arn_conflicts(names)
    found += _monitoring_conflicts(names)
    found += _bucket_conflicts(environment, settings)
    found += _existing_conflicts(settings)
    found += _tag_conflicts(names, tag_policy)
    found += _deployment_conflicts(settings)
    found += _image_conflicts(settings)
    return found


def shared_conflicts(environments: Mapping[str, EnvironmentSettings]) -> list[str]:
    """What several environments would write to: each would delete what the other has put there."""
    holders: dict[str, list[str]] = defaultdict(list)
    for environment, settings in environments.items():
        for shard in range(1, settings.shards.deployed_count + 1):
            holders[Names(environment, settings, shard).model_data_url].append(environment)
    return [
        f"{names[1]}.models_bucket: must be another bucket or folder than that of {names[0]}, {url}"
        for url, names in holders.items()
        if len(names) > 1
    ]


def _arn_conflicts(names: Names) -> list[str]:
    """ARNs of another account, region or partition than the environment's."""
    settings, own = names.settings, names.settings.account_id
    role = None if settings.assume_role is None else settings.assume_role.role_arn
    provider = None if settings.access is None else settings.access.identity_provider_arn
    arns = [
        ("kms_key_arn", "a key", settings.kms_key_arn, (settings.region,), (own,)),
        ("assume_role.role_arn", "a role", role, ("",), (own,)),
        ("existing.execution_role_arn", "a role", settings.existing.execution_role_arn, ("",), (own,)),
        ("permissions_boundary_arn", "a policy", settings.permissions_boundary_arn, ("",), (own, _AWS_OWN)),
        ("access.identity_provider_arn", "an identity provider", provider, ("",), (own,)),
    ]
    found = []
    for key, what, arn, regions, accounts in arns:
        if arn is None:
            continue
        _, partition, _, region, account, _ = arn.split(":", 5)
        if partition != names.partition or region not in regions or account not in accounts:
            where = f" in {settings.region}" if regions[0] else ""
            found.append(
                f"{key}: must be {what} of account {own}{where} (partition {names.partition}), not {shown(arn)}"
            )
    return found


def _monitoring_conflicts(names: Names) -> list[str]:
    settings, found = names.settings, []
    topic = settings.monitoring.topic_arn
    if topic is not None and topic.split(":")[1:4:2] != [names.partition, settings.region]:
        found.append(
            f"monitoring.topic_arn: must be a topic in {settings.region} (partition {names.partition}), where the "
            f"alarms are, not {shown(topic)}"
        )
    if settings.parameters and settings.name_prefix.startswith(("aws", "ssm")):
        found.append(
            f"parameters: SSM keeps names that begin with aws or ssm for itself, so that {settings.name_prefix} "
            "cannot begin the parameters' names; set parameters to false, or change name_prefix"
        )
    return found


def _bucket_conflicts(environment: str, settings: EnvironmentSettings) -> list[str]:
    shards = range(1, settings.shards.deployed_count + 1)
    all_names = [Names(environment, settings, shard) for shard in shards]
    return [
        f"models_bucket: must be another bucket than that of the states, {names.state_bucket}"
        for names in all_names
        if names.models_bucket == names.state_bucket
    ]


def _deployment_conflicts(settings: EnvironmentSettings) -> list[str]:
    deployment, found = settings.deployment, []
    counts = [settings.initial_instance_count]
    if settings.auto_scaling is not None:
        counts.append(settings.auto_scaling.minimum_instance_count)
    if deployment.policy == "rolling" and min(counts) == 1:
        found.append(
            "deployment.policy: rolling replaces at most half of the instances at a time, so it needs two or more; "
            "raise initial_instance_count and auto_scaling.minimum_instance_count, or choose another policy"
        )
    waits, timeout = deployment.waits_seconds, deployment.maximum_execution_timeout_seconds
    if waits >= timeout:
        found.append(
            f"deployment.maximum_execution_timeout_seconds: the waits of an update alone take {waits} s, so that "
            f"{timeout} s roll every update back; raise it, or shorten the waits"
        )
    if waits >= _PROVIDER_WAIT_SECONDS:
        found.append(
            f"deployment.wait_seconds: the waits of an update alone take {waits} s, and Terraform's AWS provider gives "
            f"up after {_PROVIDER_WAIT_SECONDS} s; shorten the waits, or take fewer steps"
        )
    return found


def _existing_conflicts(settings: EnvironmentSettings) -> list[str]:
    existing, found = settings.existing, []
    found += [
        f"{key}: must be absent, existing.{key} names the bucket"
        for key in ("state_bucket", "models_bucket")
        if getattr(settings, key) is not None and getattr(existing, key) is not None
    ]
    found += [
        f"existing.{folder}: must be absent, there is no existing.{bucket}"
        for bucket, folder in (("state_bucket", "state_folder"), ("models_bucket", "models_folder"))
        if getattr(existing, bucket) is None and getattr(existing, folder) is not None
    ]
    if existing.state_bucket is not None and settings.state_backend == "local":
        found.append("state_backend: must be s3, existing.state_bucket holds all states and there is no state stack")
    if settings.access is not None and settings.assume_role is not None:
        found.append(
            "access: must be absent, both of its roles would assume assume_role.role_arn, and the one that plans could "
            "then deploy; let the pipelines assume roles of your own"
        )
    return found


def _tag_conflicts(names: Names, policy: TagPolicy) -> list[str]:
    tags, found = names.tags, []
    for key, values in policy.required.items():
        if key not in tags:
            found.append(f"tags: must have {shown(key)}, which context.tag_policy.required asks for")
        elif values and tags[key] not in values:
            found.append(
                f"tags.{key}: must be one of {', '.join(map(shown, values))} (context.tag_policy.required), "
                f"not {shown(tags[key])}"
            )
    spellings: dict[str, list[str]] = defaultdict(list)
    for key in tags:
        spellings[key.lower()].append(key)
    found += [
        f"tags.{keys[-1]}: IAM takes it for {keys[0]}, for the case of a key makes no difference there; rename it"
        for keys in spellings.values()
        if len(keys) > 1
    ]
    return found


def _image_conflicts(settings: EnvironmentSettings) -> list[str]:
    image, found = settings.image, []
    if image.prebuilt_uri is None:
        if image.platform != settings.instance_platform:
            found.append(
                f"image.platform: must be {settings.instance_platform} for {settings.instance_type}, "
                f"not {image.platform}"
            )
        if image.container_engine == "none" and not settings.is_local:
            found.append(
                "image.container_engine: none builds no image that AWS can run; name an engine, or give an image "
                "in image.prebuilt_uri"
            )
    elif image.prebuilt_uri.split(".")[3] != settings.region:
        found.append(
            f"image.prebuilt_uri: SageMaker pulls from {settings.region} only, not from "
            f"{image.prebuilt_uri.split('.')[3]}"
        )
    return found
