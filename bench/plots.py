"""Draws the results as charts, for `docs/performance.md`."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

Numbers = dict[str, Any]

_SIZE = (6.4, 3.6)


def draw(results: Numbers, folder: Path) -> None:
    """Draw the charts of the results into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # Makes the file depend on the numbers only.
    mpl.rcParams["svg.hashsalt"] = "relay"
    if "workers" in results:
        _rates(
            {name.replace("_", " "): runs for name, runs in results["workers"].items()},
            "worker processes of 8 threads",
            folder / "workers.svg",
        )
    if "threads" in results:
        _rates(
            {"with latency": results["threads"]},
            "threads in each of 2 worker processes",
            folder / "threads.svg",
        )
    if {"relay", "baselines"} <= results.keys():
        _cpu(results, folder / "cpu.svg")
    if "memory" in results:
        _memory(results["memory"]["memory"], folder / "memory.svg")


def _rates(lines: dict[str, Numbers], label: str, file: Path) -> None:
    figure, axes = plt.subplots(figsize=_SIZE)
    for name, runs in lines.items():
        x = [int(number) for number in runs]
        rates = [run["messages_per_s"] for run in runs.values()]
        middle = [rate["median"] for rate in rates]
        axes.fill_between(
            x, [rate["least"] for rate in rates], [rate["most"] for rate in rates], alpha=0.25
        )
        axes.plot(x, middle, marker="o", label=name)
        for at, rate in zip(x, middle, strict=True):
            axes.annotate(f"{rate:.0f}", (at, rate), textcoords="offset points", xytext=(0, 7))
        axes.set_xticks(x)
    axes.set_xlabel(label)
    axes.set_ylabel("messages a second")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.15)
    axes.legend(loc="lower right")
    _save(figure, file)


def _cpu(results: Numbers, file: Path) -> None:
    figure, axes = plt.subplots(figsize=_SIZE)
    names = ("workers", "bridge-0", "redis", "postgres", "aws")
    bars = {
        "relay": results["relay"]["relay"],
        "with latency": results["relay"]["relay, with latency"],
    }
    left = [0.0] * len(bars)
    for name in names:
        widths = [bar["cpu_ms"][name]["median"] for bar in bars.values()]
        axes.barh(list(bars), widths, left=left, label=name)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    floor = results["baselines"]["floor"]["cpu_ms"]["median"]
    axes.barh(["floor"], [floor], color="grey")
    axes.set_xlabel("ms of CPU a message of 15 KB")
    axes.legend(fontsize="small", ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    _save(figure, file)


def _memory(series: dict[str, list[tuple[float, int]]], file: Path) -> None:
    figure, axes = plt.subplots(figsize=_SIZE)
    for name in ("workers", "bridge-0", "redis"):
        at, held = zip(*series[name], strict=True)
        axes.plot(at, [octets / 1e6 for octets in held], label=name)
    axes.set_xlabel("seconds")
    axes.set_ylabel("MB resident, the largest process")
    axes.set_ylim(0, None)
    axes.legend()
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
