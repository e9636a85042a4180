"""Polynomials of bounded total degree in all coordinates, for problems in about two to eight dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pinnkit.fields import checks
from pinnkit.fields.registry import FIELDS

from .polynomials import Exponents, PolynomialSpec

__all__ = ["TotalDegree"]


@FIELDS.register(
    examples=lambda: {"total degree": TotalDegree(degree=4), "hyperbolic cross": TotalDegree(degree=5, cross=True)}
)
@dataclass(frozen=True)
class TotalDegree(PolynomialSpec):
    """Polynomials of total degree p: u = sum_alpha c_alpha prod_a T_(alpha_a)(s_a), alpha_1 + ... + alpha_d <= p.

    T_k is the Chebyshev polynomial of degree k and s the coordinates scaled to [-1, 1]; there are (d + p)! / (d! p!)
    functions, 3,003 for d = 5 and p = 10.  A solution that is analytic in a neighbourhood of the domain is approximated
    with an error of about rho^-p, rho > 1, however its coordinates interact.  With cross=True the hyperbolic cross
    prod_a (alpha_a + 1) <= p + 1 is taken instead: far fewer functions, for solutions whose coordinates interact
    weakly.

    Args:
        degree: p.
        cross: True takes the hyperbolic cross.

    Raises:
        ValueError: for a degree below 1; from `build` for a periodic axis, or more than 20,000 functions.

    Source: Trefethen, Multivariate polynomial approximation in the hypercube, Proc. Amer. Math. Soc. 145 (2017) 4837;
    the cross: Shen & Wang, Sparse spectral approximations of high-dimensional problems based on hyperbolic cross, SIAM
    J. Numer. Anal. 48 (2010) 1087.
    """

    REPAIR: ClassVar[str] = "lower `degree`, take cross=True, or use Additive"

    degree: int = 6
    cross: bool = False

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, degree=6)
        checks.flags(self, cross="False is the usual one")

    def exponents(self, columns: int) -> Exponents:
        """Return the factors of each function but the constant, pairs (column, degree), in `columns` columns."""
        return tuple(self._factors(columns))

    def _factors(self, columns: int) -> Iterator[tuple[tuple[int, int], ...]]:
        """Yield the sets of factors depth first: each set, then the same with one more factor in a later column."""
        stack: list[tuple[tuple[tuple[int, int], ...], int, int]] = [((), 0, self.degree + self.cross)]
        while stack:
            factors, first, left = stack.pop()
            if factors:
                yield factors
            for column in range(first, columns):
                highest = left - 1 if self.cross else left
                for k in range(1, highest + 1):
                    rest = left // (k + 1) if self.cross else left - k
                    if rest >= (1 if self.cross else 0):
                        stack.append(((*factors, (column, k)), column + 1, rest))

    def count(self, columns: int) -> int:
        """Return the number of functions besides the constant."""
        if not self.cross:
            return math.comb(columns + self.degree, columns) - 1
        ways = {self.degree + 1: 1}  # number of partial products by the bound that is left, after each column
        for _ in range(columns):
            after: dict[int, int] = {}
            for left, number in ways.items():
                for k in range(left):
                    after[left // (k + 1)] = after.get(left // (k + 1), 0) + number
            ways = after
        return sum(ways.values()) - 1
