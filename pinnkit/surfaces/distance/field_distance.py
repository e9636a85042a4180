"""Fitted signed distance as a function of points, for extraction, metrics and figures."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pinnkit.solutions.solution import Solution

__all__ = ["distance_function", "field_values", "gradient_norms"]

_CHUNK = 8192


def distance_function(solution: Solution, *, dtype: torch.dtype = torch.float64) -> Callable[[Tensor], Tensor]:
    """The unknown of a solution as a differentiable function ``(n, d) -> (n,)`` of normalised coordinates.

    The field is evaluated in `dtype`, independent of the type it was trained in: float32 limits the accuracy of
    vertices to seven digits.

    Args:
        solution: solution with one scalar unknown.
        dtype: floating type of the evaluation.

    Raises:
        ValueError: for a problem with several unknowns, or one that is not scalar.
    """
    problem = solution.problem
    if len(problem.unknowns) != 1 or problem.unknowns[0].components is not None:
        raise ValueError(
            f"distance_function: a surface is the zero set of one scalar unknown, '{problem.name}' has "
            f"{', '.join(problem.names)}"
        )
    name = problem.names[0]
    if problem.ansatz:
        fields, coefficients = solution.fieldset, solution.coefficient_tensors
        return lambda points: fields.unknowns(points.to(solution.device, solution.dtype), coefficients)[name].to(points)
    module: nn.Module = copy.deepcopy(next(iter(solution.modules.values()))).to(dtype).requires_grad_(False)

    def distance(points: Tensor) -> Tensor:
        asked = points.to(solution.device, dtype)
        parts = [module(rows)[:, 0] for rows in asked.split(_CHUNK)]  # chunks fit the cache
        return torch.cat(parts).to(points) if parts else points[:, 0]

    return distance


def field_values(solution: Solution, points: Tensor) -> Tensor:
    """f at points ``(n, d)``: ``(n,)`` float64."""
    with torch.no_grad():
        return distance_function(solution)(points.to(torch.float64))


def gradient_norms(solution: Solution, points: Tensor) -> Tensor:
    """|grad f| at points ``(n, d)``: ``(n,)`` float64."""
    axes = solution.problem.frame.columns
    fields, coefficients = solution.fieldset, solution.coefficient_tensors
    asked = points.to(solution.device, solution.dtype)
    name = solution.problem.names[0]
    columns = [fields.unknowns(asked, coefficients, (axis,))[name] for axis in axes]
    return torch.linalg.vector_norm(torch.stack(columns, 1), dim=1).to(torch.float64).cpu()
