"""Models that were removed from the catalog."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from operations.commands.options import Environment, Json


def model_restore(
    environment: Environment,
    model: Annotated[str, typer.Argument(help="The name of a removed model.")],
    version: Annotated[str | None, typer.Argument(help="The version to bring back. Default: list them.")] = None,
    as_json: Json = False,
) -> None:
    """List the removed versions of a model that the environment's archive holds, or bring one back."""
    from model_catalog.catalog import Catalog
    from model_catalog.defaults import LOCK_FILE
    from operations.commands import work
    from operations.model_restore import archived_versions, restore
    from operations.variables import variables_for
    from stacks.shards import names_for

    with variables_for(environment) as variables:
        settings = work.settings_of(work.environ_of(environment, variables))
        names = names_for(model, environment, settings.environments[environment])
        client = work.client("s3", names.settings, variables)
        if version is None:
            found = archived_versions(client, names, model)
            if as_json:
                rows = [
                    {"version": item.version, "removed_at": item.removed_at.isoformat(), "size_bytes": item.size_bytes}
                    for item in found
                ]
                print(json.dumps(rows, indent=2))
                return
            for item in found:
                print(item.version, f"{item.removed_at:%Y-%m-%d %H:%M UTC}", f"{item.size_bytes} bytes", sep="\t")
            return
        catalog = Catalog(work.PROJECT_DIRECTORY / settings.catalog.directory, settings.catalog.earlier_versions)
        restored = restore(client, names, catalog, model, version)
    directory = settings.catalog.directory
    if as_json:
        print(json.dumps({"model": model, "version": version, "target_model": restored.key}, indent=2))
        return
    print(
        f"Restored {model} version {version}, TargetModel {restored.key}. Commit {LOCK_FILE} and deploy from here: the "
        f"artifact is in {directory}/{restored.artifact}."
    )
