"""The loss of fields at collocation points: what trained networks minimise.

loss = sum over terms of the mean of weight * penalty(residual), evaluated chunk by chunk, so that memory does not grow
with the number of points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, provider, residual_rows, term_weight
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.protocols import Evaluation

from .collocation_points import Cloud
from .gram import Gram, gram, rows_and_jacobian
from .operator_collapse import Fold, fold
from .parameters import Parameters
from .tangent_kernel import Kernel, kernel

__all__ = ["Collocation"]


class Collocation:
    """An `Objective` made of a problem, its fields and a cloud of points.

    Args:
        fields: the fields of the unknowns.
        parameters: what theta consists of.
        cloud: the points.
        balance: a factor for each term's loss beside its own weight; one where a term is not named.
        factors: further factors that change as training goes on: 0-d, or one for each point of a term, ``(n,)``.
        draw: differs wherever the points or the factors do, so that a solver knows when it sees another loss.
        derivatives: "taylor", or "autograd" for the slow road that it is tested against.
    """

    def __init__(
        self,
        fields: FieldSet,
        parameters: Parameters,
        cloud: Cloud,
        *,
        balance: Mapping[str, float] | None = None,
        factors: Mapping[str, Tensor] | None = None,
        draw: int = 0,
        derivatives: str = "taylor",
    ) -> None:
        self.problem: Problem = fields.problem
        self.fields = fields
        self.parameters = parameters
        self.cloud = cloud
        self.balance = balance or {}
        self.factors = factors or {}
        self.draw = draw
        self.derivatives = derivatives
        self._folds: dict[tuple[str, int], Fold | None] = {}

    @property
    def readout(self) -> Tensor:
        """The places in theta of the fields' linear read-outs, for solvers that treat those apart."""
        return self.parameters.readout

    def rates(self, otherwise: float) -> Tensor | None:
        """The learning rates that the fields ask for, ``(P,)``, `otherwise` where one is silent; None where all are."""
        return self.parameters.rates(otherwise)

    def evaluate(self, theta: Tensor) -> Evaluation:
        """The loss, its gradient, and the mean cost of each term."""
        self.parameters.assign(theta)
        total = torch.zeros((), dtype=theta.dtype, device=theta.device)
        gradient = torch.zeros_like(theta)
        terms: dict[str, Tensor] = {}
        waiting, rows = torch.zeros_like(total), 0  # small chunks share one backward pass
        for term in self.problem.soft_terms:
            size = self.cloud.size(term)
            cost = torch.zeros_like(total)
            for i, points in enumerate(self.cloud.chunks(term)):
                r = self.residual(term, points, chunk=i)
                costs = term.penalty(r)
                weighted = (self.weight(term, points, i) * costs).sum() / size
                total = total + weighted.detach()
                cost = cost + costs.detach().sum() / size
                waiting, rows = waiting + weighted, rows + r.shape[0]
                if rows >= self.cloud.chunk:
                    gradient += self.parameters.gradient(waiting)
                    waiting, rows = torch.zeros_like(total), 0
            terms[str(term.name)] = cost
        if rows:
            gradient += self.parameters.gradient(waiting)
        return Evaluation(total, gradient, terms)

    def rows(self, theta: Tensor) -> Tensor:
        """All weighted residual rows, ``sqrt(weight / n) r``, so that the loss is their sum of squares.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self.parameters.assign(theta)
        parts = []
        with torch.no_grad():
            for term in self.problem.soft_terms:
                require_square(term)
                for i, points in enumerate(self.cloud.chunks(term)):
                    weight = torch.as_tensor(self.weight(term, points, i) / self.cloud.size(term), dtype=theta.dtype)
                    parts.append((weight.sqrt() * self.residual(term, points, chunk=i)).reshape(-1))
        return torch.cat(parts)

    def rows_and_jacobian(self, theta: Tensor, *, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The rows ``(N,)`` and their Jacobian ``(N, P)``, written into `out` where it is given.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return rows_and_jacobian(self, out=out)

    def gram(self, theta: Tensor) -> Gram:
        """The loss, ``J^T r``, ``J^T J`` and the mean cost of each term, without the whole Jacobian.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return gram(self)

    def kernel(self, theta: Tensor) -> Kernel:
        """The rows, ``J J^T`` ``(N, N)`` and the products with J, without the Jacobian.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return kernel(self)

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """The unweighted mean cost of each term."""
        self.parameters.assign(theta)
        found = {}
        with torch.no_grad():
            for term in self.problem.soft_terms:
                costs = [
                    term.penalty(self.residual(term, points, chunk=i)).sum()
                    for i, points in enumerate(self.cloud.chunks(term))
                ]
                found[str(term.name)] = torch.stack(costs).sum() / self.cloud.size(term)
        return found

    def weight(self, term: Term, points: Sequence[Points], chunk: int) -> Tensor | float:
        """What the cost of a term counts at the points of a chunk: a number, or ``(n, 1)``."""
        weight = self.balance.get(str(term.name), 1.0) * term_weight(self.problem, term, points[0])
        factor = self.factors.get(str(term.name))
        if factor is None:
            return weight
        if factor.ndim:
            start = chunk * self.cloud.chunk
            factor = factor[start : start + points[0].row_count, None]
        return weight * factor

    def residual(self, term: Term, points: Sequence[Points], *, chunk: int | None = None) -> Tensor:
        """The residual ``(n, k)`` of a term at some points, differentiable in the parameters.

        Args:
            term: of the problem.
            points: one set for each of its sites.
            chunk: which chunk of the cloud they are, if they are one: what is found out about them is remembered.
        """
        folded = self.folded(term, points, chunk)
        values = self.fields.channels(points, self.wanted(term, folded), derivatives=self.derivatives)
        return self.combine(term, points, values, self.parameters.coefficients(), folded)

    def folded(self, term: Term, points: Sequence[Points], chunk: int | None) -> Fold | None:
        """The part of a term that one collapsed channel replaces at some points, which holds for any part of them."""
        return self._fold(term, points, chunk) if self.derivatives == "taylor" else None

    def wanted(self, term: Term, folded: Fold | None) -> tuple[Channel, ...]:
        """The channels of the fields that a term needs."""
        return self.problem.trace(term, raw=True).channels if folded is None else (*folded.kept, folded.operator)

    def combine(
        self,
        term: Term,
        points: Sequence[Points],
        values: Mapping[Channel, Tensor],
        coefficients: Mapping[str, Tensor],
        folded: Fold | None,
    ) -> Tensor:
        """The residual ``(n, k)`` from the channels that are `wanted`."""
        silent = self.problem.trace(term, raw=True).ignored
        if folded is not None:
            silent |= folded.folded
        lookup = provider(self.problem, values, silent)
        rows = residual_rows(self.problem, term, points, lookup, coefficients, raw=True)
        return rows if folded is None else rows + values[folded.operator][:, None]

    def _prepare(self, theta: Tensor) -> None:
        for term in self.problem.soft_terms:
            require_square(term)
        self.parameters.assign(theta)

    def _fold(self, term: Term, points: Sequence[Points], chunk: int | None) -> Fold | None:
        if chunk is None:
            return fold(self.problem, term, points)
        key = str(term.name), chunk
        if key not in self._folds:
            self._folds[key] = fold(self.problem, term, points)
        return self._folds[key]


def require_square(term: Term) -> None:
    """Refuse a term whose penalty is not a square."""
    if not term.penalty.is_square:
        raise TypeError(
            f"term '{term.name}' has the penalty {term.penalty!r}; least-squares solvers need Square(); "
            f"use Adam or LBFGS, or drop `penalty=`"
        )
