"""Explicit first-order form y' = f(t, y) of an initial-value problem of ordinary differential equations.

A component u of order m has the m rows u, u', ..., u^(m-1) of the state y.  The equations are affine in the highest
derivatives K = (u^(m), ...), r(t, y, K) = A(t, y) K + r_0(t, y) = 0 with a matrix A of any form that has an inverse, so
that several highest derivatives may stand in one equation.  With B = dr/dy at K = -A^-1 r_0, the implicit function
theorem gives dK/dy = -A^-1 B.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.domains import Axis, Points
from pinnkit.problem.channels import Channel
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import provider, residual_rows
from pinnkit.problem.operation_record import Function, Played, record
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, Structure

from .initial_state import initial_state
from .numpy_operations import in_numpy
from .requirements import METHOD, require

__all__ = ["Evaluation", "OrdinarySystem"]

Array = NDArray[np.float64]

_PROBES, _PROBES_OF_MANY = 24, 4
"""Random states near the start, and as many far from it; fewer of more than `_MANY` components."""
_MANY = 100
_SINGULAR = 1e-12
"""Smallest over largest singular value of A, rows and columns scaled to one, below which A has no inverse."""
_NOT_RECORDED = 200
"""Operations that a residual counts for which cannot be recorded."""
_IN_NUMPY = 0.2
"""Time of a NumPy operation over that of a torch one, on single numbers."""
_IN_SOLVES = 8.0
"""Operations that two solves of a small system count for."""
_WITH_MASS = 5
"""Work of the rates where A is not constant, over that of the residual."""
_RECORDED = 64
"""Batch sizes for which a recording of the residual is kept."""


class Evaluation(NamedTuple):
    """Rates and their derivatives at S times and states.

    Args:
        rates: f, (S, n).
        jacobian: df/dy, (S, n, n).
    """

    rates: Array
    jacobian: Array


class OrdinarySystem:
    """Explicit first-order form of a problem: rates, Jacobian and initial state.

    Args:
        problem: with time as its only axis; one equation for each component, an initial value for each row.

    Raises:
        Unsupported: for other problems, for equations that are not affine in the highest derivatives or do not
            determine them, and for an initial state that is missing or not finite.
    """

    def __init__(self, problem: Problem) -> None:
        require(problem)
        self.problem = problem
        self.label = f"problem '{problem.name}'"
        self._layout = _Layout(problem)
        self.rows = self._layout.rows
        self.start = initial_state(problem, self.rows)
        self._recordings: dict[int, Function] = {}
        self._constant_mass: Array | None = None
        self._probe()

    @property
    def structure(self) -> Structure:
        """Structure of the problem."""
        return self.problem.structure

    @property
    def time(self) -> Axis:
        """Time axis."""
        axis = self.structure.time
        assert axis is not None
        return axis

    @property
    def components(self) -> tuple[Component, ...]:
        """Scalar functions to be found."""
        return self.structure.components

    @property
    def size(self) -> int:
        """Number n of rows of the state."""
        return len(self.rows)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each row, such as `u`, `u_t`, `v[1]`."""
        found = []
        for i, level in self.rows:
            c = self.components[i]
            vector = self.problem.unknown(c.unknown).components is not None
            suffix = "_" + self.time.name * level if level else ""
            found.append(f"{c.unknown}{suffix}" + (f"[{c.index}]" if vector else ""))
        return tuple(found)

    def rate_at(self, time: float, state: Array) -> Array:
        """Evaluate f at one time and state, (n,) -> (n,), by NumPy where the operations of the equations allow it.

        Where A is not constant, its columns are differences of residuals at K = 0 and at unit vectors, and the rounding
        of these differences is removed by one step of iterative refinement.
        """
        single = self._single
        if single is None:
            return self.rates(np.array([time]), state[None])[0]
        layout, k = self._layout, len(self.components)
        wide = np.zeros((self._together, layout.columns))
        wide[:, layout.low] = state
        times = np.full((self._together, 1), time)
        if self._constant_mass is not None:
            highest = -(self._inverse_mass @ single(times, wide)[0])
        else:
            wide[np.arange(1, k + 1), layout.top] = 1.0
            r = single(times, wide)
            mass = (r[1:] - r[0]).T
            highest = -_solve(mass, r[0][:, None])[:, 0]
            wide[:, layout.top] = highest
            highest = highest - _solve(mass, single(times, wide)[0][:, None])[:, 0]
        rates = np.empty(self.size)
        rates[layout.chain] = state[layout.chain + 1]
        rates[layout.highest_rows] = highest
        return rates

    @property
    def _together(self) -> int:
        """Number of points at which `rate_at` evaluates the residual."""
        return 1 if self._constant_mass is not None else len(self.components) + 1

    @cached_property
    def _single(self) -> Callable[..., Array] | None:
        """Residual of `_together` points by NumPy."""
        if not isinstance(self._recorded, Played):
            return None
        time = self.time.lower + 0.37 * self.time.extent
        at = torch.full((self._together, 1), time, dtype=torch.float64)
        some = np.tile(self._wide(self.start[None], None) * 1.01 + 0.01, (self._together, 1))
        return in_numpy(self._recorded, [at, torch.from_numpy(some)])

    @cached_property
    def _recorded(self) -> Function:
        """Recording of the residual of `_together` points."""
        count = self._together
        self._residual(np.full(count, self.time.lower), np.tile(self._wide(self.start[None], None), (count, 1)))
        return self._recordings[count]

    @cached_property
    def _inverse_mass(self) -> Array:
        assert self._constant_mass is not None
        return np.asarray(np.linalg.inv(self._constant_mass), dtype=np.float64)

    @property
    def operations(self) -> float:
        """Work of one evaluation of the rates at one state, in array operations."""
        once = len(self._recorded.steps) if isinstance(self._recorded, Played) else _NOT_RECORDED
        if self._single is not None:
            return _IN_NUMPY * once if self._constant_mass is not None else 2 * _IN_NUMPY * once + _IN_SOLVES
        return once if self._constant_mass is not None else _WITH_MASS * once

    def rates(self, times: Array, states: Array) -> Array:
        """Evaluate f: (S,), (S, n) -> (S, n); NaN where the highest derivatives are not determined."""
        wide = self._wide(states, None)
        with torch.no_grad():
            r0 = self._residual(times, wide).numpy()
        mass = self._constant_mass
        if mass is None:
            mass = self._slopes(times, wide)[:, :, self._layout.top]
        return self._with_levels(states, -_solve(mass, r0[..., None])[..., 0])

    def evaluate(self, times: Array, states: Array) -> Evaluation:
        """Evaluate f and df/dy at S times and states: (S,), (S, n)."""
        rates = self.rates(times, states)
        highest = rates[:, self._layout.highest_rows]
        slopes = self._slopes(times, self._wide(states, highest))
        mass = slopes[:, :, self._layout.top] if self._constant_mass is None else self._constant_mass
        inner = -_solve(mass, slopes[:, :, self._layout.low])
        jacobian = np.zeros((len(times), self.size, self.size))
        jacobian[:, self._layout.highest_rows] = inner
        chain = self._layout.chain
        jacobian[:, chain, chain + 1] = 1.0
        return Evaluation(rates, jacobian)

    # pieces -----------------------------------------------------------------------------------------------------
    def _wide(self, states: Array, highest: Array | None) -> Array:
        """Values of all derivatives (S, columns) from the state and the highest derivatives, zero where not given."""
        wide = np.zeros((len(states), self._layout.columns))
        wide[:, self._layout.low] = states
        if highest is not None:
            wide[:, self._layout.top] = highest
        return wide

    def _with_levels(self, states: Array, highest: Array) -> Array:
        rates = np.empty_like(states)
        rates[:, self._layout.chain] = states[:, self._layout.chain + 1]
        rates[:, self._layout.highest_rows] = highest
        return rates

    def _residual(self, times: Array, wide: Array | Tensor) -> Tensor:
        """Evaluate the residuals (S, k) by a recording of their operations."""
        at = torch.from_numpy(np.ascontiguousarray(times))[:, None]
        values = torch.from_numpy(wide) if isinstance(wide, np.ndarray) else wide
        count = len(at)
        if count not in self._recordings:
            if len(self._recordings) >= _RECORDED:
                self._recordings.clear()
            time = self.time
            other = time.lower + time.extent * torch.linspace(0.1, 0.9, count, dtype=torch.float64)[:, None]
            shifted = values.detach() * 1.01 + 0.01
            self._recordings[count] = record(self._layout.residual, [at, values.detach()], [other, shifted])
        return self._recordings[count](at, values)

    def _slopes(self, times: Array, wide: Array) -> Array:
        """Evaluate dr/dwide (S, k, columns): every row at points of its own, so that one backward pass gives all."""
        k, count = len(self.components), len(times)
        with torch.enable_grad():
            values = torch.from_numpy(np.tile(wide, (k, 1))).requires_grad_()
            r = self._residual(np.tile(times, k), values)
            if not r.requires_grad:
                return np.zeros((count, k, self._layout.columns))
            picked = r.reshape(k, count, k).diagonal(dim1=0, dim2=2).sum()
            (found,) = torch.autograd.grad(picked, values)
        return found.numpy().reshape(k, count, -1).transpose(1, 0, 2)

    def _probe(self) -> None:
        """Test near the initial state and at random ones whether r is affine in K, and whether A is constant."""
        generator = np.random.default_rng(0)
        time, k = self.time, len(self.components)
        probes = _PROBES if k <= _MANY else _PROBES_OF_MANY
        times = time.lower + time.extent * generator.random(2 * probes)
        near = self.start * (1 + 0.2 * generator.standard_normal((probes, self.size)))
        far = generator.standard_normal((probes, self.size))
        states = np.concatenate([near, far])
        wide = self._wide(states, None)
        with torch.no_grad():
            r0 = self._residual(times, wide).numpy()
        mass = self._slopes(times, wide)[:, :, self._layout.top]
        finite = np.isfinite(r0).all(axis=1) & np.isfinite(mass).all(axis=(1, 2))
        if not finite.any():
            raise Unsupported(METHOD, f"{self.label}: the equations are not finite near the initial state")
        for scale in (1.0, 100.0):
            highest = scale * generator.standard_normal((len(times), k))
            with torch.no_grad():
                r = self._residual(times, self._wide(states, highest)).numpy()
            affine = r0 + np.einsum("nkj,nj->nk", mass, highest)
            size = np.abs(r0) + np.einsum("nkj,nj->nk", np.abs(mass), np.abs(highest))
            if not (np.abs(r - affine) <= 1e-9 * size + 1e-300)[finite].all():
                raise Unsupported(METHOD, f"{self.label}: the equations are not affine in the highest time derivatives")
        if all(_singular(a) for a in mass[finite]):
            raise Unsupported(
                METHOD,
                f"{self.label}: the equations do not determine all highest time derivatives; one of them is a "
                "constraint, or follows from the others",
            )
        first = mass[finite][0]
        if finite.sum() > 1 and np.allclose(mass[finite], first, rtol=1e-13, atol=0):
            self._constant_mass = first


