"""The commands: `plan`, `generate` and `apply`. What they work with is imported when they run, so help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capacity.errors import CapacityError

if TYPE_CHECKING:
    from capacity.readers.log_events import Observations
    from capacity.trace import Trace
    from model_catalog.lock import Lock

application = typer.Typer(
    help="Capacity of a multi-model endpoint: plan it from a trace, and apply the plan to an environment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
SETTINGS_FILE = Path("cdktf.json")

_Models = Annotated[int, typer.Option(min=1, help="Generated trace: models, the catalog's first.")]
_Rate = Annotated[float, typer.Option(help="Generated trace: mean invocations a second.")]
_Hours = Annotated[float, typer.Option(help="Generated trace: hours.")]
_Exponent = Annotated[float, typer.Option(help="Generated trace: exponent of Zipf's law; 0 calls all models alike.")]
_Swing = Annotated[float, typer.Option(help="Generated trace: how far the rate moves in a day, 0 to 1.")]
_New = Annotated[float, typer.Option(help="Generated trace: models that come in a week.")]
_Variation = Annotated[float, typer.Option(help="Coefficient of variation of a model's service times.")]
_Seed = Annotated[int, typer.Option(min=0, help="Generated trace: the same seed gives the same trace.")]
_Catalog = Annotated[
    Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder, for its lock file.", file_okay=False)
]


@application.command("generate")
def generate_trace(
    output: Annotated[Path, typer.Argument(help="The CSV file to write.", metavar="TRACE.csv")],
    *,
    models: _Models = 100,
    rate: _Rate = 10.0,
    hours: _Hours = 1.0,
    exponent: _Exponent = 0.9,
    day_swing: _Swing = 0.0,
    new_models_per_week: _New = 0.0,
    seed: _Seed = 1,
    catalog: _Catalog = Path("models"),
) -> None:
    """Write a made-up trace: models by Zipf's law, arrivals that follow the day, new models every week."""
    from capacity.readers.csv_trace import write_csv

    trace = _generated(_lock(catalog), models, rate, hours, exponent, day_swing, new_models_per_week, seed)
    write_csv(trace, output)
    print(f"{output}: {len(trace):,} invocations of {len(trace.names):,} models in {hours:g} h")


@application.command()
def apply(
    plan_file: Annotated[Path, typer.Argument(help="What `plan --json` wrote.", metavar="PLAN.json")],
    environment: Annotated[str, typer.Argument(help="The environment of cdktf.json.", metavar="ENVIRONMENT")],
    *,
    settings_file: Annotated[Path, typer.Option(help="The settings.", metavar="FILE")] = SETTINGS_FILE,
    fixed: Annotated[bool, typer.Option("--fixed", help="Change type and count only, not the scaling.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change and do not write it.")] = False,
) -> None:
    """Write the recommended instances and scaling target into an environment's settings."""
    from capacity.environment_change import propose, write_change
    from capacity.writers import json as json_writer
    from plan_review.prices import bundled_prices

    change = propose(settings_file, environment, json_writer.read_settings(plan_file), scaling=not fixed)
    print(change.diff or f"{settings_file}: {environment} has these settings already.\n", end="")
    print(change.cost_sentence(bundled_prices()))
    if change.diff and not dry_run:
        write_change(settings_file, change)


