"""Evolution in time by the implicit midpoint rule (Crank-Nicolson), which for second derivatives in time is Newmark's.

A step takes u, and the rate v where the equation has u_tt, from t to t + dt.  In the equation, taken at t + dt/2,

    u -> (u_next + u) / 2,    u_t -> (u_next - u) / dt,    u_tt -> (2/dt) ((u_next - u) / dt - v),
    v_next = 2 (u_next - u) / dt - v,

the last of which is Newmark's average acceleration, beta = 1/4 and gamma = 1/2: no damping, no bound on dt, and a start of
second order from u and u_t.  Rows without a time derivative (walls, constraints) hold at the end of the step.
Where the initial state is rough or contradicts the walls, the first two steps of a first-order equation are four
half steps of the implicit Euler rule, which damp what the midpoint rule would carry along.

Source: Crank & Nicolson, Proc. Camb. Phil. Soc. 43 (1947) 50; Newmark, J. Eng. Mech. Div. ASCE 85 (1959) 67;
Rannacher, Numer. Math. 43 (1984) 309.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .assembly import STEADY, Block, Slopes, System, Weights
from .grid import Array, refined
from .initial import Start, initial_state, is_rough
from .linear import Solve, inverse
from .newton import newton
from .refusal import CannotDiscretise
from .scheme import Solved
from .stencils import ORDER
from .survey import Survey

__all__ = ["Evolution", "Step", "euler", "midpoint"]

_PROBES = 16  # nodes at which coefficients are compared at all times
_SOURCE = 4_000_000  # source values that are held at once

_Take = Callable[[int, Array, Array, Array], Array]
"""One step: its number, u, v and a guess give u_next."""


@dataclass(frozen=True)
class Step:
    """How one step weighs its three ingredients, for channels with 0, 1 and 2 time derivatives.

    Args:
        dt: its length.
        at: where in the step the equation is taken, 1/2 or 1.
        ahead: factors of u_next.
        behind: factors of u.
        rate: factors of v.
    """

    dt: float
    at: float
    ahead: Weights
    behind: Weights
    rate: Weights


def midpoint(dt: float) -> Step:
    """The implicit midpoint rule."""
    return Step(dt, 0.5, (0.5, 1 / dt, 2 / dt**2), (0.5, -1 / dt, -2 / dt**2), (0.0, 0.0, -2 / dt))


def euler(dt: float) -> Step:
    """The implicit Euler rule, for first-order equations."""
    return Step(dt, 1.0, (1.0, 1 / dt, 0.0), (0.0, -1 / dt, 0.0), (0.0, 0.0, 0.0))


class Evolution:
    """Finite differences in space, implicit steps in time.

    Args:
        survey: of the problem.
    """

    def __init__(self, survey: Survey) -> None:
        assert survey.time is not None
        self._survey = survey
        self._time = survey.time
        self.order: float = ORDER
        rates = {c.rate for c in survey.components}
        self.kind = "Newmark finite differences" if rates == {2} else "Crank-Nicolson finite differences"
        axes = [column for a in survey.problem.axes for column in a.columns]
        self.columns = tuple(axes)
        self.smallest = 8
        self.pilot = {0: 64, 1: 32, 2: 16, 3: 8}[len(survey.lines)]
        initial = Start(survey)
        self._rough = rates == {1} and is_rough(survey, initial)
        self._initial = initial

    def largest(self, column: str) -> int:
        """Rounding in space, memory in time."""
        if column == self._time[0]:
            return 20_000
        return {1: 4000, 2: 2000, 3: 1000}.get(self._survey.highest(column), 300)

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of one factorisation and the steps, or of a factorisation in every step where the problem is nonlinear."""
        sizes = dict(zip(self.columns, cells, strict=True))
        steps = sizes.pop(self._time[0])
        n = float(np.prod([c + 1.0 for c in sizes.values()])) * len(self._survey.components)
        if len(sizes) == 3:
            return 0.1 + 1e-5 * n + steps * (2e-3 + 3e-6 * n)
        power = 1.0 if len(sizes) == 1 else 1.2
        factor = 2.0e-6 * n**power
        if self._survey.linear:
            return 0.02 + factor + steps * (7e-5 + 1.6e-7 * n**power)
        return 0.02 + steps * 2.5 * (2e-3 + factor)

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:  # noqa: ARG002  (nothing to start)
        """Values at every step on the grid of so many cells.

        Raises:
            CannotDiscretise: for a singular system, a missing initial state, a step that Newton's method cannot take.
        """
        sizes = dict(zip(self.columns, cells, strict=True))
        name, lower, upper = self._time
        steps = sizes.pop(name)
        survey = self._survey
        system = System(survey, refined(survey.lines, [sizes[line.name] for line in survey.lines]))
        times = np.linspace(lower, upper, steps + 1)
        u, v = initial_state(system, self._initial)
        states = np.empty((steps + 1, system.size))
        states[0] = u
        march = _March(system, times, rough=self._rough and steps >= 4)
        for i, u in enumerate(march.states(u, v)):
            states[i + 1] = u
        return _solved(system, self._time[0], times, states)


