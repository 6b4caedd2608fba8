"""The lock file `models.lock.json`: every model's versions, with their sha256, size, engine and key, where an artifact
came from, and which versions were promoted to which environment.

It stands in git, so that a plan in a pull request needs no artifact on disk.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model_catalog.defaults import LOCK_FILE
from model_catalog.errors import CatalogError
from model_catalog.names import name_complaints, terraform_identifier

LOCK_VERSION: Final = 1
Engine = Literal["mxnet", "onnxruntime", "code"]
# Keys that mean the same whether a client encodes them or not: Terraform's provider encodes them once more.
S3_URI = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.*'()=@:,$-][A-Za-z0-9!_.*'()/=@:,$-]{0,1023}$"


_Number = Annotated[str, Field(pattern=r"^[1-9][0-9]*$")]
_Numbers = Annotated[tuple[_Number, ...], Field(min_length=1, strict=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class S3Source(_Frozen):
    """The object in S3 that an artifact is copied from."""

    uri: str = Field(pattern=S3_URI)
    etag: str = Field(pattern=r"^[0-9a-f]{32}(-[0-9]{1,5})?$")
    """The object's ETag when its content was checked: S3 copies it only as long as that is its ETag."""
    version_id: str | None = None
    """Which version of the object that was, in a bucket with versions. For people: a copy is of the current one."""

    @property
    def path(self) -> str:
        """`BUCKET/KEY`."""
        return self.uri.removeprefix("s3://")


class Conversion(_Frozen):
    """How an ONNX artifact was made of an MXNet checkpoint, and how equal their outputs were."""

    checkpoint_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the checkpoint, packed as `add` packs it."""
    samples: int = Field(ge=1)
    """On how many real inputs both were run."""
    tolerance: float = Field(gt=0, allow_inf_nan=False)
    """The difference that was allowed, relative to a sample's largest output where that is above 1."""
    largest_difference: float = Field(ge=0, allow_inf_nan=False)
    """The one that was found."""
    versions: dict[str, str]
    """Of the packages that did it: `mxnet`, `onnx`, `onnxruntime`."""

    @model_validator(mode="after")
    def _within_tolerance(self) -> "Conversion":
        if self.largest_difference > self.tolerance:
            raise ValueError(f"largest_difference is above the tolerance of {self.tolerance:g}")
        return self


class Tensor(_Frozen):
    """An input or output of a model, with the shape it had when the model was tried."""

    name: str
    dtype: str
    """numpy's name of the element type, or `str` for text."""
    shape: tuple[int, ...] = Field(strict=False)


class Observed(_Frozen):
    """What was seen when the artifact was loaded and run once, on the machine that added it."""

    inputs: tuple[Tensor, ...] = Field(strict=False)
    outputs: tuple[Tensor, ...] = Field(strict=False)
    """Empty, like `inputs`, where only the artifact's own code knows them."""
    memory_bytes: int | None = Field(None, ge=0)
    """Private memory that the load took; None where the system does not say."""
    load_seconds: float = Field(ge=0)


class Version(_Frozen):
    """One artifact of one model: immutable, under a key that no other content ever gets."""

    version: _Number
    """Counts up from 1 for each name; never used twice for a name, not even after the model was removed."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    engine: Engine
    key: str
    """The object's key below the bucket's prefix `models/`, which is also the model's TargetModel."""
    slot: int | None = Field(default=None, ge=1)
    """Only of versions locked before addresses were named after versions: see `former_resource_name`."""
    source: S3Source | None = None
    """Where S3 copies the artifact from; None for one that lies in the catalog and is uploaded."""
    conversion: Conversion | None = None
    """What was checked when the artifact was made of a checkpoint; None for one that was added as it is."""
    observed: Observed | None = None
    """What was seen of it when it was tried; None for one that was added unchecked, or before versions had this."""

    @property
    def artifact(self) -> str:
        """The artifact's path relative to the catalog's folder, for one that lies there."""
        return artifact_path(self.sha256)

    def resource_name(self, name: str) -> str:
        """The name of this version's resource for the model `name`: `squeezenet_v3`.

        No two versions share one: what stands before the last `_v` tells the models apart, the number the versions.
        """
        return f"{terraform_identifier(name)}_v{self.version}"

    def former_resource_name(self, name: str) -> str | None:
        """The name under which a state may still hold this version; None for one that never had another name."""
        if self.slot is None:
            return None
        identifier = terraform_identifier(name)
        return identifier if self.slot == 1 else f"{identifier}_slot_{self.slot}"


