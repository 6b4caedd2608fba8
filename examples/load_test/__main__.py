"""`python -m examples.load_test`: calls an endpoint's models as independent callers do, and measures how it answers."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console

from examples.invoke_endpoint import InvocationError, check_endpoint_url
from examples.load_test.cache_hits import cache_hits
from examples.load_test.errors import LoadTestError
from examples.load_test.limits import Demand, Limits, check
from examples.load_test.plots import write_plots
from examples.load_test.progress import shown
from examples.load_test.recorder import Recorder
from examples.load_test.report import CacheHits, Plan, Result, document, show
from examples.load_test.runner import Runner
from examples.load_test.schedule import Call, poisson, uniform, zipf
from examples.load_test.sender import Request, Sender
from examples.load_test.target import Target, find_target, refuse_unless_allowed
from examples.load_test.trace import read_trace
from model_catalog.errors import CatalogError
from model_catalog.example_input import example_input
from model_catalog.lock import Lock, read_lock
from stacks.errors import SettingsError

_DEFAULTS = Limits()
_DEFAULT_VARIANT = "all-models"
_FINISHED, _FAILED, _ERRORS = 0, 1, 2


def load_test(  # noqa: PLR0917 - one parameter an option, given by name on the command line
    environment: Annotated[str | None, typer.Option(help="An environment of cdktf.json: its endpoint.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="The endpoint's name, instead of an environment.")] = None,
    shard: Annotated[int, typer.Option(help="Which shard of the environment.")] = 1,
    endpoint_url: Annotated[
        str | None, typer.Option(envvar="AWS_ENDPOINT_URL", help="The local AWS's URL; leave it out for AWS.")
    ] = None,
    region: Annotated[str | None, typer.Option(envvar="AWS_REGION", help="The region of a named endpoint.")] = None,
    catalog: Annotated[
        Path, typer.Option(envvar="CATALOG_DIRECTORY", help="The catalog's folder.", file_okay=False)
    ] = Path("models"),
    rate: Annotated[float, typer.Option(help="Requests a second, on average.", min=0.01)] = 10.0,
    seconds: Annotated[float, typer.Option(help="How long it measures.", min=1)] = 30.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of load before that, counted apart.", min=0)] = 5.0,
    arrivals: Annotated[str, typer.Option(help="poisson: independent callers; uniform: evenly spaced.")] = "poisson",
    trace: Annotated[Path | None, typer.Option(help="A CSV of times and models, instead of rate and Zipf.")] = None,
    speed: Annotated[float, typer.Option(help="How much faster than recorded a trace runs.", min=0.001)] = 1.0,
    model: Annotated[list[str] | None, typer.Option(help="Only these models, most wanted first. May be repeated.")] = (
        None
    ),
    skew: Annotated[float, typer.Option("--zipf", help="Exponent of Zipf's law; 0: all equally often.", min=0)] = 1.0,
    samples: Annotated[Path | None, typer.Option(help="A folder of inputs, each named after its model.")] = None,
    connections: Annotated[int, typer.Option(help="Requests under way at most.", min=1, max=512)] = 64,
    seed: Annotated[int, typer.Option(help="The same seed gives the same calls.")] = 1,
    result: Annotated[Path | None, typer.Option("--json", help="Write the result here; `-` prints it only.")] = None,
    plots: Annotated[Path | None, typer.Option(help="A folder for pictures (needs matplotlib).")] = None,
    aws: Annotated[bool, typer.Option("--aws", help="The endpoint is on AWS and may be called.")] = False,
    production: Annotated[bool, typer.Option("--production", help="So is one that people depend on.")] = False,
    max_rate: Annotated[float, typer.Option(help="Refuse a higher rate.")] = _DEFAULTS.rate,
    max_seconds: Annotated[float, typer.Option(help="Refuse a longer run.")] = _DEFAULTS.seconds,
    max_requests: Annotated[int, typer.Option(help="Refuse more requests.")] = _DEFAULTS.requests,
    max_cost: Annotated[float, typer.Option(help="Refuse a higher estimate of the instances' cost.")] = _DEFAULTS.cost,
) -> None:
    """Call an endpoint's models at a rate that does not depend on its answers, and measure them.

    Exit codes: 0 every request was answered, 1 the test was not run, 2 some requests failed.
    """
    if endpoint_url is not None:
        check_endpoint_url(endpoint_url)
    if arrivals not in ("poisson", "uniform"):
        raise LoadTestError(f"--arrivals is poisson or uniform, not {arrivals}.")
    lock = read_lock(catalog)
    target = find_target(
        lock, environment=environment, endpoint=endpoint, endpoint_url=endpoint_url, region=region, shard=shard
    )
    refuse_unless_allowed(target, aws=aws, production=production)
    requests, notes = _requests(lock, target, model, samples)
    limits = Limits(max_rate, max_seconds, max_requests, max_cost)
    if trace is not None:
        calls = read_trace(trace, _names(lock, requests), speed)
        total, described = calls[-1].due, f"trace {trace.name}, {len(calls)} calls"
        warm_up = min(warm_up, total)
        check(Demand(len(calls) / max(total, 1.0), total, len(calls), target.cost(total)), limits)
    else:
        total, described = warm_up + seconds, f"{arrivals}, {rate:g} a second, Zipf {skew:g}"
        # Checked before the calls are drawn. They are drawn before the run, in which there is no time for it.
        check(Demand(rate, total, rate * total, target.cost(total)), limits)
        random_ = random.Random(seed)
        draw = zipf(list(requests), skew, random_)
        calls = list(poisson(rate, total, draw, random_) if arrivals == "poisson" else uniform(rate, total, draw))
    plan = Plan(target.endpoint, described, len(requests), total, warm_up, connections, seed, target.cost(total))
    console = Console(stderr=str(result) == "-")
    finished = _run(_Run(target, plan, calls, requests), console, notes)
    show(finished, console)
    _write(finished, console, result, plots)
    failed = finished.recorder.measured.failed + finished.recorder.warm_up.failed
    raise typer.Exit(_ERRORS if failed or finished.outcome.stopped else _FINISHED)


def _requests(
    lock: Lock, target: Target, wanted: list[str] | None, samples: Path | None
) -> tuple[dict[str, Request], list[str]]:
    """What each model is sent, the most wanted first, and which are left out."""
    unknown = [name for name in wanted or () if name not in target.models]
    if unknown:
        known = ", ".join(sorted(target.models)) or "none"
        raise LoadTestError(f"{target.endpoint} has no model {', '.join(unknown)}. Models there: {known}.")
    requests, left_out = {}, []
    for name in wanted or sorted(target.models):
        version = lock.models[name].current
        body = example_input(name, version, samples)
        if body is None:
            left_out.append(name)
        else:
            requests[name] = Request(version.key, body)
    if not requests:
        raise LoadTestError(
            "there is no model to call: the catalog has none, or the lock file records no inputs of theirs. Add one "
            "with `python -m model_catalog add`, or give a folder of inputs with --samples."
        )
    notes = [f"left out, for only their own code knows their inputs (--samples gives some): {', '.join(left_out)}"]
    return requests, notes if left_out else []


def _names(lock: Lock, requests: dict[str, Request]) -> dict[str, str]:
    """The catalog's name of each name and TargetModel in a trace."""
    keys = {version.key: name for name in requests for version in lock.models[name].versions}
    return {**keys, **{name: name for name in requests}}


