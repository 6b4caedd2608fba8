"""`python -m model_catalog`: the catalog from the command line."""

import errno
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.table import Column, Table

from model_catalog.catalog import Added, Catalog, Convert
from model_catalog.check import DEFAULT_MEMORY_MIB, DEFAULT_PROGRAM, DEFAULT_SECONDS, Check
from model_catalog.errors import CatalogError
from model_catalog.estimator_files import is_estimator
from model_catalog.lock import LOCK_FILE, Observed, unknown_model
from model_catalog.s3_source import Progress, is_s3_uri

_CONTEXT_FILE = Path("cdktf.json")
_PROGRESS_SECONDS = 5

application = typer.Typer(
    help="The models of the endpoint: add, list, remove and check them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_Name = Annotated[str, typer.Argument(help="The model's name, such as squeezenet.")]


@application.callback()
def settings(
    context: typer.Context,
    catalog: Annotated[
        Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder.", file_okay=False)
    ] = Path("models"),
    earlier_versions: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many earlier versions stay invokable; cdktf.json's catalog.earlier_versions if not given."
        ),
    ] = None,
) -> None:
    if earlier_versions is None:
        earlier_versions = _configured_earlier_versions()
    context.obj = Catalog(catalog, earlier_versions)


@application.command()
def add(
    context: typer.Context,
    name: _Name,
    source: Annotated[
        str, typer.Argument(help="A model: a folder, a .tar.gz, s3://BUCKET/KEY of one, or a .onnx file.")
    ],
    *,
    sha256: Annotated[str | None, typer.Option(help="What the digest of the artifact in S3 must be.")] = None,
    to_onnx: Annotated[
        bool,
        typer.Option(
            "--to-onnx",
            help="Turn an MXNet checkpoint, or an estimator of scikit-learn, XGBoost or LightGBM, into ONNX.",
        ),
    ] = False,
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            help="Real inputs to compare both on: .jpg, .png, .npy, .json, .jsonl or .csv files, or a folder of them."
        ),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="How much outputs may differ, relative to the largest; 1e-5 if not given.")
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not load the model here first: it needs what this machine lacks.")
    ] = False,
    check_seconds: Annotated[float, typer.Option(min=1, help="How long that may take.")] = DEFAULT_SECONDS,
    check_memory_mib: Annotated[int, typer.Option(min=256, help="How much memory that may take.")] = DEFAULT_MEMORY_MIB,
    program: Annotated[
        str, typer.Option(envvar="SAGEMAKER_PROGRAM", help="The name of the model's own code below code/.")
    ] = DEFAULT_PROGRAM,
) -> None:
    """Make a model the current version of NAME: pack it, or record where S3 is to copy it from."""
    in_s3 = is_s3_uri(source)
    complaints = []
    if sha256 is not None and not in_s3:
        complaints.append("--sha256 is for artifacts in S3; what is on disk is packed, with a digest of its own.")
    if to_onnx and in_s3:
        complaints.append("--to-onnx is for checkpoints on disk; S3 copies an artifact as it is. Download it first.")
    if not to_onnx and (samples or tolerance is not None):
        complaints.append("--samples and --tolerance are for --to-onnx.")
    if complaints:
        raise CatalogError(complaints)
    check = None if no_check else Check(program, check_seconds, check_memory_mib << 20)
    work = "Reading" if in_s3 else "Converting" if to_onnx else "Packing"
    console = Console(stderr=True)
    if not console.is_terminal:
        print(f"{work} {source}", file=sys.stderr, flush=True)
    with console.status(f"{work} {source}") as status:
        if in_s3:
            progress = _progress(source, None if not console.is_terminal else status.update)
            added = context.obj.add_from_s3(
                name, source, _s3(), sha256=sha256, progress=progress, check=check, program=program
            )
        else:
            convert = _conversion(Path(source), samples, tolerance) if to_onnx else None
            added = context.obj.add(name, Path(source), convert=convert, check=check, program=program)
    _print_outcome(added, converted=to_onnx)


