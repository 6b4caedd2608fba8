"""`python -m benchmarks.reliability.model_server`: run experiments; write reliability-server.json and .md.

Results of experiments that are not run stay: the full form can be run in pieces.
"""

import json
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.machine import loaded_machine, source_commit
from benchmarks.reliability.model_server.experiments import EXPERIMENTS
from benchmarks.reliability.model_server.ground import Ground
from benchmarks.reliability.model_server.page import page

RESULT = Path(__file__).resolve().parents[2] / "reliability-server.json"

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@application.command()
def server(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="EXPERIMENT...", help=f"All if not given: {', '.join(EXPERIMENTS)}.")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="A minute or two; replaces no result of a full run.")] = False,
    seed: Annotated[int, typer.Option(help="Of all that is left to chance.")] = 1,
) -> None:
    """Experiments with faults of the model server, and attacks on it. Exits with 1 where something did not hold."""
    unknown = sorted(set(names or ()) - EXPERIMENTS.keys())
    if unknown:
        raise typer.BadParameter(f"there is no experiment {', '.join(unknown)}; there are {', '.join(EXPERIMENTS)}")
    failed = False
    for name in names or EXPERIMENTS:
        result = _run(name, seed, short)
        failed |= any(finding["complaints"] for finding in result["findings"])
        content: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        if not short or content.get(name, {}).get("form") != "full":
            content[name] = result
            content = {key: content[key] for key in EXPERIMENTS if key in content}
            RESULT.write_text(json.dumps(content, indent=1) + "\n")
            RESULT.with_suffix(".md").write_text(page(content))
    raise typer.Exit(1 if failed else 0)


def _run(name: str, seed: int, short: bool) -> dict[str, Any]:
    machine, start = loaded_machine(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reliability-") as folder:
        ground = Ground(Path(folder), seed, short, lambda line: print(f"{name}: {line}", flush=True))
        findings = EXPERIMENTS[name](ground)
    seconds = time.monotonic() - start
    for finding in findings:
        print(f"{name}: {finding.experiment}: {finding.reached}")
        for complaint in finding.complaints:
            print(f"{name}: NOT HELD: {complaint}")
    print(f"{name}: {seconds:.1f} s", flush=True)
    return {
        "form": "short" if short else "full",
        "seed": seed,
        "seconds": round(seconds, 1),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": source_commit(),
        "machine": machine,
        "findings": [asdict(finding) for finding in findings],
    }


if __name__ == "__main__":
    application()
