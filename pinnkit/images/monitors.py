"""Monitor of the PSNR during a fit."""

from __future__ import annotations

import torch

from pinnkit.domains import Points, PointSet
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers import Monitor

from .pixel_integrals import PixelSquares, square_means

__all__ = ["psnr_monitor"]

_MAX_PIXELS = 8192
"""Pixels that are evaluated: accurate to about 0.1 dB."""


def psnr_monitor(problem: Problem, every: int = 50) -> Monitor:
    """Monitor the PSNR in dB on an evenly spaced subset of the fitted pixels.

    Args:
        problem: problem made by `image_problem`.
        every: steps between measurements.

    Raises:
        ValueError: if the problem was not made by `image_problem`.
    """
    term = problem.terms[0]
    part = term.sites[0]
    if len(problem.names) != 1 or not term.fits_data or not isinstance(part, PixelSquares | PointSet):
        raise ValueError(f"watch: `problem` must be one of image_problem, '{problem.name}' has no pixels")
    (name,) = problem.names
    total = round(part.measure)
    index = torch.arange(0, total, -(-total // _MAX_PIXELS))
    if isinstance(part, PixelSquares):
        some = part.points_of(index)
    else:
        assert isinstance(term.points, Points)
        some = Points(term.points.coords[index], columns={k: v[index] for k, v in term.points.columns.items()})
    coords, truth = some.coords.to(problem.dtype), some.columns[f"{name}_data"].to(problem.dtype)

    def measured(fields: FieldSet) -> float:
        device = next(next(iter(fields.modules.values())).parameters()).device
        found = fields.unknowns(coords.to(device), {})[name].clamp(0, 1).cpu()
        if isinstance(part, PixelSquares):
            found = square_means(found)
        return float(-10 * torch.log10((found - truth).square().mean()))

    return Monitor({"psnr": measured}, every=every)
