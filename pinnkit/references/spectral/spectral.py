"""Periodic evolution problems: Fourier series in space, exponential Runge-Kutta steps in time, measured error bars."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.references.finite_differences.grid_problem import grid_problem_of
from pinnkit.references.grid import Array
from pinnkit.references.grid_convergence import SAFETY, TRUST, share
from pinnkit.references.result import Reference

from .exponential_rk4 import ORDER
from .fourier_series import Series
from .run import FEWEST_STEPS, Look, check_times, look, run
from .semilinear_form import Form, Spectrum, read_form, resized

__all__ = ["Spectral"]

_SHARE = 0.7  # of the budget that the cost may take, as machines differ
_FIRST = {1: 64, 2: 32}  # modes along each line of the first run, by dimension
_MOST = {1: 16_384, 2: 512}
_SHOWN = {1: (512, 256), 2: (64, 64)}  # cells of the grid that is handed out, in space and time
_MOST_STEPS = 65_536
_ENOUGH = 2e-13  # relative, where more modes or steps change nothing but rounding
_ROUNDING = 16 * float(np.finfo(np.float64).eps)

Gap = Mapping[str, tuple[float, float]]
"""For each unknown the difference of two runs: root mean square, and the greatest."""


@dataclass(frozen=True)
class Spectral:
    """Fourier series in space and exponential Runge-Kutta steps of fourth order in time.

    For u_t = L u + N(u, x, t) on a periodic interval or rectangle: L is what the equation has of derivatives with
    constant coefficients, found by probing, and is integrated exactly; N is the rest of the residual, evaluated at the
    nodes.  Second derivatives in time are taken with the rate as a second unknown.

    The number of modes, or of steps, is doubled, whichever changed the solution more the last time, until the budget is
    used or only rounding is left.  The bar is what the last doubling of each changed: all of it for the modes; for the
    steps a fifteenth of it, with the customary factor 1.25, where their order was observed, and otherwise all of it.

    Source: Trefethen, Spectral Methods in MATLAB, ch. 10; Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference in about `budget` seconds.

        Raises:
            Unsupported: by name, for what is not of this kind.
        """
        begin = time.perf_counter()
        return _Search(read_form(grid_problem_of(problem)), budget).result(begin)


@dataclass
class _Search:
    """The way to the finest run that a budget allows; it follows from the problem and the budget alone."""

    form: Form
    budget: float
    runs: dict[tuple[tuple[int, ...], int], Series | None] = field(default_factory=dict)
    spent: float = 0.0
    latest: float = 0.0

    def __post_init__(self) -> None:
        self.seen: Look = look(self.form)
        self.d = len(self.form.lengths)
        assert self.form.grid_problem.time is not None
        self.checks = check_times(*self.form.grid_problem.time[1:])

    def result(self, begin: float) -> Reference:
        """The reference."""
        names = self.form.problem.names
        cells, steps = (_FIRST[self.d],) * self.d, 2 * FEWEST_STEPS
        in_time = [self.gap((cells, steps // 2), (cells, steps))]
        in_space: list[list[Gap]] = []
        for axis in range(self.d):
            in_space.append([self.gap((cells, steps), (_doubled(cells, axis), steps))])
            cells = _doubled(cells, axis)
        timed = cells  # the modes with which the steps were last compared
        while True:
            wanted = self._next(cells, steps, in_time, in_space)
            if wanted is None:
                break
            if wanted < 0:
                in_time.append(self.gap((cells, steps), (cells, 2 * steps)))
                steps, timed = 2 * steps, cells
            else:
                finer = _doubled(cells, wanted)
                in_space[wanted].append(self.gap((cells, steps), (finer, steps)))
                cells = finer
        if timed != cells and not self.form.homogeneous:
            in_time[-1] = self.gap((cells, steps // 2), (cells, steps))
        finest = self.series(cells, steps)
        if finest is None or any(
            not math.isfinite(g[n][0]) for g in (in_time[-1], *(s[-1] for s in in_space)) for n in names
        ):
            raise Unsupported(
                "Fourier series",
                f"problem '{self.form.problem.name}': no Fourier series, the solution does not stay finite with "
                f"{' x '.join(map(str, cells))} modes and {steps} steps",
            )
        return self._reference(finest, in_time, in_space, begin)

    def series(self, cells: tuple[int, ...], steps: int) -> Series | None:
        """One run, made when it is first asked for; the latest few are kept."""
        key = (cells, steps)
        if key not in self.runs:
            found = run(self.form, self.seen, cells, steps)
            self.runs[key] = found.series
            self.latest = found.seconds + 4e-6 * math.prod(cells) * len(self.form.states)
            self.spent += self.latest
            for old in list(self.runs)[:-3]:
                del self.runs[old]
        return self.runs[key]

    def _next(self, cells: tuple[int, ...], steps: int, in_time: list[Gap], in_space: list[list[Gap]]) -> int | None:
        """The axis to refine next, -1 for time; None where it is enough or would take too long."""
        sizes = self._sizes(cells, steps)
        names = self.form.problem.names

        def relative(gap: Gap) -> float:
            return max(gap[n][0] / sizes[n] for n in names)

        later = (
            math.inf if not math.isfinite(relative(in_time[-1])) else relative(in_time[-1]) * self._time_share(in_time)
        )
        choices = [(relative(gaps[-1]), axis) for axis, gaps in enumerate(in_space)]
        if not self.form.homogeneous:
            choices.append((later, -1))
        for size, axis in sorted(choices, key=lambda c: -c[0]):
            if size <= _ENOUGH:
                return None
            finer = cells if axis < 0 else _doubled(cells, axis)
            more = 2 * steps if axis < 0 else steps
            if max(finer) > _MOST[self.d] or more > _MOST_STEPS:
                continue
            ahead = self.latest * (2 if axis < 0 else 3)  # comparing the steps once more with more modes
            if self.spent + ahead <= _SHARE * self.budget and size > 0.1 * max(choices)[0]:
                return axis
        return None

    def _time_share(self, in_time: list[Gap]) -> float:
        found = self._observed(in_time, 0)
        return share(min(found.values(), key=lambda p: -abs(p - ORDER)) if found else math.nan, ORDER)

    def _observed(self, gaps: list[Gap], which: int) -> dict[str, float]:
        """The order with which the last two differences of each unknown fall; NaN where it cannot be seen."""
        out = {}
        for name in self.form.problem.names:
            out[name] = math.nan
            if len(gaps) > 1 and 0 < gaps[-1][name][which] < math.inf and 0 < gaps[-2][name][which] < math.inf:
                out[name] = math.log2(gaps[-2][name][which] / gaps[-1][name][which])
        return out

    def _sizes(self, cells: tuple[int, ...], steps: int) -> dict[str, float]:
        series = self.series(cells, steps)
        if series is None:
            return dict.fromkeys(self.form.problem.names, 1.0)
        total = np.zeros(len(self.form.states))
        for t, weight in zip(*self.checks, strict=True):
            if weight:
                total += weight * _squares(series, series.spectrum(float(t)))
        return {n: max(math.sqrt(v), 1e-300) for n, v in self._by_name(total, sum).items()}

    def _by_name(self, values: Array, join: Callable[[list[float]], float]) -> dict[str, float]:
        components = self.form.grid_problem.components
        parts: dict[str, list[float]] = {n: [] for n in self.form.problem.names}
        for value, (c, rate) in zip(values, self.form.states, strict=True):
            if rate == 0:
                parts[components[c].unknown].append(float(value))
        return {n: float(join(p)) / (len(p) if join is sum else 1) for n, p in parts.items()}

    def gap(self, coarse: tuple[tuple[int, ...], int], fine: tuple[tuple[int, ...], int]) -> Gap:
        """Largest difference of two runs, everywhere: between the nodes and the times too."""
        one, two = self.series(*coarse), self.series(*fine)
        if one is None or two is None:
            return dict.fromkeys(self.form.problem.names, (math.inf, math.inf))
        total, greatest = np.zeros(len(self.form.states)), np.zeros(len(self.form.states))
        wide = tuple(2 * n for n in fine[0])
        for t, weight in zip(*self.checks, strict=True):
            difference = two.spectrum(float(t))
            difference = difference - resized(one.spectrum(float(t)), coarse[0], fine[0])
            total += weight * _squares(two, difference)
            seen = np.abs(two.modes.back(difference, wide)).reshape(len(total), -1).max(axis=1)
            greatest = np.maximum(greatest, seen)
        means, peaks = self._by_name(total, sum), self._by_name(greatest, max)
        return {n: (math.sqrt(means[n]), peaks[n]) for n in self.form.problem.names}

    def _reference(self, finest: Series, in_time: list[Gap], in_space: list[list[Gap]], begin: float) -> Reference:
        problem, grid_problem = self.form.problem, self.form.grid_problem
        shown, times = _SHOWN[self.d]
        by_name = {line.name: np.linspace(line.lower, line.upper, shown + 1) for line in grid_problem.lines}
        assert grid_problem.time is not None
        by_name[grid_problem.time[0]] = np.linspace(*grid_problem.time[1:], times + 1)
        ticks = {column: by_name[column] for column in problem.frame.columns}
        values = finest.on_grid(list(ticks.values()))
        bars: tuple[dict[str, float], dict[str, float]] = ({}, {})
        turns = self._turns(finest)
        orders = self._observed(in_time, 0)
        for which, out in enumerate(bars):
            found = self._observed(in_time, which)
            for name in problem.names:
                bar = share(found[name], ORDER) * in_time[-1][name][which]
                bar += sum(_space_share([g[name][which] for g in gaps]) * gaps[-1][name][which] for gaps in in_space)
                v = values[name]
                size = float(np.sqrt(np.mean(v**2)) if which == 0 else np.abs(v).max())
                bar = max(bar, _ROUNDING * turns * size)
                out[name] = bar / size if which == 0 and size > 0 else bar
        return Reference(
            values=values,
            grid=ticks,
            error_bar=bars[0],
            max_error_bar=bars[1],
            order=ORDER,
            observed_order=max(orders.values(), key=lambda p: abs(p - ORDER) if p == p else -1.0),
            seconds=time.perf_counter() - begin,
            kind="Fourier series with exponential Runge-Kutta steps",
            between=finest,
        )

    def _turns(self, series: Series) -> float:
        """By what rounding is multiplied: 1 and the radians through which the modes turn, in the mean."""
        start = self.form.initial(series.modes)
        rates = np.abs(series.eigenvalues).max(axis=0)
        weight = np.where(rates > 0, (np.abs(start) ** 2).max(axis=0), 0.0)
        total = float(weight.sum())
        assert self.form.grid_problem.time is not None
        _, lower, upper = self.form.grid_problem.time
        return 1 + (upper - lower) * (math.sqrt(float((weight * rates**2).sum()) / total) if total > 0 else 0.0)


def _doubled(cells: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(2 * n if a == axis else n for a, n in enumerate(cells))


def _squares(series: Series, spectrum: Spectrum) -> Array:
    """Mean squares over the box, of each state, by Parseval."""
    found: Array = (np.abs(spectrum) ** 2 * series.twice).reshape(len(spectrum), -1).sum(axis=1)
    return found


def _space_share(gaps: list[float]) -> float:
    """By what the last difference of doubled modes is multiplied.

    Where the last three fall with one and the same order p, by 1.25 / (2^p - 1) as in grid_convergence.py; otherwise it
    is taken whole, and more where it hardly falls.
    """
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(gaps[-3:]) if 0 < b < a < math.inf]
    if len(slopes) == 2 and abs(slopes[0] - slopes[1]) <= TRUST and 0.5 < min(slopes) < 6:
        return SAFETY / (2 ** min(slopes) - 1)
    if len(gaps) > 1 and gaps[-2] < 2 * gaps[-1] < math.inf:
        return SAFETY / (2 ** max(slopes[-1] if slopes else 0.0, 0.2) - 1)
    return SAFETY
