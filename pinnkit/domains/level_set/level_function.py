"""Values and slopes of a function that is negative inside a shape, and how a point is brought onto its zero set."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Inside", "onto", "slopes", "values"]

Inside = Callable[[Tensor], Tensor]
"""Points (n, d) in space to numbers (n,), negative inside a shape; preferably signed distances."""

_ROWS = 2**17
"""Points that are evaluated at once."""
_STEP = 1e-5
"""Step of central differences, over the extent of the points, where there is no graph to differentiate."""


def values(inside: Inside, coords: Tensor) -> Tensor:
    """The function at `coords` (n, d): (n,) in float64 on the CPU, without a graph.

    Raises:
        ValueError: where it does not return one number per point.
    """
    with torch.no_grad():
        parts = [_one_each(inside, rows) for rows in coords.split(_ROWS)]
    return torch.cat(parts).double().cpu()


def slopes(inside: Inside, coords: Tensor) -> tuple[Tensor, Tensor]:
    """The function and its gradient at `coords` (n, d): (n,) and (n, d), float64 on the CPU.

    By automatic differentiation; where the function breaks the graph (it is computed by numpy, say), by central
    differences.
    """
    found, gradients = [], []
    for rows in coords.split(_ROWS):
        with torch.inference_mode(False), torch.enable_grad():  # solvers may draw points in either mode
            x = rows.clone().detach().requires_grad_()
            try:
                value = _one_each(inside, x)
            except RuntimeError:  # numpy refuses what has a graph; any other reason is raised once more
                value = _one_each(inside, rows)
            if value.requires_grad:
                (gradient,) = torch.autograd.grad(value.sum(), x)
            else:
                gradient = _differences(inside, rows)
        found.append(value.detach().double().cpu())
        gradients.append(gradient.double().cpu())
    return torch.cat(found), torch.cat(gradients)


def onto(inside: Inside, coords: Tensor, reach: float, *, steps: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Points on the zero set near `coords` (n, d): the points, what is left of the function there, its gradient there.

    Newton's method along the gradient, x - f grad f / |grad f|^2, at most `reach` away; where that does not arrive (at
    edges, say), bisection along the first gradient. A point with no zero within reach stays as near as it came.
    """
    best, start = coords.clone(), coords
    value, gradient = slopes(inside, coords)
    first = gradient
    left, slope = value.clone(), gradient.clone()
    size = float(coords.abs().max()) + reach
    x = coords
    for _ in range(steps):
        if bool((left.abs() <= 1e-15 * size).all()):
            break
        x = x - _limited(value, gradient, reach)
        away = x - start
        distance = torch.linalg.vector_norm(away, dim=1, keepdim=True)
        x = start + away * (reach / distance.clamp(min=reach))
        value, gradient = slopes(inside, x)
        better = value.abs() < left.abs()
        if not bool(better.any()):
            break
        best = torch.where(better[:, None], x, best)
        left = torch.where(better, value, left)
        slope = torch.where(better[:, None], gradient, slope)
    missed = left.abs() > 1e-6 * size * torch.linalg.vector_norm(slope, dim=1).clamp(min=1e-3)
    if bool(missed.any()):
        found, arrived = _bisected(inside, start[missed], first[missed], reach)
        rows = torch.nonzero(missed)[:, 0][arrived]
        if len(rows):
            best[rows] = found[arrived]
            left[rows], slope[rows] = slopes(inside, best[rows])
    return best, left, slope


def _limited(value: Tensor, gradient: Tensor, reach: float) -> Tensor:
    """Newton's step along the gradient, no longer than `reach`."""
    length = torch.linalg.vector_norm(gradient, dim=1)
    step = value / length.clamp(min=1e-300)
    step = torch.where(length > 0, step.clamp(-reach, reach), torch.zeros_like(step))
    return (step / length.clamp(min=1e-300))[:, None] * gradient


def _bisected(inside: Inside, start: Tensor, along: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Zeros on the lines through `start` along `along`, within reach: the points, and which there are."""
    direction = torch.nn.functional.normalize(along, dim=1)
    places = reach * torch.linspace(-1, 1, 17, dtype=torch.float64)
    seen = torch.stack([values(inside, start + p * direction) for p in places])  # (17, n)
    changes = (seen[:-1] < 0) != (seen[1:] < 0)
    middle = (places[:-1] + places[1:]).abs() / 2
    nearest = torch.where(changes, middle[:, None], math.inf).min(dim=0)
    low = places[nearest.indices]
    high = places[nearest.indices + 1]
    negative = seen[nearest.indices, torch.arange(len(start))] < 0
    for _ in range(50):
        half = (low + high) / 2
        same = (values(inside, start + half[:, None] * direction) < 0) == negative
        low, high = torch.where(same, half, low), torch.where(same, high, half)
    return start + ((low + high) / 2)[:, None] * direction, torch.isfinite(nearest.values)


def _one_each(inside: Inside, coords: Tensor) -> Tensor:
    value = inside(coords)
    if not isinstance(value, Tensor) or value.shape != coords.shape[:1]:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(type(value))
        raise ValueError(
            f"Region: `inside` must return a tensor ({len(coords)},), one number per point, for points "
            f"{tuple(coords.shape)}, got {got}; for one of shape (n, 1) use lambda x: f(x)[:, 0]"
        )
    return value


def _differences(inside: Inside, coords: Tensor) -> Tensor:
    step = _STEP * float((coords.amax(0) - coords.amin(0)).max().clamp(min=1e-3))
    columns = []
    for shift in step * torch.eye(coords.shape[1], dtype=coords.dtype, device=coords.device):
        columns.append((values(inside, coords + shift) - values(inside, coords - shift)) / (2 * step))
    return torch.stack(columns, dim=1)
