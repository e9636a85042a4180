"""Curvature penalty: second differences of the field between the pixels, as a term of the problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from pinnkit.domains import Axis, Box, Points, Sampling
from pinnkit.domains.sampling import DEFAULT_SAMPLING, check_sample
from pinnkit.problem.penalties import Absolute
from pinnkit.problem.terms import Term

__all__ = ["CollinearTriples", "curvature_term"]


@dataclass(frozen=True)
class CollinearTriples:
    """Groups of three collinear points at distance `step`, at random places and in random directions of a box.

    A residual receives the unknowns at all points, group after group, and returns one row per group.

    Args:
        box: box of two coordinates that contains all points.
        step: distance of neighbouring points in the unit of the coordinates; limited to half the width of the box.
    """

    box: Box
    step: float

    def __post_init__(self) -> None:
        if len(self.box.columns) != 2:
            raise ValueError(f"Triples: `box` must have two coordinates, got {self.box.columns}")
        if not (self.step > 0 and math.isfinite(self.step)):
            raise ValueError(f"Triples: `step` must be a positive number, such as 1.0, got {self.step}")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates."""
        return self.box.axes

    @property
    def measure(self) -> float:
        """Area of the box."""
        return self.box.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Draw `n` groups: coords ``(3 n, 2)`` with group 3.  `sampling` is ignored; draws are independent."""
        check_sample("Triples.sample", n, generator, sampling)
        lower, upper = (torch.tensor([getattr(a, end) for a in self.axes]) for end in ("lower", "upper"))
        lower, upper = lower.double(), upper.double()
        drawn = torch.rand(n, 3, generator=generator, dtype=torch.float64)
        angle = math.pi * drawn[:, 2]
        step = min(self.step, float((upper - lower).min()) / 2)
        along = step * torch.stack([angle.cos(), angle.sin()], dim=1)
        inset = along.abs()
        middle = torch.minimum(torch.maximum(lower + (upper - lower) * drawn[:, :2], lower + inset), upper - inset)
        return Points(torch.stack([middle - along, middle, middle + along], dim=1).flatten(0, 1), group=3)


def curvature_term(kind: str, box: Box, *, step: float, weight: float, points: int) -> Term:
    """Penalty on |u(x - d) - 2 u(x) + u(x + d)| for random vectors d of length `step`.

    Divided by step^2 this approximates the second derivative along d.  Affine functions cost nothing; an edge costs its
    height, independent of its width.  No derivative of the field is needed, so the term also applies to piecewise
    linear fields, whose second derivative is zero except at the nodes.

    Args:
        kind: name of the unknown: grey, rgb or rgba.
        box: domain of the picture.
        step: step in pixels.
        weight: weight relative to the mean square error of the known pixels.
        points: groups drawn at each solver step.

    Source: the second-order total variation of Bredies, Kunisch, Pock, Total generalized variation, SIAM J. Imaging
    Sci. 3 (2010) 492, section 1, discretised by differences.
    """
    residuals: dict[str, Callable[..., Any]] = {
        "grey": lambda grey: _second_difference(grey.value),
        "rgb": lambda rgb: _second_difference(rgb.value),
        "rgba": lambda rgba: _second_difference(rgba.value),
    }
    part = CollinearTriples(box, step)
    return Term("curvature", (part,), residuals[kind], penalty=Absolute(), weight=weight, points=points)


def _second_difference(values: Tensor) -> Tensor:
    """Second differences ``(n, ...)`` of values ``(3 n, ...)``."""
    before, here, after = values.reshape(-1, 3, *values.shape[1:]).unbind(1)
    return before - 2 * here + after
