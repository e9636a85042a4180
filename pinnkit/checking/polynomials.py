"""Monomials in several variables up to a total degree, and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from pinnkit.derivatives import Order

__all__ = ["Monomials"]


@dataclass(frozen=True)
class Monomials:
    """All monomials z^a with |a| <= degree and a_i <= most_i, by degree.

    Args:
        degree: largest total degree.
        most: largest degree in each variable.
    """

    degree: int
    most: tuple[int, ...]

    @cached_property
    def exponents(self) -> tuple[tuple[int, ...], ...]:
        """Exponents a of each monomial, lower degrees first."""
        ranges = [range(min(self.degree, most) + 1) for most in self.most]
        return tuple(sorted((a for a in product(*ranges) if sum(a) <= self.degree), key=lambda a: (sum(a), a)))

    def __len__(self) -> int:
        return len(self.exponents)

    def positions_in(self, larger: Monomials) -> list[int]:
        """Indices of these monomials among those of a larger basis."""
        return [larger.exponents.index(a) for a in self.exponents]

    def rows(self, z: Tensor, order: Order = ()) -> Tensor:
        """A derivative of every monomial at points ``(..., d)``: ``(..., m)``."""
        along = [order.count(i) for i in range(len(self.most))]
        highest = max(self.degree, 1)
        powers = [torch.stack([z[..., i] ** k for k in range(highest + 1)], dim=-1) for i in range(len(self.most))]
        columns = [self._derived(powers, a, along) for a in self.exponents]
        return torch.stack([c.expand(z.shape[:-1]) for c in columns], dim=-1)

    def _derived(self, powers: Sequence[Tensor], exponents: Sequence[int], along: Sequence[int]) -> Tensor:
        if any(k > e for k, e in zip(along, exponents, strict=True)):
            return torch.zeros((), dtype=powers[0].dtype)
        factor = math.prod(math.perm(e, k) for e, k in zip(exponents, along, strict=True))
        out = torch.full((), float(factor), dtype=powers[0].dtype)
        for power, e, k in zip(powers, exponents, along, strict=True):
            if e > k:
                out = out * power[..., e - k]
        return out
