"""The connections to AWS lost while a deployment runs, at a chosen request: the next deployment converges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.reliability.convergence import converge
from benchmarks.reliability.fault_proxy import FaultProxy, Request
from benchmarks.reliability.ground import ENVIRONMENT, Ground

_STATE = f"{ENVIRONMENT}-endpoint/terraform.tfstate"


@dataclass(frozen=True)
class Moment:
    """When the connections are lost.

    Attributes:
        name: for the page.
        matches: recognises the request from which on nothing answers.
        answer_lost: whether AWS still gets this request, and its answer is lost.
        adds_a_model: whether the deployment adds a model. Otherwise it updates the endpoint.
    """

    name: str
    matches: Callable[[Request], bool]
    answer_lost: bool = False
    adds_a_model: bool = False


def _operation(name: str) -> Callable[[Request], bool]:
    return lambda request: request.operation == f"SageMaker.{name}"


def _is_upload(request: Request) -> bool:
    path = request.path.partition("?")[0]
    return request.method in ("PUT", "POST") and path.endswith(".tar.gz")


def _writes_state(request: Request) -> bool:
    return request.method == "PUT" and request.path.partition("?")[0].endswith(_STATE)


MOMENTS = (
    Moment("plan: the state is read", lambda request: request.method == "GET" and _STATE in request.path),
    Moment("plan: the resources are read", _operation("DescribeEndpointConfig")),
    Moment("apply: a model is to be created", _operation("CreateModel")),
    Moment("apply: an endpoint configuration was created", _operation("CreateEndpointConfig"), answer_lost=True),
    Moment("apply: the endpoint is being updated", _operation("UpdateEndpoint"), answer_lost=True),
    Moment("upload of a model", _is_upload, adds_a_model=True),
    Moment("state write: nothing is written", _writes_state),
    Moment("state write: it is written, the answer is lost", _writes_state, answer_lost=True),
)


@dataclass(frozen=True)
class Loss:
    """What came of one deployment that lost its connections.

    Attributes:
        moment: the name of the moment.
        explained: whether the command failed with what happened and what to do, and without a traceback.
        intact: whether every state was whole afterwards, of the same lineage, and no older.
        deploys, unlocks, took_over, complaint: see `Convergence`.
        said: the last lines that the command printed.
    """

    moment: str
    explained: bool
    intact: bool
    deploys: int
    unlocks: int
    took_over: int
    complaint: str | None
    said: str


def lose_connections(
    ground: Ground, report: Callable[[str], None], moments: tuple[Moment, ...] = MOMENTS
) -> Iterator[Loss]:
    """Deploy, then lose the connections of one deployment at each moment, and deploy again each time."""
    with FaultProxy(ground.url()) as proxy:
        ground.redirect(proxy.url)
        ground.deploy()
        for number, moment in enumerate(moments):
            if moment.adds_a_model:
                ground.add_model(f"lost-{number}")
            else:
                ground.raise_revision()
            loss = _lost(ground, proxy, moment)
            report(f"{moment.name}: {loss.complaint or 'converged'}")
            yield loss


def _lost(ground: Ground, proxy: FaultProxy, moment: Moment) -> Loss:
    before = ground.states()
    proxy.fail_from(moment.matches, answer_lost=moment.answer_lost)
    failed = ground.run("operations", "deploy", ENVIRONMENT, "--yes")
    happened = proxy.fired.is_set()
    proxy.restore()
    explained = failed.returncode == 1 and "What happened:" in failed.stdout and "Traceback" not in failed.stdout
    after = ground.states()
    intact = set(after) >= set(before) and all(
        after[stack].lineage == state.lineage and after[stack].serial >= state.serial for stack, state in before.items()
    )
    came = converge(ground)
    return Loss(
        moment.name,
        explained,
        intact,
        came.deploys,
        came.unlocks,
        came.took_over,
        came.complaint if happened else "the request that was to fail did not come",
        failed.stdout[-3000:],
    )
