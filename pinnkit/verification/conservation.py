"""Conserved quantities of an evolution: integrals that the equations keep constant, and their drift in a solution.

Candidates are the integral of each unknown, M = int u dx, and that of the squares, Q = int sum u^2 dx / 2, of equations
of first order in time u_t = F(u), and the energy E = int (u_t^2 - u F(u)) / 2 dx of linear homogeneous equations of
second order u_tt = F(u).  They are conserved where their rates

    dM/dt = int F(u) dx,   dQ/dt = int u F(u) dx,   dE/dt = int (u_t F(u) - u F(u)_t) / 2 dx

vanish at the solution: that is so for every solution of a problem whose walls are closed, and is not assumed but
measured.  The drift of a conserved quantity bounds the error of the solution from below, also where the residual is
small at every time and adds up.

Source: LeVeque, Finite Volume Methods for Hyperbolic Problems, 2002, section 2.1; Evans, Partial Differential
Equations, section 2.4.3 (energy of the wave equation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Box, Points, columns, gauss_rule, space_columns
from pinnkit.problem.channels import Channel
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, EquationRow
from pinnkit.solutions.solution import Solution

from .finding import Finding, Kind
from .measures import FAR, number
from .term_sample import channels_at

__all__ = ["Invariant", "check_conservation", "conserved", "invariants"]

_NODES = {1: (48, 180, 193), 2: (10, 19, 22), 3: (6, 9, 10)}
"""Gauss nodes along each axis of space: of a first look, and of two rules that must agree."""
_TIMES = 9
_FEW_TIMES = 3
_LOOK = 0.1
"""As `_KEPT`, at the first look."""
_STEP = 1e-4
"""Step of the difference quotient in time, relative to all of time."""
_KEPT = 1e-4
"""Change that the rate makes during all of time, relative to that of its parts without cancellation."""
_QUADRATURE = 0.01
_SHOWN = 1e-3
"""Smallest size of a quantity, relative to what it would be without cancellation, at which its drift is measured."""


@dataclass(frozen=True)
class Invariant:
    """A quantity that the equations conserve.

    Args:
        name: in words.
        drift: largest deviation from its initial value, relative to its size.
        error: relative error of the solution that the drift implies at least.
    """

    name: str
    drift: float
    error: float


@dataclass(frozen=True)
class _Path:
    """A quantity and its rate over time; `size` and `parts` are the integrals of magnitudes instead of values."""

    value: Tensor
    size: Tensor
    rate: Tensor
    parts: Tensor
    power: int

    def is_kept(self, tolerance: float) -> bool:
        """True if the rate vanishes, relative to its parts."""
        return float(self.rate.abs().max()) <= tolerance * float(self.parts.max())


def check_conservation(found: Sequence[Invariant]) -> Iterator[Finding]:
    """Find a conserved quantity whose drift implies an error above five per cent."""
    worst = max(found, key=lambda i: i.error, default=None)
    if worst is not None and worst.error > FAR:
        yield Finding(
            Kind.DRIFT,
            f"{worst.name} is conserved by the equations and changes by {number(worst.drift)} of its size: the "
            f"solution is off by at least {number(worst.error)}; solve in slabs of time, or to a smaller residual",
            worst.error,
        )


def conserved(found: Sequence[Invariant]) -> Iterator[str]:
    """Yield a sentence on the quantities that a solution conserves."""
    if found:
        kept = ", ".join(f"{i.name} to {number(i.drift)}" for i in found)
        yield f"conserved, as the equations say: {kept}"


def invariants(solution: Solution) -> tuple[Invariant, ...]:
    """Return the quantities that the equations of an evolution in a box conserve, with their drift in the solution."""
    problem = solution.problem
    rows = _rows(problem)
    if rows is None:
        return ()
    look, one, two = _NODES[len(space_columns(problem.domain.axes))]
    if not any(q.is_kept(_LOOK) for q in _quantities(solution, rows, look, _FEW_TIMES).values()):
        return ()
    first, second = (_quantities(solution, rows, nodes, _TIMES) for nodes in (one, two))
    out = []
    for name, path in first.items():
        drift, again = _drift(path), _drift(second[name])
        if drift is None or again is None or abs(drift - again) > _QUADRATURE:
            continue
        out.append(Invariant(name, drift, drift / path.power))
    return tuple(out)


def _drift(path: _Path) -> float | None:
    """Largest relative deviation from the initial value; None where the quantity is not conserved or cancels."""
    scale = float(path.size.max())
    if not path.is_kept(_KEPT) or not scale > 0 or float(path.value.abs().max()) < _SHOWN * scale:
        return None
    return float((path.value - path.value[0]).abs().max()) / scale


def _rows(problem: Problem) -> Mapping[Component, EquationRow] | None:
    """Equation of each component, where each is solved for the highest time derivative of its own."""
    structure, time = problem.structure, problem.structure.time
    space = len(space_columns(problem.domain.axes))
    if time is None or structure.parameters or not isinstance(problem.domain, Box) or space not in _NODES:
        return None
    if structure.final or not structure.is_local or not structure.equations:
        return None
    rows = {row.settles: row for row in structure.equations if row.settles is not None}
    if len(rows) < len(structure.components) or len(rows) < len(structure.equations):
        return None
    orders = {component.time_order for component in rows}
    if len(orders) > 1 or not orders <= {1, 2} or (orders == {2} and not problem.linear):
        return None
    for component, row in rows.items():
        if any(d.time_order for d in row.depends_on if d.component != component):
            return None
        own = [f.channel for f in row.factors if any(m for _, m, _ in f.channel.split(time.name))]
        if own != [Channel(0, component.unknown, (time.name,) * component.time_order)]:
            return None
        if component.time_order == 2 and row.homogeneous is not True:
            return None
    return rows


def _quantities(solution: Solution, rows: Mapping[Component, EquationRow], nodes: int, count: int) -> dict[str, _Path]:
    axis = solution.problem.structure.time
    assert axis is not None
    span, step = axis.extent, _STEP * axis.extent
    times = torch.linspace(axis.lower + step, axis.upper - step, count, dtype=torch.float64)
    at, weight = _rule(solution.problem, nodes, times)
    here = {c: _state(solution, row, at) for c, row in rows.items()}

    def over_space(values: Tensor) -> Tensor:
        return (values * weight).reshape(count, -1).sum(dim=1)

    def path(value: Tensor, rate: Tensor, power: int, parts: Tensor | None = None) -> _Path:
        parts = rate.abs() if parts is None else parts
        return _Path(
            over_space(value), over_space(value.abs()), span * over_space(rate), span * over_space(parts), power
        )

    found: dict[str, _Path] = {}
    if next(iter(rows)).time_order == 1:
        for c, (u, _, force) in here.items():
            label = f"`{c.unknown}`" if solution.problem.unknown(c.unknown).components is None else (
                f"component {c.index} of `{c.unknown}`")  # fmt: skip
            found[f"the integral of {label}"] = path(u, force, 1)
        squares = sum((u * u / 2 for u, _, _ in here.values()), torch.zeros_like(weight))
        rates = sum((u * f for u, _, f in here.values()), torch.zeros_like(weight))
        found["the integral of the squares"] = path(squares, rates, 2)
        return found
    shift = torch.zeros_like(at)
    shift[:, _time_column(solution)] = step
    energy, rate, parts = (torch.zeros_like(weight) for _ in range(3))
    for c, row in rows.items():
        u, v, force = here[c]
        changing = (_state(solution, row, at + shift)[2] - _state(solution, row, at - shift)[2]) / (2 * step)
        energy = energy + (v * v - u * force) / 2
        rate = rate + (v * force - u * changing) / 2
        parts = parts + ((v * force).abs() + (u * changing).abs()) / 2
    found["the energy"] = path(energy, rate, 2, parts)
    return found


def _time_column(solution: Solution) -> int:
    problem = solution.problem
    assert problem.structure.time is not None
    return columns(problem.domain.axes).index(problem.structure.time.name)


def _rule(problem: Problem, nodes: int, times: Tensor) -> tuple[Tensor, Tensor]:
    """Points ``(times * n, d)``, all of a time together, and weights of the integral over space."""
    z, w = gauss_rule(nodes)
    axes = {c: axis for axis in problem.domain.axes for c in axis.columns}
    space = [columns(problem.domain.axes)[i] for i in space_columns(problem.domain.axes)]
    ticks = [axes[c].lower + z * axes[c].extent for c in space]
    mesh = torch.meshgrid(times, *ticks, indexing="ij")
    weights = torch.ones_like(mesh[0])
    for i, c in enumerate(space, start=1):
        shape = [1] * (len(space) + 1)
        shape[i] = nodes
        weights = weights * (w * axes[c].extent).reshape(shape)
    time = problem.structure.time
    assert time is not None
    by_name = dict(zip((time.name, *space), mesh, strict=True))
    coords = torch.stack([by_name[c].flatten() for c in columns(problem.domain.axes)], dim=1)
    return coords, weights.flatten()


def _state(solution: Solution, row: EquationRow, coords: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value u, rate u_t, and F of a component: the highest time derivative that the equation gives, each ``(n,)``."""
    problem, component = solution.problem, row.settles
    assert component is not None
    assert problem.structure.time is not None
    points = (Points(coords).to(solution.dtype, solution.device),)
    time = problem.structure.time.name
    highest = Channel(0, component.unknown, (time,) * component.time_order)
    asked = dict.fromkeys(
        [*problem.trace(row.term, raw=False).channels, Channel(0, component.unknown, ()),
         Channel(0, component.unknown, (time,)), highest]
    )  # fmt: skip
    values = channels_at(solution, points, list(asked))
    traced = {c: values[c] for c in problem.trace(row.term, raw=False).channels}
    at = linearise(problem, row.term, points, traced, solution.coefficient_tensors)
    factor = at.d[highest][:, row.index, component.index]
    u, rate, acceleration = (
        _component(values[Channel(0, component.unknown, order)], component)
        for order in ((), (time,), (time,) * component.time_order)
    )
    force = acceleration - at.r[:, row.index] / factor
    return u.double().cpu(), rate.double().cpu(), force.double().cpu()


def _component(value: Tensor, component: Component) -> Tensor:
    return value if value.ndim == 1 else value[:, component.index]
