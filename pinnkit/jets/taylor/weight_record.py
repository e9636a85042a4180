"""What a Taylor pass writes down about its weights, so that the parameter Jacobian of every point follows.

For a number L_n per point dL_n/dW = sum over uses of W and channels c of g[c, n] (x) a[c, n], with a the channels that
enter a linear layer and g the derivatives of sum_n L_n in those that leave it, which one backward gives for all points.

Source: Goodfellow, Efficient per-example gradient computations, arXiv:1510.01799 (2015), on the channels of
Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks, NeurIPS 2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

if TYPE_CHECKING:
    from .taylor_pass import Taylor

__all__ = ["LinearUse", "Record", "SpreadUse", "spread"]


class LinearUse(NamedTuple):
    """One use of a linear layer: outputs = factor (inputs W^T + b), b in channel 0 alone.

    dL_n/dW = factor sum_c g[c, n] (x) a[c, n] and dL_n/db = factor g[0, n]; further dimensions of a point are summed.
    """

    weight: Tensor  # (h, k), as the layer was given it
    bias: Tensor | None  # (h,)
    factor: float
    inputs: Tensor  # a: (C, n, ..., k); only the channels that do not vanish
    outputs: Tensor  # (C, n, ..., h), in the graph of the pass


class SpreadUse(NamedTuple):
    """One use of a tensor that scales or shifts features alike at all points: dL_n/dtensor = dL/dcopies[n]."""

    tensor: Tensor
    copies: Tensor  # (n, ...), a leaf in the graph of the pass; what remains of its shape broadcasts to the tensor's


Record = list[LinearUse | SpreadUse]


def spread(x: Taylor, constant: Any) -> Any:
    """`constant`, or where a pass is recorded and it can be trained, a copy of it for every point of `x`."""
    record = x.plan.record
    if record is None or not isinstance(constant, Tensor) or not constant.requires_grad:
        return constant
    below = constant.ndim < x.ndim
    if not below and not (constant.is_leaf and constant.ndim == x.ndim and constant.shape[0] == 1):
        return constant  # it may differ between the points
    aligned = constant.detach().reshape(*[1] * (x.ndim - constant.ndim), *constant.shape)
    copies = aligned.expand(x.shape[0], *aligned.shape[1:]).clone().requires_grad_()
    record.append(SpreadUse(constant, copies))
    return copies
