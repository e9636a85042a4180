"""Sums of functions of one coordinate, or of pairs of coordinates, for problems in many dimensions."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from pinnkit.fields import checks
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS

from .polynomials import Exponents, Polynomials, PolynomialSpec

__all__ = ["Additive"]


@FIELDS.register(
    examples=lambda: {
        "one coordinate": Additive(degree=5),
        "pairs": Additive(degree=5, order=2, pair_degree=4, pairs=((0, 2), (1, 2))),
    }
)
@dataclass(frozen=True)
class Additive(PolynomialSpec):
    """An ANOVA expansion: u = c_0 + sum_a f_a(s_a) + sum_(a,b) f_ab(s_a, s_b), s the coordinates scaled to [-1, 1].

    f_a = sum_(k=1..degree) c_ak T_k(s_a), with Chebyshev polynomials T_k.  With order=2 the pairs have
    f_ab = sum_(k, l >= 1, k + l <= pair_degree) c_abkl T_k(s_a) T_l(s_b).  The number of functions grows as d or as the
    number of pairs, not as a power of d, which allows a hundred dimensions.  Only the read-out is solved for.

    Args:
        degree: of the functions of one coordinate.
        order: 1, or 2 for pairs of coordinates as well.
        pair_degree: k + l at most, at least 2; None takes `degree`, or 2 where that is less.
        pairs: the coordinate columns that interact, pairs a < b that count through the coordinates in the order of the
            axes; None takes all d (d - 1) / 2.

    Raises:
        ValueError: for arguments outside these ranges; from `build` also for a pair of columns that do not exist, a
            periodic axis, or more than 20,000 functions.

    Source: Rabitz & Alis, General foundations of high-dimensional model representations, J. Math. Chem. 25 (1999) 197.
    """

    REPAIR: ClassVar[str] = "lower `degree` or `pair_degree`, or name the `pairs` that matter"

    degree: int = 12
    order: int = 1
    pair_degree: int | None = None
    pairs: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        """Check the arguments."""
        checks.counts(self, degree=12)
        if self.order not in (1, 2) or isinstance(self.order, bool):
            raise ValueError(
                f"Additive: `order` must be 1 (functions of one coordinate) or 2 (pairs), got {self.order!r}; "
                f"TotalDegree has products of all coordinates"
            )
        for name in ("pair_degree", "pairs"):
            if self.order == 1 and getattr(self, name) is not None:
                raise ValueError(f"Additive: `{name}` belongs to order=2, got {getattr(self, name)!r} with order=1")
        if self.pair_degree is not None:
            degree = checks.count("Additive", "pair_degree", self.pair_degree, repair="give 2 or more")
            if degree < 2:
                raise ValueError(f"Additive: `pair_degree` must be at least 2, as T_1 T_1 has, got {degree}")
            object.__setattr__(self, "pair_degree", degree)
        if self.pairs is not None:
            object.__setattr__(self, "pairs", _pairs(self.pairs))

    def exponents(self, columns: int) -> Exponents:
        """Return the factors of each function, pairs (column, degree), in `columns` coordinate columns."""
        single = [((a, k),) for a in range(columns) for k in range(1, self.degree + 1)]
        if self.order == 1:
            return tuple(single)
        highest = max(self.degree, 2) if self.pair_degree is None else self.pair_degree
        powers = [(k, m) for k in range(1, highest) for m in range(1, highest + 1 - k)]
        pairs = tuple(itertools.combinations(range(columns), 2)) if self.pairs is None else self.pairs
        return tuple(single) + tuple(((a, k), (b, m)) for a, b in pairs for k, m in powers)

    def count(self, columns: int) -> int:
        """Return the number of functions besides the constant."""
        highest = max(self.degree, 2) if self.pair_degree is None else self.pair_degree
        pairs = math.comb(columns, 2) if self.pairs is None else len(self.pairs)
        return self.degree * columns + (self.order == 2) * pairs * math.comb(highest, 2)

    def _build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        generator: torch.Generator,
    ) -> Polynomials:
        columns = sum(axis.dim for axis in axes)
        for pair in self.pairs or ():
            if pair[1] >= columns:
                raise ValueError(f"Additive.build: `pairs` must name columns 0 to {columns - 1}, got {pair!r}")
        return super()._build(axes, outputs, generator)


def _pairs(given: object) -> tuple[tuple[int, int], ...]:
    expected = "Additive: `pairs` must be pairs of different column numbers (a, b), 0 <= a < b, each once"
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError(f"{expected}, got {given!r}")
    found = []
    for pair in given:
        whole = isinstance(pair, Sequence) and len(pair) == 2 and all(isinstance(v, numbers.Integral) for v in pair)
        if not whole or not 0 <= pair[0] < pair[1]:
            raise ValueError(f"{expected}, got {pair!r}")
        found.append((int(pair[0]), int(pair[1])))
    if len(set(found)) < len(found) or not found:
        raise ValueError(f"{expected}, got {given!r}"[:300])
    return tuple(found)
