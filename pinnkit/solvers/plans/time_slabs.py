"""Slabs of time: the problem of a slab, which starts from the final state of the previous slab.

Training over a long time often converges to a wrong solution, over a short one it does not.  See Krishnapriyan,
Gholami, Zhe, Kirby & Mahoney, Characterizing Possible Failure Modes in PINNs, NeurIPS 2021, section 5.2 (sequence to
sequence), and Penwarden, Jagtap, Zhe, Karniadakis & Kirby, J. Comput. Phys. 493 (2023) 112464 (warm starts).
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from pinnkit.derivatives import terms_of
from pinnkit.domains import InTime, Part, Points, PointSet, Role
from pinnkit.jets.frame import Derivative
from pinnkit.jets.jet import Jet, plain, unknown
from pinnkit.problem.conditions import InitialState
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.solution import Solution

__all__ = ["slab_edges", "slab_problem", "with_soft_initial"]

_REMEMBERED = 128
"""Number of kept evaluations of a previous slab's final state: the points of a solver are the same at every step."""


def slab_edges(problem: Problem, slabs: int | Sequence[float]) -> tuple[float, ...]:
    """Edges of the slabs, the ends of time included.

    Raises:
        ValueError, TypeError: for a problem without time or without an initial state, for edges that are not
            increasing times within it.
    """
    axis = next((a for a in problem.axes if a.role is Role.TIME), None)
    if axis is None:
        raise ValueError(f"solve: `slabs` divide time, and problem '{problem.name}' has no time axis; leave them out")
    if not any(t.initial_state is not None for t in problem.terms):
        raise ValueError("solve: `slabs` hand the state on from slab to slab, which needs an Initial(...) term")
    if isinstance(slabs, bool) or not isinstance(slabs, (int, list, tuple)):
        raise TypeError(f"solve: `slabs` must be their number, or the times between them, got {slabs!r}")
    if isinstance(slabs, int):
        if slabs < 1:
            raise ValueError(f"solve: `slabs` must be at least 1, got {slabs}")
        step = (axis.upper - axis.lower) / slabs
        return (*(axis.lower + k * step for k in range(slabs)), axis.upper)
    inner = [float(edge) for edge in slabs if float(edge) not in (axis.lower, axis.upper)]
    edges = (axis.lower, *inner, axis.upper)
    if any(not a < b for a, b in pairwise(edges)):
        raise ValueError(
            f"solve: `slabs` must be increasing times between {axis.lower:g} and {axis.upper:g}, got {tuple(slabs)}"
        )
    return edges


def with_soft_initial(problem: Problem) -> Problem:
    """Problem with its initial conditions as terms: the ansatz of one slab does not fit another."""
    if not any(t.hard and t.initial_state is not None for t in problem.terms):
        return problem
    terms = (t if t.initial_state is None else replace(t, hard=False) for t in problem.terms)
    return replace(problem, terms=tuple(terms))


def slab_problem(problem: Problem, lower: float, upper: float, before: Solution | None) -> Problem:
    """Problem between two times, which starts from the final state of the solution `before` where there is one.

    Raises:
        ValueError: for a term that cannot be divided in time.
    """
    axis = next(a for a in problem.axes if a.role is Role.TIME)
    first, last = lower == axis.lower, upper == axis.upper
    terms = []
    for term in problem.terms:
        if term.is_grouped or any(axis.name in i.integrated for _, i in term.integrals):
            raise ValueError(
                f"solve: `slabs` cannot divide term '{term.name}', whose integral or group of points spans several of "
                "them; leave `slabs` out"
            )
        start = term.initial_state
        if start is not None:
            residual = start if before is None else _continued(start, before, lower)
            sites = tuple(_stretch(site, term, axis.name, lower, upper) for site in term.sites)
            terms.append(replace(term, sites=sites, residual=residual))
            continue
        if term.has_fixed_points:
            found = _during(problem, term, lower, upper, last)
            terms += [] if found is None else [found]
            continue
        at = {value for name, value in term.walls if name == axis.name}
        if (at == {axis.lower} and not first) or (at == {axis.upper} and not last):
            continue  # a condition at an end of time belongs to the slab that has this end
        sites = tuple(_stretch(site, term, axis.name, lower, upper) for site in term.sites)
        terms.append(replace(term, sites=sites))
    return replace(problem, terms=tuple(terms), domain=problem.domain.with_time(lower, upper))


