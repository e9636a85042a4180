"""Weighted residuals of a problem's terms at collocation points, and the channels that they need of the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, provider, residual_rows, term_weight
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet

from .collocation_points import CollocationPoints
from .operator_collapse import CollapsedOperator, collapse
from .parameters import Parameters

__all__ = ["WeightedResiduals", "require_square"]


class WeightedResiduals:
    """Residuals r and weights w of every term at collocation points.

    Args:
        fields: fields of the unknowns.
        parameters: what theta consists of.
        collocation: the points.
        row_weights: factor of each term's cost beside its own weight; one where a term is not named.
        factors: further factors that change during training: 0-d, or one for each point of a term, ``(n,)``.
        derivatives: "taylor", or "autograd" for nested automatic differentiation, which is slow and used in tests.
    """

    def __init__(
        self,
        fields: FieldSet,
        parameters: Parameters,
        collocation: CollocationPoints,
        *,
        row_weights: Mapping[str, float] | None = None,
        factors: Mapping[str, Tensor] | None = None,
        derivatives: str = "taylor",
    ) -> None:
        self.problem: Problem = fields.problem
        self.fields = fields
        self.parameters = parameters
        self.collocation = collocation
        self.row_weights = row_weights or {}
        self.factors = factors or {}
        self.derivatives = derivatives
        self._collapsed: dict[tuple[str, int], CollapsedOperator | None] = {}

    def weight(self, term: Term, points: Sequence[Points], chunk: int) -> Tensor | float:
        """Weight of the cost of a term at the points of a chunk: a number, or ``(n, 1)``."""
        weight = self.row_weights.get(str(term.name), 1.0) * term_weight(self.problem, term, points[0])
        factor = self.factors.get(str(term.name))
        if factor is None:
            return weight
        if factor.ndim:
            start = chunk * self.collocation.chunk
            factor = factor[start : start + points[0].row_count, None]
        return weight * factor

    def residual(self, term: Term, points: Sequence[Points], *, chunk: int | None = None) -> Tensor:
        """Residual ``(n, k)`` of a term at some points, differentiable in the parameters.

        Args:
            term: of the problem.
            points: one set for each of its sites, then the nodes of its integrals.
            chunk: number of the chunk of collocation points that they are, if they are one: its collapsed operator is
                remembered.
        """
        collapsed = self.collapsed(term, points, chunk)
        values = self.fields.channels(points, self.channels(term, collapsed), derivatives=self.derivatives)
        return self.combine(term, points, values, self.parameters.coefficients(), collapsed)

    def collapsed(self, term: Term, points: Sequence[Points], chunk: int | None) -> CollapsedOperator | None:
        """Linear part of a term that one collapsed channel replaces at some points, and at any subset of them."""
        if self.derivatives != "taylor":
            return None
        if chunk is None:
            return collapse(self.problem, term, points)
        key = str(term.name), chunk
        if key not in self._collapsed:
            self._collapsed[key] = collapse(self.problem, term, points)
        return self._collapsed[key]

    def channels(self, term: Term, collapsed: CollapsedOperator | None) -> tuple[Channel, ...]:
        """Channels of the fields that a term needs."""
        if collapsed is None:
            return self.problem.trace(term, raw=True).channels
        return (*collapsed.kept, collapsed.operator)

    def combine(
        self,
        term: Term,
        points: Sequence[Points],
        values: Mapping[Channel, Tensor],
        coefficients: Mapping[str, Tensor],
        collapsed: CollapsedOperator | None,
    ) -> Tensor:
        """Residual ``(n, k)`` from the values of its `channels`."""
        silent = self.problem.trace(term, raw=True).ignored
        if collapsed is not None:
            silent |= collapsed.replaced
        lookup = provider(self.problem, values, silent, points)
        rows = residual_rows(self.problem, term, points, lookup, coefficients, raw=True)
        return rows if collapsed is None else rows + values[collapsed.operator][:, None]

    def require_squares(self) -> None:
        """Refuse terms whose penalty is not a square.

        Raises:
            TypeError: for the first of them.
        """
        for term in self.problem.soft_terms:
            require_square(term)


def require_square(term: Term) -> None:
    """Refuse a term whose penalty is not a square.

    Raises:
        TypeError: with the solvers that can.
    """
    if not term.penalty.is_square:
        raise TypeError(
            f"term '{term.name}' has the penalty {term.penalty!r}; least-squares solvers need Square(); "
            f"use Adam or LBFGS, or drop `penalty=`"
        )
