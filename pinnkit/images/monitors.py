"""What a progress bar shows while a picture is fitted."""

from __future__ import annotations

import torch

from pinnkit.domains import Points, PointSet
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers import Monitor

from .pixel_integrals import Areas

__all__ = ["watch"]

_MOST = 8192
"""Pixels that are looked at: enough for a tenth of a dB."""


def watch(problem: Problem, every: int = 50) -> Monitor:
    """The PSNR in dB on some of the pixels that are fitted, evenly picked, every so many steps.

    Raises:
        ValueError: for a problem that `image_problem` did not make.
    """
    term = problem.terms[0]
    part = term.sites[0]
    if len(problem.names) != 1 or not term.fits_data or not isinstance(part, Areas | PointSet):
        raise ValueError(f"watch: `problem` must be one of image_problem, '{problem.name}' has no pixels")
    (name,) = problem.names
    total = round(part.measure)
    index = torch.arange(0, total, -(-total // _MOST))
    if isinstance(part, Areas):
        some = part.of(index)
    else:
        assert isinstance(term.points, Points)
        some = Points(term.points.coords[index], columns={k: v[index] for k, v in term.points.columns.items()})
    coords, truth = some.coords.to(problem.dtype), some.columns[f"{name}_data"].to(problem.dtype)

    def measured(fields: FieldSet) -> float:
        device = next(next(iter(fields.modules.values())).parameters()).device
        found = fields.unknowns(coords.to(device), {})[name].clamp(0, 1).cpu()
        found = found.reshape(truth.shape[0], -1, *truth.shape[1:]).mean(dim=1)
        return float(-10 * torch.log10((found - truth).square().mean()))

    return Monitor({"psnr": measured}, every=every)
