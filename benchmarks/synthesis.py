"""How long synthesis takes: `python -m benchmarks.synthesis` writes benchmarks/synthesis.json and prints tables.

Two questions, both answered with cold processes; the exit code is 1 when a target is missed:

- All four stacks of one environment against the usual import of the AWS bindings alone, in turns on one machine. The
  target is a third or less. Where the time goes is shown beside it.
- How synthesis grows with the number of models. The target is 6 s for 4,000, judged by CPU time: Python and Node take
  turns, so that this is the wall time of a machine with nothing else to do, and a busy machine does not blur it much.

The first run ever on a machine also unpacks the bindings into jsii's cache (about 450 MB in the user's cache folder);
a run that is not counted does this beforehand.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from model_catalog.lock import Lock, Model, Version, version_key, write_lock

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).with_suffix(".json")
ENVIRONMENT = "prod"
SIZES = (10, 100, 1000, 4000)
TARGET_RATIO = 1 / 3
TARGET_SECONDS_FOR_4000 = 6.0

_NAIVE = "import cdktf_cdktf_provider_aws"
# The steps of main.py with a clock between them.
_PHASES = """
import json, os, sys, time
from pathlib import Path
clock = [time.perf_counter()]
def lap(): clock.append(time.perf_counter())
import stacks.aws_bindings; lap()
from stacks import program; lap()
root = Path.cwd()
settings = program.read_settings(root / "cdktf.json", os.environ)
project = program.Project(root, Path(os.environ["CDKTF_OUTDIR"]), Path(settings.catalog.directory), Path())
lock = program.read_lock(root / project.catalog_directory)
context_hash = program.content_hash(root / program.BUILD_CONTEXT); lap()
app = program.App(outdir=str(root / project.output_directory))
program.add_stacks(app, settings, lock, context_hash, project); lap()
app.synth(); lap()
print(json.dumps([after - before for before, after in zip(clock, clock[1:])]))
"""
_PHASE_NAMES = (
    "jsii kernel, CDKTF and bindings",
    "the program's other modules",
    "settings, catalog, content hash",
    "constructs",
    "writing",
)


@dataclass(frozen=True)
class Run:
    """One cold process."""

    seconds: float
    """Wall time."""
    cpu_seconds: float
    """Of the process and of Node behind it: what remains of it on a machine that is busy with other things."""
    peak_memory_mib: float
    """Of the process or of Node, whichever is larger."""
    output: str


def synthetic_lock(models: int) -> Lock:
    """A catalog of that many models, each with one version."""

    def model(name: str, number: int) -> Model:
        sha256 = f"{number:064x}"
        key = version_key(name, "1", sha256)
        return Model(versions=(Version(version="1", sha256=sha256, size_bytes=5_000_000, engine="mxnet", key=key),))

    return Lock(models={f"model-{number:05}": model(f"model-{number:05}", number) for number in range(models)})


def timed(arguments: Sequence[str], **variables: str) -> Run:
    """Run Python in the project's root.

    Raises:
        RuntimeError: it failed.
    """
    return timed_command([sys.executable, *arguments], ROOT, **variables)


def timed_command(command: Sequence[str], directory: Path, **variables: str) -> Run:
    """Run a command in a folder.

    Raises:
        RuntimeError: it failed.
    """
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22", **variables}
    begin = time.perf_counter()
    with subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode != 0:
        name = "python" if command[0] == sys.executable else command[0]
        raise RuntimeError(f"{name} {' '.join(command[1:])} failed with exit code {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """The raw numbers of some runs, and the median of their wall time."""
    return {
        "median_seconds": statistics.median(run.seconds for run in runs),
        "seconds": [run.seconds for run in runs],
        "cpu_seconds": [run.cpu_seconds for run in runs],
        "median_cpu_seconds": statistics.median(run.cpu_seconds for run in runs),
        "peak_memory_mib": max(run.peak_memory_mib for run in runs),
    }


def compare(runs: int, output: str) -> dict[str, Any]:
    """The stacks of one environment and the usual import, in turns."""
    variables = {"ENVIRONMENT": ENVIRONMENT, "CDKTF_OUTDIR": output}
    timed(["main.py"], **variables)
    synthesis, naive, phases = [], [], []
    for _ in range(runs):
        naive.append(timed(["-c", _NAIVE]))
        synthesis.append(timed(["main.py"], **variables))
        phases.append(json.loads(timed(["-c", _PHASES], **variables).output))
    medians = [statistics.median(values) for values in zip(*phases, strict=True)]
    result = {"synthesis": summary(synthesis), "naive_import": summary(naive)}
    return result | {
        "ratio_of_medians": result["synthesis"]["median_seconds"] / result["naive_import"]["median_seconds"],
        "target_ratio": TARGET_RATIO,
        "phases_median_seconds": dict(zip(_PHASE_NAMES, medians, strict=True)),
    }


def grow(models: int, runs: int, output: str) -> dict[str, Any]:
    """All stacks of one environment with `models` models."""
    with tempfile.TemporaryDirectory() as catalog:
        write_lock(catalog, synthetic_lock(models))
        variables = {"ENVIRONMENT": ENVIRONMENT, "CDKTF_OUTDIR": output, "CATALOG_DIRECTORY": catalog}
        done = [timed(["main.py"], **variables) for _ in range(runs)]
    json_bytes = (Path(output) / "stacks" / f"{ENVIRONMENT}-models" / "cdk.tf.json").stat().st_size
    return {"models": models, "models_stack_json_bytes": json_bytes, **summary(done)}


def machine() -> dict[str, Any]:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "node": node,
        "load_average_at_begin": os.getloadavg()[0],
    }


def tables(result: dict[str, Any]) -> list[Table]:
    def listed(values: Sequence[float]) -> str:
        return ", ".join(f"{value:.2f}" for value in values)

    def row(name: str, measured: dict[str, Any]) -> tuple[str, ...]:
        return name, f"{measured['median_seconds']:.2f}", listed(measured["seconds"]), listed(measured["cpu_seconds"])

    compared = result["cold_process"]
    first = Table("", "median", "runs", "CPU", title="Cold process, seconds")
    first.add_row(*row("all four stacks of an environment", compared["synthesis"]))
    for name, median in compared["phases_median_seconds"].items():
        first.add_row(f"  {name}", f"{median:.2f}")
    first.add_row(*row("import cdktf_cdktf_provider_aws", compared["naive_import"]))
    first.add_row("ratio", f"{compared['ratio_of_medians']:.2f}", f"target: {TARGET_RATIO:.2f} or less")
    second = Table(
        "models", "median", "runs", "CPU", "JSON, MB", "peak MiB", title="With the number of models, seconds"
    )
    for measured in result["growth"]:
        second.add_row(
            *row(f"{measured['models']:,}", measured),
            f"{measured['models_stack_json_bytes'] / 1e6:.2f}",
            f"{measured['peak_memory_mib']:.0f}",
        )
    return [first, second]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="how often each is run (default: 5)")
    parser.add_argument("--result", type=Path, default=RESULT, help="where the numbers go")
    options = parser.parse_args()
    console = Console(stderr=True)
    result: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as output:
        console.print(f"{options.runs} runs of synthesis and of the usual import, in turns")
        result["cold_process"] = compare(options.runs, output)
        result["growth"] = []
        for models in SIZES:
            console.print(f"{models:,} models")
            result["growth"].append(grow(models, options.runs, output))
    options.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for table in tables(result):
        Console().print(table)
    missed = result["growth"][-1]["median_cpu_seconds"] > TARGET_SECONDS_FOR_4000
    missed = missed or result["cold_process"]["ratio_of_medians"] > TARGET_RATIO
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
