"""The command that invokes a model. What it works with is imported when it runs, so help is quick."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from examples.invoke_endpoint import Prediction


def invoke(
    *,
    model: Annotated[str, typer.Option(help="The model's name in the catalog.")],
    image: Annotated[
        str,
        typer.Option(
            "--image", "--input", help="A file or URL: a JPEG or PNG; an npy array or JSON for a model of numbers."
        ),
    ],
    environment: Annotated[
        str | None,
        typer.Option(help="An environment of cdktf.json: the model's endpoint there."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="The endpoint's name, instead of an environment.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(envvar="AWS_ENDPOINT_URL", help="The local AWS's URL; leave it out for AWS.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(envvar="AWS_REGION", help="The region of the endpoint that is named.")
    ] = None,
    catalog: Annotated[
        Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder.", file_okay=False)
    ] = Path("models"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Send an input to a model of an endpoint, twice: the first call may have to load the model."""
    from examples.invoke_endpoint import InvocationError, check_endpoint_url, predict_twice, read_input
    from model_catalog.lock import read_lock
    from stacks.settings_reader import read_settings
    from stacks.shards import held_by, names_for

    if (environment is None) == (endpoint is None):
        raise InvocationError("give --environment, whose settings name the endpoint, or --endpoint.")
    lock = read_lock(catalog)
    if environment is not None:
        settings = read_settings(Path("cdktf.json"), {**os.environ, "ENVIRONMENT": environment}).environments[
            environment
        ]
        lock = held_by(lock, environment, settings)
        endpoint, region = names_for(model, environment, settings).endpoint, settings.region
        if settings.local_aws is not None and endpoint_url is None:
            endpoint_url = settings.local_aws.endpoint_url
    target_model = lock.target_model(model)
    if endpoint_url is not None:
        check_endpoint_url(endpoint_url)
    body = read_input(image)
    prediction, milliseconds = predict_twice(
        endpoint or "", target_model, body, region=region, endpoint_url=endpoint_url
    )
    if as_json:
        answer = {"model": model, "target_model": target_model, "endpoint": endpoint, **asdict(prediction)}
        print(json.dumps({**answer, "milliseconds": milliseconds}, indent=2))
        return
    print(f"{model} ({target_model}) on {endpoint}")
    _show(prediction)
    print(f"first call {milliseconds[0]:.1f} ms, second call (warm) {milliseconds[1]:.1f} ms")


def _show(prediction: Prediction) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    rows = [(entry.label, str(entry.index), f"{entry.score:.4f}") for entry in prediction.labels]
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table("label", "index", "score")
    for row in rows:
        table.add_row(*row)
    console.print(table)
