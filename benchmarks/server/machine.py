"""What a run was made on and with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("mxnet", "onnxruntime", "numpy", "pillow", "httptools", "uvloop")


def describe_machine(java_version: str, baseline_requirements: tuple[str, ...]) -> dict[str, str | int | float]:
    """Processor, cores, memory, versions and the load average before the run; flat, for the results."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return (
        {
            "processor": models[0] if models else platform.processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "java": java_version,
            "load_average_before": round(os.getloadavg()[0], 2),
        }
        | {package: version(package) for package in PACKAGES}
        | {
            name.replace("-", "_"): number
            for name, number in (requirement.split("==") for requirement in baseline_requirements[:2])
        }
    )
