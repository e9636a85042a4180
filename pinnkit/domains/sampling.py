"""Sampling: how n points are laid out in the unit cube, and with which density."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .axes import check_count
from .sobol import BITS, MAX_COLUMNS, sobol_points


@runtime_checkable
class Sampling(Protocol):
    """A way to lay out points in [0, 1]^dim."""

    def unit(self, n: int, dim: int, generator: torch.Generator) -> Tensor:
        """`(n, dim)` points in [0, 1]^dim, float64 on the CPU; the generator alone decides which."""
        ...

    def density(self, unit: Tensor) -> Tensor:
        """Probability density `(n,)` of the points `unit` `(n, dim)`; it integrates to 1 over [0, 1]^dim."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Independent uniform points: the integration error falls as n^(-1/2)."""

    def unit(self, n: int, dim: int, generator: torch.Generator) -> Tensor:
        """`(n, dim)` independent points."""
        return torch.rand(n, dim, generator=generator, dtype=torch.float64, device=generator.device).cpu()

    def density(self, unit: Tensor) -> Tensor:
        """One everywhere."""
        return torch.ones(unit.shape[0], dtype=unit.dtype)


@dataclass(frozen=True)
class Sobol:
    """Scrambled Sobol points, even in every projection: for smooth integrands the error falls almost as 1/n.

    Any n is fine, a power of 2 is best.  The scrambling is seeded from the generator.  Points are the centres of the
    cells of size 2^-30 that the sequence numbers, so none lies on a wall.

    Source: Owen, Scrambled net variance for integrals of smooth functions, Annals of Statistics 25 (1997).
    """

    def unit(self, n: int, dim: int, generator: torch.Generator) -> Tensor:
        """`(n, dim)` points, `dim` up to 21201 and n up to 2^30; beyond it raises ValueError."""
        seed = int(torch.randint(2**63 - 1, (), generator=generator, device=generator.device))
        if n == 0 or dim == 0:
            return torch.empty(n, dim, dtype=torch.float64)
        if dim > MAX_COLUMNS or n > 2**BITS:
            raise ValueError(
                f"Sobol: at most {MAX_COLUMNS} columns and 2**{BITS} points, got {dim} columns and {n} points; "
                "use sampling=Uniform()"
            )
        return sobol_points(n, dim, seed).add_(0.5**BITS / 2)

    def density(self, unit: Tensor) -> Tensor:
        """One everywhere."""
        return torch.ones(unit.shape[0], dtype=unit.dtype)


@dataclass(frozen=True)
class Chebyshev:
    """Sobol points drawn towards the walls: x = (1 - cos(pi u)) / 2 in every column.

    The density 1 / (pi sqrt(x (1 - x))) per column is that of Chebyshev nodes, which keeps the error of smooth
    expansions down at the walls.

    Source: Trefethen, Approximation Theory and Approximation Practice, ch. 2 and 5.
    """

    def unit(self, n: int, dim: int, generator: torch.Generator) -> Tensor:
        """`(n, dim)` points, denser towards the walls."""
        # sin^2(pi u / 2) is the same as (1 - cos(pi u)) / 2, without its cancellation near u = 0.
        return Sobol().unit(n, dim, generator).mul_(math.pi / 2).sin_().square_()

    def density(self, unit: Tensor) -> Tensor:
        """Product over the columns of 1 / (pi sqrt(x (1 - x)))."""
        inverse = torch.ones(unit.shape[0], dtype=unit.dtype)
        for column in unit.unbind(dim=1):
            inverse *= (column * (1 - column)).sqrt_().mul_(math.pi)
        return inverse.reciprocal_()


DEFAULT_SAMPLING: Sampling = Sobol()


def quadrature_weights(sampling: Sampling, unit: Tensor, measure: float) -> Tensor:
    """Weights `(n,)` in inverse proportion to the density, which sum to `measure`."""
    weight = sampling.density(unit).reciprocal_()
    total = weight.sum()
    if total == 0:  # one point, exactly on a wall where the density is infinite
        return torch.full_like(weight, measure / len(weight))
    return weight.mul_(measure / total)


def shared(n: int, measures: list[float], generator: torch.Generator) -> list[int]:
    """Number of the n points that each wall gets: largest remainders, and at least one each."""
    walls = len(measures)
    if n < walls:
        chosen = set(torch.randperm(walls, generator=generator, device=generator.device)[:n].tolist())
        return [int(wall in chosen) for wall in range(walls)]
    if walls == 0:
        return []
    total = math.fsum(measures)
    ideal = [n * measure / total for measure in measures]
    counts = [max(1, math.floor(share)) for share in ideal]
    while sum(counts) != n:
        step = 1 if sum(counts) < n else -1
        open_to = [wall for wall in range(walls) if counts[wall] + step >= 1]
        counts[max(open_to, key=lambda wall: step * (ideal[wall] - counts[wall]))] += step
    return counts


def check_sample(owner: str, n: object, generator: object, sampling: object) -> None:
    """Refuse bad arguments of a `sample`."""
    check_count(owner, "n", n)
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"{owner}: `generator` must be a torch.Generator, got {generator!r}; use torch.Generator().manual_seed(0)"
        )
    if isinstance(sampling, type) or not isinstance(sampling, Sampling):
        raise TypeError(
            f"{owner}: `sampling` must be an object such as Sobol(), Chebyshev() or Uniform(), got {sampling!r}"
        )
