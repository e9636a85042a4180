"""Causal weights: later times gain weight once the residual at earlier times is small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .weights import WEIGHTS, Memory, View

__all__ = ["Causal"]


@WEIGHTS.register("causal")
@dataclass(frozen=True)
class Causal:
    """Weights w_i = exp(-tolerance sum_{k < i} L_k) on slices of time, L_k the relative cost of slice k.

    L_k is the mean cost of an equation in slice k over the mean cost of all conditions and equations at the first
    update, so that `tolerance` is dimensionless.  Weights near one everywhere mean a small residual at all times.

    Args:
        slices: number of equal intervals of time.
        tolerance: decay of the weights with the cost of the past, dimensionless.
        every: steps between two updates.

    Source: Wang, Sankaran & Perdikaris, Comput. Methods Appl. Mech. Eng. 421 (2024) 116813, eq. (3.5).
    """

    slices: int = 16
    tolerance: float = 1.0
    every: int = 10

    def __post_init__(self) -> None:
        for name in ("slices", "every"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Causal: `{name}` must be a whole number of at least 1, got {value!r}")
        if not self.tolerance > 0:
            raise ValueError(f"Causal: `tolerance` must be positive, got {self.tolerance}")

    def update(self, view: View, memory: Memory) -> Memory:
        """Next factors, one for each point of each equation.

        Raises:
            ValueError: for a problem without time.
        """
        times = view.times()
        if not times:
            raise ValueError("Causal: the problem has no equation that depends on time; leave it out")
        costs = view.point_costs()
        if "scale" in memory:
            scale = memory["scale"]["total"]
        else:
            scale = torch.stack([c.mean() for c in costs.values()]).sum().clamp_min(1e-300)
        factor: dict[str, Tensor] = {}
        for name, t in times.items():
            slot = (t * self.slices).long().clamp(0, self.slices - 1)
            count = torch.bincount(slot, minlength=self.slices).clamp_min(1)
            loss = torch.zeros(self.slices, dtype=costs[name].dtype, device=t.device).index_add_(0, slot, costs[name])
            before = (loss / count / scale).cumsum(0).roll(1)
            before[0] = 0
            factor[name] = torch.exp(-self.tolerance * before)[slot]
        return {"factor": factor, "scale": {"total": scale}}
