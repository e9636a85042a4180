"""Differential operators on jets, over the space axes only; also of products, `div(k(x, y) * grad(u))`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

import torch
from torch import Tensor

from .divergences import recorded
from .jet import Jet, constant

__all__ = ["curl", "div", "grad", "hessian", "laplacian", "normal_derivative"]


def grad(u: Jet) -> Jet:
    """The gradient over the space axes, [∂u/∂a for a in space].

    Shape ``(n, d)`` for a scalar, ``(n, c, d)`` for a vector of c components.  Source: Evans, Partial Differential
    Equations, 2nd ed., appendix A.3.
    """
    return _jet(u, "grad").grad


def hessian(u: Jet) -> Jet:
    """The matrix of second derivatives over the space axes, ``(n, d, d)`` of a scalar.

    Source: Evans, Partial Differential Equations, 2nd ed., appendix A.3.
    """
    return _jet(u, "hessian").hessian


def laplacian(u: Jet) -> Jet:
    """The sum of the pure second derivatives of `u` along the spatial axes, of u's own shape.

    Δu = Σ_a ∂²u/∂a² over the space axes; never time or parameters.  Needs a field that is twice differentiable.

    Source: Evans, Partial Differential Equations, 2nd ed., §2.2.
    """
    jet = _jet(u, "laplacian")
    return recorded(lambda: jet.grad, jet.laplacian)


def div(flux: Jet) -> Jet:
    """The divergence Σ_a ∂F_a/∂a of a vector field, ``(n, d) -> (n,)``, d the number of space axes.

    Raises:
        ValueError: where the last dimension is not the number of space axes.

    Source: Evans, Partial Differential Equations, 2nd ed., appendix C.2.
    """
    space = _jet(flux, "div").frame.space_of("div")
    if flux.ndim < 2 or flux.shape[-1] != len(space):
        raise ValueError(
            f"div: expected a vector with one component for each of the space axes {space}, shape (n, {len(space)}), "
            f"got shape (n{''.join(f', {s}' for s in flux.shape[1:])}); use grad for the gradient of a scalar"
        )
    return recorded(lambda: flux, _sum(flux[..., i].d(column) for i, column in enumerate(space)))


def curl(flow: Jet) -> Jet:
    """The rotation of a vector field: the scalar ∂v/∂x - ∂u/∂y in 2-D, ``(n, 3)`` in 3-D.

    Raises:
        ValueError: unless there are 2 or 3 space axes and as many components.

    Source: Evans, Partial Differential Equations, 2nd ed., appendix A.
    """
    space = _jet(flow, "curl").frame.space_of("curl")
    if len(space) not in (2, 3) or flow.ndim != 2 or flow.shape[-1] != len(space):
        raise ValueError(
            f"curl: expected a vector of 2 or 3 components, one for each space axis {space}, "
            f"got shape (n{''.join(f', {s}' for s in flow.shape[1:])})"
        )
    if len(space) == 2:
        return flow[1].d(space[0]) - flow[0].d(space[1])
    x, y, z = space
    parts = [
        flow[2].d(y) - flow[1].d(z),
        flow[0].d(z) - flow[2].d(x),
        flow[1].d(x) - flow[0].d(y),
    ]
    return torch.stack(parts, dim=-1)  # type: ignore[arg-type, return-value]


def normal_derivative(u: Jet, n: Jet | Tensor) -> Jet:
    """The derivative along the outward unit normal, ∂u/∂n = Σ_a n_a ∂u/∂a, of u's own shape.

    `n` has shape ``(n, d)``, one component for each space axis; a residual on a boundary gets it under the name `n`.

    Raises:
        ValueError: for an `n` with another number of components.

    Source: Evans, Partial Differential Equations, 2nd ed., appendix C.1.
    """
    frame = _jet(u, "normal_derivative").frame
    space = frame.space_of("normal_derivative")
    normal = n if isinstance(n, Jet) else constant(frame, n)
    if normal.ndim != 2 or normal.shape[1] != len(space):
        raise ValueError(
            f"normal_derivative: `n` must have one component for each of the space axes {space}, shape "
            f"(n, {len(space)}), got shape (n{''.join(f', {s}' for s in normal.shape[1:])})"
        )
    return _sum(normal[i] * u.d(column) for i, column in enumerate(space))


def _sum(parts: Iterable[Jet]) -> Jet:
    return functools.reduce(operator.add, parts)


def _jet(u: object, name: str) -> Jet:
    if not isinstance(u, Jet):
        raise TypeError(
            f"{name}: expected a jet, got {type(u).__name__}; derivatives of plain tensors are unknown here "
            f"(was the value detached, or did a comparison or floor make it?)"
        )
    return u
