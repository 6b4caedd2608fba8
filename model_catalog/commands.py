"""The catalog from the command line. What a command works with is imported when it runs, so help is quick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from model_catalog.configuration import (
    CONTEXT_FILE,
    configured,
    configured_earlier_versions,
    keys_that_pin,
    takes_promoted_only,
)
from model_catalog.defaults import DEFAULT_MEMORY_MIB, DEFAULT_PROGRAM, DEFAULT_SECONDS, LOCK_FILE
from model_catalog.errors import CatalogError
from model_catalog.system_errors import explained

if TYPE_CHECKING:
    from model_catalog.catalog import Catalog


class CatalogCommands(TyperGroup):
    """What the operating system refuses a command is a complaint of the catalog's, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of the output has enough
        except OSError as error:
            raise CatalogError(explained(error)) from error


application = typer.Typer(
    cls=CatalogCommands,
    help="The models of the endpoint: add, list, remove and check them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _names(context: typer.Context, incomplete: str) -> list[str]:
    """The models of the lock file that begin so; none where it cannot be read, for completion cannot complain."""
    group = context.parent
    folder = Path("models") if group is None else Path(group.params.get("catalog") or "models")
    try:
        models = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return sorted(name for name in models if name.startswith(incomplete))


_Name = Annotated[str, typer.Argument(help="The model's name, such as squeezenet.", autocompletion=_names)]


def _catalog(context: typer.Context) -> Catalog:
    from model_catalog.catalog import Catalog

    folder, earlier_versions = context.obj
    return Catalog(folder, configured_earlier_versions() if earlier_versions is None else earlier_versions)


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
    context.obj = (catalog, earlier_versions)


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
    from rich.console import Console

    from model_catalog import adding
    from model_catalog.check import Check
    from model_catalog.progress import progress
    from model_catalog.s3_source import is_s3_uri

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
    with progress(Console(stderr=True), f"{work} {source}") as show:
        if in_s3:
            added = _catalog(context).add_from_s3(
                name,
                source,
                adding.s3_client(),
                sha256=sha256,
                progress=adding.reading(source, show),
                check=check,
                program=program,
            )
        else:
            convert = adding.conversion(Path(source), samples, tolerance) if to_onnx else None
            added = _catalog(context).add(name, Path(source), convert=convert, check=check, program=program)
    adding.print_outcome(added, converted=to_onnx)


@application.command()
def remove(context: typer.Context, name: _Name) -> None:
    """Take NAME with all its versions out of the catalog."""
    _catalog(context).remove(name)
    print(f"Removed {name}. `python -m model_catalog prune` deletes its artifacts.")
    for key in keys_that_pin(name, configured("environments"), "environments"):
        print(f"Take {name} out of {key} in {CONTEXT_FILE} as well.")


@application.command()
def pin(context: typer.Context, name: _Name) -> None:
    """Have `make warm` load NAME before all others. SageMaker still unloads it like any other model."""
    _catalog(context).pin(name)
    print(f"{name} is pinned: `make warm` loads it first.")


@application.command()
def unpin(context: typer.Context, name: _Name) -> None:
    """Have `make warm` treat NAME like any other model."""
    _catalog(context).pin(name, pinned=False)
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
    from model_catalog.lock import unknown_model

    environments = configured("environments")
    complaints = [
        f"{CONTEXT_FILE} has no environment {environment}, only {', '.join(sorted(environments))}."
        for environment in (source, to)
        if environment is not None and environment not in environments
    ]
    if (source is None) == (version is None):
        complaints.append("Give --from ENVIRONMENT or --version NUMBER.")
    if to in environments and not takes_promoted_only(environments[to]):
        complaints.append(
            f"{to} takes every version of the catalog, so there is nothing to promote: set promoted_models_only of "
            f"{to} in {CONTEXT_FILE} to true."
        )
    if complaints:
        raise CatalogError(complaints)
    catalog = _catalog(context)
    if source is not None:
        lock = catalog.lock
        held = lock.in_environment(source) if takes_promoted_only(environments[source]) else lock
        if name not in held.models:
            raise CatalogError(f"{source}: {unknown_model(name, held)}")
        version = held.models[name].current.version
    if catalog.promote(name, str(version), to):
        print(f"Promoted {name} version {version} to {to}. Commit {LOCK_FILE} and deploy {to}.")
    else:
        print(f"Nothing changed: version {version} of {name} is the current one of {to} already.")


@application.command("list")
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Show every version that can be invoked."""
    from rich.console import Console
    from rich.table import Column, Table

    columns = ("name", "version", "engine", "size_bytes", "target_model", "source")
    rows = [
        (
            name,
            version.version,
            version.engine,
            version.size_bytes,
            version.key,
            version.artifact if version.source is None else version.source.uri,
        )
        for name, model in sorted(_catalog(context).lock.models.items())
        for version in model.versions
    ]
    if as_json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2))
        return
    console = Console()
    if not console.is_terminal:
        for row in (columns, *rows):
            print(*row, sep="\t")
        return
    table = Table(*(Column(name, overflow="fold") for name in columns))
    for row in rows:
        table.add_row(*map(str, row))
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
    catalog = _catalog(context)
    complaints = catalog.verify(missing_ok=missing_ok)
    if in_s3:
        from model_catalog.adding import s3_client

        complaints += catalog.verify_sources(s3_client())
    if complaints:
        raise CatalogError(complaints)
    print(f"The artifacts on disk{' and in S3' if in_s3 else ''} are those of the lock file.")


@application.command()
def prune(context: typer.Context) -> None:
    """Delete the artifacts that no version refers to any more."""
    deleted = _catalog(context).prune()
    print("\n".join(f"Deleted {path}" for path in deleted) or "There was nothing to delete.")


@application.command("target-model")
def target_model(context: typer.Context, name: _Name) -> None:
    """Print the TargetModel that invokes the current version of NAME."""
    print(_catalog(context).lock.target_model(name))
