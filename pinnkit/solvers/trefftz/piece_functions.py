"""Trefftz method in pieces: functions that satisfy the equation of each piece, fitted to walls and interfaces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Boundary, Product, Shape, Sobol
from pinnkit.domains.pieces.partition import Piece
from pinnkit.fields.trefftz.trefftz import TrefftzModule
from pinnkit.problem.conditions import Prescribed
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import EquationRow
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.dense_lstsq import dense_lstsq
from pinnkit.solvers.least_squares.linear_readout import ReadoutObjective

from .basis import Basis, Levels, grown, starting_levels
from .boundary_fit import build
from .geometry import geometry_of
from .operator_of import METHOD, require
from .search import Setup, setup_of

__all__ = ["ROUNDING", "PieceFit", "covers_pieces", "search_piece_functions"]

_ROWS = 5
"""Points of each condition for every function of the larger of its pieces."""
_STEPS = 10
_PATIENCE = 2
"""Fits without gain after which the search ends."""
_GAIN = 0.5
"""Ratio of errors that counts as gain."""
_SHARE = 0.1
"""Error of a condition over the largest from which its pieces get more functions."""
ROUNDING = 1e-11
"""Error near which rounding dominates: the default tolerance."""
_RCOND = 1e-15


@dataclass(frozen=True)
class PieceFit:
    """A fit of all pieces.

    Args:
        modules: functions of each copy of the unknown.
        errors: for each condition the largest residual at fresh points, relative to the parts that cancel in it.
        count: number of functions of all pieces.
    """

    modules: Mapping[tuple[str, ...], TrefftzModule]
    errors: Mapping[str, float]
    count: int

    @property
    def error(self) -> float:
        """Largest of the errors."""
        return max(self.errors.values())


def covers_pieces(problem: Problem) -> bool:
    """Return whether the method covers a problem in pieces."""
    try:
        for subject in _equations(problem).values():
            require(subject)
            geometry_of(subject)
    except (Unsupported, ValueError):
        return False
    return True


def setups(problem: Problem) -> dict[str, Setup]:
    """Operator, shape and particular solution of each piece, by the name of the unknown there.

    Raises:
        Unsupported: for what the method does not cover, and for a source that no polynomial resolves.
    """
    return {name: setup_of(subject) for name, subject in _equations(problem).items()}


def _equations(problem: Problem) -> dict[str, Problem]:
    """Equation of each piece as a problem of its own, by the name of the unknown there.

    Raises:
        Unsupported: unless there is one scalar unknown in each piece, with an elliptic equation of second order with
            constant coefficients in the plane; for conditions that are not linear.
    """
    structure = problem.structure
    other = (*structure.data, *structure.at_points, *structure.comparisons, *structure.elsewhere, *structure.minimised)
    if not problem.linear or problem.ansatz or problem.coefficients or other:
        raise Unsupported(METHOD, f"problem '{problem.name}' is not linear, or has data or other terms")
    found = {}
    for unknown in problem.unknowns:
        rows = [r for r in structure.equations if [d.component.unknown for d in r.depends_on] == [unknown.name]]
        if not isinstance(unknown.on, Piece) or unknown.components is not None or len(rows) != 1:
            raise Unsupported(METHOD, f"problem '{problem.name}': it covers one scalar unknown in each piece")
        found[unknown.name] = _alone(problem, unknown.on, unknown.name, rows[0])
    if len(structure.equations) != len(found):
        raise Unsupported(METHOD, f"problem '{problem.name}': there is more than one equation in a piece")
    return found


def search_piece_functions(
    problem: Problem, *, limit: int, tolerance: float | None, report: Callable[[PieceFit], bool]
) -> PieceFit:
    """Fit with more and more functions until the residual of the conditions is at rounding or no longer falls.

    Args:
        problem: in pieces.
        limit: largest number of functions of all pieces.
        tolerance: of the relative error; None takes that of rounding.
        report: called after every fit; True ends the search.

    Raises:
        Unsupported: for what the method does not cover.
    """
    own = setups(problem)
    levels = {name: starting_levels(setup.basis) for name, setup in own.items()}
    conditions = replace(problem, terms=[t for t in problem.terms if not t.is_equation])
    best: PieceFit | None = None
    idle = 0
    for _ in range(_STEPS):
        fit = _fit(conditions, own, levels)
        if best is None or fit.error < best.error:
            idle = 0 if best is None or fit.error < _GAIN * best.error else idle + 1
            best = fit
        else:
            idle += 1
        if report(fit) or best.error <= (tolerance or ROUNDING) or idle >= _PATIENCE:
            break
        worst = fit.error
        wanting = {
            name
            for term in conditions.terms
            if fit.errors[str(term.name)] >= (0.0 if idle else _SHARE * worst)
            for name in _unknowns_of(conditions, term)
        }
        levels = {name: _more(own[name].basis, n) if name in wanting else n for name, n in levels.items()}
        if sum(setup.basis.functions(levels[name]).count for name, setup in own.items()) > limit:
            break
    assert best is not None
    return best


def _alone(problem: Problem, piece: Piece, name: str, row: EquationRow) -> Problem:
    """The equation of a piece as a problem of its own."""
    whole = Product(piece.domain) if isinstance(piece.domain, Shape) else piece.domain
    assert isinstance(whole, Product)
    unknown = replace(problem.unknown(name), on=None)
    term = replace(row.term, sites=(piece.domain,))
    zero = Term("walls", (Boundary(whole),), Prescribed(((name, 0.0),)))
    return Problem(problem.name, piece.domain, unknown, [term, zero])


def _more(basis: Basis, levels: Levels) -> Levels:
    return grown(
        basis, levels, smooth=True, holes=tuple(True for _ in levels.holes), corners=tuple(True for _ in levels.corners)
    )


def _unknowns_of(problem: Problem, term: Term) -> set[str]:
    return {channel.unknown for channel in problem.trace(term, raw=False).channels}


def _fit(problem: Problem, own: Mapping[str, Setup], levels: Mapping[str, Levels]) -> PieceFit:
    """Least squares of all conditions for the functions of the given levels."""
    modules: dict[tuple[str, ...], TrefftzModule] = {}
    fixed = []
    for name, setup in own.items():
        spec = replace(setup.basis.functions(levels[name]), particular=setup.particular.degree)
        module = build(spec, setup.problem)
        first = spec.particular >= 0
        with torch.no_grad():
            module.particular.copy_(setup.particular.weights)
            module.readout.weight.zero_()
            module.readout.weight[0, : int(first)] = 1.0
        modules[name,] = module
        fixed.append(torch.tensor([first] + [False] * (module.readout.in_features - 1)))
    fields = FieldSet(problem, modules)
    widths = {group[0]: module.readout.in_features for group, module in modules.items()}
    counts = {
        str(t.name): min(_ROWS * max(widths[n] for n in _unknowns_of(problem, t)), _most(t)) for t in problem.terms
    }
    parameters = Parameters(problem, (), device=torch.device("cpu"), dtype=torch.float64)
    objective = ReadoutObjective(fields, parameters, CollocationPoints(problem, counts, 0, sampling=Sobol()))
    start = objective.get()
    rows, jacobian = objective.rows_and_jacobian(start)
    free = ~torch.cat(fixed)
    matrix = jacobian[:, free]
    norms = matrix.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    start[free] -= dense_lstsq(matrix.div_(norms), rows, _RCOND) / norms
    objective.assign(start)
    return PieceFit(modules, _errors(fields, {name: 2 * n for name, n in counts.items()}), int(free.sum()))


def _most(term: Term) -> int:
    """Number of points beyond which a condition is only repeated."""
    return 10_000 if term.own_points is None else term.own_points.row_count


def _errors(fields: FieldSet, counts: dict[str, int]) -> dict[str, float]:
    """Largest residual of each condition at fresh points, relative to the parts that cancel in it."""
    problem = fields.problem
    fresh = CollocationPoints(problem, counts, 0, draw=1, sampling=Sobol())
    scale: dict[str, float] = {}
    raw = {}
    for term in problem.terms:
        points = fresh.whole(term)
        channels = problem.trace(term, raw=False).channels
        with torch.no_grad():
            values = fields.channels(points, channels)
        found = linearise(problem, term, points, values)
        parts = [_rms(found.d[c][:, :, 0] * values[c][:, None]) for c in channels]
        scale[str(term.name)] = sum(parts) + _rms(found.at_zero(values))
        raw[str(term.name)] = float(found.r.abs().max())
    size = max(scale.values())
    return {
        name: r / s if s > 1e-12 * size else r / (size or 1.0)
        for (name, r), s in zip(raw.items(), scale.values(), strict=True)
    }


def _rms(values: Tensor) -> float:
    return math.sqrt(float(values.square().mean())) if values.numel() else 0.0
