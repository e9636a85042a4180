"""Sphere: the boundary of a ball."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .axes import Axis, bounds
from .directions import directions, spread
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample

if TYPE_CHECKING:
    from .ball import Ball


@dataclass(frozen=True, repr=False)
class Sphere:
    """|x - c| = R during all of time and for all parameters, with outward normals; `Ball.boundary` makes it."""

    ball: "Ball"

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the ball."""
        return self.ball.axes

    @property
    def measure(self) -> float:
        """Area, d / R times the volume of the ball, times the extents of time and parameters."""
        return self.ball.dim / self.ball.radius * self.ball.measure

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points on the sphere: coords `(n, d)`, normal (x - c) / R `(n, d_space)`, weight `(n,)`.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Sphere.sample", n, generator, sampling)
        dim = self.ball.dim
        lower, upper = (bound[dim:] for bound in bounds(self.axes))
        flat = len(lower)
        unit, weight = spread(sampling, n, dim - 1, flat, self.measure, generator)
        normal = directions(unit[:, flat:])
        normal /= torch.linalg.vector_norm(normal, dim=1, keepdim=True)
        middle = torch.tensor(self.ball.center, dtype=torch.float64)
        others = (lower + (upper - lower) * unit[:, :flat]).clamp(lower, upper)
        return Points(torch.cat([middle + self.ball.radius * normal, others], dim=1), normal, weight)

    def __repr__(self) -> str:
        return f"Sphere({self.ball!r})"