class _March:
    """The steps of one grid."""

    def __init__(self, system: System, times: Array, *, rough: bool) -> None:
        self._system = system
        dt = (times[-1] - times[0]) / (len(times) - 1)
        quarter = times[0] + dt * np.array([0.0, 0.5, 1.0, 1.5])
        # Pairs of a rule and the times at which its steps begin.
        self._phases: list[tuple[Step, Array]] = [(euler(dt / 2), quarter)] if rough else []
        self._phases.append((midpoint(dt), times[2 if rough else 0 : -1]))
        self._constant = all(b.linear for b in system.blocks) and all(
            _constant(b, self._at(b, step, begin)) for step, begin in self._phases for b in system.blocks
        )
        self._has_rate = np.repeat([c.rate == 2 for c in system.survey.components], system.grid.size)

    def states(self, u: Array, v: Array) -> Iterator[Array]:
        """The state after each full step."""
        for step, begin in self._phases:
            half = step.at == 1.0
            take = self._linear(step, begin) if self._constant else self._newton(step, begin)
            before = u
            for i in range(len(begin)):
                guess = u if half or i == 0 else 2 * u - before
                ahead = take(i, u, v, guess)
                if not np.isfinite(ahead).all():
                    raise CannotDiscretise(
                        f"problem '{self._system.survey.problem.name}': the steps in time blow up at t = {begin[i]:.3g}"
                    )
                v = np.where(self._has_rate, 2 * (ahead - u) / step.dt - v, v)
                before, u = u, ahead
                if not half or i % 2:
                    yield u

    def _at(self, block: Block, step: Step, begin: Array) -> Array:
        return begin + step.dt * (step.at if block.dynamic else 1.0)

    def _weights(self, step: Step) -> list[tuple[Weights, Weights, Weights]]:
        zero: Weights = (0.0, 0.0, 0.0)
        return [
            (step.ahead, step.behind, step.rate) if b.dynamic else (STEADY, zero, zero) for b in self._system.blocks
        ]

    def _linear(self, step: Step, begin: Array) -> _Take:
        """One factorisation: J u_next = -(B u + C v + source)."""
        system, blocks = self._system, self._system.blocks
        first = [self._at(b, step, begin)[:1] for b in blocks]
        slopes: list[Slopes] = [{c: d[0] for c, d in b.slopes(t).items()} for b, t in zip(blocks, first, strict=True)]
        ahead, behind, rate = zip(*self._weights(step), strict=True)
        matrix = system.matrix(slopes, ahead)
        solve = inverse(system, matrix, slopes, ahead)
        b = system.matrix(slopes, behind).tocsr()
        c = system.matrix(slopes, rate).tocsr() if self._has_rate.any() else None
        many = max(1, _SOURCE // system.size)
        held: dict[int, list[Array]] = {}

        def source(i: int) -> Array:
            chunk = i // many
            if chunk not in held:
                held.clear()
                part = begin[chunk * many : (chunk + 1) * many]
                held[chunk] = [block.zero(self._at(block, step, part)) for block in blocks]
            right = np.zeros(system.size)
            for block, r in zip(blocks, held[chunk], strict=True):
                block.fill(right, r[i % many])
            return right

        def take(i: int, u: Array, v: Array, guess: Array) -> Array:  # noqa: ARG001  (linear: no guess is needed)
            right = source(i) + b @ u
            return solve(-right if c is None else -(right + c @ v))

        return take

    def _newton(self, step: Step, begin: Array) -> _Take:
        system = self._system
        weights = self._weights(step)
        shape = len(system.survey.components), -1

        def take(i: int, u: Array, v: Array, guess: Array) -> Array:
            cache: dict[bytes, tuple[Array, list[Slopes]]] = {}

            def evaluate(ahead: Array) -> tuple[Array, list[Slopes]]:
                key = ahead.tobytes()
                if key not in cache:
                    right = np.zeros(system.size)
                    slopes: list[Slopes] = []
                    for block, (a, b, c) in zip(system.blocks, weights, strict=True):
                        levels = [(a[m] * ahead + b[m] * u + c[m] * v).reshape(shape) for m in range(3)]
                        r, d = block.linearised(float(self._at(block, step, begin[i])), levels)
                        block.fill(right, r)
                        slopes.append(d)
                    cache.clear()
                    cache[key] = right, slopes
                return cache[key]

            def solver(ahead: Array) -> Solve:
                slopes = evaluate(ahead)[1]
                of_next = [w[0] for w in weights]
                return inverse(system, system.matrix(slopes, of_next), slopes, of_next)

            found = newton(lambda state: evaluate(state)[0], solver, guess)
            if found is None and guess is not u:
                found = newton(lambda state: evaluate(state)[0], solver, u)
            if found is None:
                raise CannotDiscretise(
                    f"problem '{system.survey.problem.name}': Newton's method found no state after t = {begin[i]:.3g}"
                )
            return found

        return take


def _constant(block: Block, times: Array) -> bool:
    """Whether the slopes of a linear block stay as they are: everywhere at three times, at a few nodes at all."""
    thin = slice(None, None, max(1, len(block.nodes) // _PROBES))
    for at, nodes in ((times[[0, len(times) // 2, -1]], slice(None)), (times, thin)):
        for slope in block.slopes(at, nodes).values():
            if not np.array_equal(np.broadcast_to(slope[:1], slope.shape), slope, equal_nan=True):
                return False
    return True


def _solved(system: System, time: str, times: Array, states: Array) -> Solved:
    """States ``(steps + 1, C * nodes)`` as unknowns on the grid, axes in the domain's order."""
    survey, grid = system.survey, system.grid
    columns = [column for a in survey.problem.axes for column in a.columns]
    ticks = {line.name: line.ends for line in grid.lines} | {time: times}
    fields = states.reshape(len(times), len(survey.components), *grid.shape)
    values = {}
    for u in survey.problem.unknowns:
        parts = [grid.closed(fields[:, i], leading=1) for i in system.indices[u.name]]
        moved = [np.moveaxis(part, 0, columns.index(time)) for part in parts]
        values[u.name] = np.ascontiguousarray(moved[0]) if u.components is None else np.stack(moved, axis=-1)
    return Solved({column: ticks[column] for column in columns}, values)
