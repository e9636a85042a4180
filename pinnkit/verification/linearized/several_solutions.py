"""Search for other solutions of a nonlinear problem: Levenberg-Marquardt iterations from several starts.

The unknowns are the solution plus a combination of sines, as in error_estimate.py.  The starts are the solution plus
smooth bumps of several sizes and both signs, its opposite, and zero.

Source: Farrell, Birkisson & Funke, Deflation techniques for finding distinct solutions of nonlinear partial
differential equations, SIAM J. Sci. Comput. 37 (2015) A2026 (the problem; deflation is not used here).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pinnkit.verification.scales import rms
from pinnkit.verification.term_sample import value_at

from .sine_corrections import SineBasis

__all__ = ["Search", "search"]

_STEPS = 40
"""Iterations from one start."""
_SOLVED = 1e-3
"""Norm of the rows below which a correction leads to another solution, relative to the larger of the two solutions."""
_APART = 0.1
"""Distance from the solution, relative to the larger of the two, from which another solution is another one."""
_BUMPS = (1.0, -1.0, 4.0, -4.0, 10.0)
"""Sizes of the bumps, relative to the solution or to one, whichever is larger."""
_PROGRESS = 0.999
"""Ratio of successive residuals from which an iteration has ended."""
_DAMPING = (1e-3, 1e-12, 1e9)
"""First, smallest and largest damping."""


@dataclass(frozen=True)
class Search:
    """Result of a search.

    Args:
        starts: number of starts.
        distance: of the other solution found, relative to the larger of the two; 0 where none was found.
        residual: of its rows, in relative units.
        size: its root mean square.
        unknown: the unknown or the coefficient that differs most; empty where none was found.
        coefficients: values of the coefficients there.
    """

    starts: int
    distance: float = 0.0
    residual: float = 0.0
    size: float = 0.0
    unknown: str = ""
    coefficients: Mapping[str, float] = field(default_factory=dict)


def search(basis: SineBasis, least: Mapping[str, float]) -> Search:
    """Search for another solution; ends with the first one.

    Args:
        basis: sines about the solution.
        least: lower bounds of the sizes of unknowns that may vanish, see scales.py.
    """
    solution = basis.solution
    inside, effect = basis.effect
    values = _values(basis, inside)
    starts = list(_coefficient_starts(basis))
    if not solution.coefficients:
        starts += _starts(basis, inside, effect, values)

    def ratio(step: Tensor) -> float:
        """Size of the corrected solution, relative to that of the solution where that is smaller."""
        units = {name: max(rms(u), least.get(name, 0.0)) for name, u in values.items()}
        sizes = [rms(u + effect[name] @ step) / units[name] for name, u in values.items() if units[name] > 0]
        return max(1.0, *sizes) if sizes else 1.0

    for start in starts:
        step = _solved(basis, start, ratio)
        if step is None:
            continue
        best, residual = Search(len(starts)), float(basis.residual(step).norm())
        found = {k: v + float(step[basis.count + i]) for i, (k, v) in enumerate(solution.coefficients.items())}
        for name, u in values.items():
            change = effect[name] @ step
            size = max(rms(u), rms(u + change), least.get(name, 0.0))
            distance = rms(change) / size if size > 0 else 0.0
            if distance > max(best.distance, _APART):
                best = Search(len(starts), distance, residual, rms(u + change), name, found)
        for name, value in solution.coefficients.items():
            size = max(abs(value), abs(found[name]))
            distance = abs(found[name] - value) / size if size > 0 else 0.0
            if distance > max(best.distance, _APART):
                best = Search(len(starts), distance, residual, abs(found[name]), name, found)
        if best.unknown:
            return best
    return Search(len(starts))


def _values(basis: SineBasis, inside: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value_at(basis.solution, name, coords).reshape(-1) for name, coords in inside.items()}


def _starts(
    basis: SineBasis, inside: dict[str, Tensor], effect: dict[str, Tensor], values: dict[str, Tensor]
) -> Iterator[Tensor]:
    axes = basis.solution.problem.axes
    lower = torch.tensor([a.lower for a in axes for _ in a.columns], dtype=torch.float64)
    extent = torch.tensor([a.upper - a.lower for a in axes for _ in a.columns], dtype=torch.float64)
    bumps = {name: torch.sin(math.pi * (at - lower) / extent).prod(dim=1) for name, at in inside.items()}
    wanted = [{name: -k * u for name, u in values.items()} for k in (1.0, 2.0)]
    for size in _BUMPS:
        wanted.append(
            {
                name: size * max(rms(u), 1.0) * bumps[name].repeat_interleave(len(u) // len(bumps[name]))
                for name, u in values.items()
            }
        )
    for changes in wanted:
        if any(rms(change) > 0 for change in changes.values()):
            matrix = torch.cat([effect[name] for name in changes])
            right = torch.cat(list(changes.values()))
            yield torch.linalg.lstsq(matrix, right[:, None], rcond=1e-8, driver="gelsd").solution[:, 0]


def _coefficient_starts(basis: SineBasis) -> Iterator[Tensor]:
    """Coefficients exchanged in pairs, halved and doubled, with the solution as it is."""
    values = torch.tensor(list(basis.solution.coefficients.values()), dtype=torch.float64)
    for i in range(len(values)):
        for j in range(i):
            other = values.clone()
            other[[i, j]] = values[[j, i]]
            yield _step_to(basis, other - values)
    for factor in (0.5, 2.0) if len(values) else ():
        yield _step_to(basis, (factor - 1) * values)


def _step_to(basis: SineBasis, change: Tensor) -> Tensor:
    return torch.cat([torch.zeros(basis.count, dtype=torch.float64), change])


def _solved(basis: SineBasis, step: Tensor, ratio: Callable[[Tensor], float]) -> Tensor | None:
    """Levenberg-Marquardt from a start; None where the rows do not vanish."""
    damping, least, most = _DAMPING
    r, jacobian = basis.rows(step)
    size = float(r.norm())
    for _ in range(_STEPS):
        if not math.isfinite(size) or damping > most:
            return None
        if size < _SOLVED * ratio(step):
            return step
        norms = jacobian.norm(dim=0).clamp_min(1e-300)
        gram = (jacobian / norms).T @ (jacobian / norms)
        right = (jacobian / norms).T @ r
        for _ in range(8):
            matrix = gram + damping * torch.eye(len(gram), dtype=gram.dtype)
            factor, failed = torch.linalg.cholesky_ex(matrix)
            if int(failed) == 0:
                trial = step - torch.cholesky_solve(right[:, None], factor)[:, 0] / norms
                found = float(basis.residual(trial).norm())
                if found < size:
                    step, damping = trial, max(damping / 10, least)
                    break
            damping *= 10
        else:
            return None
        r, jacobian = basis.rows(step)
        if found > _PROGRESS * size:
            break
        size = found
    return step if size < _SOLVED * ratio(step) else None