@dataclass(frozen=True)
class _Run:
    """What is to be sent where."""

    target: Target
    plan: Plan
    calls: list[Call]
    requests: dict[str, Request]


def _run(run: _Run, console: Console, notes: list[str]) -> Result:
    """Send everything, and see what CloudWatch has of it."""
    target, plan = run.target, run.plan
    sender = Sender(target.endpoint, target.region, target.endpoint_url, plan.connections)
    recorder = Recorder(plan.warm_up_seconds)
    runner = Runner(lambda name: sender.send(run.requests[name]), recorder, plan.connections)
    price = "" if plan.estimated_cost is None else f", instances about {plan.estimated_cost:.2f} USD"
    console.print(
        f"{plan.endpoint}: {plan.arrivals}, {plan.models} models, {plan.seconds:.0f} s "
        f"({plan.warm_up_seconds:.0f} s of it warm-up){price}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    start = datetime.now(UTC)
    with shown(console, runner, recorder, plan.seconds):
        outcome = runner.run(run.calls)
    sender.close()
    variant = _DEFAULT_VARIANT if target.settings is None else target.settings.variant_name
    session = boto3.session.Session(region_name=target.region)
    cloudwatch = session.client("cloudwatch", endpoint_url=target.endpoint_url)
    found = cache_hits(cloudwatch, target.endpoint, variant, start, datetime.now(UTC))
    if isinstance(found, CacheHits):
        return Result(plan, outcome, recorder, found, tuple(notes))
    return Result(plan, outcome, recorder, None, (*notes, found))


def _write(result: Result, console: Console, file: Path | None, plots: Path | None) -> None:
    text = json.dumps(document(result), indent=2)
    try:
        if file is not None and str(file) == "-":
            print(text)
        elif file is not None:
            file.write_text(f"{text}\n", encoding="utf-8")
        for path in () if plots is None else write_plots(result, plots):
            console.print(f"written: {path}", highlight=False, soft_wrap=True)
    except OSError as error:
        raise LoadTestError(f"{error.filename}: cannot be written ({error.strerror})") from error
    except ModuleNotFoundError as error:
        raise LoadTestError(f"--plots needs {error.name}, which is not installed: run `make setup`") from error


def main() -> int:
    """Run the command; a user's mistake is a message and exit code 1, never a traceback."""
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(load_test)
    try:
        return application(standalone_mode=False, prog_name="python -m examples.load_test") or _FINISHED
    except (LoadTestError, InvocationError, CatalogError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
    except typer.TyperException as error:
        print(f"error: {error}", file=sys.stderr)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return _FAILED


if __name__ == "__main__":
    sys.exit(main())
