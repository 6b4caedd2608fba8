"""`python -m model_catalog`: the catalog from the command line."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from model_catalog.catalog import Catalog
from model_catalog.errors import CatalogError

_CONTEXT_FILE = Path("cdktf.json")

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
            min=0, help="How many earlier versions stay invokable; cdktf.json's catalog.earlier_versions if not given."
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
    path: Annotated[Path, typer.Argument(help="A folder or a .tar.gz: an MXNet checkpoint or a .onnx file.")],
) -> None:
    """Pack a model and make it the current version of NAME."""
    console = Console(stderr=True)
    if not console.is_terminal:
        print(f"Packing {path}", file=sys.stderr, flush=True)
    with console.status(f"Packing {path}"):
        added = context.obj.add(name, path)
    version = added.version
    if added.is_new:
        print(f"Added {name} version {version.version}: {version.size_bytes} bytes, TargetModel {version.key}")
    else:
        print(f"Nothing changed: {name} holds this content already, TargetModel {version.key}")


@application.command()
def remove(context: typer.Context, name: _Name) -> None:
    """Take NAME with all its versions out of the catalog."""
    context.obj.remove(name)
    print(f"Removed {name}. `python -m model_catalog prune` deletes its artifacts.")


@application.command("list")
def list_models(context: typer.Context) -> None:
    """Show every version that can be invoked."""
    columns = ("name", "version", "engine", "size_bytes", "target_model")
    rows = [
        (name, version.version, version.engine, str(version.size_bytes), version.key)
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
) -> None:
    """Compare the artifacts on disk with the lock file."""
    complaints = context.obj.verify(missing_ok=missing_ok)
    if complaints:
        raise CatalogError(complaints)
    print("The artifacts on disk are those of the lock file.")


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
    if not _CONTEXT_FILE.is_file():
        return 1
    try:
        value = json.loads(_CONTEXT_FILE.read_text(encoding="utf-8"))["context"]["catalog"]["earlier_versions"]
    except KeyError:
        return 1
    except (ValueError, TypeError) as error:
        raise CatalogError(f"{_CONTEXT_FILE}: cannot be read: {error}.") from error
    if type(value) is not int:
        raise CatalogError(f"{_CONTEXT_FILE}: catalog.earlier_versions must be a whole number, not {value!r}.")
    return value


def main() -> None:
    try:
        application(prog_name="python -m model_catalog")
    except CatalogError as error:
        for complaint in error.complaints:
            print(f"error: {complaint}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
