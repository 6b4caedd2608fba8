"""How synthesis and plans grow with the catalog: `python -m benchmarks.scale` writes scale.json, .md and .svg.

For 10, 100, 1,000 and 4,000 models, on the local AWS with the provider that it finds:

- synthesis of all stacks of one environment, from a cold process; the target for 4,000 is 6 s of CPU time (Python and
  Node take turns: the wall time of a machine with nothing else to do);
- `terraform plan` of the models stack on an empty account, in turns with a plan of a bare configuration with one flat
  block for each model, written by hand as it were; the target is 1.3 times the bare plan or less, in Terraform's CPU
  time: a busy machine blurs it less than wall time;
- memory and JSON, whose growth for each model more is to stay the same.

The catalog is a lock file only: no artifact is needed to plan. The exit code is 1 when a target is missed.
TERRAFORM_BINARY_NAME names another binary than `terraform`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.synthesis import Run, machine, summary, synthetic_lock, timed, timed_command
from local_aws.process import LocalAws
from local_aws.terraform import PROVIDER_VERSION
from model_catalog.lock import Lock, write_lock

RESULT = Path(__file__).with_suffix(".json")
SIZES = (10, 100, 1000, 4000)
TARGET_SYNTH_SECONDS = 6.0
TARGET_PLAN_RATIO = 1.3
# What a model more may cost, between the larger sizes, in terms of what it costs between the smaller ones.
TARGET_GROWTH_RATIO = 1.3
BINARY = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")
_STACK = "local-models"

_BARE = """terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{version}"
    }}
  }}
}}

provider "aws" {{
  region                      = "us-east-1"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {{
    iam = "{url}"
    s3  = "{url}"
    sts = "{url}"
  }}
}}

resource "aws_s3_bucket" "models" {{
  bucket = "bare-models"
}}
"""
_BARE_OBJECT = """
resource "aws_s3_object" "{id}" {{
  bucket      = aws_s3_bucket.models.bucket
  key         = "models/{key}"
  source      = "{source}"
  source_hash = "{sha256}"
}}
"""

# The steps of main.py, with the CPU time of Python and of Node behind it between them: one waits for the other.
_PHASES = """
import json, os
from pathlib import Path
import jsii, psutil
process = psutil.Process()
def clock():
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])
seconds = {"Python and the jsii library": clock()}
load = jsii.JSIIAssembly.load
names = {"constructs": "jsii kernel", "cdktf": "CDKTF's assembly", "@cdktf/provider-aws": "the provider's assembly"}
def timed(name, *arguments):
    begin = clock()
    loaded = load(name, *arguments)
    seconds[names[name]] = clock() - begin
    return loaded
jsii.JSIIAssembly.load = timed
def lap(name, begin):
    seconds[name] = clock() - begin
    return clock()
begin = clock()
import stacks.aws_bindings
begin = lap("modules of the bindings", begin + sum(seconds[name] for name in names.values()))
from stacks import program; begin = lap("the program's other modules", begin)
root = Path.cwd()
settings = program.read_settings(root / "cdktf.json", os.environ)
project = program.Project(root, Path(os.environ["CDKTF_OUTDIR"]), Path(settings.catalog.directory), Path())
lock = program.read_lock(root / project.catalog_directory)
context_hash = program.content_hash(root / program.BUILD_CONTEXT); begin = lap("settings, catalog, content hash", begin)
app = program.App(outdir=str(root / project.output_directory))
program.add_stacks(app, settings, lock, context_hash, project); begin = lap("constructs", begin)
app.synth(); lap("writing", begin)
print(json.dumps(seconds))
"""


def bare_configuration(lock: Lock, url: str) -> str:
    """A bucket and one flat block for each model, in Terraform's own language."""
    versions = ((name, version) for name, model in lock.models.items() for version in model.versions)
    objects = (
        _BARE_OBJECT.format(
            id=version.resource_name(name), key=version.key, source=version.artifact, sha256=version.sha256
        )
        for name, version in versions
    )
    return _BARE.format(version=PROVIDER_VERSION, url=url) + "".join(objects)