class Model(_Frozen):
    """A model's versions that can be invoked, newest last."""

    versions: tuple[Version, ...] = Field(min_length=1, strict=False)
    pinned: bool = False
    """Whether `make warm` loads it first, however often it is invoked."""
    promoted: dict[str, _Numbers] = Field(default_factory=dict)
    """For each environment that takes promoted models only: the numbers of its versions, the current one last."""

    @property
    def current(self) -> Version:
        return self.versions[-1]

    def in_environment(self, environment: str) -> "Model | None":
        """The model with the versions that were promoted to `environment`; None where none was."""
        numbers = self.promoted.get(environment, ())
        by_number = {version.version: version for version in self.versions}
        return Model(versions=tuple(by_number[number] for number in numbers)) if numbers else None


class Lock(_Frozen):
    """The content of a lock file."""

    lock_version: Literal[1] = LOCK_VERSION
    models: dict[str, Model] = Field(default_factory=dict)
    retired: dict[str, str] = Field(default_factory=dict)
    """The last version of each removed model, so that a model added again under its name counts on from there."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all versions, below the bucket's prefix."""
        return frozenset(version.key for model in self.models.values() for version in model.versions)

    def keys_digest(self) -> str:
        """Two locks that hold the same versions have the same."""
        return hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()

    def removals_digest(self) -> str:
        """Changes with each version that leaves the catalog, and not with one that is only added."""
        gone = {name: int(model.current.version) - len(model.versions) for name, model in self.models.items()}
        content = {"gone": {name: count for name, count in gone.items() if count}, "retired": self.retired}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def in_environment(self, environment: str) -> "Lock":
        """What `environment` holds if it takes promoted models only."""
        held = {name: model.in_environment(environment) for name, model in self.models.items()}
        return self.model_copy(update={"models": {name: model for name, model in held.items() if model is not None}})

    def target_model(self, name: str) -> str:
        """The TargetModel that invokes the current version of `name`.

        Raises:
            CatalogError: the catalog has no such model.
        """
        if name not in self.models:
            raise CatalogError(unknown_model(name, self))
        return self.models[name].current.key


def artifact_path(sha256: str) -> str:
    return f"artifacts/{sha256}.tar.gz"


def version_key(name: str, version: str, sha256: str) -> str:
    """The content-addressed key of a version, relative to the bucket's prefix."""
    return f"{name}/{version}-{sha256[:16]}.tar.gz"


def unknown_model(name: str, lock: Lock) -> str:
    known = ", ".join(sorted(lock.models)) or "none; `python -m model_catalog add NAME PATH` adds one"
    return f"model {name}: not in the catalog. Models there: {known}."


