"""Exponential march: the linear part of every Fourier mode exactly, the rest by collocation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .implicit import MarchStep, Result, Segment
from .phi_functions import Weights, collocation_weights, lobatto_nodes, phi
from .semidiscretization import Rates, initial_values
from .spectrum import FINE, Spectrum
from .state_layout import StateLayout

__all__ = ["ExponentialRK", "march_exponential", "why_not_semilinear"]

Array = NDArray[np.float64]
Complex = NDArray[Any]

_FIRST = 1e-4  # of the time axis: the first step
_LADDER = 2**0.25  # steps are the time axis divided by its powers, so that weights can be kept
_SWEEPS = 16
_SLOW = 1.5  # |h lambda| up to which a mode is a polynomial in time over a step
_TERMS = 8  # powers of time that a step keeps
_CACHED = 4  # sets of weights
_KINK = 2**14  # modes, over all unknowns, for a kink at the start that the equation smooths out


@dataclass(frozen=True)
class ExponentialRK:
    """Exponential collocation at Lobatto points, for `March` on periodic axes.

    Of u_n' = lambda_n u_n + rest_n(t) the first part is exact, for any stiffness; the rest is a polynomial through the
    nodes of a step, found by fixed-point sweeps. Order `stages` + 1 whatever lambda is.

    Args:
        stages: s, nodes after the start of a step, 3 to 7.

    Raises:
        ValueError: for another number of stages.

    Source: Hochbruck & Ostermann, Exponential Runge-Kutta methods for parabolic problems, Appl. Numer. Math. 53 (2005)
    323, section 2.
    """

    stages: int = 5

    def __post_init__(self) -> None:
        """Check the argument."""
        if isinstance(self.stages, bool) or not isinstance(self.stages, int) or not 3 <= self.stages <= 7:
            raise ValueError(f"ExponentialRK: `stages` must be 3 to 7, got {self.stages!r}; 5 is a good start")


def why_not_semilinear(layout: StateLayout, rates: Rates) -> str | None:
    """Return why an exponential method does not suit the equations; None where it does.

    Space must be periodic and the highest space derivative of every rate have a constant coefficient, which is tested
    on random states at random points.
    """
    if not layout.periodic:
        return f"{layout.label}: `{layout.space.name}` is not periodic, which an exponential method needs"
    generator = torch.Generator().manual_seed(0)
    n = 32
    unit = torch.rand(2, n, generator=generator, dtype=torch.float64)
    places = layout.space.lower + layout.space.extent * unit[0]
    times = layout.time.lower + layout.time.extent * unit[1]
    jets = {source: torch.randn(n, generator=generator, dtype=torch.float64) for source in rates.inputs}
    slopes = rates.slopes(places, times, jets)
    for row in {row for row, _ in slopes}:
        own = {slot: slope for (r, slot), slope in slopes.items() if r == row}
        highest = max(k for _, k in own)
        for (_, k), slope in own.items():
            if k == highest > 0 and float((slope - slope[0]).abs().max()) > 1e-9 * float(slope.abs().max()):
                return f"{layout.label}: the coefficient of the highest derivative in space is not constant"
    return None


def march_exponential(
    layout: StateLayout,
    rates: Rates,
    method: ExponentialRK,
    *,
    modes: int | None,
    most: int,
    tolerance: float,
    report: Callable[[MarchStep], bool],
) -> Result:
    """March from the start of time to its end; the arguments are those of `march_implicit`.

    Where the share of the highest modes exceeds the tolerance, the march begins again with twice as many; once `most`
    is reached, the tolerance of a step is that share.
    """
    beyond = None if modes else _beyond(layout)
    count = (modes or most) if beyond is None else _first_modes(beyond, tolerance, most)
    if beyond is not None and _kinked(beyond, tolerance, most) and _damped(layout, Spectrum(layout, rates, most)):
        count = most = max(most, _KINK // len(layout.rows) + 1)
    rejected = 0
    while True:
        march = _March(layout, Spectrum(layout, rates, count), method, tolerance)
        result = march.run(report, limit=tolerance if modes is None and count < most else math.inf)
        if result is not None:
            resolved = result.resolved and march.share() <= tolerance
            return replace(result, rejected=rejected + march.rejected, resolved=resolved)
        rejected += march.steps + march.rejected
        count = min(most, 2 * count - 1)


def _kinked(beyond: NDArray[np.float64], tolerance: float, modes: int) -> bool:
    """Test whether the part of the initial state beyond these modes exceeds the tolerance."""
    return bool((beyond[:, min(modes, beyond.shape[1] - 1)] > tolerance).any())


def _damped(layout: StateLayout, spectrum: Spectrum) -> bool:
    """Test whether the highest modes decay within a thousandth of the time: many modes then cost a few steps only."""
    return bool((spectrum.values[..., -1].real * layout.time.extent < -1e3).all())


def _beyond(layout: StateLayout) -> NDArray[np.float64]:
    """Compute the part of the initial state beyond n modes, relative to all of it, (R, n)."""
    values = initial_values(layout, layout.space.lower + layout.space.extent * np.arange(FINE) / FINE)
    power = np.abs(np.fft.rfft(values, axis=1)) ** 2
    beyond: NDArray[np.float64] = np.sqrt(
        np.cumsum(power[:, ::-1], axis=1)[:, ::-1] / np.maximum(power.sum(axis=1, keepdims=True), 1e-300)
    )
    return beyond


def _first_modes(rest: NDArray[np.float64], tolerance: float, most: int) -> int:
    """Choose the first number of modes by the initial state; slowly falling spectra are left to the march."""
    found = 65
    while found < most and found < rest.shape[1]:
        slow = rest[:, found] / np.maximum(rest[:, (found - 1) // 2], 1e-300)
        if bool(((rest[:, found] <= 0.1 * tolerance) | ((slow > 0.2) & (rest[:, found] < 1e-3))).all()):
            break
        found = 2 * found - 1
    return min(found, most)


class _StepWeights(NamedTuple):
    """Weights of one step size."""

    weights: Weights
    slow: NDArray[np.bool_]  # (R, N)
    dense: Complex  # (nodes, orders, slow modes): phi functions for the polynomial in time


class _March:
    """March with a fixed number of modes."""

    def __init__(self, layout: StateLayout, spectrum: Spectrum, method: ExponentialRK, tolerance: float) -> None:
        self.layout, self.spectrum, self.tolerance = layout, spectrum, tolerance
        self.nodes = lobatto_nodes(method.stages + 1)
        self.powers = np.linalg.inv(self.nodes[:, None] ** np.arange(len(self.nodes)))
        places = 0.5 - 0.5 * np.cos(math.pi * np.arange(_TERMS) / (_TERMS - 1))
        self.places = places
        self.through = np.linalg.inv(places[:, None] ** np.arange(_TERMS))
        self.kept: dict[float, _StepWeights] = {}
        self.steps, self.rejected = 0, 0
        self.tail, self.late = 0.0, 0.0

    def share(self, until: float | None = None) -> float:
        """Compute the root mean square of the share of the highest modes over time, or up to the time `until`."""
        axis = self.layout.time
        passed = axis.extent if until is None else max(until - axis.lower, 0.01 * axis.extent)
        return math.sqrt(self.late / passed)

    def run(self, report: Callable[[MarchStep], bool], *, limit: float) -> Result | None:
        """March to the end; None where the share of the highest modes exceeds `limit`."""
        axis, spectrum = self.layout.time, self.spectrum
        segment = Segment(None, [axis.lower], spectrum.modes)
        segment.rates = _pairs(spectrum.values)
        time, w = axis.lower, spectrum.eigen(spectrum.start)
        rest = spectrum.rest(np.array([time]), w[None])[0]
        rung = math.ceil(-math.log(_FIRST) / math.log(_LADDER))
        before: tuple[float, Complex] | None = None
        complete, stopped = True, False
        while time < axis.upper * (1 - 1e-14) - 1e-300 and not stopped:
            h = axis.extent * _LADDER**-rung
            left = axis.upper - time
            if h > left * (1 - 1e-9):
                h = left
            elif h > 0.6 * left:
                h = 0.5 * left
            stages, n, error, contraction = self._step(time, w, rest, h, before)
            allowed = max(self.tolerance, self.share(time)) if limit == math.inf else self.tolerance
            if stages is None or error > allowed:
                self.rejected += 1
                factor = 0.3 if stages is None else max(0.2, 0.9 * (allowed / error) ** (1 / len(self.nodes)))
                rung += max(1, math.ceil(-math.log(factor * h / axis.extent * _LADDER**rung) / math.log(_LADDER)))
                if h < 1e-13 * axis.extent:
                    complete = False
                    break
                continue
            self._record(segment, w, n, h)
            time, w, rest = time + h, stages[-1], n[-1]
            segment.times.append(time)
            spectrum.grow(w)
            tail = spectrum.tail(w)
            self.late += tail**2 * h
            self.tail, self.steps = max(self.tail, tail), self.steps + 1
            if self.share() > limit:
                return None
            factor = 0.9 * (allowed / max(error, 1e-6 * allowed)) ** (1 / len(self.nodes))
            if contraction > 0.25:  # more sweeps cost more than shorter steps
                factor = min(factor, 1.0 if contraction < 0.4 else 0.8)
            before = h, np.tensordot(self.powers, n, axes=1)
            change = math.floor(math.log(max(factor, 0.2)) / math.log(_LADDER))
            if change >= 2 or change < 0:  # each size of the step has weights of its own to be computed
                rung -= min(change, 6)
            rung = max(rung, 4)
            stopped = report(MarchStep(self.steps, time, error, tail, spectrum.modes))
        complete = complete and (not stopped or time >= axis.upper * (1 - 1e-14))
        return Result((segment,), self.steps, self.rejected, True, complete, stopped, spectrum.modes, self.tail)

    def _step(
        self, time: float, w: Complex, rest: Complex, h: float, before: tuple[float, Complex] | None
    ) -> tuple[Complex | None, Complex, float, float]:
        """Try a step: states at the nodes, the rest of the rates there, the error and the contraction of the sweeps."""
        weights, spectrum = self._at(h).weights, self.spectrum
        times = time + h * self.nodes[1:]
        n = np.repeat(rest[None], len(self.nodes), axis=0)
        if before is not None and h <= 2 * before[0]:
            tau = 1 + h * self.nodes[1:] / before[0]
            n[1:] = np.tensordot(tau[:, None] ** np.arange(len(self.nodes)), before[1], axes=1)
        base = weights.growth * w
        last = stages = base + h * np.einsum("ij...,j...->i...", weights.stage, n)
        size, contraction = math.inf, 0.0
        for sweep in range(_SWEEPS):
            n[1:] = spectrum.rest(times, stages)
            stages = base + h * np.einsum("ij...,j...->i...", weights.stage, n)
            change = max(spectrum.size(part) for part in stages - last)
            if not math.isfinite(change):
                return None, n, math.inf, math.inf
            contraction = change / size if math.isfinite(size) and size > 0 else 0.0
            if change < 0.02 * self.tolerance or (sweep and change * contraction < 0.01 * self.tolerance):
                break
            if sweep > 2 and contraction > 0.8:
                return None, n, math.inf, contraction
            last, size = stages, change
        else:
            return None, n, math.inf, contraction
        return stages, n, spectrum.size(h * np.einsum("j...,j...->...", weights.error, n)), contraction

    def _at(self, h: float) -> _StepWeights:
        """Return the weights of a step size; those of a few sizes are cached."""
        if h not in self.kept:
            while len(self.kept) >= _CACHED:
                self.kept.pop(next(iter(self.kept)))
            z = h * self.spectrum.values
            slow = np.abs(z) <= _SLOW
            dense = np.stack([phi(c * z[slow], len(self.nodes)) for c in self.places])
            self.kept[h] = _StepWeights(collocation_weights(self.nodes, z), slow, dense)
        return self.kept[h]

    def _record(self, segment: Segment, w: Complex, n: Complex, h: float) -> None:
        """Record the step as a function of time: a polynomial, and for fast modes exponentials beside it.

        w' = lambda w + rest with a polynomial rest has a polynomial solution p, and the others are p + a exp(lambda t);
        where |h lambda| is small, p and a grow and cancel, and the sum is a polynomial itself to rounding.
        """
        kept, spectrum, count = self._at(h), self.spectrum, len(self.nodes)
        moments = np.tensordot(self.powers, n, axes=1)
        p = np.zeros((_TERMS, *w.shape), dtype=np.complex128)
        z = np.where(kept.slow, 1.0, h * spectrum.values)
        for m in range(count - 1, -1, -1):
            p[m] = ((m + 1) * p[m + 1] - h * moments[m]) / z
        a = np.where(kept.slow, 0.0, w - p[0])
        values = []
        for c, functions in zip(self.places, kept.dense, strict=True):
            value = functions[0] * w[kept.slow]
            for m in range(count):
                value = value + h * math.factorial(m) * c ** (m + 1) * functions[m + 1] * moments[m][kept.slow]
            values.append(value)
        p[:, kept.slow] = np.tensordot(self.through, np.stack(values), axes=1)
        rows = len(self.layout.components)
        segment.powers.append(_pairs(spectrum.physical(p)[:, :rows]))
        segment.waves.append(_pairs(np.einsum("nij,jn->ijn", spectrum.vectors, a)[:rows]))


def _pairs(values: Complex) -> Array:
    """Split complex numbers into pairs of real ones, the last dimension."""
    return np.stack([values.real, values.imag], axis=-1)
