"""Figures: the solution, its counterpart, their difference, and the losses.

The one module that loads matplotlib when it is imported.  Its counterpart is the reference, or the closed form.  For
speed, maps are images rather than meshes, powers of ten are Unicode text rather than mathematical markup, and the
layout is computed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import NonUniformImage
from matplotlib.ticker import LogFormatter, MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from pinnkit.domains import Axis, Role
from pinnkit.solutions.files import replacing
from pinnkit.solutions.solution import Solution, exact_values

if TYPE_CHECKING:
    from matplotlib.axis import Axis as DrawnAxis

    from pinnkit.references import Reference

__all__ = ["draw_losses", "draw_solution", "save"]

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "axes.prop_cycle": cycler(  # distinguishable without colour vision (Okabe & Ito)
        color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
    ),
}
VALUES = "viridis"
DIFFERENCES = "RdBu_r"
_SLICES = 4
_SOLVERS = 4  # more names than these in a history are attempts of a search
_LINE, _MAP = 401, 161  # points along an axis of a line and of a map
_DPI = 150
_COMPRESSION = 1  # of PNG files: three times as fast as the default, for a third more bytes
_SUPERSCRIPTS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


@dataclass(frozen=True)
class _Panel:
    """One scalar to draw: its values on a grid, and those of its counterpart."""

    label: str
    values: NDArray[Any]
    other: NDArray[Any] | None


@dataclass(frozen=True)
class _View:
    """The content of a figure: axes that vary, their coordinates, the values of the others, and one panel a scalar."""

    axes: tuple[Axis, ...]
    ticks: tuple[NDArray[np.float64], ...]
    held: str
    against: str
    panels: tuple[_Panel, ...]


def save(
    solution: Solution,
    folder: str | Path,
    *,
    reference: Reference | None = None,
    units: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write solution.png, or the problem's own figures in its place, and losses.png into `folder`.

    Args:
        solution: the solution to draw.
        folder: the folder to write; created if it does not exist.
        reference: its counterpart; None takes the problem's closed form, if it has one.
        units: of axes and unknowns, ``{"t": "s", "u": "K"}``; others are dimensionless.

    Returns:
        The files written.
    """
    figures = {f"{name}.png": draw(solution) for name, draw in solution.problem.figures.items()}
    if not figures:
        figures["solution.png"] = draw_solution(solution, reference=reference, units=units)
    figures["losses.png"] = draw_losses(solution)
    written = []
    for name, figure in figures.items():
        if figure is None:
            continue
        target = Path(folder) / name
        with replacing(target) as temporary, mpl.rc_context(STYLE):
            _write(figure, temporary)
        written.append(target)
    return written


def draw_solution(
    solution: Solution, *, reference: Reference | None = None, units: Mapping[str, str] | None = None
) -> Figure | None:
    """Draw the solution, its counterpart, and their difference on a scale of its own.

    A line over one axis, maps over two, slices of the last axis over three; further axes are held at their middle.
    None where the domain has vector axes.
    """
    if any(a.dim > 1 for a in solution.problem.axes):
        return None
    units = units or {}
    view = _view(solution, reference)
    with mpl.rc_context(STYLE):
        if len(view.axes) == 1:
            return _lines(solution, view, units)
        if len(view.axes) == 2:
            return _maps(solution, view, units)
        return _slices(solution, view, units)


