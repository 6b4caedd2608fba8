"""Pictures of a run."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from .contenders import CONTENDERS
from .measure_loading import Loading
from .measure_time import TimeSpent

MIB = 2**20
COLOURS = dict(zip(CONTENDERS, ("#b5472f", "#e0a458", "#2f6db5", "#2f9e6e"), strict=True))
PHASE_COLOURS = {
    "queue": "#e0a458",
    "decode": "#7aa6d8",
    "engine": "#2f6db5",
    "encode": "#2f9e6e",
    "rest": "#b5472f",
}
PHASE_LABELS = {"queue": "queue (multi-model-server: in the rest)", "rest": "rest: transport, HTTP, hand-over"}


def write_pictures(pictures: Mapping[str, Figure], directory: Path) -> None:
    """Write the figures under their names, and close them."""
    for name, figure in pictures.items():
        # No date and no version inside: the same numbers give the same file.
        figure.savefig(directory / name, dpi=110, metadata={"Software": None})
        plt.close(figure)


def _axes(title: str, x: str, y: str, height: float = 4.5) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def time_figure(one: Mapping[str, TimeSpent], eight: Mapping[str, TimeSpent]) -> Figure:
    """Where the time goes with one client and with eight."""
    figure, both = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
    figure.suptitle("Where a request's time goes (SqueezeNet v1.1, 227 KB JPEG, medians)")
    for axes, title, times in zip(both, ("one client", "eight clients"), (one, eight), strict=True):
        names = list(times)[::-1]
        lefts = dict.fromkeys(names, 0.0)
        for phase, colour in PHASE_COLOURS.items():
            widths = [max(0.0, times[name].medians_milliseconds().get(phase, 0.0)) for name in names]
            axes.barh(names, widths, left=list(lefts.values()), color=colour, label=PHASE_LABELS.get(phase, phase))
            for name, width in zip(names, widths, strict=True):
                lefts[name] += width
        for name, total in lefts.items():
            axes.text(total, name, f" {total:.1f} ms", va="center")
        axes.set_title(title)
        axes.set_xlabel("milliseconds")
        axes.margins(x=0.18)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
    both[1].set_yticklabels([])
    handles, labels = both[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize="small", frameon=False)
    return figure


def clients_figure(sweep: Mapping[str, Mapping[int, tuple[float, float]]]) -> Figure:
    """Requests/s and p99 by number of clients."""
    figure, (rate, tail) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    figure.suptitle("Clients that ask without a pause (SqueezeNet v1.1)")
    for name, points in sweep.items():
        rate.plot(list(points), [value for value, _ in points.values()], "o-", color=COLOURS[name], label=name)
        tail.plot(list(points), [p99 for _, p99 in points.values()], "o-", color=COLOURS[name])
    rate.set_ylabel("requests/s")
    rate.set_ylim(bottom=0)
    tail.set_ylabel("p99, milliseconds")
    tail.set_yscale("log")
    tail.yaxis.set_major_formatter(ScalarFormatter())
    tail.yaxis.set_minor_formatter(ScalarFormatter())
    tail.tick_params(axis="y", which="minor", labelsize="x-small")
    ticks = sorted({clients for points in sweep.values() for clients in points})
    for axes in (rate, tail):
        axes.set_xlabel("clients")
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small", frameon=False)
    return figure


def workers_figure(workers_sweep: Mapping[str, Mapping[int, float]]) -> Figure:
    """Requests/s by number of workers."""
    figure, axes = _axes(
        "Workers (SqueezeNet v1.1, 8 clients)", "workers (multi-model-server: for the model)", "requests/s"
    )
    numbers = sorted({workers for points in workers_sweep.values() for workers in points})
    width = 0.8 / len(workers_sweep)
    for index, (name, points) in enumerate(workers_sweep.items()):
        places = [numbers.index(workers) + (index - (len(workers_sweep) - 1) / 2) * width for workers in points]
        bars = axes.bar(places, list(points.values()), width, color=COLOURS[name], label=name)
        axes.bar_label(bars, fmt="%.0f", fontsize="small")
    axes.set_xticks(range(len(numbers)), [str(number) for number in numbers])
    figure.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)
    return figure


def memory_figure(loading_by_name: Mapping[str, Loading]) -> Figure:
    """Memory by loaded models."""
    figure, axes = _axes("Memory of the whole server, shared pages counted once", "SqueezeNets loaded", "MiB")
    for name, loading in loading_by_name.items():
        sizes = [memory.proportional_bytes / MIB for memory in loading.memory]
        axes.plot(range(len(sizes)), sizes, "-", color=COLOURS[name], label=name)
        axes.plot(len(sizes) - 1, sizes[-1], "o", color=COLOURS[name])
        axes.annotate(str(loading.models), (len(sizes) - 1, sizes[-1]), textcoords="offset points", xytext=(4, 4))
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(fontsize="small", frameon=False)
    return figure
