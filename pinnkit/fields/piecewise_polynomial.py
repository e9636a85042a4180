"""Polynomials in time, step by step: the dense output of an integration of ordinary differential equations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import FieldModule
from .closed_form import by_closed_form
from .protocols import AxisLike
from .registry import FIELDS
from .scaling import Scaling

__all__ = ["PiecewisePolynomial", "PiecewisePolynomialField"]

_ROWS = 2**22
"""Coefficients that are gathered at once outside of automatic differentiation."""
_COUNTED = 1024
"""Steps up to which the step of a point is found by counting, which every runtime can do, and not by bisection."""
_ROUNDING = 1e-12
"""Half extents of the axis by which a point may lie beyond the last step."""


@FIELDS.register(examples=lambda: {"three steps": PiecewisePolynomial(steps=3, degree=5)})
@dataclass(frozen=True)
class PiecewisePolynomial:
    """A polynomial of one coordinate on each of consecutive steps; `March()` makes it for ordinary equations.

    The numbers that a file needs to rebuild a `PiecewisePolynomialField`.

    Args:
        steps: K, the number of steps.
        degree: of the polynomials.

    Raises:
        ValueError: for less than one step or a negative degree.
    """

    smoothness: ClassVar[float] = math.inf

    steps: int
    degree: int

    def __post_init__(self) -> None:
        """Check the arguments."""
        for name, value, least in (("steps", self.steps, 1), ("degree", self.degree, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"PiecewisePolynomial: `{name}` must be a whole number of at least {least}, got {value!r}; such a "
                    "spec is made by March(), not by hand"
                )

    def __repr__(self) -> str:
        return f"<polynomials of degree {self.degree} on {self.steps} steps>"

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,  # noqa: ARG002 - nothing is drawn; every spec takes it
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> PiecewisePolynomialField:
        """Build the field over one axis; it is zero until its buffers are filled.

        Raises:
            ValueError: for axes of another number of columns than one.
        """
        if sum(axis.dim for axis in axes) != 1:
            raise ValueError(f"PiecewisePolynomial.build: such a field has time as its only axis, got {len(axes)} axes")
        return PiecewisePolynomialField(self, axes, outputs).to(device=device, dtype=dtype)


class PiecewisePolynomialField(FieldModule):
    """Module of `PiecewisePolynomial`: u(t) = sum_m a_km T_m(s) in step k, s = 2 (t - t_k) / (t_(k+1) - t_k) - 1.

    T_m are Chebyshev polynomials.  Derivatives have closed forms: those of the polynomials.  After the last step the
    state is kept, with rate 0: the residual there shows that the integration ended early, and nothing is extrapolated.

    Buffers: `times` (K + 1,), `coefficients` (K, degree + 1, outputs).
    """

    spec: PiecewisePolynomial
    times: Tensor
    coefficients: Tensor

    def __init__(self, spec: PiecewisePolynomial, axes: Sequence[AxisLike], outputs: int) -> None:
        """Take the shapes from `spec`; all buffers are zero."""
        super().__init__(spec)
        self.scaling = Scaling(axes)
        self.outputs = outputs
        self.register_buffer("times", torch.zeros(spec.steps + 1, dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros(spec.steps, spec.degree + 1, outputs, dtype=torch.float64))

    def forward(self, coords: Any) -> Any:
        """Evaluate the field: (n, 1) -> (n, outputs); Taylor coefficients of the coordinates pass in closed form."""
        if not isinstance(coords, Tensor):
            return by_closed_form(self, coords, self.outputs)
        return self._evaluate(coords[:, 0], [0])[0]

    def derivative(self, coords: Tensor, order: Sequence[int]) -> Tensor:
        """Evaluate the derivative along the columns `order`, all of them time: (n, 1) -> (n, outputs)."""
        return self.derivatives(coords, [order])[tuple(order)]

    @torch.no_grad()
    def derivatives(self, coords: Tensor, orders: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Tensor]:
        """Evaluate derivatives along columns, by their columns; coefficients are gathered once."""
        counts = sorted({len(order) for order in orders})
        chunk = max(1, _ROWS // ((self.spec.degree + 1) * self.outputs))
        parts = [self._evaluate(part, counts) for part in coords[:, 0].split(chunk)]
        return {tuple(order): torch.cat([part[len(order)] for part in parts]) for order in orders}

    def _evaluate(self, times: Tensor, orders: Sequence[int]) -> dict[int, Tensor]:
        """Evaluate derivatives of ascending orders at times (n,), by differentiable operations."""
        last = self.times[-1]
        beyond = times > last + _ROUNDING / self.scaling.rate[0]
        inside = torch.where(beyond, last, times)
        step = self._step(inside.detach())
        start, size = self.times[step], self.times[step + 1] - self.times[step]
        s = 2 * (inside - start) / size - 1
        a, found = self.coefficients[step], {}
        for order in range(max(orders, default=-1) + 1):
            if order:
                a = _derivative(a) * (2 / size)[:, None, None]
            if order in orders:
                value = _sum(a, s)
                found[order] = torch.where(beyond[:, None], torch.zeros_like(value), value) if order else value
        return found

    def _step(self, times: Tensor) -> Tensor:
        """Number of the step of each time."""
        inner = self.times[1:-1]
        if self.spec.steps <= _COUNTED:
            return (times[:, None] >= inner[None, :]).sum(dim=1)
        return torch.searchsorted(inner.contiguous(), times.contiguous(), right=True)


def _sum(a: Tensor, s: Tensor) -> Tensor:
    """Sum of Chebyshev polynomials by Clenshaw's recurrence: (n, degree + 1, outputs), (n,) -> (n, outputs)."""
    degree = a.shape[1] - 1
    s = s[:, None]
    if degree == 0:
        return a[:, 0] + 0 * s
    ahead, now = torch.zeros_like(a[:, 0]), a[:, degree]
    for m in range(degree - 1, 0, -1):
        ahead, now = now, a[:, m] + 2 * s * now - ahead
    return a[:, 0] + s * now - ahead


def _derivative(a: Tensor) -> Tensor:
    """Chebyshev coefficients of the derivative along s: (n, degree + 1, outputs) -> (n, degree, outputs)."""
    degree = a.shape[1] - 1
    if degree == 0:
        return torch.zeros_like(a)
    found = [torch.zeros_like(a[:, 0])] * (degree + 2)
    for m in range(degree, 0, -1):
        found[m - 1] = found[m + 1] + 2 * m * a[:, m]
    found[0] = found[0] / 2
    return torch.stack(found[:degree], dim=1)
