"""Functions that can be evaluated anywhere but not differentiated: derivatives by difference stencils.

Each derivative is a product of one-dimensional stencils of seven nodes, moved inwards at the bounds of the coordinates.
Its error is the difference from the stencil of the five inner nodes, plus rounding; the width is that with the least.

Source: Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, Math. Comp. 51 (1988) 699.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from pinnkit.derivatives import Derivative, Order, sum_operators, terms_of

from .polynomials import Monomials

__all__ = ["SampledField"]

_WIDTHS = (0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.007)
"""Half-widths of stencils that are tried, as fractions of the half-extent of a column."""
_NODES = torch.linspace(-1, 1, 7, dtype=torch.float64)
_INNER = slice(1, 6)
_TRIAL = 256
_ROWS = 65_536
"""Points at which the function is evaluated at once."""


class SampledField(nn.Module):
    """A function of points as a field with derivatives.

    Args:
        function: coordinates ``(n, d)`` in float64 to values ``(n, c)``.
        lower: least coordinates.
        upper: largest coordinates.
        orders: derivatives that are needed.
        trial: points at which widths are compared.
        rounding: relative error of the values.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        lower: Tensor,
        upper: Tensor,
        orders: Sequence[Order],
        trial: Tensor,
        rounding: float,
    ) -> None:
        super().__init__()
        self.function, self.lower, self.upper, self.rounding = function, lower, upper, rounding
        some = trial[:_TRIAL]
        self.size = function(some).abs().amax(dim=0)
        self.widths: dict[Order, float] = {}
        for order in dict.fromkeys(o for o in orders if o):
            errors = {w: float(self._stencil(some, order, w)[1].square().mean()) for w in _WIDTHS}
            self.widths[order] = min(errors, key=lambda w: errors[w] if math.isfinite(errors[w]) else math.inf)

    def forward(self, coords: Tensor) -> Tensor:
        """Values ``(n, c)`` at points ``(n, d)``."""
        points = coords.detach().double().cpu()
        return torch.cat([self.function(part) for part in points.split(_ROWS)]).to(coords.dtype)

    def jets(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Derivatives ``(n, c)`` at points ``(n, d)``."""
        wanted = list(orders)
        found = {o: self._derivative(coords, o)[0] for w in wanted for _, o in terms_of(w)}
        return {w: v.to(coords.dtype) for w, v in sum_operators(found, wanted).items()}

    def jet_errors(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Errors ``(n, c)`` of the derivatives: the difference of two stencils, and rounding."""
        return {
            w: torch.stack([abs(f) * self._derivative(coords, o)[1] for f, o in terms_of(w)])
            .sum(dim=0)
            .to(coords.dtype)
            for w in orders
        }

    def _derivative(self, coords: Tensor, order: Order) -> tuple[Tensor, Tensor]:
        points = coords.detach().double().cpu()
        if not order:
            values = self.forward(points)
            return values, (self.rounding * self.size).expand(values.shape)
        width = self.widths.get(order) or self.widths.get(order[:2]) or _WIDTHS[2]
        parts = [self._stencil(p, order, width) for p in points.split(4096)]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    def _stencil(self, points: Tensor, order: Order, width: float) -> tuple[Tensor, Tensor]:
        """A derivative by products of stencils of half-width `width`, and its error."""
        along = list(dict.fromkeys(order))
        half = width * (self.upper - self.lower) / 2
        nodes, fine, coarse = points[:, None, :], None, None
        for column in along:
            h, times = float(half[column]), order.count(column)
            middle = points[:, column].clamp(float(self.lower[column]) + h, float(self.upper[column]) - h)
            z = (points[:, column] - middle) / h
            own = _weights(z, times, _NODES) / h**times
            inner = torch.zeros_like(own)
            inner[:, _INNER] = _weights(z, times, _NODES[_INNER]) / h**times
            at = middle[:, None] + h * _NODES
            nodes = nodes[:, :, None, :].expand(-1, -1, len(_NODES), -1).clone()
            nodes[..., column] = at[:, None, :]
            nodes = nodes.reshape(len(points), -1, points.shape[1])
            fine = own if fine is None else (fine[:, :, None] * own[:, None, :]).reshape(len(points), -1)
            coarse = inner if coarse is None else (coarse[:, :, None] * inner[:, None, :]).reshape(len(points), -1)
        assert fine is not None
        assert coarse is not None
        values = self.forward(nodes.reshape(-1, points.shape[1])).reshape(*nodes.shape[:2], -1)
        found = torch.einsum("nk,nkc->nc", fine, values)
        gap = (found - torch.einsum("nk,nkc->nc", coarse, values)).abs()
        return found, gap + self.rounding * self.size * fine.abs().sum(dim=1, keepdim=True)


def _weights(z: Tensor, times: int, nodes: Tensor) -> Tensor:
    """Weights ``(n, k)`` of a derivative at offsets z from nodes in [-1, 1]."""
    powers = Monomials(len(nodes) - 1, (len(nodes) - 1,))
    return torch.linalg.solve(powers.rows(nodes[:, None]).T, powers.rows(z[:, None], (0,) * times).T).T