def _print_outcome(added: Added, *, converted: bool) -> None:
    version = added.version
    if version.conversion is not None and converted:
        checked = version.conversion
        print(
            f"Converted to ONNX: outputs equal within {checked.largest_difference:.2g} on {checked.samples} "
            f"sample{'s' if checked.samples > 1 else ''} (allowed: {checked.tolerance:g})"
        )
    if not added.is_new:
        print(f"Nothing changed: {added.name} holds this content already, TargetModel {version.key}")
        return
    print(f"Added {added.name} version {version.version}: {version.size_bytes} bytes, TargetModel {version.key}")
    if version.observed is not None:
        print(f"Loaded and run once: {_seen(version.observed)}")


def _seen(observed: Observed) -> str:
    tensors = [
        ", ".join(f"{tensor.name} {tensor.dtype}{list(tensor.shape)}" for tensor in side)
        for side in (observed.inputs, observed.outputs)
    ]
    sides = f"{tensors[0]} -> {tensors[1]}; " if any(tensors) else ""
    memory = "" if observed.memory_bytes is None else f", {observed.memory_bytes / 1024**2:.1f} MiB"
    return f"{sides}loaded in {observed.load_seconds:.2f} s{memory}"


def _conversion(source: Path, samples: list[Path] | None, tolerance: float | None) -> Convert:
    # Imports numpy, which no other command needs.
    from model_catalog.conversion import DEFAULT_TOLERANCE, convert_to_onnx  # noqa: PLC0415
    from model_catalog.estimators import convert_estimator  # noqa: PLC0415

    tolerance = DEFAULT_TOLERANCE if tolerance is None else tolerance
    convert = convert_estimator if is_estimator(source) else convert_to_onnx
    return functools.partial(convert, samples=samples or (), tolerance=tolerance)


def _progress(what: str, show: Callable[[str], None] | None) -> Progress:
    """Reports how far a read has come: on a terminal with each piece, elsewhere a line every few seconds."""
    last = time.monotonic()

    def report(done_bytes: int, total_bytes: int) -> None:
        nonlocal last
        text = f"Reading {what}: {done_bytes >> 20} of {total_bytes >> 20} MiB"
        if show is not None:
            show(text)
        elif time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return report


def _s3() -> BaseClient:
    try:
        return boto3.client("s3", config=Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=60))
    except BotoCoreError as error:
        raise CatalogError(f"S3 cannot be asked: {error}") from error


@application.command()
def remove(context: typer.Context, name: _Name) -> None:
    """Take NAME with all its versions out of the catalog."""
    context.obj.remove(name)
    print(f"Removed {name}. `python -m model_catalog prune` deletes its artifacts.")
    for key in _keys_that_pin(name, _configured("environments"), "environments"):
        print(f"Take {name} out of {key} in {_CONTEXT_FILE} as well.")


@application.command()
def pin(context: typer.Context, name: _Name) -> None:
    """Have `make warm` load NAME before all others. SageMaker still unloads it like any other model."""
    context.obj.pin(name)
    print(f"{name} is pinned: `make warm` loads it first.")


@application.command()
def unpin(context: typer.Context, name: _Name) -> None:
    """Have `make warm` treat NAME like any other model."""
    context.obj.pin(name, pinned=False)
    print(f"{name} is not pinned.")


@application.command()
def promote(
    context: typer.Context,
    name: _Name,
    to: Annotated[str, typer.Option("--to", help="The environment that gets it.")],
    source: Annotated[
        str | None, typer.Option("--from", help="The environment whose current version it is; else --version.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version, instead of --from.")] = None,
) -> None:
    """Give an environment a version that another one runs. Commit the lock file: its plan shows just that."""
    environments = _configured("environments")
    complaints = [
        f"{_CONTEXT_FILE} has no environment {environment}, only {', '.join(sorted(environments))}."
        for environment in (source, to)
        if environment is not None and environment not in environments
    ]
    if (source is None) == (version is None):
        complaints.append("Give --from ENVIRONMENT or --version NUMBER.")
    if to in environments and not _takes_promoted_only(environments[to]):
        complaints.append(
            f"{to} takes every version of the catalog, so there is nothing to promote: set promoted_models_only of "
            f"{to} in {_CONTEXT_FILE} to true."
        )
    if complaints:
        raise CatalogError(complaints)
    if source is not None:
        lock = context.obj.lock
        held = lock.in_environment(source) if _takes_promoted_only(environments[source]) else lock
        if name not in held.models:
            raise CatalogError(f"{source}: {unknown_model(name, held)}")
        version = held.models[name].current.version
    if context.obj.promote(name, version, to):
        print(f"Promoted {name} version {version} to {to}. Commit {LOCK_FILE} and deploy {to}.")
    else:
        print(f"Nothing changed: version {version} of {name} is the current one of {to} already.")


