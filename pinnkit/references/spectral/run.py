"""One run of a number of modes and steps, shorter ones at the start where the initial state is rough and damped."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pinnkit.references.grid import Array

from .exponential_rk4 import Eigen, Exponential, Rest, Rotating, eigen
from .fourier_series import Series
from .semilinear_form import Form, Modes, Spectrum, resized

__all__ = ["FEWEST_STEPS", "Look", "Run", "check_times", "look", "run"]

FEWEST_STEPS = 32
_START = 16  # the first of this number of parts of the time is stepped through in shorter steps
_LEVELS = 24  # how many times the step may be halved
_KEPT = 512  # times of which the coefficients are kept at most, apart from those of the start
_MEMORY = 6_000_000  # coefficients that are kept at most
_ROUGH = 1e-9  # relative size of the upper third of the initial coefficients, as many as there may be
_FINEST = {1: 8192, 2: 256}
_LOOKED = 16  # steps after which the modes are looked at
_FEWEST = 64
_SILENT = 1e-16  # amplitude, relative to the greatest, of modes that are left out
_DAMPED = 1e-9  # of the eigenvalues' size, relative


@dataclass(frozen=True)
class Run:
    """Result of a run.

    Args:
        series: the solution; None where it does not stay finite.
        seconds: what such a run takes on one core of the machine it was measured on, the same on every machine.
    """

    series: Series | None
    seconds: float


class Step(Protocol):
    """A step of one length."""

    def __call__(self, time: float, y: Spectrum) -> Spectrum:
        """The state after a step from `time`."""
        ...


class Rule(Protocol):
    """Makes steps of one length, with a fixed number of evaluations of N in each."""

    @property
    def evaluations(self) -> int:
        """Of N in a step."""
        ...

    def __call__(self, operator: Spectrum, found: Eigen, length: float, rest: Rest | None) -> Step:
        """The step."""
        ...


@dataclass(frozen=True)
class Look:
    """Settings that are fixed before the first run.

    Args:
        rough: whether the initial state has a kink or jump.
        damped: whether L damps some modes.
        rule: of the steps.
    """

    rough: bool
    damped: bool
    rule: Rule


def look(form: Form) -> Look:
    """By the initial state on a fine grid and the eigenvalues of L there."""
    d = len(form.lengths)
    modes = Modes(form.lengths, (_FINEST[d],) * d)
    start = np.abs(form.initial(modes))
    tail = float(np.sqrt((start[:, _beyond(modes, 2 / 3)] ** 2).sum()))
    rough = tail > _ROUGH * float(np.sqrt((start**2).sum()))
    values = eigen(form.operator(modes)).values
    damped = bool(-values.real.min() > _DAMPED * np.abs(values).max())
    return Look(rough, damped, Rotating if rough and not damped else Exponential)


def run(form: Form, seen: Look, cells: tuple[int, ...], steps: int) -> Run:
    """The solution with the given numbers of modes and steps, a power of two of at least 32.

    Where L damps the modes, those that have died out are left out for as long as they do not come back.
    """
    assert form.grid_problem.time is not None
    stages: dict[tuple[int, ...], _Stage] = {}
    whole = stages.setdefault(cells, _Stage(form, seen, cells))
    y, stage = form.initial(whole.modes), whole
    taken: Counter[tuple[int, ...]] = Counter()
    kept = min(steps, _KEPT, max(FEWEST_STEPS, 2 ** int(math.log2(max(_MEMORY // y.size, 1)))))
    stride = steps // kept
    times, spectra = [form.grid_problem.time[1]], [y]
    with np.errstate(over="ignore", invalid="ignore"):
        for h, count in _lengths(form, seen, whole.found, steps):
            step, begin = stage.step(h), times[-1]
            for i in range(count):
                if seen.damped and i % _LOOKED == 0:
                    wanted = _fitting(y, stage.modes, cells)
                    if wanted != stage.modes.cells:
                        y = resized(y, stage.modes.cells, wanted)
                        stage = stages.get(wanted) or _Stage(form, seen, wanted)
                        stages[wanted] = stage
                        step = stage.step(h)
                y = step(begin + i * h, y)
                taken[stage.modes.cells] += 1
                if (i + 1) % stride == 0 or i == count - 1:
                    if not np.isfinite(y).all():
                        return Run(None, _total(stages, taken))
                    times.append(begin + (i + 1) * h)
                    spectra.append(resized(y, stage.modes.cells, cells))
    at = np.array(times)
    at[-1] = form.grid_problem.time[2]
    return Run(Series(form, whole.modes, whole.found, at, np.stack(spectra)), _total(stages, taken))


def _total(stages: Mapping[tuple[int, ...], _Stage], taken: Mapping[tuple[int, ...], int]) -> float:
    return 0.02 + sum(count * stages[cells].seconds() for cells, count in taken.items())


class _Stage:
    """Operators of steps with `modes` modes."""

    def __init__(self, form: Form, seen: Look, cells: tuple[int, ...]) -> None:
        self._rule = seen.rule
        self.modes = Modes(form.lengths, cells)
        self._operator = form.operator(self.modes)
        self.found = eigen(self._operator)
        self._rest = None if form.homogeneous else form.rest(self.modes)
        self._homogeneous = 2e-5 + 6e-9 * math.prod(cells) * len(form.states) ** 2

    def seconds(self) -> float:
        """Time of one step on one core of the machine it was measured on, the same on every machine."""
        return self._homogeneous if self._rest is None else self._rule.evaluations * self._rest.seconds()

    def step(self, h: float) -> Step:
        """A step of one length."""
        return self._rule(self._operator, self.found, h, self._rest)


def _fitting(y: Spectrum, modes: Modes, cells: tuple[int, ...]) -> tuple[int, ...]:
    """Half the nodes along each line where the upper half of the modes is silent, twice where it is heard again."""
    sizes = np.abs(y).max(axis=0)
    largest = float(sizes.max())
    upper, top = (_beyond(modes, share) for share in (0.45, 2 / 3))
    if min(modes.cells) > _FEWEST and not float(sizes[upper].max()) > _SILENT * largest:
        return tuple(n // 2 for n in modes.cells)
    if modes.cells < cells and float(sizes[top].max()) > 10 * _SILENT * largest:
        return tuple(2 * n for n in modes.cells)
    return modes.cells


def _beyond(modes: Modes, share: float) -> NDArray[np.bool_]:
    """The modes whose wave number along some line is beyond a share of the highest."""
    found = np.zeros(modes.shape, dtype=bool)
    for k in modes.numbers:
        found = found | (np.abs(k) > share * np.abs(k).max())
    return found


def _lengths(form: Form, seen: Look, found: Eigen, steps: int) -> Iterator[tuple[float, int]]:
    """Lengths of steps and how many there are of each."""
    assert form.grid_problem.time is not None
    _, lower, upper = form.grid_problem.time
    whole = upper - lower
    if not (seen.rough and seen.damped):
        yield whole / steps, steps
        return
    fastest = float(-found.values.real.min())
    levels = min(_LEVELS, max(1, math.ceil(math.log2(max(fastest * whole / _START, 2.0)))))
    part, count = whole / _START, max(steps // (2 * _START), 4)
    first = part / 2**levels
    yield first / (2 * count), 2 * count
    for level in range(levels):
        yield first * 2**level / count, count
    yield whole / steps, steps - steps // _START


def check_times(lower: float, upper: float, parts: int = 48, finer: int = 14) -> tuple[Array, Array]:
    """Times at which runs are compared and how much of the whole time each stands for.

    Middles of even parts, the first of which is halved again and again towards the start; and both ends.
    """
    edges = np.concatenate([[0.0], 0.5 ** np.arange(finer, 0, -1), np.arange(1.0, parts + 1)]) / parts
    middles = np.concatenate([[0.0], (edges[1:] + edges[:-1]) / 2, [1.0]])
    shares = np.concatenate([[0.0], np.diff(edges), [0.0]])
    return lower + (upper - lower) * middles, shares
