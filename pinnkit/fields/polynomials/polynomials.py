"""Products of Chebyshev polynomials with a linear read-out: base class and module of `Additive` and `TotalDegree`."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from pinnkit.derivatives import Derivative, Order, terms_of
from pinnkit.fields.base import BaseSpec, FieldModule
from pinnkit.fields.initialization import linear
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.scaling import Scaling

__all__ = ["Exponents", "PolynomialSpec", "Polynomials"]

Exponents = tuple[tuple[tuple[int, int], ...], ...]
"""For each function the pairs (column, degree >= 1) of its factors, in ascending columns."""

_LARGEST = 20_000
"""Largest number of functions for least squares on a workstation."""
_BLOCK = 2**21
"""Numbers in one block of features: 16 MB, about the size of a cache."""


class PolynomialSpec(BaseSpec["Polynomials"]):
    """Base class of specs that are sums of products of Chebyshev polynomials; subclasses name the products."""

    smoothness: ClassVar[float] = math.inf

    REPAIR: ClassVar[str]
    """Advice for a spec of too many functions."""

    @abstractmethod
    def exponents(self, columns: int) -> Exponents:
        """Return the factors of each function but the constant, as pairs (column, degree)."""

    @abstractmethod
    def count(self, columns: int) -> int:
        """Return the number of functions besides the constant."""

    def _build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        generator: torch.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> Polynomials:
        owner, columns = type(self).__name__, sum(axis.dim for axis in axes)
        if self.count(columns) > _LARGEST:
            raise ValueError(
                f"{owner}.build: {self.count(columns)} functions in {columns} columns are more than "
                f"{_LARGEST}; {self.REPAIR}"
            )
        for axis in axes:
            if axis.periodic:
                raise ValueError(
                    f"{owner}.build: polynomials cannot be periodic along {axis!r}; use RandomFourier, "
                    f"or a Periodic condition without hard=True"
                )
        return Polynomials(self, Scaling(axes), self.exponents(columns), outputs)


class Polynomials(FieldModule):
    """u = c_0 + sum_j c_j prod_a T_k(s_a(x)), the product over the few coordinates that function j depends on.

    s is the scaling to [-1, 1] and T_k the Chebyshev polynomial of degree k.  A derivative along columns that function
    j does not depend on is zero, so a Laplacian in d dimensions costs as many products as functions have factors, not
    d matrices.
    """

    degrees: Tensor
    columns: Tensor

    spec: PolynomialSpec

    def __init__(self, spec: PolynomialSpec, scaling: Scaling, exponents: Exponents, outputs: int) -> None:
        """Take the exponents; the read-out, the only parameter, starts at zero."""
        super().__init__(spec)
        self.scaling = scaling
        # Functions of many factors come first, so that those with a factor k are a leading part.
        self.exponents: Exponents = tuple(sorted(exponents, key=lambda factors: (-len(factors), factors)))
        width = max(len(factors) for factors in self.exponents)
        padded = [factors + ((0, 0),) * (width - len(factors)) for factors in self.exponents]
        table = torch.tensor(padded, dtype=torch.int64)  # (N, width, 2)
        self.register_buffer("columns", table[:, :, 0].contiguous(), persistent=False)
        self.register_buffer("degrees", table[:, :, 1].contiguous(), persistent=False)
        self._highest = max(degree for factors in self.exponents for _, degree in factors)
        self.readout = linear(
            torch.zeros(outputs, len(padded), dtype=torch.float64), torch.zeros(outputs, dtype=torch.float64)
        )

    def trunk(self, coords: Tensor) -> Tensor:
        """Evaluate the products: (n, d) -> (n, N), by operations that have Taylor rules."""
        s = self.scaling(coords)
        powers = [torch.add(torch.mul(s, 0.0), 1.0), s]
        while len(powers) <= self._highest:
            powers.append(torch.sub(torch.mul(torch.mul(s, powers[-1]), 2.0), powers[-2]))
        table = torch.cat(powers, 1)
        rows = self.degrees * s.shape[1] + self.columns
        product = torch.index_select(table, 1, rows[:, 0])
        for k in range(1, rows.shape[1]):
            product = torch.mul(product, torch.index_select(table, 1, rows[:, k]))
        return product

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d) -> (n, outputs)."""
        values: Tensor = self.readout(self.trunk(coords))
        return values

    @torch.no_grad()
    def features(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the products in closed form: coords (n, d) -> {order: (n, N)}.

        An order lists the columns of differentiation, as for `RandomFourier`; an operator gives the sum of its `terms`.
        The m-th derivatives come from the recurrence T_(k+1)^(m) = 2 s T_k^(m) + 2 m T_k^(m-1) - T_(k-1)^(m), with T
        the Chebyshev polynomials.

        Raises:
            ValueError: for an order that names a column which the field does not have.
        """
        wanted = list(dict.fromkeys(orders))
        plans = {order: [self._plan(c, member) for c, member in terms_of(order)] for order in wanted}
        n, count = coords.shape[0], len(self.exponents)
        found = {order: coords.new_empty(n, count) for order in wanted}
        highest = max((m for order in wanted for _, member in terms_of(order) for m in _multiples(member)), default=0)
        step = max(1, _BLOCK // count)
        for start in range(0, n, step):
            stop = min(start + step, n)
            table = self._table(coords[start:stop], highest)
            for order, plan in plans.items():
                found[order][start:stop] = self._summed(table, plan).T
        return found

    def jets(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Evaluate derivatives of the field, (n, outputs), in blocks of points that bound the memory."""
        wanted = list(dict.fromkeys(orders))
        step = max(1, _BLOCK // len(self.exponents))
        parts: dict[Derivative, list[Tensor]] = {order: [] for order in wanted}
        for start in range(0, max(coords.shape[0], 1), step):
            for order, phi in self.features(coords[start : start + step], wanted).items():
                value = phi @ self.readout.weight.T
                parts[order].append(value + self.readout.bias if order == () else value)
        return {order: torch.cat(part) for order, part in parts.items()}

    def _table(self, coords: Tensor, highest: int) -> Tensor:
        """Tabulate T_k^(m)(s_a) along x_a, as rows ((m (K + 1) + k) d + a, n)."""
        s = self.scaling(coords).T.contiguous()
        table = s.new_zeros(highest + 1, self._highest + 1, *s.shape)
        table[0, 0], table[0, 1] = 1.0, s
        if highest > 0:
            table[1, 1] = 1.0
        for k in range(1, self._highest):
            for m in range(highest + 1):
                new = torch.mul(s, table[m, k], out=table[m, k + 1]).mul_(2.0).sub_(table[m, k - 1])
                if m:
                    new.add_(table[m - 1, k], alpha=2.0 * m)
        for m in range(1, highest + 1):
            table[m] *= self.scaling.rate[:, None] ** m
        return table.reshape(-1, s.shape[1])

    def _plan(self, coefficient: float, order: Order) -> tuple[float, Tensor | None, list[Tensor]]:
        """Select the functions with a derivative that does not vanish (None: all), and the table rows of their factors.

        The rows of factor k cover the leading functions that have such a factor.
        """
        d, levels = self.scaling.rate.shape[0], self._highest + 1
        if any(not 0 <= column < d for column in order):
            raise ValueError(
                f"{type(self.spec).__name__}.features: `orders` must name columns 0 to {d - 1}, got {order!r}; "
                f"columns count through the coordinates in the order of the axes"
            )
        columns, degrees, chosen = self.columns, self.degrees, None
        multiple = torch.zeros_like(degrees)
        for column in set(order):
            multiple += ((columns == column) & (degrees > 0)) * order.count(column)
        if order:
            chosen = torch.nonzero(multiple.sum(dim=1) == len(order))[:, 0]
            columns, degrees, multiple = columns[chosen], degrees[chosen], multiple[chosen]
        counts = [int((degrees[:, k] > 0).sum()) for k in range(degrees.shape[1])]
        rows = (multiple * levels + degrees) * d + columns
        return coefficient, chosen, [rows[: counts[k], k] for k in range(rows.shape[1])]

    def _summed(self, table: Tensor, plan: Sequence[tuple[float, Tensor | None, list[Tensor]]]) -> Tensor:
        """Sum the terms of an operator, (N, n)."""
        total: Tensor | None = None
        for coefficient, chosen, rows in plan:
            product = table.index_select(0, rows[0])
            for factor in rows[1:]:
                if len(factor):
                    product[: len(factor)] *= table.index_select(0, factor)
            if coefficient != 1.0:
                product *= coefficient
            if chosen is None:
                total = product if total is None else total.add_(product)
            else:
                if total is None:
                    total = table.new_zeros(len(self.exponents), table.shape[1])
                total.index_add_(0, chosen, product)
        assert total is not None
        return total


def _multiples(order: Order) -> list[int]:
    return [order.count(column) for column in set(order)]
