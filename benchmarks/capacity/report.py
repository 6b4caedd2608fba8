"""capacity.md from capacity.json."""

from typing import Any

from benchmarks.capacity.speed import INVOCATIONS, TARGET_MODELS, TARGET_SECONDS
from benchmarks.capacity.validation import TARGET_HIT_POINTS, TARGET_P99_PERCENT

_ROWS = (
    ("hit ratio, %", "hit_ratio", 100.0),
    ("cold calls, %", "cold_rate", 100.0),
    ("p50, ms", "p50_ms", 1.0),
    ("p95, ms", "p95_ms", 1.0),
    ("p99, ms", "p99_ms", 1.0),
)


def render(result: dict[str, Any]) -> str:
    """The page; it says which parts were not measured."""
    lines = ["# Capacity planning: speed and accuracy"]
    for key, section, target in (("speed", _speed, ""), ("validation", _validation, "-validation")):
        if result.get(key):
            lines += ["", *section(result[key]["runs"]), "", _origin(result[key], f"make bench-capacity{target}")]
        else:
            lines += ["", f"The {key} has not been measured: run `make bench-capacity{target}`."]
    return "\n".join(lines) + "\n"


def missed(result: dict[str, Any]) -> list[str]:
    """The targets that are missed, in words."""
    found = [
        f"{row['models']:,} models, {row['instances']} instances: {row['seconds']:.1f} s, not {TARGET_SECONDS:g} s"
        for row in _runs(result, "speed")
        if row["models"] == TARGET_MODELS and row["seconds"] > TARGET_SECONDS
    ]
    for run in _runs(result, "validation"):
        points, percent = errors(run)
        workers = f"{run['plan']['workers']} worker(s)"
        if abs(points) > TARGET_HIT_POINTS:
            found.append(f"{workers}: hit ratio off by {points:+.1f} points, not {TARGET_HIT_POINTS:g}")
        if abs(percent) > TARGET_P99_PERCENT:
            found.append(f"{workers}: p99 off by {percent:+.0f} %, not {TARGET_P99_PERCENT:g} %")
    return found


def _runs(result: dict[str, Any], part: str) -> list[dict[str, Any]]:
    return (result.get(part) or {"runs": []})["runs"]


def _origin(part: dict[str, Any], command: str) -> str:
    machine = part["machine"]
    return (
        f"Measured by `{command}` on {part['measured']}: {machine['processor']}, {machine['cores']} cores, Python "
        f"{machine['python']}, load average {machine['load_average_before']} before the run."
    )


def errors(run: dict[str, Any]) -> tuple[float, float]:
    """Predicted less measured: the hit ratio in points, the p99 in percent of what was measured."""
    predicted, measured = run["predicted"], run["measured"]
    points = 100 * (predicted["hit_ratio"] - measured["hit_ratio"])
    return points, 100 * (predicted["p99_ms"] / measured["p99_ms"] - 1)


def _speed(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Speed of a simulation",
        "",
        f"{INVOCATIONS:,} invocations by Zipf's law, a tenth of the models in memory. Target: {TARGET_MODELS:,} models "
        f"in less than {TARGET_SECONDS:g} s. Each run is a process of its own; seconds are those of the fastest of "
        f"{len(rows[0]['runs_seconds'])}, memory is its peak, trace included.",
        "",
        "| models | instances | seconds | CPU seconds | peak MiB | loads | all runs, s |",
        "|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {row['models']:,} | {row['instances']} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | "
        f"{row['peak_mib']:.0f} | {row['loads']:,} | {', '.join(f'{run:.2f}' for run in row['runs_seconds'])} |"
        for row in rows
    ]
    few, many = rows[0], next(row for row in reversed(rows) if row["instances"] == rows[0]["instances"])
    each = (many["peak_mib"] - few["peak_mib"]) * 2**20 / (many["models"] - few["models"])
    return [*lines, "", f"A further model takes {each:,.0f} bytes; most of the memory is the trace's and its results'."]


def _validation(runs: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Predicted and measured",
        "",
        "The local AWS runs the project's model server with small ONNX models and memory for some of them. First every "
        "model is called in turn without a limit of memory, then with it: that calibrates the simulation. Then a trace "
        "is predicted, and replayed open loop. "
        f"Targets: hit ratio within {TARGET_HIT_POINTS:g} point, p99 within {TARGET_P99_PERCENT:g} %.",
    ]
    for run in runs:
        plan, seen = run["plan"], run["calibrated"]
        lines += [
            "",
            f"### {plan['workers']} worker{'s' if plan['workers'] > 1 else ''}, {plan['rate']:g} calls a second",
            "",
            f"{plan['models']} models, memory for about {plan['kept']}, {plan['seconds']:g} s. Calibrated: "
            f"{seen['model_mib']:.1f} MiB a model, {seen['load_ms']:.0f} ms a load (variation "
            f"{seen['load_variation']:.2f}), {seen['call_ms']:.1f} ms a call (variation {seen['call_variation']:.2f}), "
            f"{seen['overhead_ms']:.1f} ms of overhead, {seen['download_ms']:.0f} ms for a download, "
            f"{seen['eviction_ms']:.0f} ms for an eviction. Most models "
            f"loaded at a time: {run['predicted']['most_loaded']:.0f} predicted, "
            f"{run['measured']['most_loaded']:.0f} measured. "
            f"The client itself was late by {run['client_late_p99_ms']:.1f} ms at p99. Load average before: "
            f"{run['load_average']}.",
            "",
            "| | predicted | measured | error |",
            "|---|---:|---:|---:|",
        ]
        for name, key, factor in _ROWS:
            predicted, measured = run["predicted"][key] * factor, run["measured"][key] * factor
            error = (
                f"{predicted - measured:+.1f} points" if "%" in name else f"{100 * (predicted / measured - 1):+.0f} %"
            )
            lines.append(f"| {name} | {predicted:.1f} | {measured:.1f} | {error} |")
    return lines
