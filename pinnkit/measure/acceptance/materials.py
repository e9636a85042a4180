"""Acceptance rows on materials: coefficients and equations that differ between the pieces of a domain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Box, Disk
from pinnkit.jets.operators import div, grad, laplacian
from pinnkit.problem import Dirichlet, Equation, Initial, Interface, Piecewise, Problem

from .equations import error_of, solve_error
from .row import Measure, Measurement, Row

__all__ = ["VARIANTS", "disk_at_random", "layers_at_random", "poisson_and_helmholtz", "rows", "two_layers_in_time"]

_LIMIT = 30.0


def rows() -> Iterable[Row]:
    """Acceptance rows on materials."""
    automatic = solve_error(None, None)
    yield Row("11", "automatic", "two_materials", "automatic", "relative L2", 1e-9, automatic, _LIMIT)
    yield Row("11", "materials", "two_materials", "flux through the circle", "relative L2", 1e-8, _flux, _LIMIT)
    yield Row("11", "automatic", "composite_wall", "automatic", "relative L2", 1e-10, automatic, _LIMIT)
    for name, (make, target) in VARIANTS.items():
        yield Row("11", "materials", name, "automatic", "relative L2", target, _variant(make), _LIMIT, from_file=False)


def _flux(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    """Error of the normal flux through the interface, as the metric of the problem gives it."""
    from pinnkit.solvers import solve

    solution = solve(problem, seed=seed)
    return Measurement(float(problem.metrics["flux_error"](solution)), solution.seconds, {})


def _variant(make: Callable[[int], Problem]) -> Measure:
    def measure(row: Row, problem: object, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.solvers import solve

        return error_of(solve(make(seed), seed=seed))

    return measure


def layers_at_random(seed: int) -> Problem:
    """-(k u')' = 1 in two to five layers with k from 0.01 to 100, a contact resistance beside the first."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    edges = [0.0, *np.sort(rng.uniform(0.1, 0.9, count - 1)).tolist(), 1.0]
    k = (10 ** rng.uniform(-2, 2, count)).tolist()
    resistance = float(rng.uniform(0, 2))
    pairs = [(a, b, c) for (a, b), c in zip(pairwise(edges), k, strict=True)]
    whole = math.fsum((b - a) / c for a, b, c in pairs)
    first_moment = math.fsum((b**2 - a**2) / (2 * c) for a, b, c in pairs)
    at_zero = (1 + first_moment + resistance * edges[1]) / (whole + resistance)  # k u' = at_zero - x, u(1) = 1

    def exact(x: Tensor) -> Tensor:
        u = torch.where(x > edges[1], torch.full_like(x, resistance * (at_zero - edges[1])), torch.zeros_like(x))
        for a, b, c in pairs:
            top = x.clamp(a, b)
            u = u + (at_zero * (top - a) - (top**2 - a**2) / 2) / c
        return u

    line = Box(x=(0, 1))
    layers = [Box(x=(a, b)) for a, b, _ in pairs]
    conductivity = Piecewise(dict(zip(layers, k, strict=True)))
    return Problem(
        "layers_at_random",
        line,
        "u",
        [
            Equation(lambda u, x: -div(conductivity(x) * grad(u)) - 1),
            Dirichlet(line.face(x=0), u=0.0),
            Dirichlet(line.face(x=1), u=1.0),
            Interface(layers[0], resistance=resistance),
        ],
        exact={"u": exact},
    )


def disk_at_random(seed: int) -> Problem:
    """div(k grad u) = f with k = c (1 + x) in a disk and 1 + x around it, u = (r^2 - a^2) (1 + x) / c inside."""
    rng = np.random.default_rng(seed)
    (a, b), radius = rng.uniform(0.35, 0.65, 2).tolist(), float(rng.uniform(0.12, 0.25))
    contrast = float(10 ** rng.uniform(-2, 3))

    def level(x: Tensor, y: Tensor) -> Tensor:
        return ((x - a) ** 2 + (y - b) ** 2 - radius**2) * (1 + x)

    def exact(x: Tensor, y: Tensor) -> Tensor:
        value = level(x, y)
        return torch.where(value < 0, value / contrast, value)

    def source(x: Tensor, y: Tensor) -> Tensor:
        # div((1 + x) grad((r^2 - a^2) (1 + x))), the same on both sides
        r2 = (x - a) ** 2 + (y - b) ** 2 - radius**2
        return (1 + x) * (4 * (1 + x) + 4 * (x - a)) + 2 * (x - a) * (1 + x) + r2

    square = Box(x=(0, 1), y=(0, 1))
    disk = Disk(x=a, y=b, radius=radius)
    k = Piecewise({disk: lambda x: contrast * (1 + x), "elsewhere": lambda x: 1 + x})
    return Problem(
        "disk_at_random",
        square,
        "u",
        [Equation(lambda u, x, y: div(k(x, y) * grad(u)) - source(x, y)), Dirichlet(square.boundary, u=exact)],
        exact={"u": exact},
    )


def poisson_and_helmholtz(seed: int) -> Problem:
    """-laplacian(u) = f on the left of a wall at random, -laplacian(u) - k^2 u = g on the right of it."""
    rng = np.random.default_rng(seed)
    wall, k, turn = float(rng.uniform(0.3, 0.7)), float(rng.uniform(2, 8)), float(rng.uniform(0, 6))
    cosine, sine = 2 * math.cos(turn), 2 * math.sin(turn)

    def exact(x: Tensor, y: Tensor) -> Tensor:
        return torch.sin(cosine * x + sine * y)

    square = Box(x=(0, 1), y=(0, 1))
    left = Box(x=(0, wall), y=(0, 1))
    return Problem(
        "poisson_and_helmholtz",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) - 4 * exact(x, y), on=left),
            Equation(lambda u, x, y: -laplacian(u) - k**2 * u - (4 - k**2) * exact(x, y), on=square - left),
            Dirichlet(square.boundary, u=exact),
        ],
        exact={"u": exact},
    )


