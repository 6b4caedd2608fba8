"""The results as a page for people."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .programs import PARTS
from .record import Entry, Part, Record, numbers_of
from .targets import TARGETS, Value, measured, unmet

TEMPLATE = Path(__file__).with_name("report_template.md")
NOT_MEASURED = "not measured"
# A section of the template that needs a part's numbers.
_SECTION = re.compile(r"<!-- part (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
_COLUMNS = ("baseline", "baseline_per_core", "mxnet", "onnx")
_ROWS = (
    ("cold start, median ms", "{}_cold_ms", "{:.0f}"),
    ("private memory of a further SqueezeNet, MiB", "{}_memory_mib", "{:.1f}"),
    ("page cache that it maps besides, MiB", "{}_file_mib", "{:.1f}"),
    ("SqueezeNets in the memory that multi-model-server takes", "{}_resident_models", "{}"),
    ("requests/s, 8 clients", "{}_requests_per_second", "{:.1f}"),
    ("p50, 8 clients, ms", "{}_p50_ms", "{:.1f}"),
    ("p99, 8 clients, ms", "{}_p99_ms", "{:.1f}"),
    ("processor time a request, ms", "{}_cpu_ms_per_request", "{:.1f}"),
    ("overhead, one client, p50 ms", "{}_overhead_ms", "{:.2f}"),
)
_AGAIN_COLUMNS = ("again_baseline", "again_mxnet", "again_onnx")
_RIVAL_COLUMNS = ("rivals_baseline", "rivals_triton", "rivals_mlserver", "rivals_onnx")
_RIVAL_ROWS = (
    ("cold start, median ms", "{}_cold_ms", "{:.0f}"),
    ("private memory of a further SqueezeNet, MiB", "{}_memory_mib", "{:.1f}"),
    ("page cache that it maps besides, MiB", "{}_file_mib", "{:.1f}"),
    ("SqueezeNet: requests/s, 8 clients", "{}_squeezenet_requests_per_second", "{:.1f}"),
    ("SqueezeNet: p99, ms", "{}_squeezenet_p99_ms", "{:.1f}"),
    ("SqueezeNet: processor time a request, ms", "{}_squeezenet_cpu_ms_per_request", "{:.1f}"),
    ("ResNet-18: requests/s, 8 clients", "{}_resnet18_requests_per_second", "{:.1f}"),
    ("ResNet-18: p99, ms", "{}_resnet18_p99_ms", "{:.1f}"),
)
# What the line of another processor says, by the number that it needs.
_SUMMARY = (
    ("cold_ratio", "cold {} (MXNet)"),
    ("onnx_cold_ratio", "{} (ONNX Runtime)"),
    ("onnx_memory_ratio", "memory {} (ONNX Runtime)"),
    ("mxnet_throughput_ratio", "requests/s {} (MXNet)"),
    ("onnx_throughput_ratio", "{} (ONNX Runtime)"),
    ("onnx_throughput_ratio_resnet18_worker_per_core", "ResNet-18 against a worker per core {} (ONNX Runtime)"),
)


def render_report(record: Record) -> str:
    """The page, in Markdown: the latest run's processor in full, a line for each other kind."""
    entry = record.entry
    numbers = numbers_of(entry)
    values = {
        **entry["machine"],
        **numbers,
        "targets": _targets(numbers),
        "numbers": _table(numbers, _COLUMNS, _ROWS),
        "again": _table(numbers, _AGAIN_COLUMNS, _ROWS),
        "rivals": _table(numbers, _RIVAL_COLUMNS, _RIVAL_ROWS),
        "parts": "\n".join(_measured(part, entry["parts"].get(part)) for part in PARTS),
        "others": _others(record),
    }

    def section(match: re.Match[str]) -> str:
        return match[2] if match[1] in entry["parts"] else ""

    return _SECTION.sub(section, TEMPLATE.read_text()).format(**values)


def _targets(numbers: Mapping[str, Value]) -> str:
    rows = []
    for target in TARGETS:
        if target.key in numbers:
            value = float(numbers[target.key])
            rows.append(f"| {target.measure} | {target.text} | {target.show(value)} | {target.margin(value)} |")
        else:
            rows.append(f"| {target.measure} | {target.text} | | {NOT_MEASURED} |")
    return "\n".join(rows)


def _table(numbers: Mapping[str, Value], columns: Sequence[str], rows: Sequence[tuple[str, str, str]]) -> str:
    """The rows of which there is a number; cells without one are empty."""
    found = []
    for label, key, form in rows:
        keys = [key.format(column) for column in columns]
        if not numbers.keys().isdisjoint(keys):
            cells = [form.format(numbers[name]) if name in numbers else "" for name in keys]
            found.append(f"| {' | '.join([label, *cells])} |")
    return "\n".join(found)


def _measured(name: str, part: Part | None) -> str:
    what = f"{name}: {PARTS[name]}"
    if part is None:
        return f"| {what} | {NOT_MEASURED} | | | |"
    measured = part["measured"]
    load = f"{measured['load_average_before']}, {measured['load_average_after']}"
    versions = ", ".join(f"{package} {number}" for package, number in part["versions"].items())
    return f"| {what} | {measured['date']} | {measured['minutes']} | {load} | {versions} |"


def _others(record: Record) -> str:
    lines = [_summary(kind, entry) for kind, entry in record.processors.items() if kind != record.latest]
    return "\n".join(lines) if lines else "None yet."


def _summary(kind: str, entry: Entry) -> str:
    numbers = numbers_of(entry)
    shows = {target.key: target.show for target in TARGETS}
    said = [text.format(shows[key](float(numbers[key]))) for key, text in _SUMMARY if key in numbers]
    dates = sorted({str(part["measured"]["date"])[:10] for part in entry["parts"].values()})
    found, missed = len(measured(numbers)), len(unmet(numbers))
    return (
        f"- {kind} ({entry['machine']['cores']} cores, measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}): "
        f"{', '.join(said)}; {found - missed} of {found} measured targets met."
    )
