"""Several deployments at once, each of settings of its own: one goes on, the others say why they stop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.reliability.convergence import converge
from benchmarks.reliability.ground import ENVIRONMENT, Ground

_LOCKED = re.compile(r"locked by \S+@\S+ for an? \w+, since .* \(lock [0-9a-f-]{36}\)")
_STALE = "Saved plan is stale"


@dataclass(frozen=True)
class Race:
    """What came of several deployments at once.

    Attributes:
        deployments: how many.
        applied: how many ended well.
        locked: how many stopped, and said who holds the lock.
        stale: how many stopped, since another's apply had made their plan stale.
        complaint: what else is not as it should be; None when nothing.
    """

    deployments: int
    applied: int
    locked: int
    stale: int
    complaint: str | None


def race_deployments(ground: Ground, counts: tuple[int, ...], report: Callable[[str], None]) -> Iterator[Race]:
    """Deploy once, then start 2 and more deployments at once, each from a checkout and with a `revision` of its own.

    Afterwards the checkout whose deployment ended well plans: an empty plan says that every state is wholly its own.
    """
    ground.deploy()
    checkouts = [ground, *(ground.sibling(f"checkout-{number}") for number in range(1, max(counts)))]
    revision = 0
    for count in counts:
        taking_part = checkouts[:count]
        for checkout in taking_part:
            revision += 1
            checkout.set_revision(revision)
        race = _race(taking_part)
        report(f"{count} at once: {race.applied} applied, {race.locked} locked out, {race.stale} stale plans")
        yield race


def _race(checkouts: list[Ground]) -> Race:
    started = [checkout.start("operations", "deploy", ENVIRONMENT, "--yes") for checkout in checkouts]
    outputs = [process.communicate()[0] for process in started]
    won = [checkout for checkout, process in zip(checkouts, started, strict=True) if process.returncode == 0]
    lost = [output for output, process in zip(outputs, started, strict=True) if process.returncode != 0]
    locked = sum(_LOCKED.search(" ".join(output.split())) is not None for output in lost)
    stale = sum(_STALE in output and not _LOCKED.search(" ".join(output.split())) for output in lost)
    complaint = None
    if len(won) != 1:
        complaint = f"{len(won)} deployments ended well"
    elif locked + stale != len(lost) or any("Traceback" in output for output in lost):
        complaint = f"a deployment stopped for another reason: {lost}"
    else:
        complaint = converge(won[0]).complaint
    return Race(len(checkouts), len(won), locked, stale, complaint)
