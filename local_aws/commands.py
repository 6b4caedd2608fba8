"""The commands of the local AWS. What they work with is imported when they run, so help is quick."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from . import defaults
from .errors import NotRunningError, WrongSettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .directory import Running
    from .settings import ProviderChoice, RuntimeChoice

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The AWS of this machine."
)

_DirectoryOption = Annotated[Path, typer.Option(help="Where it works; one local AWS a directory.")]
_STOP_TIMEOUT_SECONDS = 20.0


@app.command()
def serve(  # noqa: PLR0917 - one parameter an option, given by name on the command line
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = defaults.PORT,
    directory: _DirectoryOption = defaults.DIRECTORY,
    provider: Annotated[
        str, typer.Option(envvar="LOCAL_AWS_PROVIDER", help="Terraform's provider: auto, hashicorp, stand-in or none.")
    ] = defaults.CHOICE,
    runtime: Annotated[
        str, typer.Option(envvar="LOCAL_AWS_RUNTIME", help="What runs the instances: auto, docker or process.")
    ] = defaults.CHOICE,
    persist: Annotated[
        bool,
        typer.Option("--persist", help="Save the account in the directory, and bring it back at the next such start."),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            envvar="LOCAL_AWS_RECORD", help="Write what Terraform sends and gets into this file, without credentials."
        ),
    ] = None,
    startup_health_check_seconds: Annotated[
        float | None, typer.Option(help="Budget for a container's first ping, instead of SageMaker's 480 s.")
    ] = None,
    load_timeout_seconds: Annotated[float, typer.Option(help="Limit of a model's load.")] = (
        defaults.LOAD_TIMEOUT_SECONDS
    ),
    invocation_timeout_seconds: Annotated[float, typer.Option(help="Limit of an invocation.")] = (
        defaults.INVOCATION_TIMEOUT_SECONDS
    ),
    time_factor: Annotated[
        float, typer.Option(help="How long a second of alarms' periods and of updates' waits takes, at most 1.")
    ] = defaults.TIME_FACTOR,
    quota: Annotated[
        list[str] | None,
        typer.Option(
            help="ml.m5.xlarge=2 for a type, total=4 for all instances; several times. Rehearses an account's quotas."
        ),
    ] = None,
    artifact_cache_bytes: Annotated[int, typer.Option(help="Disk for extracted artifacts.")] = (
        defaults.ARTIFACT_CACHE_BYTES
    ),
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the local AWS until Ctrl-C. Without --persist everything is in memory and ends with it."""
    from pydantic import ValidationError

    from .directory import Directory
    from .listener import listen
    from .recording import open_recording
    from .settings import LocalAwsSettings

    _log_to_stderr()
    try:
        settings = LocalAwsSettings(
            port=port,
            directory=directory,
            # The settings check them, together with everything else.
            provider=cast("ProviderChoice", provider),
            runtime=cast("RuntimeChoice", runtime),
            persist=persist,
            record=record,
            startup_health_check_seconds=startup_health_check_seconds,
            load_timeout_seconds=load_timeout_seconds,
            invocation_timeout_seconds=invocation_timeout_seconds,
            time_factor=time_factor,
            quota=cast(dict[str, int], quota or []),
            artifact_cache_bytes=artifact_cache_bytes,
        )
    except ValidationError as error:
        raise WrongSettingsError(error.errors()) from error
    # What can go wrong goes wrong here, before moto and the rest take their seconds to load.
    with listen(port) as listener, open_recording(record) as recording:
        place = Directory(directory)
        place.acquire()
        try:
            from .server import serve as run

            run(settings, listener, place, recording=recording, until_stdin_closes=until_stdin_closes)
        finally:
            place.release()


@app.command()
def env(directory: _DirectoryOption = defaults.DIRECTORY) -> None:
    """Print lines that point a shell's AWS tools and Terraform at the running local AWS."""
    from .directory import Directory
    from .environment import UNWANTED
    from .process import await_environment

    running = Directory(directory).running()
    typer.echo(f"unset {' '.join(UNWANTED)}")
    for name, value in await_environment(running).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@contextmanager
def _asking(directory: Path) -> Iterator[Running]:
    """The one that runs in `directory`. Raises NotRunningError, where it is gone by the time it is asked as well."""
    from .directory import Directory

    running = Directory(directory).running()
    try:
        yield running
    except OSError as error:
        raise NotRunningError(str(directory)) from error


@app.command()
def status(directory: _DirectoryOption = defaults.DIRECTORY) -> None:
    """Print what runs, as JSON."""
    from .process import query_status

    with _asking(directory) as running:
        typer.echo(json.dumps(query_status(running), indent=2))


@app.command()
def page(
    directory: _DirectoryOption = defaults.DIRECTORY,
    state: Annotated[bool, typer.Option("--json", help="Print what the page shows, as JSON, instead.")] = False,
) -> None:
    """Print a link to the page that shows endpoints, models and alarms; it is good for one use."""
    from .process import page_link, query_state

    with _asking(directory) as running:
        typer.echo(json.dumps(query_state(running), indent=2) if state else page_link(running))


@app.command("lose-instance")
def lose(
    endpoint: Annotated[str, typer.Argument(help="Name of the endpoint.")],
    variant: Annotated[str | None, typer.Argument(help="Production variant; the first one if none is named.")] = None,
    directory: _DirectoryOption = defaults.DIRECTORY,
) -> None:
    """Let an instance of an endpoint go down as if its machine had failed; another one takes its place."""
    from .process import lose_instance

    with _asking(directory) as running:
        lost = lose_instance(running, endpoint, variant)
    typer.echo(f"lost {lost['instance']} of variant {lost['variant']}; another instance takes its place")


@app.command()
def stop(directory: _DirectoryOption = defaults.DIRECTORY) -> None:
    """Stop the running local AWS and wait until it is gone."""
    from .directory import Directory

    typer.echo(f"stopped (pid {Directory(directory).stop(_STOP_TIMEOUT_SECONDS)})")


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="local AWS: %(message)s")
    for noisy in ("botocore", "urllib3", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
