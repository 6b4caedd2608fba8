"""The short form of the chaos experiment: one deployment of each way to be killed, on a real project."""

from pathlib import Path

from benchmarks.reliability.ground import prepared
from benchmarks.reliability.killed_deployments import kill_deployments, result


def test_killed_deployments_converge(tmp_path: Path) -> None:
    lines: list[str] = []
    with prepared(tmp_path) as ground:
        outcomes = list(kill_deployments(ground, 2, seed=5, report=lines.append))
    found = result(outcomes, seed=5)
    assert (found["converged"], found["killed"]) == (2, 2), "\n".join(lines)
    assert {outcome.kind for outcome in outcomes} >= {"create"}
