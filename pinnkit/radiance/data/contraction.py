"""Contraction of all space to a ball, for scenes with distant surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Box

__all__ = ["ContractedSamples", "Contraction"]

_LINEAR = 1.5
"""Length in radii, from the point nearest to the centre, up to which rays are sampled evenly; then in disparity."""
_FARTHEST = 1e-3
"""Share of the disparity range that is omitted; the last sample is about 750 radii away."""


class ContractedSamples(NamedTuple):
    """Samples on rays: contracted places `(n, 3)`, distances `(n,)`, contracted length per length s `(n,)`."""

    place: Tensor
    distance: Tensor
    speed: Tensor


@dataclass(frozen=True)
class Contraction:
    """Contraction of all space to a ball of twice the radius: unchanged within the radius, compressed outside.

    With x relative to the centre and in units of the radius,

        c(x) = x for |x| <= 1,    c(x) = (2 - 1 / |x|) x / |x| beyond.

    Densities on contracted space are per contracted length, |dc/dt| dt along a ray.  The quadrature is thus the usual
    one on a curve, and the meaning of a density does not depend on the distance or the camera.

    Rays are sampled evenly in a length s that equals the distance near the camera and grows in disparity behind the
    centre. With rho the distance of the camera from the centre, in radii, and v = s - rho,

        t = rho + v for v <= b,    t = rho + b^2 / (2 b - v) beyond,    b = 1.5,

    so that the contracted length of a step is never much more than the step.

    Args:
        centre: (x, y, z).
        radius: of the unchanged ball.

    Raises:
        ValueError: for a radius that is not positive.

    Source: Barron et al., Mip-NeRF 360, CVPR 2022, eqs. 10 and 11.
    """

    centre: tuple[float, float, float]
    radius: float

    def __post_init__(self) -> None:
        if not self.radius > 0:
            raise ValueError(f"Contraction: `radius` must be a positive length, got {self.radius!r}")

    @classmethod
    def about(cls, centre: Sequence[float] | Tensor, radius: float) -> Contraction:
        """Make from a centre of any sequence type."""
        x, y, z = (float(value) for value in centre)
        return cls((x, y, z), float(radius))

    @property
    def box(self) -> Box:
        """Cube around the ball of contracted places."""
        return self.cube(2.0)

    def cube(self, half: float) -> Box:
        """Cube about the centre with a half side of `half` radii."""
        reach = half * self.radius
        x, y, z = ((middle - reach, middle + reach) for middle in self.centre)
        return Box(x=x, y=y, z=z)

    def contract(self, points: Tensor) -> Tensor:
        """Contracted places of points `(n, 3)`."""
        own = self.normalised(points)
        return own * _factor(own.norm(dim=1, keepdim=True)) * self.radius + self._middle(points)

    def uncontract(self, places: Tensor) -> Tensor:
        """Points at contracted places `(n, 3)`; inf on the surface of the ball, nan outside."""
        own = self.normalised(places)
        m = own.norm(dim=1, keepdim=True)
        true = torch.where(m <= 2, 1 / (2 - m), torch.nan)
        return torch.where(m > 1, own / m * true, own) * self.radius + self._middle(places)

    def normalised(self, points: Tensor) -> Tensor:
        """Points `(n, 3)` relative to the centre, in radii."""
        return (points - self._middle(points)) / self.radius

    def max_length(self, origins: Tensor) -> Tensor:
        """Largest s `(n,)` of rays from origins `(n, 3)`."""
        return self.radius * (self.normalised(origins).norm(dim=1) + 2 * _LINEAR * (1 - _FARTHEST / 2))

    def true_distance(self, s: Tensor, rho: Tensor) -> Tensor:
        """Distances t at lengths s, both in radii, on rays with origins at distance `rho` from the centre."""
        v = s - rho
        left = (2 * _LINEAR - v).clamp_(min=_LINEAR * _FARTHEST)
        return torch.where(v > _LINEAR, _LINEAR**2 / left, v).add_(rho)

    def samples_on_rays(self, origins: Tensor, directions: Tensor, s: Tensor) -> ContractedSamples:
        """Samples at lengths s `(n,)` on rays `(n, 3)` with unit directions."""
        o = self.normalised(origins)
        rho = o.norm(dim=1)
        s = s / self.radius
        t = self.true_distance(s, rho)
        p = torch.addcmul(o, t[:, None], directions)
        m = p.norm(dim=1).clamp_(min=1e-6)
        place = torch.add(self._middle(p), p * _factor(m)[:, None], alpha=self.radius)
        radial = (p * directions).sum(dim=1) / m  # cosine between the ray and the radial direction
        inverse = 1 / m
        across = (2 - inverse) * inverse
        squeezed = ((radial * inverse * inverse) ** 2 + (1 - radial * radial).clamp_(min=0) * across * across).sqrt()
        speed = torch.where(m > 1, squeezed, 1.0) * self.distance_derivative(t, rho)
        return ContractedSamples(place, t * self.radius, speed)

    def distance_derivative(self, t: Tensor, rho: Tensor) -> Tensor:
        """dt/ds at distances t, in radii, on rays with origins at distance `rho` from the centre."""
        return ((t - rho) / _LINEAR).clamp_(min=1).square_()

    def _middle(self, like: Tensor) -> Tensor:
        return torch.tensor(self.centre, dtype=like.dtype, device=like.device)


def _factor(m: Tensor) -> Tensor:
    """(2 - 1 / m) / m beyond 1, else 1."""
    inverse = 1 / m.clamp(min=1)
    return (2 - inverse) * inverse
