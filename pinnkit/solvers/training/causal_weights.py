"""Causal weights: later times count once earlier ones are met."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .weights import Memory, View

__all__ = ["Causal"]


@dataclass(frozen=True)
class Causal:
    """Weights w_i = exp(-tolerance sum_{k < i} L_k) on slices of time, L_k the relative cost of slice k.

    L_k is the mean cost of an equation in slice k over the mean cost of all conditions and equations at the first
    update, so that `tolerance` is dimensionless.  Weights of one everywhere mean that all of time is met.

    Args:
        slices: of time, equally long.
        tolerance: how strictly the past goes first.
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
        """The next factors, one for each point of each equation.

        Raises:
            ValueError: for a problem without time.
        """
        times = view.times()
        if not times:
            raise ValueError("Causal: the problem has no equation that depends on time; leave it out")
        costs = view.point_costs()
        scale = memory.get("scale")
        if scale is None:
            scale = torch.stack([c.mean() for c in costs.values()]).sum().clamp_min(1e-300)
        factor = {}
        for name, t in times.items():
            slot = (t * self.slices).long().clamp(0, self.slices - 1)
            count = torch.bincount(slot, minlength=self.slices).clamp_min(1)
            loss = torch.zeros(self.slices, dtype=costs[name].dtype, device=t.device).index_add_(0, slot, costs[name])
            before = (loss / count / scale).cumsum(0).roll(1)
            before[0] = 0
            factor[name] = torch.exp(-self.tolerance * before)[slot]
        return {"factor": factor, "scale": scale}
