"""Residual loss of fields at collocation points: the objective of trained fields.

loss = sum over terms of the mean of weight * penalty(residual), evaluated chunk by chunk, so that memory does not grow
with the number of points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.protocols import Evaluation

from .collocation_points import CollocationPoints
from .gram import Gram, gram, rows_and_jacobian
from .parameters import Parameters
from .tangent_kernel import FactoredKernel, tangent_kernel
from .weighted_residuals import WeightedResiduals

__all__ = ["ResidualLoss"]


class ResidualLoss(WeightedResiduals):
    """`Objective` of a problem, its fields and collocation points.

    Args:
        fields: fields of the unknowns.
        parameters: what theta consists of.
        collocation: the points.
        row_weights: factor of each term's cost beside its own weight; one where a term is not named.
        factors: further factors that change during training: 0-d, or one for each point of a term, ``(n,)``.
        version: differs wherever the points or the factors do, so that solvers notice a change of the loss function.
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
        version: int = 0,
        derivatives: str = "taylor",
    ) -> None:
        super().__init__(
            fields, parameters, collocation, row_weights=row_weights, factors=factors, derivatives=derivatives
        )
        self.version = version

    @property
    def readout(self) -> Tensor:
        """Places of the fields' linear read-outs in theta, for solvers that treat them separately."""
        return self.parameters.readout

    def parameter_shapes(self, theta: Tensor) -> Sequence[torch.Size]:
        """Shapes of the tensors that theta consists of, in order."""
        del theta
        return [t.shape for t in self.parameters.tensors]

    def learning_rates(self, default: float) -> Tensor | None:
        """Learning rates that the fields suggest, ``(P,)``, `default` elsewhere; None where no field suggests any."""
        return self.parameters.learning_rates(default)

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Loss, its gradient, and the mean cost of each term."""
        self.parameters.assign(theta)
        total = torch.zeros((), dtype=theta.dtype, device=theta.device)
        gradient = torch.zeros_like(theta)
        terms: dict[str, Tensor] = {}
        waiting, rows = torch.zeros_like(total), 0  # small chunks share one backward pass
        for term in self.problem.soft_terms:
            size = self.collocation.size(term)
            cost = torch.zeros_like(total)
            for i, points in enumerate(self.collocation.chunks(term)):
                r = self.residual(term, points, chunk=i)
                costs = term.penalty(r)
                weighted = (self.weight(term, points, i) * costs).sum() / size
                total = total + weighted.detach()
                cost = cost + costs.detach().sum() / size
                waiting, rows = waiting + weighted, rows + r.shape[0]
                if rows >= self.collocation.chunk:
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
        self._prepare(theta)
        parts = []
        with torch.no_grad():
            for term in self.problem.soft_terms:
                size = self.collocation.size(term)
                for i, points in enumerate(self.collocation.chunks(term)):
                    weight = torch.as_tensor(self.weight(term, points, i) / size, dtype=theta.dtype)
                    parts.append((weight.sqrt() * self.residual(term, points, chunk=i)).reshape(-1))
        return torch.cat(parts)

    def rows_and_jacobian(self, theta: Tensor, *, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Rows ``(N,)`` and their Jacobian ``(N, P)``, written into `out` where it is given.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return rows_and_jacobian(self, out=out)

    def gram(self, theta: Tensor) -> Gram:
        """Loss, ``J^T r``, ``J^T J`` and the mean cost of each term, without the whole Jacobian.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return gram(self)

    def tangent_kernel(self, theta: Tensor) -> FactoredKernel:
        """Rows, ``J J^T`` ``(N, N)`` and the products with J, without the Jacobian.

        Raises:
            TypeError: where a term's penalty is not a square.
        """
        self._prepare(theta)
        return tangent_kernel(self)

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        """Unweighted mean cost of each term."""
        self.parameters.assign(theta)
        found = {}
        with torch.no_grad():
            for term in self.problem.soft_terms:
                costs = [
                    term.penalty(self.residual(term, points, chunk=i)).sum()
                    for i, points in enumerate(self.collocation.chunks(term))
                ]
                found[str(term.name)] = torch.stack(costs).sum() / self.collocation.size(term)
        return found

    def _prepare(self, theta: Tensor) -> None:
        self.require_squares()
        self.parameters.assign(theta)
