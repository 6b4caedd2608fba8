"""`python -m benchmarks.server [--only PARTS] [--quick]`: install the other servers, measure, write the results."""

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..machine import describe_machine, library_versions
from .errors import BenchmarkError
from .isolation import can_isolate, is_isolated, isolate, raise_loopback
from .plan import FULL, QUICK
from .plots import write_pictures
from .programs import PARTS, install_programs, versions_of
from .progress import say
from .record import Part, Record, numbers_of, read_record
from .report import render_report
from .run import Run
from .targets import TARGETS, measured, unmet

RESULTS = Path(__file__).resolve().parents[1]
ROOT = RESULTS.parent


def _parts(text: str) -> list[str]:
    wanted = [name.strip() for name in text.split(",")]
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in wanted]


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument(
        "--only",
        type=_parts,
        default=list(PARTS),
        metavar="PARTS",
        help=f"these parts, with commas between: {', '.join(f'{name} ({what})' for name, what in PARTS.items())}. "
        "The results of other parts stay, each with its own date",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of the parts, results to .local/benchmarks/quick"
    )
    parser.add_argument("--check", action="store_true", help="exit with 2 when a target is missed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0, or 1 when it could not be run. A missed target is a result, not a failure."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    # A stop by signal must end the servers as an exception does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger().setLevel(logging.WARNING)
    work = ROOT / ".local" / "benchmarks"
    results = work / "quick" if options.quick else RESULTS
    try:
        record = _measure(options, arguments, work, results)
    except BenchmarkError as error:
        print(f"benchmarks.server: {error}", file=sys.stderr)
        return 1
    (results / "server.md").write_text(render_report(record))
    missed = _say_verdicts(record)
    say(f"{results / 'server.md'}")
    return 2 if missed and options.check else 0


def _measure(options: argparse.Namespace, arguments: Sequence[str], work: Path, results: Path) -> Record:
    """Measure the parts, and keep each one's results as soon as it is measured."""
    parts = options.only
    versions = {part: versions_of(part, library_versions()) for part in parts}
    isolated = is_isolated()
    if "rivals" in parts and not isolated and not can_isolate():
        parts = _without_rivals(parts)
    programs = install_programs(work, parts)
    if "rivals" in parts and not isolated:
        isolate(arguments)
    if isolated:
        raise_loopback()
    results.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    run = Run(work, QUICK if options.quick else FULL, programs, int(machine["cores"]))
    for part in parts:
        load_before, begun = os.getloadavg()[0], time.monotonic()
        outcome = run.measure(part)
        stamp = {
            "date": _now(),
            "minutes": round((time.monotonic() - begun) / 60, 1),
            "load_average_before": round(load_before, 2),
            "load_average_after": round(os.getloadavg()[0], 2),
        }
        _keep(results, machine, part, Part(measured=stamp, versions=versions[part], numbers=outcome.rounded()))
        _keep_raw(results / "server-raw.json", str(machine["processor"]), part, outcome.raw)
        write_pictures(outcome.pictures, results)
    return _read(results)


def _without_rivals(parts: list[str]) -> list[str]:
    reason = "Triton's SageMaker mode listens on all addresses, and this machine allows no network of its own (unshare)"
    rest = [part for part in parts if part != "rivals"]
    if not rest:
        raise BenchmarkError(f"{reason}: rivals cannot be measured here")
    say(f"rivals are left out: {reason}")
    return rest


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _read(results: Path) -> Record:
    path = results / "server.json"
    return read_record(json.loads(path.read_text()) if path.exists() else None)


def _keep(results: Path, machine: dict, part: str, measured: Part) -> None:
    _write_json(results / "server.json", _read(results).merged(machine, {part: measured}).as_json())


def _keep_raw(path: Path, processor: str, part: str, raw: object) -> None:
    """Raw numbers are those of the latest run's processor only."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    parts = kept["parts"] if kept.get("processor") == processor else {}
    _write_json(path, {"processor": processor, "parts": parts | {part: raw}})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def _say_verdicts(record: Record) -> int:
    """Print each target; how many are missed."""
    numbers = numbers_of(record.entry)
    found, missed = measured(numbers), len(unmet(numbers))
    for target in found:
        value = float(numbers[target.key])
        say(f"{target.measure}: {target.show(value)} (target {target.text}): {target.margin(value)}")
    say(f"{len(found) - missed} of {len(TARGETS)} targets met, {len(TARGETS) - len(found)} not measured")
    return missed


if __name__ == "__main__":
    sys.exit(main())
