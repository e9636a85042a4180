"""Damped steps in time: the two-stage diagonally implicit Runge-Kutta rule (SDIRK2), L-stable and of order 2.

For u_t = F(u), both stages of a step are implicit Euler steps of length gamma dt with gamma = 1 - 1/sqrt(2):

    U1 = u + gamma dt F(U1),    U2 = u + (1 - gamma) dt F(U1) + gamma dt F(U2),    u_next = U2.

A second derivative in time has the rate v as another unknown.  A step for which Newton's method does not converge is
divided into halves, and these again.

Source: Alexander, SIAM J. Numer. Anal. 14 (1977) 1006.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from pinnkit.references.cost_model import WorkCounter, evaluation
from pinnkit.references.errors import TooFewConditions, Unresolved
from pinnkit.references.grid import Array

from .artificial_diffusion import artificial_diffusion
from .assembly import Slopes, System
from .crank_nicolson import HUGE, constant_slopes, euler, newton_step
from .resolution import Resolution

__all__ = ["DampedMarch"]

_GAMMA = 1 - 1 / math.sqrt(2)  # makes the rule L-stable and of order 2
_HALVINGS = 12  # of a step
_CAREFUL = 8  # steps after which longer ones are tried again
_CORRECTIONS = 8  # of Newton's method in a stage


@dataclass(frozen=True)
class _Held:
    """An affine block in one stage."""

    source: Array
    slopes: Slopes

    def at(self, i: int) -> tuple[Array, Slopes]:  # noqa: ARG002  (there is one)
        """The source and the slopes."""
        return self.source, self.slopes


class DampedMarch:
    """SDIRK2 steps on one grid.

    Args:
        system: its rows.
        times: the ends of the steps.
        counter: where the work is recorded.
        upwind: whether to add artificial diffusion where the cell Peclet number exceeds 1, its coefficients those at
            the beginning of each step; otherwise a state that is not resolved ends the march.
    """

    def __init__(self, system: System, times: Array, *, counter: WorkCounter, upwind: bool) -> None:
        self._system = system
        self._name = system.grid_problem.problem.name
        self._times = times
        self._counter = counter
        self._upwind = upwind
        self._has_rate = np.repeat([c.time_order == 2 for c in system.grid_problem.components], system.grid.size)
        # Slopes of the affine blocks, where they are the same at all times.
        every = [float(t) for t in times]
        self._slopes = [
            {c: d[0] for c, d in b.slopes(every[:1]).items()} if b.linear and constant_slopes(b, every) else None
            for b in system.blocks
        ]
        self._deepest = 0
        self.parts = 1
        """Into how many parts a step has been divided at most."""
        self.peclet: dict[str, float] = {}
        """The greatest cell Peclet number so far along each axis on which artificial diffusion has been added."""

    def states(self, u: Array, v: Array) -> Iterator[tuple[Array, Array]]:
        """The values and rates after each full step, from those at the start.

        Raises:
            Unresolved: where a step has no solution, and where the state is not resolved.
        """
        watch = None if self._upwind else Resolution(self._system, u, float(self._times[0]))
        halvings = taken = 0  # of every step, and the steps that have been taken with them
        for begin, end in itertools.pairwise(self._times):
            before = u
            parts, self._deepest = 2**halvings, halvings
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for i in range(parts):
                    length = float(end - begin) / parts
                    u, v = self._advanced(float(begin) + i * length, length, u, v, halvings)
            self.parts = max(self.parts, 2**self._deepest)
            taken = taken + 1 if self._deepest == halvings else 0
            halvings = self._deepest
            if taken == _CAREFUL:
                halvings, taken = max(halvings - 1, 0), 0
            defect = None if watch is None else watch.look(before, u, float(begin))
            if defect is not None:
                raise Unresolved("finite differences", f"problem '{self._name}': after t = {begin:.3g} {defect.value}")
            yield u, v

    def _advanced(self, time: float, dt: float, u: Array, v: Array, halvings: int) -> tuple[Array, Array]:
        """The state after one step from `time` to `time` + `dt`, or after as many as Newton's method needs.

        `halvings` is how often the step has been halved already.
        """
        self._deepest = max(self._deepest, halvings)
        singular: TooFewConditions | None = None
        try:
            found = self._step(time, dt, u, v)
        except TooFewConditions as error:  # perhaps of a state that the iteration came through
            singular, found = error, None
        if found is not None:
            return found
        if halvings == _HALVINGS:
            raise singular or Unresolved(
                "finite differences", f"problem '{self._name}': Newton's method found no state after t = {time:.3g}"
            )
        u, v = self._advanced(time, dt / 2, u, v, halvings + 1)
        return self._advanced(time + dt / 2, dt / 2, u, v, halvings + 1)

    def _step(self, time: float, dt: float, u: Array, v: Array) -> tuple[Array, Array] | None:
        """One step; None where Newton's method does not converge."""
        stage = euler(_GAMMA * dt)
        extra = self._extra(time, u) if self._upwind else None
        first = self._stage(time, stage.dt, u, v, u, extra)
        if first is None:
            return None
        more = (1 - _GAMMA) / _GAMMA
        base, base_rate = u + more * (first[0] - u), v + more * (first[1] - v)
        return self._stage(time + dt - stage.dt, stage.dt, base, base_rate, first[0], extra)

    def _stage(
        self, begin: float, length: float, u: Array, v: Array, guess: Array, extra: sp.csr_array | None
    ) -> tuple[Array, Array] | None:
        end = begin + length
        sources = [
            _Held(b.zero([end])[0], {c: d[0] for c, d in b.slopes([end]).items()} if fixed is None else fixed)
            if b.linear
            else None
            for b, fixed in zip(self._system.blocks, self._slopes, strict=True)
        ]
        take = newton_step(
            self._system,
            euler(length),
            np.array([begin]),
            sources,
            self._counter,
            extra=extra,
            corrections=_CORRECTIONS,
        )
        ahead = take(0, u, v, guess)
        if ahead is None or not np.abs(ahead).max() < HUGE:
            return None
        return ahead, np.where(self._has_rate, (ahead - u) / length, v)

    def _extra(self, time: float, u: Array) -> sp.csr_array | None:
        system = self._system
        self._counter.add(evaluation(system.grid_problem, [line.cells for line in system.grid.lines]))
        found, numbers = artificial_diffusion(system, u, time)
        self.peclet |= {axis: max(number, self.peclet.get(axis, 0.0)) for axis, number in numbers.items()}
        return found
