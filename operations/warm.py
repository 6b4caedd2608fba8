"""`make warm`: loads the models that are used most, before callers wait for them.

After an update every model is cold on the new instances. SageMaker loads a model with its first call, and there is no
other way to have it loaded. One call loads a model on one instance, which SageMaker chooses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from model_catalog.example_input import COLD_MARK, ExampleInput, example_input
from model_catalog.lock import Lock
from model_catalog.progress import progress
from operations.connection import Connection, Shard, connect
from operations.defaults import MOST_MODELS, RATE
from operations.metrics import invocations_by_model

HISTORY = timedelta(days=1)
_UNDER_WAY = 4
_SERVER_ERRORS = 3
"""After so many answers with a 5xx status no further model is called: the alarm that rolls back updates counts them."""
_TRIES = 4
_PAUSE_SECONDS = 5.0
_READ_SECONDS = 70
_FAILURES_SHOWN = 10

Outcome = Literal["loaded", "warm", "failed", "left out"]


@dataclass(frozen=True)
class Candidate:
    """A model to call. `input` is None if nobody knows what it accepts."""

    name: str
    target_model: str
    invocations: int
    pinned: bool
    input: ExampleInput | None


@dataclass(frozen=True)
class Warmed:
    """What came of one model. `loaded`: its server marked the answer as the first after a load; `warm`: it did not."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""


def candidates(lock: Lock, invocations: Mapping[str, int], most: int, samples: Path | None) -> list[Candidate]:
    """Pinned models first, then those invoked most. Without any known invocation, all in the order of the catalog.

    Args:
        lock: the models of one endpoint.
        invocations: of each model that was invoked.
        most: how many models at most.
        samples: a folder of inputs, each named after its model.
    """
    wanted = [name for name, model in lock.models.items() if not invocations or name in invocations or model.pinned]
    wanted.sort(key=lambda name: (not lock.models[name].pinned, -invocations.get(name, 0), name))
    return [
        Candidate(
            name,
            lock.models[name].current.key,
            invocations.get(name, 0),
            lock.models[name].pinned,
            example_input(name, lock.models[name].current, samples),
        )
        for name in wanted[:most]
    ]


class WarmUp:
    """Calls models of one endpoint.

    Args:
        runtime: boto3's `sagemaker-runtime` client, which repeats nothing by itself.
        endpoint: the endpoint's name.
        rate: calls a second at most.
        sleep: waits so many seconds.
    """

    def __init__(self, runtime: Any, endpoint: str, rate: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._rate = rate
        self._sleep = sleep
        self._server_errors = 0
        self._stopped: str | None = None
        """Why no further model is called."""
        self._lock = threading.Lock()

    def run(self, models: Sequence[Candidate]) -> Iterator[Warmed]:
        """Call each model once, a few at a time; what came of them, in their order."""
        with ThreadPoolExecutor(_UNDER_WAY) as executor:
            started = time.monotonic()
            pending = [
                executor.submit(self._warm, model, started + number / self._rate) for number, model in enumerate(models)
            ]
            for future in pending:
                yield future.result()

    def _warm(self, model: Candidate, due: float) -> Warmed:
        if model.input is None:
            return Warmed(model.name, "left out", reason="only its own code knows its inputs: give a sample")
        self._sleep(max(due - time.monotonic(), 0))
        started = time.monotonic()
        for _ in range(_TRIES):
            if self._stopped is not None:
                return Warmed(model.name, "left out", reason=self._stopped)
            try:
                cold = self._call(model.target_model, model.input)
            except ClientError as error:
                reason = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
                if error.response["Error"]["Code"] == "ModelNotReadyException":
                    self._sleep(_PAUSE_SECONDS)  # its load goes on
                    continue
                self._count(error)
                break
            except BotoCoreError as error:
                reason = str(error)
                break
            else:
                return Warmed(model.name, "loaded" if cold else "warm", time.monotonic() - started)
        return Warmed(model.name, "failed", time.monotonic() - started, reason)

    def _call(self, target_model: str, body: ExampleInput) -> bool:
        """Whether the call was a cold start, as the server says."""
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._endpoint,
            TargetModel=target_model,
            ContentType=body.content_type,
            Accept="application/json",
            Body=body.body,
        )
        answer["Body"].read()
        return COLD_MARK in answer.get("CustomAttributes", "")

    def _count(self, error: ClientError) -> None:
        status = error.response.get("OriginalStatusCode", error.response["ResponseMetadata"]["HTTPStatusCode"])
        with self._lock:
            if error.response["Error"]["Code"].startswith("AccessDenied"):
                self._stopped = "no permission: it needs sagemaker:InvokeEndpoint"
            self._server_errors += status >= 500
            if self._server_errors >= _SERVER_ERRORS:
                self._stopped = f"{_SERVER_ERRORS} answers had a 5xx status"