class Growth:
    """Measures sizes of the catalog in folders below `directory`."""

    def __init__(self, directory: Path, url: str, variables: dict[str, str]) -> None:
        self._directory = directory
        self._url = url
        self._variables = variables

    def measure(self, models: int, runs: int) -> dict[str, Any]:
        """Synthesis and both plans with `models` models, `runs` times in turns."""
        folder = self._directory / str(models)
        catalog, bare, output = folder / "catalog", folder / "bare", folder / "cdktf.out"
        for needed in (catalog, bare):
            needed.mkdir(parents=True)
        lock = synthetic_lock(models)
        write_lock(catalog, lock)
        (bare / "main.tf").write_text(bare_configuration(lock, self._url))
        variables = {
            **self._variables,
            "ENVIRONMENT": "local",
            "CATALOG_DIRECTORY": str(catalog),
            "CDKTF_OUTDIR": str(output),
        }
        stack = output / "stacks" / _STACK
        synth, plan, bare_plan = [], [], []
        for number in range(runs):
            synth.append(timed(["main.py"], **variables))
            if number == 0:
                # The bucket of the state is not there.
                (stack / "backend_override.tf.json").write_text('{"terraform": {"backend": {"local": {}}}}')
                for place in (stack, bare):
                    timed_command([BINARY, "init", "-input=false"], place, **self._variables)
            bare_plan.append(self._plan(bare))
            plan.append(self._plan(stack))
        return {
            "models": models,
            "synth_seconds": _median(synth),
            "synth_cpu_seconds": _median_cpu(synth),
            "plan_seconds": _median(plan),
            "bare_plan_seconds": _median(bare_plan),
            "plan_ratio": _median(plan) / _median(bare_plan),
            "plan_cpu_ratio": _median_cpu(plan) / _median_cpu(bare_plan),
            "json_bytes": (stack / "cdk.tf.json").stat().st_size,
            "synth_peak_memory_mib": max(run.peak_memory_mib for run in synth),
            "plan_peak_memory_mib": max(run.peak_memory_mib for run in plan),
            "raw": {"synth": summary(synth), "plan": summary(plan), "bare_plan": summary(bare_plan)},
        }

    def phases(self, models: int, runs: int) -> dict[str, float]:
        """Where the CPU time of a synthesis of a measured size goes, in seconds: medians."""
        folder = self._directory / str(models)
        variables = {
            **self._variables,
            "ENVIRONMENT": "local",
            "CATALOG_DIRECTORY": str(folder / "catalog"),
            "CDKTF_OUTDIR": str(folder / "cdktf.out"),
        }
        measured = [json.loads(timed(["-c", _PHASES], **variables).output) for _ in range(runs)]
        return {name: statistics.median(run[name] for run in measured) for name in measured[0]}

    def _plan(self, place: Path) -> Run:
        return timed_command([BINARY, "plan", "-input=false", "-lock=false", "-out=plan"], place, **self._variables)


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _median_cpu(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu_seconds for run in runs)


def growth_per_model(sizes: Sequence[dict[str, Any]], key: str) -> list[float]:
    """What each model more adds to `key`, from each size to the next."""
    return [(after[key] - before[key]) / (after["models"] - before["models"]) for before, after in pairwise(sizes)]


