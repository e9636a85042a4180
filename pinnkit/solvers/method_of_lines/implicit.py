"""Implicit march: step sizes from the error estimate, modes from the spectrum of the solution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.fields.modes import chebyshev_modes, mapped

from .coordinate_maps import Fit, fit_map
from .projection import ProjectedSystem
from .radau import Radau, radau_step, radau_tableau
from .semidiscretization import Rates, WallConstraints, first_scale, initial_values
from .spatial_basis import SpatialBasis, chebyshev, fourier
from .state_layout import StateLayout

__all__ = ["MarchStep", "Segment", "march_implicit"]

Array = NDArray[np.float64]

_FIRST = 1e-4  # of the time axis: the first step
_GROWTH = 4.0  # of the step at most, from one to the next
_SPARE = 1.2  # modes taken for each one that is needed, so that the modes need not change with every step


@dataclass(frozen=True)
class MarchStep:
    """Report after one step of a march.

    Args:
        step: number of steps taken.
        time: time reached.
        error: estimated relative error of the step.
        tail: relative size of the highest modes.
        modes: number of modes.
    """

    step: int
    time: float
    error: float
    tail: float
    modes: int


@dataclass
class Segment:
    """Consecutive steps that share their modes: the arrays of one piece of an `EvolvedModesField`."""

    numbers: Array | None
    times: list[float]
    modes: int
    powers: list[Array] = field(default_factory=list)
    waves: list[Array] = field(default_factory=list)
    rates: Array | None = None


@dataclass
class _State:
    """State of the march at the end of a step."""

    time: float
    q: Array
    h: float
    system: ProjectedSystem
    segment: Segment
    before: tuple[float, float, Array] | None = None  # start, size and polynomial of the last step
    error: float = 1.0


@dataclass(frozen=True)
class Result:
    """Steps of a finished march.

    Args:
        segments: the steps, for the field.
        steps: number of steps taken.
        rejected: number of attempts that were repeated with a smaller step or other modes.
        resolved: whether the highest modes stayed below the tolerance.
        complete: whether the end of time was reached.
        stopped: whether `report` asked to stop.
        modes: largest number of modes used.
        tail: largest relative size of the highest modes of any accepted step.
    """

    segments: tuple[Segment, ...]
    steps: int
    rejected: int
    resolved: bool
    complete: bool
    stopped: bool
    modes: int
    tail: float


def march_implicit(
    layout: StateLayout,
    rates: Rates,
    method: Radau,
    *,
    modes: int | None,
    most: int,
    tolerance: float,
    report: Callable[[MarchStep], bool],
) -> Result:
    """March from the start of time to its end.

    Args:
        layout: of the state.
        rates: of the equations.
        method: collocation in time.
        modes: number of modes; None chooses them by the spectrum of the solution, and moves them.
        most: largest number of modes.
        tolerance: of one step, relative to the size of the solution.
        report: called after every step; True stops.
    """
    walls, tableau = WallConstraints(layout), radau_tableau(method.stages)
    space = _first_space(layout, walls, modes, most, tolerance)
    start = initial_values(layout, space.places)
    system = ProjectedSystem(rates, walls, space, np.ones(len(start)))
    q = system.project(start)
    f = (system.rates(np.array([layout.time.lower]), q[None])[0] @ space.free.T).reshape(len(start), -1)
    sizes = np.sqrt((start**2).mean(axis=1))
    system.scale = first_scale(sizes, np.sqrt((f**2).sum(axis=1) / len(space.places)), layout.time.extent)
    time = layout.time
    state = _State(
        time.lower,
        system.project(start),
        _FIRST * time.extent,
        system,
        Segment(space.numbers, [time.lower], space.modes),
    )
    segments = [state.segment]
    steps = rejected = 0
    largest, resolved, stopped, refits = 0.0, True, False, 0
    while state.time < time.upper * (1 - 1e-14) - 1e-300 and not stopped:
        h = min(state.h, time.upper - state.time)
        if time.upper - state.time - h < 0.1 * h:
            h = time.upper - state.time
        trial = radau_step(state.system, tableau, state.time, state.q, h, _guess(state), tolerance=tolerance)
        if not trial.converged or trial.error > tolerance:
            rejected += 1
            shrink = (
                0.25 if not trial.converged else max(0.2, 0.9 * (tolerance / trial.error) ** (1 / (method.stages + 1)))
            )
            state.h = h * shrink
            if state.h < 1e-14 * time.extent:
                return Result(tuple(segments), steps, rejected, resolved, False, False, _most(segments), largest)
            continue
        times = state.time + h * np.concatenate([[0.0], tableau.nodes])
        coefficients = state.system.coefficients(times, trial.stages)
        tail = state.system.space.tail(coefficients[-1])
        if tail > tolerance and modes is None and resolved:
            rejected, refits = rejected + 1, refits + 1
            changed = _refit(state, layout, walls, coefficients, tail, tolerance, most, grow=1.3 ** max(0, refits - 1))
            if changed is None:
                resolved = False
                continue
            state = changed
            if state.segment.times[0] == segments[-1].times[0] or not segments[-1].powers:
                segments.pop()
            segments.append(state.segment)
            continue
        refits = 0
        resolved = resolved and (modes is None or tail <= tolerance)
        steps, largest = steps + 1, max(largest, tail)
        powers = np.tensordot(tableau.powers, coefficients, axes=1)
        state.segment.powers.append(state.system.space.output(powers[:, : len(layout.components)]))
        state.segment.times.append(float(times[-1]))
        error = max(trial.error, 1e-4 * tolerance)
        factor = (
            0.9
            * (tolerance / error) ** (0.7 / (method.stages + 1))
            * (state.error / tolerance) ** (0.3 / (method.stages + 1))
        )
        if trial.iterations > 8:
            factor = min(factor, 0.8)
        state = replace(
            state,
            time=float(times[-1]),
            q=trial.stages[-1],
            h=h * min(_GROWTH, max(0.2, factor)),
            before=(state.time, h, tableau.powers @ trial.stages),
            error=error,
        )
        now = np.sqrt((coefficients[-1] ** 2).sum(axis=1) / len(state.system.space.places))
        state.system.scale = np.maximum(state.system.scale, np.maximum(now, 1e-3 * now.max()))
        stopped = report(MarchStep(steps, state.time, trial.error, tail, state.system.space.modes))
    complete = not stopped or state.time >= time.upper * (1 - 1e-14)
    return Result(tuple(segments), steps, rejected, resolved, complete, stopped, _most(segments), largest)


def _most(segments: list[Segment]) -> int:
    return max((s.modes for s in segments), default=0)


def _first_space(
    layout: StateLayout, walls: WallConstraints, modes: int | None, most: int, tolerance: float
) -> SpatialBasis:
    """Choose the modes by the spectrum of the initial state."""
    middle, half = 0.5 * (layout.space.lower + layout.space.upper), layout.space.extent / 2
    if layout.periodic:
        if modes is None:
            values = initial_values(layout, layout.space.lower + layout.space.extent * np.arange(4096) / 4096)
            spectrum = np.abs(np.fft.rfft(values, axis=1)) / 2048
            size = np.sqrt((values**2).mean(axis=1, keepdims=True))
            above = (spectrum > 0.1 * tolerance * np.maximum(size, 1e-3 * size.max())).any(axis=0)
            modes = 2 * int(above.nonzero()[0].max(initial=0)) + 1
            modes = min(most, max(33, math.ceil(_SPARE * modes)))
        return fourier(layout, modes)
    if modes is not None:
        return chebyshev(layout, walls, modes)
    fit = fit_map([(lambda s: initial_values(layout, middle + half * s), 0.1 * tolerance)])
    return chebyshev(layout, walls, min(most, max(24, math.ceil(_SPARE * fit.needed))), fit.numbers)


def _guess(state: _State) -> Callable[[Array], Array] | None:
    """Extrapolate the polynomial of the last step."""
    if state.before is None:
        return None
    start, size, powers = state.before
    if state.h > 2 * size:
        return None

    def continued(times: Array) -> Array:
        tau = (times - start) / size
        found: Array = tau[:, None] ** np.arange(len(powers)) @ powers
        return found

    return continued


def _refit(
    state: _State,
    layout: StateLayout,
    walls: WallConstraints,
    coefficients: Array,
    tail: float,
    tolerance: float,
    most: int,
    *,
    grow: float,
) -> _State | None:
    """Represent the state in other modes that resolve it and the step just tried; None where `most` is reached."""
    old = state.system.space
    if old.numbers is None:
        wanted = math.ceil(1.5 * old.modes)
        if old.modes >= most - 1:
            return None
        space = fourier(layout, min(wanted, most))
        c = np.zeros((len(coefficients[0]), space.modes))
        c[:, : old.modes] = coefficients[0] * math.sqrt(len(space.places) / len(old.places))
        q = c.ravel()
    else:
        here, there = _function(old, coefficients[0]), _function(old, coefficients[-1])
        # The step just tried is unresolved below its own tail: a finer tolerance would fit noise.
        fit: Fit = fit_map([(here, tolerance), (there, max(tolerance, 3 * tail))], start=old.numbers)
        wanted = max(24, math.ceil(_SPARE * grow * fit.needed))
        if wanted > most:
            if old.modes >= most:
                return None
            wanted = most
        space = chebyshev(layout, walls, wanted, fit.numbers)
        middle, half = 0.5 * (layout.space.lower + layout.space.upper), layout.space.extent / 2
        values = here((space.places - middle) / half)
        q = (values @ space.tables[0]).ravel() @ space.free
    system = ProjectedSystem(state.system.evaluate, walls, space, state.system.scale)
    segment = Segment(space.numbers, [state.time], space.modes)
    return replace(state, q=q, system=system, segment=segment, before=None, h=state.h / 2)


def _function(space: SpatialBasis, c: Array) -> Callable[[Array], Array]:
    """Return the rows of a state as functions of the scaled coordinate."""
    coefficients = space.output(c)[..., 0]
    numbers: Any = torch.from_numpy(space.numbers)

    def values(s: Array) -> Array:
        modes = chebyshev_modes(mapped(torch.from_numpy(np.ascontiguousarray(s)), numbers, 0), space.modes, 0)
        found: Array = coefficients @ modes.numpy().T
        return found

    return values
