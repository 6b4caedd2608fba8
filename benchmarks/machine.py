"""What a run was made on and with."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("mxnet", "onnxruntime", "numpy", "pillow", "httptools", "uvloop")


def processor_kind(cpuinfo: str) -> str:
    """Name, family and model from /proc/cpuinfo: the name that a virtual machine shows is often the maker's only."""
    first = cpuinfo.split("\n\n", 1)[0].splitlines()
    pairs = (line.split(":", 1) for line in first if ":" in line)
    fields = {name.strip(): value.strip() for name, value in pairs}
    name = fields.get("model name", platform.processor() or platform.machine())
    details = [f"{key.removeprefix('cpu ')} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    return f"{name}, {', '.join(details)}" if details else name


def describe_machine() -> dict[str, str | int | float]:
    """Processor, cores, memory, kernel and Python."""
    return {
        "processor": processor_kind(Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def loaded_machine() -> dict[str, str | int | float]:
    """`describe_machine`, and the load average of the last minute."""
    return describe_machine() | {"load_average_before": round(os.getloadavg()[0], 2)}


def source_commit() -> str:
    """The commit of the code that runs, short; empty outside a checkout. A `+` follows it if tracked files differ."""
    git = ["git", "-C", str(Path(__file__).parent)]
    found = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ":/*.py"], check=False).returncode
    return found.stdout.strip() + ("+" if found.returncode == 0 and changed else "")


def library_versions() -> dict[str, str]:
    """The libraries that the project's server runs with."""
    return {package: version(package) for package in PACKAGES}
