"""One run: so many modes, so many steps, shorter ones at the start where the initial state is rough and damped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .grid import Array
from .spectral_form import Form, Modes, Spectrum
from .spectral_series import Series
from .spectral_step import Eigen, Exponential, Rest, Rotating, eigen

__all__ = ["FEWEST_STEPS", "Look", "check_times", "look", "run"]

FEWEST_STEPS = 32
_START = 16  # the first of so many parts of the time is stepped through in shorter steps
_LEVELS = 24  # how many times the step may be halved
_KEPT = 512  # times of which the coefficients are kept at most, apart from those of the start
_MEMORY = 6_000_000  # coefficients that are kept at most
_ROUGH = 1e-9  # relative size of the upper third of the initial coefficients, as many as there may be
_FINEST = {1: 8192, 2: 256}
_DAMPED = 1e-9  # of the eigenvalues' size, relative


class Step(Protocol):
    """A step of one length."""

    def __call__(self, time: float, y: Spectrum) -> Spectrum:
        """The state after a step from `time`."""
        ...


class Rule(Protocol):
    """Makes steps of one length."""

    def __call__(self, operator: Spectrum, found: Eigen, length: float, rest: Rest | None) -> Step:
        """The step."""
        ...


@dataclass(frozen=True)
class Look:
    """What is decided before the first run.

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
    high = np.zeros(modes.shape, dtype=bool)
    for k in modes.numbers:
        high = high | (np.abs(k) > np.abs(k).max() * 2 / 3)
    tail = float(np.sqrt((start[:, high] ** 2).sum()))
    rough = tail > _ROUGH * float(np.sqrt((start**2).sum()))
    values = eigen(form.operator(modes)).values
    damped = bool(-values.real.min() > _DAMPED * np.abs(values).max())
    return Look(rough, damped, Rotating if rough and not damped else Exponential)


def run(form: Form, seen: Look, cells: tuple[int, ...], steps: int) -> Series | None:
    """The solution with so many modes and steps, a power of two of at least 32; None where it is not finite."""
    modes = Modes(form.lengths, cells)
    operator = form.operator(modes)
    found = eigen(operator)
    rest = None if form.homogeneous else form.rest(modes)
    y = form.initial(modes)
    kept = min(steps, _KEPT, max(FEWEST_STEPS, 2 ** int(math.log2(max(_MEMORY // y.size, 1)))))
    stride = steps // kept
    assert form.survey.time is not None
    _, lower, upper = form.survey.time
    times, spectra = [lower], [y]
    with np.errstate(over="ignore", invalid="ignore"):
        for h, count in _lengths(form, seen, found, steps):
            step = seen.rule(operator, found, h, rest)
            begin = times[-1]
            for i in range(count):
                y = step(begin + i * h, y)
                if (i + 1) % stride == 0 or i == count - 1:
                    if not np.isfinite(y).all():
                        return None
                    times.append(begin + (i + 1) * h)
                    spectra.append(y)
    at = np.array(times)
    at[-1] = upper
    return Series(form, modes, found, at, np.stack(spectra))


def _lengths(form: Form, seen: Look, found: Eigen, steps: int) -> Iterator[tuple[float, int]]:
    """Lengths of steps and how many there are of each."""
    assert form.survey.time is not None
    _, lower, upper = form.survey.time
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
