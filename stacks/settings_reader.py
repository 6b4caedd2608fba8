"""Reads the settings from `cdktf.json`, once, with every complaint of every environment in one error."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from stacks.errors import SettingsError
from stacks.names import Names, name_complaints
from stacks.settings import (
    RESERVED_VARIABLES,
    Block,
    CatalogSettings,
    EnvironmentSettings,
    LocalAws,
    Settings,
    allowed,
    block_of,
)

AnyBlock = TypeVar("AnyBlock", bound=Block)
_ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
_KEYS = ("environments", "catalog")
# Feature flags of CDKTF that live in the same context.
_CDKTF_KEYS = ("allowSepCharsInLogicalIds", "cdktfStaticModuleAssetHash", "excludeStackIdFromLogicalIds")
_SHOWN_CHARACTERS = 80
# How long Terraform's AWS provider waits for an endpoint to be in service: fixed in its source.
_PROVIDER_WAIT_SECONDS = 3600


def read_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings that the file at `path` (cdktf.json) holds.

    Args:
        path: the file.
        environ: of these variables, ENVIRONMENT picks one environment, CATALOG_DIRECTORY overrides the catalog's
            folder, AWS_ENDPOINT_URL the URL of the local AWS, STATE_BACKEND where the state stack keeps its own state.

    Raises:
        SettingsError: the file cannot be read or breaks a rule; holds every complaint.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}.") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise SettingsError(f"{path.name} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path.name} must hold an object, not {_shown(content)}.")
    try:
        return parse_settings(content.get("context"), environ)
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {complaint}" for complaint in error.complaints) from error


def parse_settings(context: Any, environ: Mapping[str, str]) -> Settings:
    """The settings that `context` (the value of that key in cdktf.json) describes.

    Raises:
        SettingsError: holds every complaint of every environment.
    """
    if not isinstance(context, dict):
        raise SettingsError(f"context: must be an object with the keys {_listed(_KEYS)}, not {_shown(context)}.")
    complaints = [
        _unknown_key(f"context.{key}", key, _KEYS) for key in context if key not in _KEYS and key not in _CDKTF_KEYS
    ]
    catalog = _validated(CatalogSettings, context.get("catalog", {}), "context.catalog", complaints)
    environments = _environments(context.get("environments"), environ, complaints)
    if catalog is not None and environ.get("CATALOG_DIRECTORY"):
        catalog = catalog.model_copy(update={"directory": environ["CATALOG_DIRECTORY"]})
    chosen = environ.get("ENVIRONMENT")
    if chosen and isinstance(context.get("environments"), dict) and chosen not in context["environments"]:
        known = _listed(context["environments"])
        complaints.append(f"the variable ENVIRONMENT is {_shown(chosen)}, which is none of the environments: {known}.")
    if complaints or catalog is None:
        raise SettingsError(complaints)
    return Settings(
        environments={name: value for name, value in environments.items() if not chosen or name == chosen},
        catalog=catalog,
    )


def _environments(content: Any, environ: Mapping[str, str], complaints: list[str]) -> dict[str, EnvironmentSettings]:
    where = "context.environments"
    if not isinstance(content, dict) or not content:
        complaints.append(f"{where}: must be an object with one block for each environment, not {_shown(content)}.")
        return {}
    environments = {}
    for name, block in content.items():
        if not _ENVIRONMENT_NAME.fullmatch(name):
            complaints.append(
                f"{where}: the name of an environment is 1 to 12 lower-case letters and digits, a letter first, "
                f"not {_shown(name)}."
            )
            continue
        settings = _validated(EnvironmentSettings, block, f"{where}.{name}", complaints)
        if settings is None:
            continue
        complaints += (f"{where}.{name}.{conflict}." for conflict in _conflicts(name, settings))
        environments[name] = _with_state_backend(_with_endpoint_url(settings, environ, complaints), environ, complaints)
    return environments


def _with_endpoint_url(
    settings: EnvironmentSettings, environ: Mapping[str, str], complaints: list[str]
) -> EnvironmentSettings:
    url = environ.get("AWS_ENDPOINT_URL")
    if settings.local_aws is None or not url:
        return settings
    try:
        local_aws = LocalAws(endpoint_url=url.rstrip("/"))
    except ValidationError:
        must_be = allowed(LocalAws.model_fields["endpoint_url"])
        complaints.append(f"the variable AWS_ENDPOINT_URL must be {must_be}, not {_shown(url)}.")
        return settings
    return settings.model_copy(update={"local_aws": local_aws})


def _with_state_backend(
    settings: EnvironmentSettings, environ: Mapping[str, str], complaints: list[str]
) -> EnvironmentSettings:
    backend = environ.get("STATE_BACKEND")
    if not backend:
        return settings
    field = EnvironmentSettings.model_fields["state_backend"]
    if backend not in get_args(field.annotation):
        complaint = f"the variable STATE_BACKEND must be {allowed(field)}, not {_shown(backend)}."
        if complaint not in complaints:
            complaints.append(complaint)
        return settings
    return settings.model_copy(update={"state_backend": backend})


def _conflicts(environment: str, settings: EnvironmentSettings) -> list[str]:
    """What no single field can know: each begins with the key it is about."""
    scaling, image = settings.auto_scaling, settings.image
    # The last shard has the longest names.
    names = Names(environment, settings, settings.shards.deployed_count)
    conflicts = name_complaints(names)
    conflicts += [
        f"{key}.pins.{name}: must be a shard from 1 to {layout.count} ({key}.count), not {shard}"
        for key, layout in settings.shards.layouts.items()
        for name, shard in layout.pins.items()
        if not 1 <= shard <= layout.count
    ]
    conflicts += [
        f"server_environment.{name}: SageMaker sets this variable itself; remove it"
        for name in RESERVED_VARIABLES
        if name in settings.server_environment
    ]
    if scaling is not None and not (
        scaling.minimum_instance_count <= settings.initial_instance_count <= scaling.maximum_instance_count
    ):
        conflicts.append(
            f"initial_instance_count: must be from auto_scaling's minimum ({scaling.minimum_instance_count}) to its "
            f"maximum ({scaling.maximum_instance_count}), not {settings.initial_instance_count}"
        )
    if settings.volume_size_gb is not None and settings.has_local_storage:
        conflicts.append(f"volume_size_gb: must be absent, {settings.instance_type} has local storage of fixed size")
    conflicts += _key_conflicts(names)
    conflicts += _bucket_conflicts(environment, settings)
    conflicts += _deployment_conflicts(settings)
    if image.prebuilt_uri is None:
        if image.platform != settings.instance_platform:
            conflicts.append(
                f"image.platform: must be {settings.instance_platform} for {settings.instance_type}, "
                f"not {image.platform}"
            )
        if image.container_engine == "none" and not settings.is_local:
            conflicts.append(
                "image.container_engine: none builds no image that AWS can run; name an engine, or give an image "
                "in image.prebuilt_uri"
            )
    elif image.prebuilt_uri.split(".")[3] != settings.region:
        conflicts.append(
            f"image.prebuilt_uri: SageMaker pulls from {settings.region} only, not from "
            f"{image.prebuilt_uri.split('.')[3]}"
        )
    return conflicts


def _key_conflicts(names: Names) -> list[str]:
    settings = names.settings
    if settings.kms_key_arn is None:
        return []
    _, partition, _, region, account, _ = settings.kms_key_arn.split(":", 5)
    wanted = (names.partition, settings.region, settings.account_id)
    if (partition, region, account) == wanted:
        return []
    return [
        f"kms_key_arn: must be a key of account {wanted[2]} in {wanted[1]} (partition {wanted[0]}), not "
        f"{_shown(settings.kms_key_arn)}"
    ]


def _bucket_conflicts(environment: str, settings: EnvironmentSettings) -> list[str]:
    shards = range(1, settings.shards.deployed_count + 1)
    all_names = [Names(environment, settings, shard) for shard in shards]
    return [
        f"models_bucket: must be another bucket than that of the states, {names.state_bucket}"
        for names in all_names
        if names.models_bucket == names.state_bucket
    ]


def _deployment_conflicts(settings: EnvironmentSettings) -> list[str]:
    deployment, conflicts = settings.deployment, []
    counts = [settings.initial_instance_count]
    if settings.auto_scaling is not None:
        counts.append(settings.auto_scaling.minimum_instance_count)
    if deployment.policy == "rolling" and min(counts) == 1:
        conflicts.append(
            "deployment.policy: rolling replaces at most half of the instances at a time, so it needs two or more; "
            "raise initial_instance_count and auto_scaling.minimum_instance_count, or choose another policy"
        )
    waits, timeout = deployment.waits_seconds, deployment.maximum_execution_timeout_seconds
    if waits >= timeout:
        conflicts.append(
            f"deployment.maximum_execution_timeout_seconds: the waits of an update alone take {waits} s, so that "
            f"{timeout} s roll every update back; raise it, or shorten the waits"
        )
    if waits >= _PROVIDER_WAIT_SECONDS:
        conflicts.append(
            f"deployment.wait_seconds: the waits of an update alone take {waits} s, and Terraform's AWS provider gives "
            f"up after {_PROVIDER_WAIT_SECONDS} s; shorten the waits, or take fewer steps"
        )
    return conflicts


def _validated(model: type[AnyBlock], content: Any, where: str, complaints: list[str]) -> AnyBlock | None:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        complaints += (_complaint(model, where, fault) for fault in error.errors(include_url=False))
        return None


def _complaint(model: type[Block], where: str, fault: ErrorDetails) -> str:
    """One fault that pydantic found, in words: the key's path, what is allowed there, what was found."""
    location = [part for part in fault["loc"] if part != "[key]"]
    path = where
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    if fault["type"] == "extra_forbidden":
        owner, _ = _field(model, location[:-1])
        return _unknown_key(path, str(location[-1]), owner.model_fields)
    if fault["type"] == "conflict":
        return f"{path}: {fault['msg']}."
    _, field = _field(model, location)
    must_be = "an object" if field is None else allowed(field)
    if fault["type"] == "missing":
        return f"{path}: is missing; it must be {must_be}."
    return f"{path}: must be {must_be}, not {_shown(fault['input'])}."


def _field(model: type[Block], location: Sequence[str | int]) -> tuple[type[Block], FieldInfo | None]:
    """The innermost block at `location`, and the innermost field on the way there."""
    field = None
    for part in location:
        if part in model.model_fields:
            field = model.model_fields[part]
            model = block_of(field.annotation) or model
    return model, field


def _unknown_key(path: str, key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"the keys here are {_listed(known)}."
    return f"{path}: there is no such key; {hint}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    """`value` as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
