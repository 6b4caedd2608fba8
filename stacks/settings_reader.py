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
from stacks.settings import CatalogSettings, EnvironmentSettings, LocalAws, Settings
from stacks.settings_account import TagPolicy
from stacks.settings_block import Block, allowed, block_of, shown
from stacks.settings_conflicts import conflicts, shared_conflicts

AnyBlock = TypeVar("AnyBlock", bound=Block)
ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
_KEYS = ("environments", "catalog", "tag_policy")
# Feature flags of CDKTF that live in the same context.
CDKTF_KEYS = ("allowSepCharsInLogicalIds", "cdktfStaticModuleAssetHash", "excludeStackIdFromLogicalIds")


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
        raise SettingsError(f"{path.name} must hold an object, not {shown(content)}.")
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
        raise SettingsError(f"context: must be an object with the keys {_listed(_KEYS)}, not {shown(context)}.")
    complaints = [
        _unknown_key(f"context.{key}", key, _KEYS) for key in context if key not in _KEYS and key not in CDKTF_KEYS
    ]
    catalog = _validated(CatalogSettings, context.get("catalog", {}), "context.catalog", complaints)
    tag_policy = _validated(TagPolicy, context.get("tag_policy", {}), "context.tag_policy", complaints)
    environments = _environments(context.get("environments"), environ, tag_policy or TagPolicy(), complaints)
    if catalog is not None and environ.get("CATALOG_DIRECTORY"):
        catalog = catalog.model_copy(update={"directory": environ["CATALOG_DIRECTORY"]})
    chosen = environ.get("ENVIRONMENT")
    if chosen and isinstance(context.get("environments"), dict) and chosen not in context["environments"]:
        known = _listed(context["environments"])
        complaints.append(f"the variable ENVIRONMENT is {shown(chosen)}, which is none of the environments: {known}.")
    if complaints or catalog is None or tag_policy is None:
        raise SettingsError(complaints)
    return Settings(
        environments={name: value for name, value in environments.items() if not chosen or name == chosen},
        catalog=catalog,
        tag_policy=tag_policy,
    )


def _environments(
    content: Any, environ: Mapping[str, str], tag_policy: TagPolicy, complaints: list[str]
) -> dict[str, EnvironmentSettings]:
    where = "context.environments"
    if not isinstance(content, dict) or not content:
        complaints.append(f"{where}: must be an object with one block for each environment, not {shown(content)}.")
        return {}
    environments = {}
    for name, block in content.items():
        if not ENVIRONMENT_NAME.fullmatch(name):
            complaints.append(
                f"{where}: the name of an environment is 1 to 12 lower-case letters and digits, a letter first, "
                f"not {shown(name)}."
            )
            continue
        settings = _validated(EnvironmentSettings, block, f"{where}.{name}", complaints)
        if settings is None:
            continue
        complaints += (f"{where}.{name}.{conflict}." for conflict in conflicts(name, settings, tag_policy))
        environments[name] = _with_state_backend(_with_endpoint_url(settings, environ, complaints), environ, complaints)
    complaints += (f"{where}.{conflict}." for conflict in shared_conflicts(environments))
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
        complaints.append(f"the variable AWS_ENDPOINT_URL must be {must_be}, not {shown(url)}.")
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
        complaint = f"the variable STATE_BACKEND must be {allowed(field)}, not {shown(backend)}."
        if complaint not in complaints:
            complaints.append(complaint)
        return settings
    return settings.model_copy(update={"state_backend": backend})


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
    return f"{path}: must be {must_be}, not {shown(fault['input'])}."


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