class _Layout:
    """Numbering of the derivatives of all components: rows of the state and columns of a wide array of values.

    Args:
        problem: the problem.

    Attributes:
        rows: pairs (component, level) of the state, level 0 the value, 1 its first derivative.
        columns: number of values in all: for each unknown, its derivatives of order 0 to the highest.
        low, top: columns of the rows of the state, (n,), and of the highest derivatives, (k,).
        highest_rows: row of the last derivative of each component in the state, (k,).
        chain: rows whose rate is the next row.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        components = problem.structure.components
        self.rows = tuple((i, level) for i, c in enumerate(components) for level in range(c.time_order))
        self._blocks: dict[tuple[str, int], slice] = {}
        self.columns = 0
        for unknown in problem.unknowns:
            count = unknown.components or 1
            orders = [c.time_order for c in components if c.unknown == unknown.name]
            for level in range(max(orders) + 1):
                self._blocks[unknown.name, level] = slice(self.columns, self.columns + count)
                self.columns += count
        self.low = np.array([self._column(components[i], level) for i, level in self.rows])
        self.top = np.array([self._column(c, c.time_order) for c in components])
        last = [self.rows.index((i, c.time_order - 1)) for i, c in enumerate(components)]
        self.highest_rows = np.array(last)
        self.chain = np.array([r for r in range(len(self.rows)) if r not in last], dtype=np.int64)

    def residual(self, times: Tensor, wide: Tensor) -> Tensor:
        """Evaluate the residuals of all equations side by side: (S, 1), (S, columns) -> (S, k)."""
        problem, points = self._problem, (Points(times),)
        parts = []
        for term in problem.structure.equation_terms:
            trace = problem.trace(term, raw=False)
            values = {c: self._value(c, wide) for c in trace.channels}
            lookup = provider(problem, values, trace.ignored, points)
            parts.append(residual_rows(problem, term, points, lookup, {}, raw=False))
        return torch.cat(parts, dim=1)

    def _column(self, component: Component, level: int) -> int:
        return self._blocks[component.unknown, level].start + component.index

    def _value(self, channel: Channel, wide: Tensor) -> Tensor:
        """A channel from the wide array: (S,) or, for a vector unknown, (S, c)."""
        total: Tensor | None = None
        for factor, level, _ in channel.split(self._time):
            block = self._blocks.get((channel.unknown, level))
            part = torch.zeros_like(wide[:, :1]) if block is None else wide[:, block]
            part = part if factor == 1 else factor * part
            total = part if total is None else total + part
        assert total is not None
        return total[:, 0] if self._problem.unknown(channel.unknown).components is None else total

    @property
    def _time(self) -> str:
        assert self._problem.time is not None
        return self._problem.time


def _solve(matrix: Array, right: Array) -> Array:
    """Solve A X = R for matrices (k, k) or (S, k, k) and (S, k, m); NaN where A is singular or not finite."""
    if matrix.shape[-1] == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = right / matrix
        return found
    try:
        return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        if matrix.ndim == 2:
            return np.full_like(right, np.nan)
    out = np.full_like(right, np.nan)
    for i, (a, b) in enumerate(zip(matrix, right, strict=True)):
        try:
            out[i] = np.linalg.solve(a, b)
        except np.linalg.LinAlgError:
            continue
    return out


def _singular(matrix: Array) -> bool:
    """Return whether a matrix has no inverse to rounding, whatever the units of its rows and columns."""
    rows = np.abs(matrix).max(axis=1, keepdims=True)
    if not (rows > 0).all():
        return True
    scaled = matrix / rows
    columns = np.abs(scaled).max(axis=0, keepdims=True)
    if not (columns > 0).all():
        return True
    singular = np.linalg.svd(scaled / columns, compute_uv=False)
    return bool(singular[-1] <= _SINGULAR * singular[0])
