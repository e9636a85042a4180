"""A fitted field as a function of points, for everything that wants a distance: marching cubes, metrics, pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pinnkit.solutions.solution import Solution

__all__ = ["distance_of", "slopes_of", "values_of"]

_CHUNK = 8192


def distance_of(solution: Solution, *, dtype: torch.dtype = torch.float64) -> Callable[[Tensor], Tensor]:
    """The only unknown of a solution as a function ``(n, d) -> (n,)`` of normalised coordinates, differentiable.

    It is evaluated in `dtype` whatever it was trained in: in float32 vertices cannot be placed to seven digits.

    Raises:
        ValueError: for a problem of several unknowns, or of one that is no scalar.
    """
    problem = solution.problem
    if len(problem.unknowns) != 1 or problem.unknowns[0].components is not None:
        raise ValueError(
            f"distance_of: a surface is the zero set of one scalar unknown, '{problem.name}' has "
            f"{', '.join(problem.names)}"
        )
    name = problem.names[0]
    if problem.ansatz:
        fields, coefficients = solution.fieldset, solution.coefficient_tensors
        return lambda points: fields.unknowns(points.to(solution.device, solution.dtype), coefficients)[name].to(points)
    module: nn.Module = copy.deepcopy(next(iter(solution.modules.values()))).to(dtype).requires_grad_(False)

    def distance(points: Tensor) -> Tensor:
        asked = points.to(solution.device, dtype)
        parts = [module(rows)[:, 0] for rows in asked.split(_CHUNK)]  # chunks stay in the cache
        return torch.cat(parts).to(points) if parts else points[:, 0]

    return distance


def values_of(solution: Solution, points: Tensor) -> Tensor:
    """f at points ``(n, d)``: ``(n,)`` float64."""
    with torch.no_grad():
        return distance_of(solution)(points.to(torch.float64))


def slopes_of(solution: Solution, points: Tensor) -> Tensor:
    """|grad f| at points ``(n, d)``: ``(n,)`` float64."""
    axes = solution.problem.frame.columns
    fields, coefficients = solution.fieldset, solution.coefficient_tensors
    asked = points.to(solution.device, solution.dtype)
    name = solution.problem.names[0]
    columns = [fields.unknowns(asked, coefficients, (axis,))[name] for axis in axes]
    return torch.linalg.vector_norm(torch.stack(columns, 1), dim=1).to(torch.float64).cpu()
