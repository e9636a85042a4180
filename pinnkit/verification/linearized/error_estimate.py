"""Error estimate by defect correction: the problem linearised at a solution.

With rows r(u + δ) ≈ r + J δ and δ a combination of random sines, the least-squares δ estimates the error of u without
another solution, and the smallest |J δ| over δ of unit size measures how well the terms determine the solution.

Source: Stetter, The defect correction principle and discretization methods, Numer. Math. 29 (1978) 425.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.verification.scales import rms
from pinnkit.verification.term_sample import value_at

from .deviations import relative_deviations
from .sine_corrections import SineBasis, outputs_of

__all__ = ["ErrorEstimate", "estimate_error", "sine_basis"]

_SINES = {1: 120, 2: 300, 3: 450}
"""Number of sines by the number of coordinates, for about a second; there is no estimate beyond three."""
_MOST_OUTPUTS = 12
"""Components of all unknowns together up to which there is an estimate: sixty sines of more would take minutes."""
_RANK = 1e-10
"""Combinations of sines smaller than this fraction of the largest are left out: rounding would decide them."""
EXPLAINED = 0.7
"""A correction that leaves more of the residual than this is a fit of noise: with three rows for each sine, of noise
sqrt(2/3) = 0.8 is left."""
_TRUSTED = 1e-6
"""A residual below which a large correction says that the terms hardly determine it, not that it is needed."""
_DETERMINED = 1e-4
"""Smallest response below which a small residual says little: finer functions than the sines may have none."""
_COVERED = 0.9
"""Share of the solution that the sines must represent for a bound on its error."""


@dataclass(frozen=True)
class ErrorEstimate:
    """Correction that the linearised problem asks for.

    Args:
        sizes: size of the correction of each unknown, relative to the corrected unknown.
        residual: residual before the correction, all terms in relative units.
        remaining: the residual after the correction, as a fraction of the one before, all terms in relative units.
        smallest_response: smallest |J δ| over corrections δ of unit size, relative to the natural scale of the rows;
            zero where the terms leave a component undetermined.  Coefficients are varied with the unknowns.
        least_determined: the unknown that this δ changes most; empty where it changes coefficients most.
        direction: relative changes of the coefficients in this δ.
        deviations: standard deviation of each coefficient, relative to its value.
        covered: share of the solution that the sines can represent, 1 - relative L2 error of the fit, of the unknown
            with the least.
        late_growth: size of the corrected unknowns over that of the solution in the last tenth of time; 1 without time.
    """

    sizes: Mapping[str, float]
    residual: float
    remaining: float
    smallest_response: float
    least_determined: str
    direction: Mapping[str, float]
    deviations: Mapping[str, float]
    covered: float
    late_growth: float

    @property
    def bound(self) -> float:
        """Relative error that the residual allows, |r| / smallest |J δ|, of errors that the sines represent.

        Infinite where the sines represent less than 90 % of the solution, and where the terms hardly determine it.
        """
        if self.covered < _COVERED or not self.smallest_response > _DETERMINED:
            return math.inf
        return self.residual / self.smallest_response

    @property
    def explains(self) -> bool:
        """True if the correction removes a good part of the residual, so that its size estimates the error."""
        return self.remaining < EXPLAINED

    @property
    def significant(self) -> bool:
        """True if it explains a residual that is above rounding."""
        return self.explains and self.residual > _TRUSTED


def sine_basis(solution: Solution, natural_scale: Mapping[str, float]) -> SineBasis | None:
    """Sines about a solution, as many as a second allows.

    None above three coordinates or twelve components, for problems of data alone, and where scales are not finite.

    Args:
        solution: the solution at which the problem is linearised.
        natural_scale: for each term the residual of a field of the size of the solution that varies over the whole
            domain: the unit of its rows.
    """
    problem = solution.problem
    columns = len(problem.frame.columns)
    if not any(t.is_equation for t in problem.terms):  # data alone say nothing between their points
        return None
    if outputs_of(problem) > _MOST_OUTPUTS:
        return None
    if columns not in _SINES or not all(0 < size < math.inf for size in natural_scale.values()):
        return None
    return SineBasis.of(solution, natural_scale, max(_SINES[columns] // outputs_of(problem), 60))


def estimate_error(basis: SineBasis, least: Mapping[str, float]) -> ErrorEstimate | None:
    """Estimate the error of a solution by one linearised correction; None where values are not finite.

    Args:
        basis: sines about the solution.
        least: lower bounds of the sizes of unknowns that may vanish, see scales.py.
    """
    solution, problem = basis.solution, basis.solution.problem
    r, jacobian = basis.rows()
    inside, effect = basis.effect
    if len(r) < len(jacobian[0]) or not all(bool(torch.isfinite(a).all()) for a in (r, jacobian, *effect.values())):
        return None
    norms = jacobian.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    scaled = jacobian / norms
    step = torch.linalg.lstsq(scaled, -r[:, None], rcond=1e-12, driver="gelsd").solution[:, 0] / norms
    before = float(r.norm())
    remaining = float((r + jacobian @ step).norm()) / before if before > 0 else 1.0
    if before > 0 and not problem.linear:
        remaining = max(remaining, float(basis.residual(step).norm()) / before)
    found_sizes, late_growth, relative, covered = {}, 1.0, [], 1.0
    for name in problem.names:
        u = value_at(solution, name, inside[name]).reshape(len(inside[name]), -1)
        change = (effect[name] @ step).reshape(len(u), -1)
        size = max(rms(u + change), least.get(name, 0.0))
        found_sizes[name] = rms(change) / size if size > 0 else 0.0
        last = _last(problem, inside[name])
        if bool(last.any()) and rms(u[last]) > 0:
            late_growth = max(late_growth, rms(u[last] + change[last]) / rms(u[last]))
        relative.append(effect[name] / (max(rms(u), least.get(name, 0.0)) or 1.0))
        if rms(u) > least.get(name, 0.0):
            covered = min(covered, 1 - _misfit(effect[name][:, : basis.count], u.reshape(-1)))
    values = [abs(v) for v in solution.coefficients.values()]
    units = torch.tensor([v or max(values) or 1.0 for v in values], dtype=torch.float64)
    smallest_response, direction = _smallest_response(jacobian, torch.cat(relative), basis.count, units)
    changes = [rms(part[:, : basis.count] @ direction[: basis.count]) for part in relative]
    moved = direction[basis.count :] / units
    least_determined = problem.names[changes.index(max(changes))]
    deviations = units
    if len(units):
        deviations = relative_deviations(r, jacobian, basis.owners(), units, basis.count)
    if len(moved) and float(moved.abs().max()) > max(changes):
        least_determined = ""
    return ErrorEstimate(
        found_sizes,
        before,
        remaining,
        smallest_response,
        least_determined,
        dict(zip(solution.coefficients, moved.tolist(), strict=True)),
        dict(zip(solution.coefficients, deviations.tolist(), strict=True)),
        covered,
        late_growth,
    )


def _misfit(columns: Tensor, values: Tensor) -> float:
    """Relative L2 error of the least-squares fit of values by columns."""
    fit = torch.linalg.lstsq(columns, values[:, None], rcond=_RANK, driver="gelsd").solution
    return rms(columns @ fit - values[:, None]) / rms(values)


def _smallest_response(jacobian: Tensor, effect: Tensor, count: int, units: Tensor) -> tuple[float, Tensor]:
    """Smallest |J δ| / |δ| and the weights of that δ; |δ|² is the mean square in the domain, and (δa / a)² each."""
    effect = effect / math.sqrt(len(effect))
    effect[:, count:] = 0.0
    if len(units):
        effect = torch.cat([effect, torch.zeros(len(units), effect.shape[1], dtype=effect.dtype)])
        effect[-len(units) :, count:] = torch.diag(1 / units)
    _, s, vh = torch.linalg.svd(effect, full_matrices=False)
    if not float(s[0]) > 0:
        return math.inf, effect.new_zeros(effect.shape[1])
    keep = s > _RANK * s[0]
    orthonormal = vh[keep].T / s[keep]
    _, values, rotation = torch.linalg.svd(torch.linalg.qr(jacobian @ orthonormal)[1])  # no squares: digits count
    return float(values[-1]), orthonormal @ rotation[-1]


def _last(problem: Problem, coords: Tensor) -> Tensor:
    """True for points in the last tenth of time, ``(n,)``."""
    if problem.time is None:
        return torch.zeros(len(coords), dtype=torch.bool)
    axis = next(a for a in problem.axes if a.name == problem.time)
    column = problem.frame.columns.index(problem.time)
    return coords[:, column] > axis.upper - 0.1 * axis.extent
