"""The page of what the experiments reached: benchmarks/reliability-server.md."""

from collections.abc import Mapping
from typing import Any

_HEAD = """\
# Reliability of the model server

Written by `python -m benchmarks.reliability.model_server` (`make chaos-server`). Raw figures:
[reliability-server.json](reliability-server.json). Every experiment runs against real servers, started as the image
starts them. What an experiment leaves to chance follows from its seed; moments of kills also depend on the machine's
timing. The short form of all of them runs with the tests.

| experiment | to reach | reached | held |
|---|---|---|---|
"""


def page(content: Mapping[str, Any]) -> str:
    """The Markdown of all results."""
    rows, complaints, runs = "", "", ""
    for name, result in content.items():
        machine = result["machine"]
        runs += (
            f"| {name} | {result['form']} | {result['seed']} | {result['seconds']:g} | {result['when'][:10]} "
            f"| {result.get('commit', '')} | {machine['processor']}, {machine['cores']} cores, "
            f"load {machine['load_average_before']:g} before |\n"
        )
        for finding in result["findings"]:
            held = "no" if finding["complaints"] else "yes"
            rows += f"| {finding['experiment']} | {finding['to_reach']} | {finding['reached']} | {held} |\n"
            complaints += "".join(f"- {finding['experiment']}: {text}\n" for text in finding["complaints"])
    missed = f"\nNot held:\n\n{complaints}" if complaints else ""
    return (
        f"{_HEAD}{rows}{missed}\nEach experiment runs by itself, and keeps the result of its last full run.\n\n"
        f"| run | form | seed | seconds | date | commit | machine |\n|---|---|---:|---:|---|---|---|\n{runs}"
    )
