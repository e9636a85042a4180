"""Matrix and vector products, norms, and linear layers with constant weights."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.jets.dispatch import add_rules
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet

from .arithmetic import PRODUCT
from .kinds import Bilinear, Linear, implements

__all__: list[str] = []

add_rules(
    {
        "matmul": Bilinear(torch.matmul),
        "bmm": Bilinear(torch.bmm),
        "cross": Bilinear(torch.linalg.cross),
        "vecdot": Bilinear(torch.linalg.vecdot),
    }
)


@implements("norm")
def _norm(frame: Frame, z: Jet, p: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Jet:
    order = kwargs.pop("ord", p)
    if any(option is not None for option in kwargs.values()) or order not in (None, 2, "fro"):
        raise TypeError("torch.norm of a jet is the Euclidean norm only (p=2)")
    if dim is None:
        raise TypeError("torch.norm of a jet must name its dimension: use dim=-1")
    square = PRODUCT.jet(frame, torch.mul, (z, z), {})
    squares: Any = Linear(along=1).jet(frame, torch.sum, (square,), {"dim": dim, "keepdim": keepdim})
    root: Jet = torch.sqrt(squares)  # type: ignore[assignment]
    return root


@implements("linear")
def _linear_layer(frame: Frame, z: Jet, weight: Tensor, bias: Tensor | None = None) -> Jet:
    product = Linear().jet(frame, F.linear, (z, weight), {})
    return product if bias is None else product + bias  # the bias belongs to the value alone
