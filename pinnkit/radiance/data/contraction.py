"""Contraction: all of space in a ball, so that what is far away has its place in a field too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Box

__all__ = ["Contraction", "OnRay"]

_LINEAR = 1.5
"""From the point of a ray that may be nearest to the centre, so many radii are sampled evenly; then in disparity."""
_FARTHEST = 1e-3
"""Of the disparity range, what is left out: the last sample is about 750 radii away."""


class OnRay(NamedTuple):
    """Samples along rays: contracted places `(n, 3)`, true distances `(n,)`, contracted length per length s `(n,)`."""

    place: Tensor
    distance: Tensor
    speed: Tensor


@dataclass(frozen=True)
class Contraction:
    """All of space as a ball of twice the radius: untouched within the radius, squeezed outside.

    With x relative to the centre and in units of the radius,

        c(x) = x for |x| <= 1,    c(x) = (2 - 1 / |x|) x / |x| beyond.

    Densities on contracted space are per contracted length, |dc/dt| dt along a ray: the quadrature is the same one on a
    curve, what a density means does not change with the distance, and no camera enters.

    Rays are sampled evenly in a length s that is the true one near the camera and grows in disparity behind the things
    looked at: with rho the distance of the camera from the centre, in radii, and v = s - rho,

        t = rho + v for v <= b,    t = rho + b^2 / (2 b - v) beyond,    b = 1.5,

    so that the contracted length of a step is never much more than the step.

    Args:
        centre: (x, y, z).
        radius: within which nothing is squeezed.

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
        """From three numbers of any kind."""
        x, y, z = (float(value) for value in centre)
        return cls((x, y, z), float(radius))

    @property
    def box(self) -> Box:
        """The cube around the ball of all contracted places."""
        return self.cube(2.0)

    def cube(self, half: float) -> Box:
        """The cube about the centre whose half side is so many radii."""
        reach = half * self.radius
        x, y, z = ((middle - reach, middle + reach) for middle in self.centre)
        return Box(x=x, y=y, z=z)

    def contracted(self, points: Tensor) -> Tensor:
        """Where points `(n, 3)` of space are in the ball."""
        own = self.own(points)
        return own * _factor(own.norm(dim=1, keepdim=True)) * self.radius + self._middle(points)

    def world(self, places: Tensor) -> Tensor:
        """The points of space at places `(n, 3)` of the ball; inf on its surface, nan outside."""
        own = self.own(places)
        m = own.norm(dim=1, keepdim=True)
        true = torch.where(m <= 2, 1 / (2 - m), torch.nan)
        return torch.where(m > 1, own / m * true, own) * self.radius + self._middle(places)

    def own(self, points: Tensor) -> Tensor:
        """Points `(n, 3)` relative to the centre, in radii."""
        return (points - self._middle(points)) / self.radius

    def reach(self, origins: Tensor) -> Tensor:
        """The largest s `(n,)` of rays from origins `(n, 3)`."""
        return self.radius * (self.own(origins).norm(dim=1) + 2 * _LINEAR * (1 - _FARTHEST / 2))

    def along(self, s: Tensor, rho: Tensor) -> Tensor:
        """True distances t of lengths s, both in radii, on rays whose origins are `rho` from the centre."""
        v = s - rho
        left = (2 * _LINEAR - v).clamp_(min=_LINEAR * _FARTHEST)
        return torch.where(v > _LINEAR, _LINEAR**2 / left, v).add_(rho)

    def on_rays(self, origins: Tensor, directions: Tensor, s: Tensor) -> OnRay:
        """Samples at lengths s `(n,)` on rays `(n, 3)`, directions of length 1."""
        o = self.own(origins)
        rho = o.norm(dim=1)
        s = s / self.radius
        t = self.along(s, rho)
        p = torch.addcmul(o, t[:, None], directions)
        m = p.norm(dim=1).clamp_(min=1e-6)
        place = torch.add(self._middle(p), p * _factor(m)[:, None], alpha=self.radius)
        radial = (p * directions).sum(dim=1) / m  # the cosine between the ray and the way out
        inverse = 1 / m
        across = (2 - inverse) * inverse
        squeezed = ((radial * inverse * inverse) ** 2 + (1 - radial * radial).clamp_(min=0) * across * across).sqrt()
        speed = torch.where(m > 1, squeezed, 1.0) * self.stretch(t, rho)
        return OnRay(place, t * self.radius, speed)

    def stretch(self, t: Tensor, rho: Tensor) -> Tensor:
        """dt/ds at true distances t, in radii, on rays whose origins are `rho` from the centre."""
        return ((t - rho) / _LINEAR).clamp_(min=1).square_()

    def _middle(self, like: Tensor) -> Tensor:
        return torch.tensor(self.centre, dtype=like.dtype, device=like.device)


def _factor(m: Tensor) -> Tensor:
    """(2 - 1 / m) / m beyond 1, else 1."""
    inverse = 1 / m.clamp(min=1)
    return (2 - inverse) * inverse
