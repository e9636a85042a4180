"""Growth of perturbations of ordinary differential equations along a solution.

The linearised equations δ' = J(t) δ are integrated by the exponential midpoint rule, δ(t + h) = exp(h J(t + h/2)) δ(t),
which is exact for constant J, stiff or not.  Steps are parts of those of the solution where it was integrated step by
step, else of equal length.  Where perturbations grow by a factor G, an error of relative size ε at the start is one of
size G ε at the end: rounding (1e-16) and the residual of the solution alone make results meaningless from some time on
(chaos), or early (blow-up).

Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, §I.14 (derivatives with respect to initial
values); Blanes, Casas, Oteo & Ros, The Magnus expansion, Physics Reports 470 (2009) 151, §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from pinnkit.domains import Points
from pinnkit.fields import PiecewisePolynomialField
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.verification.term_sample import channels_at

__all__ = ["PerturbationGrowth", "perturbation_growth"]

_STEPS = 4096
_TIMES = 64
"""Times at which the growth is recorded."""
_MOST = 64
"""Rows of the state up to which the fundamental matrix is integrated."""
_CHUNK = 256
"""Steps whose matrices are exponentiated at once."""


@dataclass(frozen=True)
class PerturbationGrowth:
    """Growth of perturbations of the initial state.

    Args:
        times: at which it is known.
        factors: norm of the fundamental matrix at these times, components in units of their sizes.
    """

    times: NDArray[np.float64]
    factors: NDArray[np.float64]

    @property
    def at_end(self) -> float:
        """Median factor of the last quarter of the time."""
        return float(np.median(self.factors[-_TIMES // 4 :]))

    def horizon(self, error: float) -> float:
        """Time from which a relative error at the start stays larger than one per cent."""
        late = np.nonzero(self.factors * error < 1e-2)[0]
        return float(self.times[min(int(late[-1]) + 1, len(self.times) - 1)]) if len(late) else float(self.times[0])


def perturbation_growth(solution: Solution, sizes: Mapping[str, float]) -> PerturbationGrowth | None:
    """Integrate perturbations along a solution of ordinary differential equations in time.

    None for other problems, for more than 64 rows of the state, and where the equations do not give the highest
    derivative of every component.

    Args:
        solution: the solution.
        sizes: of the unknowns, the units of perturbations; derivatives have their own sizes along the solution.
    """
    problem = solution.problem
    structure = problem.structure
    if structure.time is None or structure.space or structure.parameters or problem.coefficients:
        return None
    components = structure.components
    if (
        not structure.is_local
        or len(structure.equations) != len(components)
        or any(c.time_order < 1 for c in components)
        or sum(c.time_order for c in components) > _MOST
    ):
        return None
    ends = _mesh(solution, structure.time.lower, structure.time.upper)
    steps, middle = np.diff(ends), (ends[1:] + ends[:-1]) / 2
    rates = _rates(problem, solution, torch.from_numpy(middle))
    if rates is None:
        return None
    scale = _scales(solution, sizes, torch.from_numpy(middle))
    wanted = np.linspace(ends[0], ends[-1], _TIMES + 1)[1:]
    fundamental = np.eye(len(scale))
    times: list[float] = []
    factors: list[float] = []
    with np.errstate(all="ignore"):
        for first in range(0, len(steps), _CHUNK):
            part = slice(first, first + _CHUNK)
            generators = steps[part, None, None] * rates[part]
            if not np.isfinite(generators).all():
                break
            for i, propagator in enumerate(scipy.linalg.expm(generators), start=first + 1):
                fundamental = propagator @ fundamental
                if not np.isfinite(fundamental).all():
                    return PerturbationGrowth(np.array(times), np.array(factors)) if times else None
                while len(times) < _TIMES and ends[i] >= wanted[len(times)] * (1 - 1e-12):
                    times.append(float(ends[i]))
                    factors.append(float(np.linalg.norm(fundamental * scale[None, :] / scale[:, None], 2)))
    if not times:
        return None
    return PerturbationGrowth(np.array(times), np.array(factors))


def _mesh(solution: Solution, lower: float, upper: float) -> NDArray[np.float64]:
    """Ends of at least 4096 steps: parts of those of an integration, else of equal length."""
    own = [m.times.double().cpu().numpy() for m in solution.modules.values() if isinstance(m, PiecewisePolynomialField)]
    if not own or len(own[0]) > _STEPS:
        return np.linspace(lower, upper, _STEPS + 1)
    knots = own[0]
    if knots[-1] < upper:
        knots = np.append(knots, upper)
    parts = -(-_STEPS // (len(knots) - 1))
    inner = knots[:-1, None] + np.diff(knots)[:, None] * (np.arange(parts) / parts)
    return np.append(inner.ravel(), knots[-1])


def _scales(solution: Solution, sizes: Mapping[str, float], times: torch.Tensor) -> NDArray[np.float64]:
    """Size of every row of the state: that of the unknown, times the ratio of its derivative to it on the solution."""
    points = times[:, None].to(solution.dtype).to(solution.device)
    name = solution.problem.time
    assert name is not None
    components = solution.problem.structure.components
    values = [
        solution.fieldset.unknowns(points, solution.coefficient_tensors, (name,) * level)
        for level in range(max(c.time_order for c in components))
    ]
    found: list[float] = []
    for c in components:
        every = [values[level][c.unknown].double() for level in range(c.time_order)]
        rms = [float((v if v.ndim == 1 else v[:, c.index]).square().mean().sqrt()) for v in every]
        unit = sizes[c.unknown] or 1.0
        found += [unit * size / rms[0] if size > 0 and rms[0] > 0 else unit for size in rms]
    return np.array(found)


def _rates(problem: Problem, solution: Solution, times: torch.Tensor) -> NDArray[np.float64] | None:
    """Matrices J of δ' = J δ at the times, rows as of the state; None where M has no inverse."""
    structure = problem.structure
    first: dict[tuple[str, int], int] = {}
    count = 0
    for c in structure.components:
        first[c.unknown, c.index] = count
        count += c.time_order
    mass, stiffness = np.zeros((len(times), count, count)), np.zeros((len(times), count, count))
    for c in structure.components:
        for k in range(first[c.unknown, c.index], first[c.unknown, c.index] + c.time_order - 1):
            mass[:, k, k], stiffness[:, k, k + 1] = 1.0, 1.0
    points = (Points(times[:, None].to(solution.dtype)).to(solution.dtype, solution.device),)
    lookup = partial(channels_at, solution)
    slopes: dict[str, Mapping[Channel, torch.Tensor]] = {}
    for row in structure.equations:
        if row.settles is None:
            return None
        k = first[row.settles.unknown, row.settles.index] + row.settles.time_order - 1
        term = row.term
        if str(term.name) not in slopes:
            channels: list[Channel] = list(problem.trace(term, raw=False).channels)
            values = lookup(points, channels)
            slopes[str(term.name)] = linearise(problem, term, points, values, solution.coefficient_tensors).d
        for channel, slope in slopes[str(term.name)].items():
            for i in range(slope.shape[2]):
                value = slope[:, row.index, i].double().cpu().numpy()
                base = first[channel.unknown, i]
                own = next(c for c in structure.components if (c.unknown, c.index) == (channel.unknown, i))
                for factor, columns in channel.derivatives:
                    if len(columns) == own.time_order:
                        mass[:, k, base + own.time_order - 1] += factor * value
                    elif len(columns) < own.time_order:
                        stiffness[:, k, base + len(columns)] -= factor * value
    try:
        return np.asarray(np.linalg.solve(mass, stiffness), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