def _takes_promoted_only(environment: Any) -> bool:
    return isinstance(environment, dict) and environment.get("promoted_models_only") is True


@application.command("list")
def list_models(context: typer.Context) -> None:
    """Show every version that can be invoked."""
    columns = ("name", "version", "engine", "size_bytes", "target_model", "source")
    rows = [
        (
            name,
            version.version,
            version.engine,
            str(version.size_bytes),
            version.key,
            version.artifact if version.source is None else version.source.uri,
        )
        for name, model in sorted(context.obj.lock.models.items())
        for version in model.versions
    ]
    console = Console()
    if not console.is_terminal:
        for row in (columns, *rows):
            print("\t".join(row))
        return
    table = Table(*(Column(name, overflow="fold") for name in columns))
    for row in rows:
        table.add_row(*row)
    console.print(table)


@application.command()
def verify(
    context: typer.Context,
    missing_ok: Annotated[bool, typer.Option("--missing-ok", help="Accept artifacts that are not on disk.")] = False,
    in_s3: Annotated[
        bool, typer.Option("--s3", help="Look also whether the artifacts that S3 copies are as they were.")
    ] = False,
) -> None:
    """Compare the artifacts on disk with the lock file."""
    complaints = context.obj.verify(missing_ok=missing_ok)
    if in_s3:
        complaints += context.obj.verify_sources(_s3())
    if complaints:
        raise CatalogError(complaints)
    print(f"The artifacts on disk{' and in S3' if in_s3 else ''} are those of the lock file.")


@application.command()
def prune(context: typer.Context) -> None:
    """Delete the artifacts that no version refers to any more."""
    deleted = context.obj.prune()
    print("\n".join(f"Deleted {path}" for path in deleted) or "There was nothing to delete.")


@application.command("target-model")
def target_model(context: typer.Context, name: _Name) -> None:
    """Print the TargetModel that invokes the current version of NAME."""
    print(context.obj.lock.target_model(name))


def _configured_earlier_versions() -> int:
    """`catalog.earlier_versions` of cdktf.json's context, 1 where it is not set."""
    catalog = _configured("catalog")
    value = catalog.get("earlier_versions", 1) if isinstance(catalog, dict) else None
    if type(value) is not int:
        raise CatalogError(f"{_CONTEXT_FILE}: catalog.earlier_versions must be a whole number, not {value!r}.")
    return value


def _keys_that_pin(name: str, block: Any, path: str) -> Iterator[str]:
    """The keys below `path` of the settings that pin a model to a shard."""
    if not isinstance(block, dict):
        return
    for key, value in block.items():
        if key == "pins" and isinstance(value, dict) and name in value:
            yield f"{path}.pins"
        yield from _keys_that_pin(name, value, f"{path}.{key}")


def _configured(key: str) -> dict[str, Any]:
    """A block of cdktf.json's context, empty where there is none."""
    if not _CONTEXT_FILE.is_file():
        return {}
    try:
        return json.loads(_CONTEXT_FILE.read_text(encoding="utf-8")).get("context", {}).get(key, {})
    except (ValueError, AttributeError) as error:
        raise CatalogError(f"{_CONTEXT_FILE}: cannot be read: {error}.") from error


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _explained(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    place = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _NO_ROOM:
        remedy = "Free space there, or raise the quota or `ulimit -f`, and try again. The lock file was not changed."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "Check its owner and mode, and that its file system can be written."
    elif error.errno == errno.ENAMETOOLONG:
        remedy = "Shorten the path, or put the catalog in a folder with a shorter one (--catalog)."
    else:
        remedy = "See to it, and try again."
    return f"{place}{reason}. {remedy}"


def main() -> None:
    try:
        application(prog_name="python -m model_catalog")
    except CatalogError as error:
        for complaint in error.complaints:
            print(f"error: {complaint}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        print(f"error: {_explained(error)}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