def _stretch(site: Part, term: Term, time: str, lower: float, upper: float) -> Part:
    """Part of the problem during the slab."""
    if not any(a.name == time for a in site.axes):
        raise ValueError(f"solve: `slabs` cannot divide the part {site!r} of term '{term.name}', which has no time")
    if not isinstance(site, InTime):
        raise ValueError(f"solve: `slabs` cannot divide the part {site!r} of term '{term.name}': it has no `with_time`")
    return site.with_time(lower, upper)


def _during(problem: Problem, term: Term, lower: float, upper: float, last: bool) -> Term | None:
    """Term with the given points within the slab; None where there are none."""
    column = problem.frame.columns.index(str(problem.time))
    (site,) = term.sites
    coords = term.points.coords if isinstance(term.points, Points) else site.coords  # type: ignore[attr-defined]
    inside = (coords[:, column] >= lower) & ((coords[:, column] <= upper) if last else (coords[:, column] < upper))
    if not bool(inside.any()):
        return None
    coords = coords[inside]
    own, at = {}, 0
    for axis in problem.axes:
        own[axis.name] = coords[:, at] if axis.dim == 1 else coords[:, at : at + axis.dim]
        at += axis.dim
    points = term.points
    if isinstance(points, Points):
        columns = {name: values[inside] for name, values in points.columns.items()}
        points = Points(coords, columns=columns)
    return replace(term, sites=(PointSet(**own),), points=points)


def _continued(start: InitialState, before: Solution, time: float) -> InitialState:
    """Initial condition from the final state of a solution."""
    values = []
    for key, _ in start.values:
        name, order = start.split(key)
        state = _FinalState(before, name, (start.time,) * order, time)
        values.append((key, state if state.axes else state.number()))
    return replace(start, values=tuple(values))


class _FinalState:
    """Unknown of a solution, or its rate, at one time, as a function of the other coordinates, with derivatives."""

    def __init__(self, solution: Solution, name: str, order: tuple[str, ...], time: float) -> None:
        self.solution = solution
        self.name = name
        self.order = order
        self.time = time
        self.axes = [a for a in solution.problem.axes if a.role is not Role.TIME]
        self.known: OrderedDict[tuple[object, ...], tuple[Sequence[Tensor], Tensor]] = OrderedDict()
        kind = inspect.Parameter.KEYWORD_ONLY
        self.__signature__ = inspect.Signature([inspect.Parameter(a.name, kind) for a in self.axes])

    def number(self) -> float | list[float]:
        """The value where time is the only axis; a list for a vector unknown."""
        solution = self.solution
        at = torch.tensor([[self.time]], device=solution.device, dtype=solution.dtype)
        found = solution.fieldset.unknowns(at, solution.coefficient_tensors, self.order)[self.name][0]
        value: float | list[float] = found.tolist()
        return value

    def __call__(self, **coords: Jet) -> Jet:
        frame = next(iter(coords.values())).frame
        columns = frozenset(c for a in self.axes for c in a.columns)
        return unknown(frame, lambda order: self._value(coords, order), columns=columns)

    def _value(self, coords: dict[str, Jet], order: Derivative) -> Tensor:
        values = [plain(coords[a.name]) for a in self.axes]
        key = (order, *((v.data_ptr(), v.shape, v.dtype) for v in values))
        if key not in self.known:
            # The coordinates are kept with the result, so that no other tensor can be allocated at their address.
            self.known[key] = values, self._evaluated(values, order)
            if len(self.known) > _REMEMBERED:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        return self.known[key][1]

    def _evaluated(self, values: Sequence[Tensor], order: Derivative) -> Tensor:
        if not isinstance(order, tuple):
            parts = [factor * self._evaluated(values, names) for factor, names in terms_of(order)]
            return torch.stack(parts).sum(dim=0)
        solution, at = self.solution, dict(zip([a.name for a in self.axes], values, strict=True))
        like = values[0]
        blocks = [
            torch.full((len(like), 1), self.time, dtype=like.dtype, device=like.device)
            if a.role is Role.TIME
            else at[a.name].reshape(len(like), -1)
            for a in solution.problem.axes
        ]
        rows = torch.cat(blocks, dim=1).detach().to(device=solution.device, dtype=solution.dtype)
        found = solution.fieldset.unknowns(rows, solution.coefficient_tensors, (*order, *self.order))[self.name]
        return found.to(like)
