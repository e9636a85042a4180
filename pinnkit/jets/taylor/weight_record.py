"""Record of the uses of weights in a Taylor pass, from which the parameter Jacobian of every point follows.

For a number L_n per point dL_n/dW = sum over uses of W and channels c of g[c, n] (x) a[c, n], with a the channels that
enter a linear layer and g the derivatives of sum_n L_n in those that leave it, which one backward gives for all points.

Source: Goodfellow, Efficient per-example gradient computations, arXiv:1510.01799 (2015), on the channels of
Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks, NeurIPS 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

__all__ = ["LinearUse", "Record", "SpreadUse", "record_spread"]


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
    copies: Tensor  # (n, ...), a leaf in the graph of the pass; its shape without n broadcasts to the tensor's


Record = list[LinearUse | SpreadUse]


def record_spread(record: Record, constant: Tensor, shape: Sequence[int]) -> Tensor:
    """Return a copy of `constant` for every point of a quantity (n, ...), recorded; itself where it is not trained.

    Args:
        record: the record that the copy is appended to.
        constant: a tensor that scales or shifts features.
        shape: (n, ...) of the quantity.
    """
    ndim = len(shape)
    if not constant.requires_grad:
        return constant
    if constant.ndim >= ndim and not (constant.is_leaf and constant.ndim == ndim and constant.shape[0] == 1):
        return constant  # it may differ between the points
    aligned = constant.detach().reshape(*[1] * (ndim - constant.ndim), *constant.shape)
    copies = aligned.expand(shape[0], *aligned.shape[1:]).clone().requires_grad_()
    record.append(SpreadUse(constant, copies))
    return copies
