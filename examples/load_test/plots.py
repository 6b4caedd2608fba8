"""Pictures of a run, as SVG that is readable on light and dark pages."""

from __future__ import annotations

from pathlib import Path

from examples.load_test.recorder import milliseconds
from examples.load_test.report import Result

_PERCENTILES = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99)


def write_plots(result: Result, directory: Path) -> list[Path]:
    """Write latency.svg (percentiles) and course.svg (every answer over time) into a folder; their paths.

    Raises:
        OSError: they cannot be written.
    """
    from pictures.plots import logarithmic, save, subplots  # noqa: PLC0415 - matplotlib, where a picture is asked for

    directory.mkdir(parents=True, exist_ok=True)
    figure, axes = subplots("Latency by percentile", "percentile", "milliseconds")
    places = range(len(_PERCENTILES))
    for name, of in (("warm", result.recorder.measured.warm), ("cold", result.recorder.measured.cold)):
        if of.get_total_count():
            axes.plot(places, [milliseconds(of, item) for item in _PERCENTILES], marker="o", label=name)
    axes.set_xticks(places, [f"{item:g}" for item in _PERCENTILES])
    logarithmic(axes)
    if axes.lines:
        axes.legend(frameon=False)
    written = [save(figure, directory / "latency.svg")]
    figure, axes = subplots("Every answer", "seconds after the start", "milliseconds")
    recorder = result.recorder
    for name, wanted in (("warm", 0), ("cold", 1)):
        chosen = [index for index, cold in enumerate(recorder.is_cold) if cold == wanted]
        if chosen:
            times = [recorder.due[index] for index in chosen]
            latencies = [recorder.latency[index] * 1000 for index in chosen]
            axes.scatter(times, latencies, s=9 if wanted == 0 else 26, label=name, rasterized=len(chosen) > 5000)
    if result.plan.warm_up_seconds:
        axes.axvline(result.plan.warm_up_seconds, linestyle=":", color="gray", label="end of warm-up")
    logarithmic(axes)
    if axes.collections:
        axes.legend(frameon=False)
    written.append(save(figure, directory / "course.svg"))
    return written
