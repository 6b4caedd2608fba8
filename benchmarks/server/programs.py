"""The parts of a run, and the other servers that they need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import mlserver, multi_model_server, triton

PARTS = {
    "loading": "cold start, memory, resident models",
    "again": "cold start and memory of models that were loaded before",
    "throughput": "requests/s and p99 by clients",
    "time": "overhead",
    "workers": "requests/s by workers",
    "cache": "Zipf traffic",
    "rivals": "Triton and MLServer",
    "tabular": "tabular model",
    "neighbours": "noisy neighbours",
    "kill": "a killed worker",
}
# Compared with multi-model-server.
_WITH_BASELINE = {"loading", "again", "throughput", "time", "workers", "rivals"}


@dataclass(frozen=True)
class Programs:
    """Folders of the programs in each server's own environment; empty paths for those that no part needs."""

    multi_model_server: Path = Path()
    triton: Path = Path()
    mlserver: Path = Path()


def install_programs(work: Path, parts: Sequence[str]) -> Programs:
    """Install what the parts need below the work folder. Raises BenchmarkError where that is not possible."""
    with_baseline, with_rivals = not _WITH_BASELINE.isdisjoint(parts), "rivals" in parts
    return Programs(
        multi_model_server=multi_model_server.install_multi_model_server(work / "multi-model-server")
        if with_baseline
        else Path(),
        triton=triton.install_triton(work / "triton") if with_rivals else Path(),
        mlserver=mlserver.install_mlserver(work / "mlserver") if with_rivals else Path(),
    )


def versions_of(part: str, libraries: dict[str, str]) -> dict[str, str]:
    """Versions of what took part: the libraries of the project's server, and the servers beside it.

    Raises BenchmarkError without the Java that the baseline needs.
    """
    found = dict(libraries)
    if part in _WITH_BASELINE:
        found["java"] = multi_model_server.check_java()
        found |= _pinned(multi_model_server.REQUIREMENTS[:2])
    if part == "rivals":
        for server, name in ((triton, "nvidia-pytriton"), (mlserver, "mlserver")):
            lines = server.REQUIREMENTS.read_text().splitlines()
            found |= _pinned(line.split()[0] for line in lines if line.startswith(f"{name}=="))
    return found


def _pinned(requirements: Iterable[str]) -> dict[str, str]:
    pairs = (requirement.split("==") for requirement in requirements)
    return {name.replace("-", "_"): number for name, number in pairs}
