"""What a progress bar shows while a picture is fitted."""

from __future__ import annotations

import torch

from pinnkit.domains import Points
from pinnkit.evaluation import FieldSet
from pinnkit.problem import Problem
from pinnkit.solvers import Monitor

__all__ = ["watch"]

_MOST = 8192
"""Pixels that are looked at: enough for a tenth of a dB."""


def watch(problem: Problem, every: int = 50) -> Monitor:
    """The PSNR in dB on some of the pixels that are fitted, evenly picked, every so many steps.

    Raises:
        ValueError: for a problem that `image_problem` did not make.
    """
    given = problem.terms[0].points
    if len(problem.names) != 1 or problem.terms[0].kind != "data" or not isinstance(given, Points):
        raise ValueError(f"watch: `problem` must be one of image_problem, '{problem.name}' has no pixels")
    (name,) = problem.names
    stride = -(-given.coords.shape[0] // _MOST)
    coords, truth = given.coords[::stride].to(problem.dtype), given.columns[f"{name}_data"][::stride].to(problem.dtype)

    def measured(fields: FieldSet) -> float:
        device = next(next(iter(fields.modules.values())).parameters()).device
        found = fields.unknowns(coords.to(device), {})[name].clamp(0, 1).cpu()
        return float(-10 * torch.log10((found - truth).square().mean()))

    return Monitor({"psnr": measured}, every=every)
