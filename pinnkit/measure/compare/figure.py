"""Figure of a comparison: relative error against seconds for every run, with the reference and its error bar."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from pinnkit.reports.report import number
from pinnkit.solutions.storage import replacing

from .comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "figure"]


def draw(comparison: Comparison, target: Path) -> Path:
    """Write the figure as a PNG; the file is complete or not written."""
    import matplotlib as mpl

    from pinnkit.reports.figures import STYLE

    with replacing(target) as temporary, mpl.rc_context(STYLE):
        figure(comparison).savefig(temporary, format="png", dpi=150)
    return target


def figure(comparison: Comparison) -> Figure:
    """Relative L2 error against seconds, both axes logarithmic.

    A thin line is one run.  A dot is the median over the seeds of a method; a vertical line leads to the worst seed.  A
    triangle that points down is an upper bound, limited by the error bar of the reference.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    made = Figure(figsize=(7.5, 4.5), layout="constrained")
    FigureCanvasAgg(made)
    ax = made.subplots()
    for i, method in enumerate(comparison.methods):
        _draw_method(ax, comparison, method, f"C{i % 7}")
    _draw_reference(ax, comparison)
    if any(len(line.get_xdata()) for line in ax.lines):  # type: ignore[arg-type]
        ax.set(xscale="log", yscale="log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel="seconds of the solve", ylabel="relative L2 error")
    ax.set_title(f"{comparison.problem}: error against seconds", loc="left", fontsize=11, fontweight="bold")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    return made


def _draw_method(ax: Axes, comparison: Comparison, method: str, colour: str) -> None:
    runs = comparison.of(method)
    for run in runs:
        points = [(m.seconds, m.rel_l2) for m in run.measurements if m.rel_l2]
        if points:
            ax.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, alpha=0.5, marker=".", markersize=3)
    (median, worst), (seconds, _) = comparison.errors(method), comparison.seconds(method)
    failed = sum(bool(r.failed) for r in runs)
    label = f"{method}, {len(runs)} seeds" + (f", {failed} FAILED" if failed else "")
    if not (math.isfinite(median) and median > 0):
        ax.plot([], [], color=colour, marker="x", linestyle="", label=label)
        return
    bound = any(r.error == median and r.measurements[-1].is_bound for r in runs)
    ax.plot([seconds], [median], color=colour, marker="v" if bound else "o", linestyle="", label=label)
    if math.isfinite(worst):
        ax.plot([seconds, seconds], [median, worst], color=colour, linewidth=1.5)


def _draw_reference(ax: Axes, comparison: Comparison) -> None:
    facts = comparison.reference
    if facts.get("refused"):
        return
    bar, true, seconds = facts["rel_l2_error_bar"], facts["rel_l2_true_error"], facts["seconds"]
    if true is not None and true > 0:
        ax.plot([seconds], [true], color="0.2", marker="*", markersize=11, linestyle="", label=facts["kind"])
    if bar > 0:
        label = f"error bar of the reference, {number(bar)}, in {number(seconds)} s"
        ax.axhline(bar, label=label, color="0.4", linestyle="--", linewidth=1.0)
        if true is None:
            ax.plot([seconds], [bar], color="0.2", marker="v", linestyle="", label=f"{facts['kind']}, at most")
