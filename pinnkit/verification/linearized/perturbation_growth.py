"""Growth of perturbations of ordinary differential equations along a solution.

The linearised equations δ' = J(t) δ are integrated by the implicit midpoint rule on a fine grid.  Where perturbations
grow by a factor G, an error of relative size ε at the start is one of size G ε at the end: rounding (1e-16) and the
residual of the solution alone make results meaningless from some time on (chaos), or early (blow-up).

Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, §I.14 (derivatives with respect to initial
values).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.verification.term_sample import channels_at

__all__ = ["PerturbationGrowth", "perturbation_growth"]

_STEPS = 4096
_TIMES = 64
"""Times at which the growth is recorded."""


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

    None for other problems, and where the equations do not give the highest derivative of every component.

    Args:
        solution: the solution.
        sizes: of the unknowns, the units of perturbations.
    """
    problem = solution.problem
    structure = problem.structure
    if structure.time is None or structure.space or structure.parameters or problem.coefficients:
        return None
    components = structure.components
    if (
        not structure.is_local
        or len(structure.equations) != len(components)
        or any(c.time_order not in (1, 2) for c in components)
    ):
        return None
    lower, upper = structure.time.lower, structure.time.upper
    step = (upper - lower) / _STEPS
    middle = lower + step * (torch.arange(_STEPS, dtype=torch.float64) + 0.5)
    mass, stiffness = _system(problem, solution, middle)
    if mass is None or stiffness is None:
        return None
    scale = np.array([sizes[c.unknown] or 1.0 for c in components for _ in range(c.time_order)])
    fundamental = np.eye(len(scale))
    times, factors = [], []
    with np.errstate(all="ignore"):
        for i in range(_STEPS):
            left, right = mass[i] / step - stiffness[i] / 2, mass[i] / step + stiffness[i] / 2
            try:
                fundamental = np.linalg.solve(left, right @ fundamental)
            except np.linalg.LinAlgError:
                return None
            if (i + 1) % (_STEPS // _TIMES) == 0:
                if not np.isfinite(fundamental).all():
                    break
                times.append(lower + (i + 1) * step)
                factors.append(np.linalg.norm(fundamental * scale[None, :] / scale[:, None], 2))
    if not times:
        return None
    return PerturbationGrowth(np.array(times), np.array(factors))


def _system(
    problem: Problem, solution: Solution, times: torch.Tensor
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Matrices of M δ' = K δ at the times, for the values and, in equations of second order, the rates."""
    structure = problem.structure
    first: dict[tuple[str, int], int] = {}
    count = 0
    for c in structure.components:
        first[c.unknown, c.index] = count
        count += c.time_order
    mass, stiffness = np.zeros((len(times), count, count)), np.zeros((len(times), count, count))
    for c in structure.components:
        if c.time_order == 2:
            k = first[c.unknown, c.index]
            mass[:, k, k], stiffness[:, k, k + 1] = 1.0, 1.0
    points = (Points(times[:, None].to(solution.dtype)).to(solution.dtype, solution.device),)
    lookup = partial(channels_at, solution)
    for row in structure.equations:
        if row.settles is None:
            return None, None
        k = first[row.settles.unknown, row.settles.index] + row.settles.time_order - 1
        channels: list[Channel] = list(problem.trace(row.term, raw=False).channels)
        found = linearise(problem, row.term, points, lookup(points, channels), solution.coefficient_tensors)
        for channel, slope in found.d.items():
            for i in range(slope.shape[2]):
                value = slope[:, row.index, i].double().cpu().numpy()
                base = first[channel.unknown, i]
                own = next(c for c in structure.components if (c.unknown, c.index) == (channel.unknown, i))
                for factor, columns in channel.derivatives:
                    if len(columns) == own.time_order:
                        mass[:, k, base + own.time_order - 1] += factor * value
                    else:
                        stiffness[:, k, base + len(columns)] -= factor * value
    return mass, stiffness