@dataclass(frozen=True)
class Wish:
    """What to warm: how many models at most, how many calls a second, and a folder of inputs named after models."""

    most: int = MOST_MODELS
    rate: float = RATE
    samples: Path | None = None


def warm(environment: str, console: Console, wish: Wish) -> bool:
    """Warm every endpoint of the environment, and report.

    Returns:
        Whether no model failed.

    Raises:
        LocalAwsError, SettingsError, CatalogError: see `connect`.
        BotoCoreError: there are no credentials, or AWS cannot be reached.
    """
    with connect(environment) as connection:
        return all([_warm_shard(connection, shard, console, wish) for shard in connection.shards])


def _warm_shard(connection: Connection, shard: Shard, console: Console, wish: Wish) -> bool:
    endpoint, now = shard.names.endpoint, datetime.now(UTC)
    invocations: Mapping[str, int] = {}
    origin = "the catalog's order: CloudWatch has no invocations of the last day"
    try:
        invocations = invocations_by_model(connection.client("cloudwatch"), shard.lock, now - HISTORY, now)
    except ClientError as error:
        origin = f"the catalog's order: CloudWatch was not read ({error.response['Error']['Code']})"
    if invocations:
        origin = f"the last day's invocations ({sum(invocations.values()):,} calls of {len(invocations):,} models)"
    models = candidates(shard.lock, invocations, wish.most, wish.samples)
    console.print(f"{endpoint}: {len(models)} models by {origin}", highlight=False, soft_wrap=True)
    runtime = connection.client(
        "sagemaker-runtime", read_timeout=_READ_SECONDS, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    started, results = time.monotonic(), []
    with progress(console, "warming") as show:
        for result in WarmUp(runtime, endpoint, wish.rate).run(models):
            results.append(result)
            show(f"{len(results)} of {len(models)} models: {result.name}")
    _report(results, time.monotonic() - started, console)
    return not any(result.outcome == "failed" for result in results)


def _report(results: Sequence[Warmed], seconds: float, console: Console) -> None:
    loads = [result.seconds for result in results if result.outcome == "loaded"]
    counts = {outcome: sum(item.outcome == outcome for item in results) for outcome in ("warm", "left out", "failed")}
    longest = f" (the longest in {max(loads):.2f} s)" if loads else ""
    console.print(
        f"{len(loads)} loaded{longest}, {counts['warm']} were loaded before, {counts['left out']} left out, "
        f"{counts['failed']} failed, in {seconds:.1f} s",
        highlight=False,
        soft_wrap=True,
    )
    told = [item for item in results if item.reason]
    for item in told[:_FAILURES_SHOWN]:
        console.print(f"- {item.name}: {item.outcome}: {item.reason}", markup=False, highlight=False, soft_wrap=True)
    if len(told) > _FAILURES_SHOWN:
        console.print(f"- and {len(told) - _FAILURES_SHOWN} more", highlight=False)