def read_lock(directory: Path | str) -> Lock:
    """The lock of the catalog in `directory`.

    Raises:
        CatalogError: the file is missing, is not JSON or breaks a rule; holds one complaint for each fault.
    """
    path = Path(directory) / LOCK_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CatalogError(
            f"{path}: the lock file is missing. Check the catalog's folder (CATALOG_DIRECTORY), or begin a catalog "
            f"there with `python -m model_catalog --catalog {directory} add NAME PATH`."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: the lock file cannot be read: {error}.") from error
    try:
        return parse_lock(text)
    except CatalogError as error:
        raise CatalogError(f"{path}: {complaint}" for complaint in error.complaints) from error


def write_lock(directory: Path | str, lock: Lock) -> None:
    """Write the lock in one step: a reader sees the old file or the new one, never a part."""
    directory = Path(directory)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{LOCK_FILE}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(render_lock(lock))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(directory / LOCK_FILE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def render_lock(lock: Lock) -> str:
    """The file's text: sorted, one field a line, so that a change in a pull request reads well and merges well."""
    content = lock.model_dump(mode="json", exclude_none=True)
    for model in content["models"].values():
        if not model["pinned"]:
            del model["pinned"]
    if not lock.retired:
        del content["retired"]
    for model in content["models"].values():
        if not model["promoted"]:
            del model["promoted"]
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def parse_lock(text: str) -> Lock:
    """The lock that `text` describes.

    Raises:
        CatalogError: with every complaint: syntax, fields, versions used twice, keys, promotions, colliding names.
    """
    repeated: list[str] = []
    try:
        content = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, repeated))
    except (json.JSONDecodeError, RecursionError) as error:
        raise CatalogError(f"not valid JSON (a merge conflict left in it?): {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("models"), dict):
        raise CatalogError('a lock file is an object {"lock_version": 1, "models": {...}}.')
    if content.get("lock_version") != LOCK_VERSION:
        raise CatalogError(
            f"lock_version is {content.get('lock_version')!r}; this version of the catalog reads {LOCK_VERSION}."
        )
    complaints = [f"{key!r} stands there twice; keep one." for key in repeated]
    models: dict[str, Model] = {}
    for name, entry in content["models"].items():
        try:
            models[name] = Model.model_validate(entry)
        except ValidationError as error:
            complaints += _field_complaints(f"models.{name}", error)
        else:
            complaints += _version_complaints(name, models[name])
    complaints += name_complaints(content["models"])
    complaints += _address_complaints(models)
    lock = Lock()
    try:
        lock = Lock.model_validate(content | {"models": models})
    except ValidationError as error:
        complaints += _field_complaints("", error)
    if complaints:
        raise CatalogError(complaints)
    return lock


def _object(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated.extend(sorted({key for key in keys if keys.count(key) > 1}))
    return result


def _field_complaints(where: str, error: ValidationError) -> list[str]:
    complaints = []
    for fault in error.errors(include_url=False):
        location = where
        for part in fault["loc"]:
            location += f"[{part}]" if isinstance(part, int) else f".{part}"
        complaints.append(f"{location.lstrip('.')}: {fault['msg']}, not {fault['input']!r:.80}.")
    return complaints


def _version_complaints(name: str, model: Model) -> list[str]:
    complaints = []
    numbers = [int(version.version) for version in model.versions]
    if numbers != sorted(set(numbers)):
        complaints.append(f"models.{name}: versions count up, newest last, none twice; here they are {numbers}.")
    for environment, promoted in model.promoted.items():
        if len(set(promoted)) < len(promoted):
            complaints.append(f"models.{name}.promoted.{environment}: no version stands there twice.")
        for number in promoted:
            if int(number) not in numbers:
                complaints.append(
                    f"models.{name}.promoted.{environment}: the catalog has no version {number}, only {numbers}."
                )
    for version in model.versions:
        expected = version_key(name, version.version, version.sha256)
        if version.key != expected:
            complaints.append(f"models.{name}: the key of version {version.version} is {expected}, not {version.key}.")
    return complaints


def _address_complaints(models: Mapping[str, Model]) -> list[str]:
    """States that Terraform could not move: the former address of one version is the address of another."""
    versions = [(name, version) for name, model in models.items() for version in model.versions]
    holders = {version.resource_name(name): (name, version.version) for name, version in versions}
    former: dict[str, str] = {}
    complaints = []
    for name, version in versions:
        before = version.former_resource_name(name)
        if before is None:
            continue
        if before in former:
            complaints.append(f"models.{name}: slot {version.slot} stands there twice.")
        former[before] = name
        if before in holders:
            other, number = holders[before]
            complaints.append(
                f"models.{name}: version {version.version} was at the address {before}, which is now the one of "
                f"version {number} of {other}. Remove {name} from the catalog and deploy, then add it again."
            )
    return complaints
