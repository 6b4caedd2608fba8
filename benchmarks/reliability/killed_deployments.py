"""Deployments killed at random moments: the next ones converge, with nothing chosen by a person.

Three kinds of deployment are killed: one that creates every stack, one that updates the endpoint, one that adds a
model. SIGKILL goes to Terraform alone, or to the whole process group. Then the experiment does what the messages say:
it removes the lock that they name, and deploys again. A run has converged when a plan of every stack is empty, the
endpoint is in service, and nothing exists that no state knows.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.reliability.convergence import converge
from benchmarks.reliability.ground import ENVIRONMENT, Ground

# In seconds, from runs without a fault: how long a deployment plans, and how long its applies take after that.
_PLANS = 8.0
_APPLIES = {"create": 7.0, "update": 5.0, "add a model": 2.0}
# Most are killed while Terraform applies: before that there is little to lose.
_SHARE_OF_APPLIES = 0.75
_KILLED = ("terraform", "process group")


@dataclass(frozen=True)
class Outcome:
    """What came of one killed deployment.

    Attributes:
        kind: `create`, `update` or `add a model`.
        killed: `terraform` or `process group`.
        phase: `plan` or `apply`: what the seconds count from the beginning of.
        seconds: after how long it was killed.
        done: whether it had ended before.
        deploys: how many deployments it took afterwards.
        unlocks: how many locks were removed, as the messages said.
        took_over: how many resources were put into states.
        complaint: why it did not converge; None when it did.
    """

    kind: str
    killed: str
    phase: str
    seconds: float
    done: bool
    deploys: int
    unlocks: int
    took_over: int
    complaint: str | None


def kill_deployments(ground: Ground, count: int, seed: int, report: Callable[[str], None]) -> Iterator[Outcome]:
    """Kill `count` deployments, one after the other, each on what the one before left once it had converged."""
    chance = random.Random(seed)
    deployed = False
    for number in range(count):
        kind = "create" if not deployed else chance.choice(list(_APPLIES))
        if kind == "create":
            _destroy(ground)
        elif kind == "update":
            ground.raise_revision()
        else:
            ground.add_model(f"model-{number}")
        killed = chance.choice(_KILLED)
        phase = "apply" if chance.random() < _SHARE_OF_APPLIES else "plan"
        seconds = chance.uniform(0, _APPLIES[kind] if phase == "apply" else _PLANS)
        outcome = _killed(ground, kind, killed, phase, seconds)
        deployed = outcome.complaint is None
        came = outcome.complaint or f"converged, {outcome.took_over} resources taken over"
        report(f"{number + 1} of {count}: {kind}, {killed} killed {seconds:.1f} s into the {phase}: {came}")
        yield outcome


def _killed(ground: Ground, kind: str, killed: str, phase: str, seconds: float) -> Outcome:
    process = ground.start("operations", "deploy", ENVIRONMENT, "--yes")
    reader = threading.Thread(target=process.communicate)  # a full pipe would stop it
    reader.start()
    if phase == "apply":
        _await_apply(process)
    reader.join(seconds)
    done = process.poll() is not None
    if not done:
        _kill(process, killed)
    reader.join()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # provisioners whose parent is gone
    came = converge(ground)
    return Outcome(kind, killed, phase, seconds, done, came.deploys, came.unlocks, came.took_over, came.complaint)


def _await_apply(process: subprocess.Popen[str]) -> None:
    """Wait until a deployment runs its first `terraform apply`, or has ended."""
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(True):
                if child.name() == "terraform" and "apply" in child.cmdline():
                    return
        time.sleep(0.02)


def _kill(process: subprocess.Popen[str], killed: str) -> None:
    if killed == "process group":
        os.killpg(process.pid, signal.SIGKILL)
        return
    # Terraform alone; between two of its runs there is none, and the next one is killed as it starts.
    deadline = time.monotonic() + 3
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = [child for child in psutil.Process(process.pid).children(True) if child.name() == "terraform"]
            for child in found:
                child.kill()
            if found:
                return
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)


def _destroy(ground: Ground) -> None:
    """Destroy every stack but that of the states."""
    folder = ground.directory / ".local" / ENVIRONMENT / "cdktf.out" / "stacks"
    for stack in ("endpoint", "models", "image"):
        if (folder / f"{ENVIRONMENT}-{stack}" / ".terraform").exists():
            done = ground.terraform(stack, "destroy", "-auto-approve", "-no-color")
            assert done.returncode == 0, done.stdout


def result(outcomes: list[Outcome], seed: int) -> dict[str, Any]:
    """The figures of the page, and every run."""
    return {
        "seed": seed,
        "killed": len(outcomes),
        "converged": sum(outcome.complaint is None for outcome in outcomes),
        "done_before": sum(outcome.done for outcome in outcomes),
        "deployments_afterwards_at_most": max((outcome.deploys for outcome in outcomes), default=0),
        "locks_removed": sum(outcome.unlocks for outcome in outcomes),
        "resources_taken_over": sum(outcome.took_over for outcome in outcomes),
        "runs": [vars(outcome) for outcome in outcomes],
    }
