"""Random polygons with three round holes, and problems in them, with and without a closed form."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pinnkit.domains import Ball, Polygon
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Neumann

__all__ = ["Sources", "largest_error", "polygon_with_holes", "random_problem"]


@dataclass(frozen=True)
class Sources:
    """Closed form of laplacian u + kappa u = 0: logarithms for kappa = 0, else plane waves or exponentials.

    Args:
        kappa: coefficient.
        centers: of the logarithms, outside the domain; their first coordinates are phases of the waves.
        weights: of the terms.
        angles: directions of the waves.
    """

    kappa: float
    centers: tuple[tuple[float, float], ...]
    weights: tuple[float, ...]
    angles: tuple[float, ...]

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """Evaluate the closed form."""
        total = 0.0 * x
        k = math.sqrt(abs(self.kappa))
        for (a, b), w, angle in zip(self.centers, self.weights, self.angles, strict=True):
            if self.kappa == 0:
                total = total + 0.5 * w * torch.log((x - a) ** 2 + (y - b) ** 2)
            else:
                phase = k * (math.cos(angle) * x + math.sin(angle) * y)
                total = total + w * (torch.cos(phase + a) if self.kappa > 0 else torch.exp(phase - k))
        return total

    def slope(self, x: Tensor, y: Tensor, n: Tensor) -> Tensor:
        """Evaluate its normal derivative."""
        first, second = 0.0 * x, 0.0 * x
        k = math.sqrt(abs(self.kappa))
        for (a, b), w, angle in zip(self.centers, self.weights, self.angles, strict=True):
            if self.kappa == 0:
                r2 = (x - a) ** 2 + (y - b) ** 2
                first, second = first + w * (x - a) / r2, second + w * (y - b) / r2
            else:
                phase = k * (math.cos(angle) * x + math.sin(angle) * y)
                rate = -w * k * torch.sin(phase + a) if self.kappa > 0 else w * k * torch.exp(phase - k)
                first, second = first + rate * math.cos(angle), second + rate * math.sin(angle)
        return first * n[:, 0] + second * n[:, 1]


def polygon_with_holes(seed: int) -> tuple[Polygon, list[Ball], np.random.Generator]:
    """Star-shaped polygon of five to eight corners, with three round holes."""
    random = np.random.default_rng(seed)
    count = int(random.integers(5, 9))
    while True:
        angles, radii = np.sort(random.uniform(0, 2 * np.pi, count)), random.uniform(0.6, 1.2, count)
        between = np.diff(np.append(angles, angles[0] + 2 * np.pi))
        if between.min() < 0.35 or between.max() > 2.2:
            continue
        polygon = Polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))
        holes: list[tuple[np.ndarray, float]] = []
        for _ in range(2000):
            center, radius = random.uniform(-1, 1, 2), random.uniform(0.05, 0.15)
            if float(polygon.signed_distance(torch.from_numpy(center)[None])) > -1.6 * radius:
                continue
            if all(np.hypot(*(center - c)) > 1.3 * (radius + r) for c, r in holes):
                holes.append((center, radius))
            if len(holes) == 3:
                disks = [Ball(x=float(c[0]), y=float(c[1]), radius=float(r)) for c, r in holes]
                return polygon, disks, random


def random_problem(seed: int, kappa: float, *, mixed: bool, manufactured: bool) -> tuple[Problem, Sources | None]:
    """laplacian u + kappa u = 0 in a random polygon with three holes.

    Args:
        seed: of the shape, the kinds of conditions and the data.
        kappa: coefficient.
        mixed: whether some walls have fluxes.
        manufactured: True takes the data of a closed form, False the value 1 and the flux 0.3.
    """
    polygon, holes, random = polygon_with_holes(seed)
    domain = polygon - holes[0] - holes[1] - holes[2]
    sides = len(polygon.vertices)
    flux = [mixed and random.random() < 0.4 for _ in range(sides + len(holes))]
    flux[int(random.integers(sides))] = False
    centers: list[tuple[float, float]] = []
    while len(centers) < 6:
        if len(centers) < 3:
            point = random.uniform(-2, 2, 2)
            if float(polygon.signed_distance(torch.from_numpy(point)[None])) < 0.15:
                continue
        else:
            hole, angle = holes[len(centers) - 3], random.uniform(0, 2 * np.pi)
            point = np.array(hole.center) + 0.5 * hole.radius * np.array([np.cos(angle), np.sin(angle)])
        centers.append((float(point[0]), float(point[1])))
    weights = tuple(float(w) for w in random.normal(size=6))
    sources = Sources(kappa, tuple(centers), weights, tuple(float(a) for a in random.uniform(0, 2 * np.pi, 6)))
    value: float | Callable[[Tensor, Tensor], Tensor] = sources.value if manufactured else 1.0
    slope: float | Callable[[Tensor, Tensor, Tensor], Tensor] = sources.slope if manufactured else 0.3
    terms = [Equation(lambda u: u.laplacian + kappa * u)]
    for i, given in enumerate(flux):
        wall = domain.boundary_of(polygon.side(i) if i < sides else holes[i - sides])
        terms.append(Neumann(wall, u=slope, name=f"q{i}") if given else Dirichlet(wall, u=value, name=f"u{i}"))
    problem = Problem(f"polygon{seed}", domain, "u", terms)
    return problem, sources if manufactured else None


def largest_error(module: nn.Module, problem: Problem, sources: Sources, n: int = 2000) -> float:
    """Largest |u_h - u| at points of the domain."""
    x = problem.domain.sample(n, torch.Generator().manual_seed(99)).coords
    with torch.no_grad():
        return float((module(x)[:, 0] - sources.value(x[:, 0], x[:, 1])).abs().max())
