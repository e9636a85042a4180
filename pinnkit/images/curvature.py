"""How much a picture bends between its pixels, as a term: what a grid needs where no pixel tells it anything."""

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

__all__ = ["Triples", "curvature"]


@dataclass(frozen=True)
class Triples:
    """Three points in a row, a `step` apart, anywhere in a box of two axes and in any direction.

    A residual sees the unknowns at all points, the three of a row one after the other, and returns one row for each.

    Args:
        box: that holds them.
        step: in the unit of the coordinates; of a box that is narrower than two steps, half its width.
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
        """The area of the box."""
        return self.box.measure

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """`n` rows: coords ``(3 n, 2)`` with a group of 3.  `sampling` has no effect: they are drawn independently."""
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


def curvature(kind: str, box: Box, *, step: float, weight: float, points: int) -> Term:
    """|u(x - d) - 2 u(x) + u(x + d)| for chords d of length `step` in all directions, as a term to be kept small.

    Over step^2 that is the second derivative along d; planes cost nothing, an edge costs its height however sharp.
    It needs no derivative of the field: piecewise linear ones bend at their nodes, where no second derivative is.

    Args:
        kind: the unknown's name: grey, rgb or rgba.
        box: of the picture.
        step: in pixels.
        weight: against the mean square error of the known pixels.
        points: rows drawn for each step of a solver.

    Source: the second-order total variation of Bredies, Kunisch, Pock, Total generalized variation, SIAM J. Imaging
    Sci. 3 (2010) 492, section 1, by differences.
    """
    residuals: dict[str, Callable[..., Any]] = {
        "grey": lambda grey: _bend(grey.value),
        "rgb": lambda rgb: _bend(rgb.value),
        "rgba": lambda rgba: _bend(rgba.value),
    }
    part = Triples(box, step)
    return Term("curvature", (part,), residuals[kind], penalty=Absolute(), weight=weight, points=points)


def _bend(values: Tensor) -> Tensor:
    """Second differences ``(n, ...)`` of values ``(3 n, ...)``."""
    before, here, after = values.reshape(-1, 3, *values.shape[1:]).unbind(1)
    return before - 2 * here + after