def two_layers_in_time(seed: int) -> Problem:
    """u_t = (k u')' in two layers: the mode that decays slowest."""
    from scipy.optimize import brentq

    rng = np.random.default_rng(seed)
    edge, k = float(rng.uniform(0.3, 0.7)), float(10 ** rng.uniform(-1, 1))

    def mismatch(rate: float) -> float:
        a, b = math.sqrt(rate / k), math.sqrt(rate)
        return k * a * math.cos(a * edge) * math.sin(b * (1 - edge)) + b * math.cos(b * (1 - edge)) * math.sin(a * edge)

    rates = np.linspace(0.01, 200, 40_001).tolist()
    low, high = next((a, b) for a, b in pairwise(rates) if mismatch(a) * mismatch(b) < 0)
    rate = float(brentq(mismatch, low, high, xtol=1e-14, rtol=1e-14))
    a, b = math.sqrt(rate / k), math.sqrt(rate)
    factor = math.sin(a * edge) / math.sin(b * (1 - edge))

    def mode(x: Tensor) -> Tensor:
        return torch.where(x < edge, torch.sin(a * x), factor * torch.sin(b * (1 - x)))

    rod = Box(x=(0, 1), t=(0, 1 / rate))
    conductivity = Piecewise({Box(x=(0, edge)): k, "elsewhere": 1.0})
    return Problem(
        "two_layers_in_time",
        rod,
        "u",
        [
            Equation(lambda u, x: u.t - div(conductivity(x) * grad(u))),
            Dirichlet(rod.face(x=(0, 1)), u=0.0),
            Initial(u=mode),
        ],
        exact={"u": lambda x, t: torch.exp(-rate * t) * mode(x)},
    )


VARIANTS: dict[str, tuple[Callable[[int], Problem], float]] = {
    "layers_at_random": (layers_at_random, 1e-9),
    "disk_at_random": (disk_at_random, 1e-8),
    "poisson_and_helmholtz": (poisson_and_helmholtz, 1e-9),
    "two_layers_in_time": (two_layers_in_time, 1e-9),
}
"""Problems drawn from a seed, with the relative L2 error asked for."""