def draw_losses(solution: Solution) -> Figure | None:
    """Draw the loss of every term against seconds, with a line at each change of solver; None without a history."""
    history = solution.history
    if not len(history.step):
        return None
    with mpl.rc_context(STYLE):
        figure = _figure(7.0, 4.0)
        ax = figure.subplots()
        search = len(set(history.solver)) > _SOLVERS  # attempts of their own, not steps of one solver
        style: dict[str, Any] = {"marker": "o" if search or len(history.step) <= 30 else "", "markersize": 3.5}
        style["linewidth"] = 0.5 if search else 1.5
        for name, losses in history.terms.items():
            ax.plot(history.seconds, np.where(losses > 0, losses, np.nan), label=name, **style)
        if len(history.terms) > 1:
            ax.plot(history.seconds, history.loss, color="0.6", linewidth=1, linestyle=":", label="weighted sum")
        ax.set(yscale="log", xlabel="seconds", ylabel="mean cost of a term")
        _powers_of_ten(ax.yaxis)
        ax.set_title(f"{solution.problem.name}: loss of each term", loc="left", fontsize=11, fontweight="bold")
        if search:
            ax.set_title(f"{len(history.step)} attempts", loc="right")
        else:
            _mark_solvers(ax, history.seconds, history.solver)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _mark_solvers(ax: Axes, seconds: NDArray[np.float64], solvers: Sequence[str]) -> None:
    starts = [0] + [i + 1 for i, (a, b) in enumerate(pairwise(solvers)) if a != b]
    for i in starts:
        if i:
            ax.axvline(seconds[i], color="0.5", linewidth=0.8)
        late = seconds[i] - seconds[0] > 0.6 * (seconds[-1] - seconds[0])  # the name would leave the axes
        ax.annotate(
            solvers[i], (seconds[i], 1.0), (-3 if late else 3, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right" if late else "left", va="top", fontsize=8, color="0.4",
        )  # fmt: skip


# content ------------------------------------------------------------------------------------------------------------
def _view(solution: Solution, reference: Reference | None) -> _View:
    """Values of the solution and of its counterpart on one grid; at most three axes vary."""
    problem = solution.problem
    drawn = _drawn(problem.axes)
    ticks: dict[str, NDArray[np.float64]] = {}
    for axis in problem.axes:
        if axis not in drawn:
            ticks[axis.name] = np.array([(axis.lower + axis.upper) / 2])
        elif len(drawn) == 3 and axis == drawn[-1]:
            ticks[axis.name] = np.linspace(axis.lower, axis.upper, _SLICES if axis.role is Role.TIME else _SLICES + 2)
            if axis.role is not Role.TIME:
                ticks[axis.name] = ticks[axis.name][1:-1]  # without the walls, where conditions hold
        else:
            ticks[axis.name] = np.linspace(axis.lower, axis.upper, _LINE if len(drawn) == 1 else _MAP)
    rows: dict[str, Any] = {}
    against = ""
    if reference is not None:
        against = reference.kind
        if set(drawn) == set(problem.axes):  # on the reference's own grid, without interpolation
            ticks = {name: _thinned(np.asarray(reference.axes[name]), len(t)) for name, t in ticks.items()}
            where = [np.searchsorted(np.asarray(reference.axes[a.name]), ticks[a.name]) for a in problem.axes]
            rows = {name: np.asarray(value)[np.ix_(*where)] for name, value in reference.values.items()}
        else:
            against = ""
    if not rows and problem.exact:
        against = "exact solution"
        rows = _exact(solution, ticks)
    found = solution.on_grid(**ticks)
    panels = []
    squeezed = tuple(i for i, a in enumerate(problem.axes) if a not in drawn)
    order = [drawn.index(a) for a in problem.axes if a in drawn]
    for u in problem.unknowns:
        for c in range(u.components or 1):
            label = u.name if u.components is None else f"{u.name}[{c}]"
            pair = []
            for table in (found, rows):
                value = table.get(u.name)
                if value is not None:
                    value = value if u.components is None else value[..., c]
                    value = np.transpose(value.squeeze(squeezed), np.argsort(order)).astype(np.float64)
                pair.append(value)
            assert pair[0] is not None  # the solution has every unknown
            panels.append(_Panel(label, pair[0], pair[1]))
    held = ", ".join(f"{a.name} = {ticks[a.name][0]:.3g}" for a in problem.axes if a not in drawn)
    return _View(drawn, tuple(ticks[a.name] for a in drawn), held, against, tuple(panels))


def _drawn(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """At most three axes that vary: space first, then time, then parameters; the third in slices.

    Over one space axis and time, time runs to the right and space upwards.
    """
    ranked = sorted(axes, key=lambda a: (Role.SPACE, Role.TIME, Role.PARAMETER).index(a.role))
    time = [a for a in ranked if a.role is Role.TIME]
    if len(ranked) > 3 and time:  # a moving solution in three dimensions: two of them, and time
        ranked = [*ranked[:2], time[0]]
    ranked = ranked[:3]
    if len(ranked) >= 2 and ranked[0].role is Role.SPACE and ranked[1].role is Role.TIME:
        ranked[:2] = ranked[1::-1]
    return tuple(ranked)


def _thinned(ticks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    chosen: NDArray[np.float64] = ticks[
        np.unique(np.linspace(0, len(ticks) - 1, min(count, len(ticks))).round().astype(int))
    ]
    return chosen


def _exact(solution: Solution, ticks: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    mesh = torch.meshgrid(*(torch.from_numpy(ticks[a.name]) for a in solution.problem.axes), indexing="ij")
    coords = torch.stack([m.reshape(-1) for m in mesh], dim=1)
    values = exact_values(solution.problem, coords, solution.coefficients)
    return {name: value.reshape(*mesh[0].shape, *value.shape[1:]).numpy() for name, value in values.items()}


# drawing ------------------------------------------------------------------------------------------------------------
def _lines(solution: Solution, view: _View, units: Mapping[str, str]) -> Figure:
    compared = any(p.other is not None for p in view.panels)
    rows = 2 if compared else 1
    figure = _figure(7.0, 2.4 + 1.9 * (rows - 1) + 1.2)
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=[2, 1][:rows])[:, 0]
    (axis,), (ticks,) = view.axes, view.ticks
    for p in view.panels:
        (line,) = grid[0].plot(ticks, p.values, label=p.label)
        if p.other is not None:
            grid[0].plot(
                ticks, p.other, color="black", linewidth=1, linestyle=(0, (2, 3)),
                label=view.against if p is view.panels[-1] else None,
            )  # fmt: skip
            grid[1].plot(ticks, p.values - p.other, color=line.get_color())
    grid[0].set_ylabel(_label(view.panels[0].label if len(view.panels) == 1 else "values", units))
    grid[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if compared:
        greatest = max(np.nanmax(np.abs(p.values - p.other)) for p in view.panels if p.other is not None)
        grid[1].set_title(f"difference, at most {greatest:.2g}", loc="left", fontsize=9)
        _scientific(grid[1].yaxis)
        grid[1].axhline(0, color="0.6", linewidth=0.8, zorder=0)
    grid[-1].set_xlabel(_label(axis.name, units))
    grid[-1].set_xlim(ticks[0], ticks[-1])
    _title(figure, solution, view)
    return figure


def _maps(solution: Solution, view: _View, units: Mapping[str, str]) -> Figure:
    """One row an unknown: solution, counterpart, difference; without a counterpart, the unknowns side by side."""
    compared = any(p.other is not None for p in view.panels)
    rows, columns = (len(view.panels), 3) if compared else (1, len(view.panels))
    width, height = _panel_size(view)
    figure = _figure(columns * width, rows * height + 0.9)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for i, p in enumerate(view.panels):
        line = grid[i] if compared else grid[0, i : i + 1]
        fields = [("solution", p.values)] if p.other is None else [("solution", p.values), (view.against, p.other)]
        low, high = _limits([f for _, f in fields])
        for ax, (title, field) in zip(line, fields, strict=False):
            image = _map(ax, view, field, VALUES, low, high)
            ax.set_title(f"{p.label}, {title}", loc="left")
        _colour_bar(line[len(fields) - 1], image, _label(p.label, units))
        if p.other is not None:
            difference = p.values - p.other
            reach = _reach(difference)
            image = _map(line[2], view, difference, DIFFERENCES, -reach, reach)
            line[2].set_title(f"their difference, at most {np.nanmax(np.abs(difference)):.2g}", loc="left")
            _scientific(_colour_bar(line[2], image, f"difference of {p.label}"))
        for ax in line[len(fields) + (p.other is not None) :]:
            ax.set_visible(False)
    for line in grid:
        line[0].set_ylabel(_label(view.axes[1].name, units))
    for ax in grid[-1]:
        ax.set_xlabel(_label(view.axes[0].name, units))
    _title(figure, solution, view)
    return figure


def _slices(solution: Solution, view: _View, units: Mapping[str, str]) -> Figure:
    """One column a slice; for each unknown the rows solution, counterpart, difference, one colour scale a row."""
    count = len(view.ticks[2])
    rows: list[tuple[str, str, NDArray[np.float64], str, tuple[float, float]]] = []
    for p in view.panels:
        limits = _limits([p.values] if p.other is None else [p.values, p.other])
        rows.append((p.label, "solution", p.values, VALUES, limits))
        if p.other is not None:
            difference = p.values - p.other
            reach = _reach(difference)
            rows.append((p.label, view.against, p.other, VALUES, limits))
            rows.append((p.label, "difference", difference, DIFFERENCES, (-reach, reach)))
    width, height = _panel_size(view)
    figure = _figure(count * width * 0.62 + 1.4, len(rows) * height * 0.75 + 1.0)
    grid = figure.subplots(len(rows), count, squeeze=False, sharex=True, sharey=True)
    for line, (label, kind, field, colours, (low, high)) in zip(grid, rows, strict=True):
        for k, ax in enumerate(line):
            image = _map(ax, view, field[:, :, k], colours, low, high)
        line[0].set_ylabel(f"{kind}\n{_label(view.axes[1].name, units)}")
        bar = _colour_bar(line[-1], image, f"difference of {label}" if kind == "difference" else _label(label, units))
        if kind == "difference":
            _scientific(bar)
    for ax, at in zip(grid[0], view.ticks[2], strict=True):
        ax.set_title(f"{view.axes[2].name} = {at:.3g}{_suffix(view.axes[2].name, units)}")
    for ax in grid[-1]:
        ax.set_xlabel(_label(view.axes[0].name, units))
    _title(figure, solution, view)
    return figure


def _map(ax: Axes, view: _View, field: NDArray[np.float64], colours: str, low: float, high: float) -> NonUniformImage:
    """Draw values at the nodes of a grid, interpolated linearly between them."""
    (left, right), (bottom, top) = ((t[0], t[-1]) for t in view.ticks[:2])
    image = NonUniformImage(ax, interpolation="bilinear", extent=(left, right, bottom, top), cmap=colours)
    image.set_data(view.ticks[0], view.ticks[1], np.ma.masked_invalid(field.T))
    image.set_clim(low, high)
    ax.add_image(image)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(visible=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], prune=None))
    if all(a.role is Role.SPACE for a in view.axes[:2]):
        ax.set_aspect("equal")
    return image


def _colour_bar(ax: Axes, image: NonUniformImage, label: str) -> DrawnAxis:
    """Add a colour bar as high as its map; return the axis of its scale."""
    beside = ax.inset_axes((1.04, 0.0, 0.05, 1.0))
    ax.figure.colorbar(image, cax=beside, label=label)
    return beside.yaxis


def _panel_size(view: _View) -> tuple[float, float]:
    """Width and height in inches that leave room for labels and a colour bar; space keeps its proportions."""
    if not all(a.role is Role.SPACE for a in view.axes[:2]):
        return 4.0, 3.2
    ratio = view.axes[1].extent / view.axes[0].extent
    width = float(np.clip(2.9 / ratio, 1.2, 2.9))
    return width + 1.3, float(np.clip(width * ratio, 0.8, 6.0)) + 0.4


def _limits(fields: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """One colour scale for all of `fields`."""
    low, high = min(float(np.nanmin(f)) for f in fields), max(float(np.nanmax(f)) for f in fields)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _reach(difference: NDArray[np.float64]) -> float:
    return float(np.nanmax(np.abs(difference))) or 1.0


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _write(figure: Figure, path: Path) -> None:
    """Write a PNG file by one drawing; `Figure.savefig` draws twice where it computes a layout."""
    figure.set_dpi(_DPI)
    FigureCanvasAgg(figure).print_png(path, pil_kwargs={"compress_level": _COMPRESSION})


def _title(figure: Figure, solution: Solution, view: _View) -> None:
    held = f", at {view.held}" if view.held else ""
    solvers = ", ".join(name.split("(")[0] for name in solution.solvers)
    kinds = [type(solution.fields.get(group) or module).__name__ for group, module in solution.modules.items()]
    fields = "+".join(dict.fromkeys(kinds))
    text = f"{solution.problem.name}: {fields} by {solvers}, {solution.seconds:.2g} s{held}"
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold")


def _label(name: str, units: Mapping[str, str]) -> str:
    return f"{name} ({units.get(name, 'dimensionless')})"


def _suffix(name: str, units: Mapping[str, str]) -> str:
    return f" {units[name]}" if name in units else ""


class _Scientific(ScalarFormatter):
    """Numbers of a few digits and one power of ten for all of them, as plain text."""

    def get_offset(self) -> str:
        return re.sub("1e([−-]?[0-9]+)", lambda found: f"×{_power_of_ten(found[1])}", super().get_offset())


def _scientific(axis: DrawnAxis) -> None:
    """Label small and large numbers by a few digits and one power of ten."""
    formatter = _Scientific()
    formatter.set_powerlimits((-2, 3))
    axis.set_major_formatter(formatter)


class _PowersOfTen(LogFormatter):
    """Numbers of a logarithmic axis as powers of ten, as plain text."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos):  # a tick without a label
            return ""
        digits, exponent = f"{x:.1e}".split("e")
        power = _power_of_ten(str(int(exponent)))
        return power if float(digits) == 1 else f"{float(digits):g}×{power}"


def _powers_of_ten(axis: DrawnAxis) -> None:
    """Label a logarithmic axis at powers of ten, and between them where it spans few."""
    axis.set_major_formatter(_PowersOfTen())
    axis.set_minor_formatter(_PowersOfTen())


def _power_of_ten(exponent: str) -> str:
    """A power of ten, "10⁻⁵" for the exponent "-5"."""
    return f"10{exponent.translate(_SUPERSCRIPTS)}"