def missed_targets(sizes: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each target that the measured sizes miss."""
    missed = []
    largest = sizes[-1]
    if largest["synth_cpu_seconds"] > TARGET_SYNTH_SECONDS:
        missed.append(f"synthesis takes {largest['synth_cpu_seconds']:.1f} s of CPU time, not {TARGET_SYNTH_SECONDS:g}")
    if largest["plan_cpu_ratio"] > TARGET_PLAN_RATIO:
        ratio = largest["plan_cpu_ratio"]
        missed.append(f"the plan takes {ratio:.2f} times the CPU time of the bare plan, not {TARGET_PLAN_RATIO:g}")
    for key in ("json_bytes", "plan_peak_memory_mib"):
        *_, before, after = growth_per_model(sizes, key)
        if after > TARGET_GROWTH_RATIO * before:
            missed.append(f"{key} grows faster than the number of models: {before:.4g}, then {after:.4g} a model")
    return missed


def plot(result: dict[str, Any], path: Path) -> Path:
    """Draw the measured sizes; the path."""
    from pictures.plots import panels, save  # noqa: PLC0415 (matplotlib, only where a plot is drawn)

    sizes = result["sizes"]
    models = [size["models"] for size in sizes]
    figure, (seconds, space) = panels(2, (11, 4.2))
    for key, label in (
        ("plan_seconds", "terraform plan of the stack"),
        ("bare_plan_seconds", "terraform plan of bare blocks"),
        ("synth_seconds", "synthesis of all stacks"),
        ("synth_cpu_seconds", "synthesis, CPU time"),
    ):
        seconds.plot(models, [size[key] for size in sizes], marker="o", label=label)
    seconds.set_ylabel("seconds (median)")
    for key, label in (
        ("plan_peak_memory_mib", "Terraform's peak memory, MiB"),
        ("synth_peak_memory_mib", "synthesis's peak memory, MiB"),
    ):
        space.plot(models, [size[key] for size in sizes], marker="o", label=label)
    space.plot(models, [size["json_bytes"] / 2**20 for size in sizes], marker="o", label="JSON of the stack, MiB")
    for axes in (seconds, space):
        axes.set_xlabel("models")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return save(figure, path)


def page(result: dict[str, Any]) -> str:
    """scale.md: the table, the machine, and the targets that were missed."""
    rows = [
        f"| {size['models']:,} | {size['synth_seconds']:.1f} | {size['synth_cpu_seconds']:.1f} "
        f"| {size['plan_seconds']:.1f} | {size['bare_plan_seconds']:.1f} | {size['plan_ratio']:.2f} "
        f"| {size['plan_cpu_ratio']:.2f} "
        f"| {size['json_bytes'] / 2**20:.2f} | {size['plan_peak_memory_mib']:.0f} "
        f"| {size['synth_peak_memory_mib']:.0f} |"
        for size in result["sizes"]
    ]
    where = result["machine"]
    missed = [f"- {sentence}" for sentence in result["missed_targets"]] or ["None."]
    phases = result["synth_phases_cpu_seconds"]
    smallest, largest = phases
    phase_rows = [
        f"| {name} | {phases[smallest][name]:.2f} | {phases[largest][name]:.2f} |" for name in phases[smallest]
    ]
    lines = [
        "# Scale",
        "",
        "Written by `python -m benchmarks.scale`; [docs/scale.md](../docs/scale.md) explains the numbers.",
        "",
        f"{where['cores']} cores, {where['architecture']}, Python {where['python']}, Node {where['node']}, "
        f"{result['terraform']}, provider: {result['provider']}; load average at the begin: "
        f"{where['load_average_at_begin']:.1f}. Seconds are wall time, medians of {result['runs']} runs in turns.",
        "",
        "| models | synthesis, s | its CPU time, s | plan, s | bare plan, s | ratio | ratio of CPU | JSON, MiB "
        "| Terraform's peak, MiB | synthesis's peak, MiB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
        "![seconds and memory by the number of models](scale.svg)",
        "",
        f"Targets for {result['sizes'][-1]['models']:,} models: synthesis {TARGET_SYNTH_SECONDS:g} s of CPU time, plan "
        f"{TARGET_PLAN_RATIO:g} times the bare plan, JSON and memory linear. Missed:",
        "",
        *missed,
        "",
        "Where the CPU time of a synthesis goes, seconds (medians, Python and Node together):",
        "",
        f"| | {int(smallest):,} models | {int(largest):,} models |",
        "|---|---:|---:|",
        *phase_rows,
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="how often each is run (default: 3)")
    parser.add_argument("--result", type=Path, default=RESULT, help="where the numbers go; .md and .svg beside them")
    options = parser.parse_args()
    console = Console(stderr=True)
    result: dict[str, Any] = {"machine": machine(), "runs": options.runs}
    result["terraform"] = subprocess.run(
        [BINARY, "version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with LocalAws(directory=directory / "aws", port=0, log_file=directory / "log") as aws:
            growth = Growth(directory, aws.url, aws.environment())
            result["provider"] = aws.provider()
            result["sizes"] = []
            for models in SIZES:
                console.print(f"{models:,} models: synthesis, bare plan and plan, {options.runs} times")
                result["sizes"].append(growth.measure(models, options.runs))
            result["synth_phases_cpu_seconds"] = {
                str(models): growth.phases(models, options.runs) for models in (SIZES[0], SIZES[-1])
            }
    result["missed_targets"] = missed_targets(result["sizes"])
    options.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(result, options.result.with_suffix(".svg"))
    options.result.with_suffix(".md").write_text(page(result), encoding="utf-8")
    print(options.result.with_suffix(".md").read_text(encoding="utf-8"))
    return 1 if result["missed_targets"] else 0


if __name__ == "__main__":
    sys.exit(main())
