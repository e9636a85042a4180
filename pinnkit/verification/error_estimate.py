"""The problem linearised at a solution: which correction it asks for, and what it leaves open.

With rows r(u + δ) ≈ r + J δ and δ a combination of random sines, the least-squares δ estimates the error of u without
any other solution to compare with (defect correction), and the smallest |J δ| over δ of unit size tells whether the
terms determine the solution at all.

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

from .sine_corrections import Sines, outputs_of
from .term_sample import rms

__all__ = ["Correction", "correction"]

_SINES = {1: 120, 2: 300, 3: 450}
"""By the number of coordinates; more of these do not fit into a second, and beyond there is no estimate."""
_RANK = 1e-10
"""Combinations of sines smaller than this fraction of the largest are left out: rounding would decide them."""
EXPLAINED = 0.7
"""A correction that leaves more of the residual than this is a fit of noise: with three rows for each sine, of noise
sqrt(2/3) = 0.8 is left."""
_TRUSTED = 1e-6
"""A residual below which a large correction says that the terms hardly determine it, not that it is needed."""


@dataclass(frozen=True)
class Correction:
    """What the linearised problem says of a solution.

    Args:
        sizes: by how much each unknown is corrected, relative to the corrected unknown.
        residual: before it, all terms in relative units.
        left: the residual after the correction, as a fraction of the one before, all terms in relative units.
        freedom: the smallest |J δ| over corrections δ of unit size, in units of what a field of that size has by
            nature: zero where the terms leave something open.
        open: which unknown that δ changes most.
        late: the corrected unknowns' size in the last tenth of time over that of the solution; 1 without time.
    """

    sizes: Mapping[str, float]
    residual: float
    left: float
    freedom: float
    open: str
    late: float

    @property
    def explains(self) -> bool:
        """Whether the correction removes a good part of the residual, so that its size is that of the error."""
        return self.left < EXPLAINED

    @property
    def significant(self) -> bool:
        """Whether it does, and there is something to remove."""
        return self.explains and self.residual > _TRUSTED


def correction(solution: Solution, by_nature: Mapping[str, float]) -> Correction | None:
    """Linearise the problem at a solution; None where that says nothing.

    That is where the domain has too many coordinates, where there are data alone, and where anything is not finite.

    Args:
        solution: which.
        by_nature: for each term the size of its residual for a field of the solution's size that varies over the whole
            domain: the unit of its rows.
    """
    problem = solution.problem
    columns = len(problem.frame.columns)
    if not any(t.is_equation for t in problem.terms):  # data alone say nothing between their points
        return None
    if columns not in _SINES or not all(0 < size < math.inf for size in by_nature.values()):
        return None
    basis = Sines.of(solution, by_nature, max(_SINES[columns] // outputs_of(problem), 60))
    r, jacobian = basis.rows()
    inside, effect = basis.effect()
    if len(r) < len(jacobian[0]) or not all(bool(torch.isfinite(a).all()) for a in (r, jacobian, *effect.values())):
        return None
    norms = jacobian.norm(dim=0)
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    scaled = jacobian / norms
    step = torch.linalg.lstsq(scaled, -r[:, None], rcond=1e-12, driver="gelsd").solution[:, 0] / norms
    before = float(r.norm())
    left = float((r + jacobian @ step).norm()) / before if before > 0 else 1.0
    if before > 0 and not problem.linear:
        left = max(left, float(basis.residual(step).norm()) / before)
    found = solution.fieldset.unknowns(inside.to(solution.device, solution.dtype), solution.coefficient_tensors)
    sizes, late, relative = {}, 1.0, []
    for name in problem.names:
        u = found[name].double().cpu().reshape(len(inside), -1)
        change = (effect[name] @ step).reshape(len(inside), -1)
        size = rms(u + change)
        sizes[name] = rms(change) / size if size > 0 else 0.0
        last = _last(problem, inside)
        if bool(last.any()) and rms(u[last]) > 0:
            late = max(late, rms(u[last] + change[last]) / rms(u[last]))
        relative.append(effect[name] / max(rms(u), 1e-300) if rms(u) > 0 else effect[name])
    freedom, direction = _freedom(jacobian, torch.cat(relative), basis.count)
    opened = [rms(part[:, : basis.count] @ direction) for part in relative]
    return Correction(sizes, before, left, freedom, problem.names[opened.index(max(opened))], late)


def _freedom(jacobian: Tensor, effect: Tensor, count: int) -> tuple[float, Tensor]:
    """The smallest |J δ| / |δ| and the weights of that δ."""
    jacobian, effect = jacobian[:, :count], effect[:, :count] / math.sqrt(len(effect))
    _, s, vh = torch.linalg.svd(effect, full_matrices=False)
    if not float(s[0]) > 0:
        return math.inf, effect.new_zeros(count)
    keep = s > _RANK * s[0]
    orthonormal = vh[keep].T / s[keep]
    _, values, rotation = torch.linalg.svd(torch.linalg.qr(jacobian @ orthonormal)[1])  # no squares: digits count
    return float(values[-1]), orthonormal @ rotation[-1]


def _last(problem: Problem, coords: Tensor) -> Tensor:
    """Which points lie in the last tenth of time."""
    if problem.time is None:
        return torch.zeros(len(coords), dtype=torch.bool)
    axis = next(a for a in problem.axes if a.name == problem.time)
    column = problem.frame.columns.index(problem.time)
    return coords[:, column] > axis.upper - 0.1 * axis.extent
