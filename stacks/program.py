"""The wiring: reads settings, catalog and build context, and synthesises the stacks."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from image_builder.context import content_hash
from image_builder.errors import ImageBuilderError
from model_catalog.errors import CatalogError
from model_catalog.lock import read_lock
from model_catalog.verification import verify_artifacts
from stacks.application import add_stacks
from stacks.aws_bindings import App
from stacks.errors import SettingsError
from stacks.image import BUILD_CONTEXT
from stacks.names import stacks_in_order
from stacks.project import Project
from stacks.provider_lock import write_local_locks
from stacks.settings_reader import read_settings
from stacks.shards import pin_complaints
from stacks.shell_variables import refused


def run(root: Path, environ: Mapping[str, str], rewrite: Callable[[App], None] | None = None) -> int:
    """Synthesise the stacks of the project in `root`; the exit code is 1 where the user has something to fix.

    Args:
        root: the checkout, with `cdktf.json`.
        environ: the variables; CDKTF_OUTDIR and STATE_DIRECTORY name folders, `read_settings` reads the others. Those
            that `stacks.shell_variables` refuses must not be set.
        rewrite: called with all stacks just before they are written.
    """
    misled = refused(environ)
    for complaint in misled:
        print(complaint, file=sys.stderr)
    try:
        settings = read_settings(root / "cdktf.json", environ)
        project = Project(
            root=root,
            output_directory=Path(environ.get("CDKTF_OUTDIR", "cdktf.out")),
            catalog_directory=Path(settings.catalog.directory),
            state_directory=Path(environ.get("STATE_DIRECTORY", ".")),
        )
        lock = read_lock(root / project.catalog_directory)
        complaints = verify_artifacts(root / project.catalog_directory, lock, missing_ok=True)
        complaints += (f"cdktf.json: {complaint}" for complaint in pin_complaints(settings, lock))
        if complaints:
            raise CatalogError(complaints)
        context_hash = content_hash(root / BUILD_CONTEXT)
    except (SettingsError, CatalogError, ImageBuilderError) as error:
        print(error, file=sys.stderr)
        return 1
    if misled:
        return 1
    app = App(outdir=str(root / project.output_directory))
    add_stacks(app, settings, lock, context_hash, project)
    if rewrite is not None:
        rewrite(app)
    app.synth()
    local = ((name, environment) for name, environment in settings.environments.items() if environment.is_local)
    write_local_locks(
        project.stack_folder(f"{name}-{stack}") for name, environment in local for stack in stacks_in_order(environment)
    )
    return 0