@application.command()
def plan(
    context: typer.Context,
    trace: Annotated[
        Path | None,
        typer.Argument(
            help="CSV trace, the container's log, or an export of CloudWatch Logs (file or folder). "
            "Not given: a trace is generated.",
            metavar="TRACE",
        ),
    ] = None,
    *,
    models: _Models = 100,
    rate: _Rate = 10.0,
    hours: _Hours = 1.0,
    exponent: _Exponent = 0.9,
    day_swing: _Swing = 0.0,
    new_models_per_week: _New = 0.0,
    service_variation: _Variation = 0.5,
    seed: _Seed = 1,
    catalog: _Catalog = Path("models"),
    region: Annotated[str, typer.Option(help="Whose prices.")] = "us-east-1",
    instance_type: Annotated[
        list[str] | None, typer.Option(help="An instance type to try. May be repeated.", metavar="TYPE")
    ] = None,
    shards: Annotated[
        list[int] | None, typer.Option(min=2, max=100, help="A number of shards to compare with.")
    ] = None,
    p99_ms: Annotated[float, typer.Option(min=0.1, help="Goal: 99th percentile of the latency.")] = 1000.0,
    hit_ratio: Annotated[float, typer.Option(min=0, max=1, help="Goal: share of calls whose model is loaded.")] = 0.99,
    failures: Annotated[float, typer.Option(min=0, max=1, help="Goal: share of calls that may fail.")] = 0.0,
    utilisation: Annotated[float, typer.Option(min=0.01, max=1, help="Goal: share of time workers are busy.")] = 0.7,
    minimum_instances: Annotated[int, typer.Option(min=1, help="Goal: instances of each endpoint.")] = 1,
    maximum_instances: Annotated[int, typer.Option(min=1, max=1000, help="The most that are tried.")] = 20,
    service_ms: Annotated[float, typer.Option(min=0.001, help="Work of a call that nothing measured.")] = 20.0,
    download_mib_per_second: Annotated[float, typer.Option(min=0.1, help="From S3, unpacked.")] = 60.0,
    overhead_ms: Annotated[float, typer.Option(min=0, help="Network and SageMaker, each call.")] = 0.0,
    server_memory_mib: Annotated[float, typer.Option(min=0, help="The model server without models.")] = 300.0,
    disk_gib: Annotated[float, typer.Option(min=1, help="Disk of an instance, for artifacts.")] = 30.0,
    warm_up: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the trace that no figure counts.")] = 0.1,
    safety: Annotated[float, typer.Option(min=0.05, max=1, help="Scaling target: share of what is possible.")] = 0.7,
    at_most: Annotated[
        int, typer.Option(min=1000, help="Longer traces: the busiest part of this many calls.")
    ] = 1_000_000,
    json_: Annotated[
        Path | None, typer.Option("--json", help="Write the plan as JSON; `-` prints it only.", metavar="FILE")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with charts.", metavar="FILE")] = None,
    plots: Annotated[Path | None, typer.Option("--png", help="Write plots (needs matplotlib).", metavar="FILE")] = None,
) -> None:
    """Simulate a trace on several instance types and counts, and recommend one."""
    from rich.console import Console

    from capacity.fleet import MIB, Behaviour
    from capacity.instance_types import USUAL_TYPES, instance_types
    from capacity.measures import Goals
    from capacity.profiles import with_variation
    from capacity.readers.catalog import Assumed, read_profiles
    from capacity.readers.log_events import Observations
    from capacity.readers.sources import read_source
    from capacity.report import Question, answer
    from capacity.search import Conditions
    from capacity.writers import json as json_writer
    from capacity.writers import page, png, table
    from model_catalog.progress import progress
    from plan_review.prices import bundled_prices

    if trace is not None:
        _refuse_generator_options(context)
    lock, prices = _lock(catalog), bundled_prices()
    types = instance_types(instance_type or USUAL_TYPES, region, prices)
    if trace is None:
        made = _generated(lock, models, rate, hours, exponent, day_swing, new_models_per_week, seed)
        source = Observations(made, {}, 0)
    else:
        source = read_source(trace)
    profiles = read_profiles(source.trace.names, lock, source.models, Assumed(service_seconds=service_ms / 1000))
    regional = prices.regions[region]
    question = Question(
        trace=with_variation(source.trace, profiles, service_variation, seed),
        profiles=profiles,
        types=types,
        conditions=Conditions(
            Goals(p99_ms / 1000, hit_ratio, failures, utilisation, minimum_instances),
            Behaviour(download_bytes_per_second=download_mib_per_second * MIB, overhead_seconds=overhead_ms / 1000),
            int(server_memory_mib * MIB),
            int(disk_gib * 1024 * MIB),
            warm_up,
            maximum_instances,
        ),
        shards=shards or (2,),
        safety=safety,
        at_most=at_most,
        region=region,
        currency=prices.currency,
        prices=f"list prices of {region}, {regional.as_of}: {regional.origin}.",
        notes=_notes(source, f"{download_mib_per_second:g} MiB/s from S3", service_variation),
    )
    console = Console(stderr=True)
    with progress(console, "reading") as show:
        report = answer(question, show)
    if str(json_) == "-":
        print(json_writer.render(report))
        json_ = None
    else:
        table.show(report, Console())
    for path, render in ((json_, json_writer.render), (html, page.render)):
        if path is not None:
            _write(path, render(report))
    if plots is not None:
        png.write(report, plots)


def _generated(  # noqa: PLR0917 - the options of a generated trace, in their order
    lock: Lock, models: int, rate: float, hours: float, exponent: float, day_swing: float, new: float, seed: int
) -> Trace:
    """A made-up trace, whose first models have the names of the catalog's."""
    from capacity.generators import Workload, generate

    work = Workload(models, rate, hours * 3600, exponent, day_swing, new, seed=seed)
    return generate(work, tuple(sorted(lock.models)))


def _refuse_generator_options(context: typer.Context) -> None:
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("models", "rate", "hours", "exponent", "day_swing", "new_models_per_week")
        if context.get_parameter_source(name).name == "COMMANDLINE"  # type: ignore[union-attr]
    ]
    if given:
        raise CapacityError(f"{', '.join(given)}: only for a generated trace. Leave out TRACE, or the options.")


def _notes(source: Observations, download: str, variation: float) -> tuple[str, ...]:
    found = [f"{download}; artifacts stay on the disk after an unload."]
    if source.trace.service_seconds is None:
        found.append(f"A model's calls vary around its time (coefficient of variation {variation:g}).")
    if source.other_lines:
        found.append(f"{source.other_lines:,} lines of the log are no invocations and no loads.")
    return tuple(found)


def _lock(catalog: Path) -> Lock:
    from model_catalog.errors import CatalogError
    from model_catalog.lock import read_lock

    try:
        return read_lock(catalog)
    except CatalogError as error:
        raise CapacityError(error.complaints) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CapacityError(f"{path}: cannot be written: {error}.") from error
