"""Weights of terms that change during training, in words of what is measured: gradients, kernels, losses, residuals.

They multiply the row-norm weights of balance.py, which are the default and need no tuning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["NTK", "GradientNorm", "ReLoBRaLo", "SelfAdaptive", "View", "Weights"]

Memory = dict[str, Any]
"""What a scheme carries from one update to the next: dicts of tensors, and under "factor" the factors in force."""


class View(Protocol):
    """What a scheme may look at: the loss as it stands, term by term, with the row-norm weights in it."""

    def costs(self) -> dict[str, Tensor]:
        """The weighted mean cost of each term, 0-d."""
        ...

    def point_costs(self) -> dict[str, Tensor]:
        """The weighted cost of each term at each of its points, ``(n,)``."""
        ...

    def times(self) -> dict[str, Tensor]:
        """The time of each point of each equation, in [0, 1] between the ends of time, ``(n,)``."""
        ...

    def gradient_norms(self) -> dict[str, Tensor]:
        """The norm of the gradient of each term's loss, 0-d."""
        ...

    def kernel_traces(self) -> dict[str, Tensor]:
        """The mean over a term's rows of the squared row norm of their Jacobian, 0-d."""
        ...


class Weights(Protocol):
    """A scheme that sets a factor for each term, or for each point of it."""

    @property
    def every(self) -> int:
        """After how many steps the factors are set anew."""
        ...

    def update(self, view: View, memory: Memory) -> Memory:
        """The next memory; `memory` is empty at first, and after new points were drawn by a scheme that says so.

        memory["factor"] maps names of terms to factors, 0-d or ``(n,)``; a term that is not named counts once.
        """
        ...


@dataclass(frozen=True)
class GradientNorm:
    """Factors that make the gradients of all terms equally long: f_m ~ sum_j |g_j| / |g_m|, averaged over updates.

    Args:
        every: steps between two updates.
        momentum: share of the former factors that is kept.

    Source: Wang, Sankaran, Wang & Perdikaris, An Expert's Guide to Training PINNs, arXiv 2308.08468 (2023), eq. (5.1);
    normalised to a mean of one.
    """

    every: int = 100
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check("GradientNorm", self.every, momentum=self.momentum)

    def update(self, view: View, memory: Memory) -> Memory:
        """The next factors."""
        return _averaged({name: 1 / g for name, g in view.gradient_norms().items() if g > 0}, memory, self.momentum)


@dataclass(frozen=True)
class NTK:
    """Factors that make the traces of the terms' tangent kernels equal: f_m ~ sum_j tr K_j / tr K_m.

    Unlike the row norms at the start, the traces are those of all parameters, as training goes on.

    Args:
        every: steps between two updates.
        momentum: share of the former factors that is kept.

    Source: Wang, Yu & Perdikaris, J. Comput. Phys. 449 (2022) 110768, eq. (6.5), with means for sums over points.
    """

    every: int = 100
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check("NTK", self.every, momentum=self.momentum)

    def update(self, view: View, memory: Memory) -> Memory:
        """The next factors."""
        return _averaged({name: 1 / t for name, t in view.kernel_traces().items() if t > 0}, memory, self.momentum)


@dataclass(frozen=True)
class ReLoBRaLo:
    """Relative loss balancing with random lookback: terms that fell less since then count more.

    f_m = alpha (rho f_m + (1 - rho) s_m(0)) + (1 - alpha) s_m(last), with s_m(t) the share of term m in a softmax over
    L_m / (temperature L_m(t)), times the number of terms.

    Args:
        every: steps between two updates.
        alpha: share of the past.
        rho: how often the former factors are the past; else the start of training is.
        temperature: of the softmax.
        seed: of the random lookback.

    Source: Bischof & Kraus, Multi-Objective Loss Balancing for Physics-Informed Deep Learning, arXiv 2110.09813
    (2021), eq. (11) to (13).
    """

    every: int = 10
    alpha: float = 0.95
    rho: float = 0.99
    temperature: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        _check("ReLoBRaLo", self.every, alpha=self.alpha, rho=self.rho)
        if not self.temperature > 0:
            raise ValueError(f"ReLoBRaLo: `temperature` must be positive, got {self.temperature}")

    def update(self, view: View, memory: Memory) -> Memory:
        """The next factors."""
        costs = view.costs()
        now = torch.stack([c.detach() for c in costs.values()]).clamp_min(1e-300)
        if not memory:
            ones = {name: torch.ones_like(c) for name, c in costs.items()}
            return {"factor": ones, "first": now, "last": now, "count": 0}
        former = torch.stack([memory["factor"][name] for name in costs])
        count = int(memory["count"]) + 1
        coin = torch.rand((), generator=torch.Generator().manual_seed(self.seed * 1_000_003 + count), dtype=now.dtype)
        past = former if bool(coin < self.rho) else self._shares(now, memory["first"])
        found = self.alpha * past + (1 - self.alpha) * self._shares(now, memory["last"])
        factor = dict(zip(costs, found.unbind(0), strict=True))
        return {"factor": factor, "first": memory["first"], "last": now, "count": count}

    def _shares(self, now: Tensor, then: Tensor) -> Tensor:
        return len(now) * torch.softmax(now / (self.temperature * then), dim=0)


@dataclass(frozen=True)
class SelfAdaptive:
    """A factor for every point, which grows with its cost: f += rate * cost / (mean cost of the term), mean one.

    The ascent of the original, normalised so that `rate` needs no tuning; factors begin anew where points are replaced.

    Args:
        every: steps between two updates.
        rate: of the ascent, per update.

    Source: McClenny & Braga-Neto, J. Comput. Phys. 474 (2023) 111722, eq. (11).
    """

    every: int = 10
    rate: float = 0.05

    def __post_init__(self) -> None:
        _check("SelfAdaptive", self.every)
        if not self.rate > 0 or not math.isfinite(self.rate):
            raise ValueError(f"SelfAdaptive: `rate` must be positive, got {self.rate}")

    def update(self, view: View, memory: Memory) -> Memory:
        """The next factors."""
        old = memory.get("factor", {})
        factor = {}
        for name, cost in view.point_costs().items():
            mean = cost.mean()
            before = old.get(name)
            grown = torch.ones_like(cost) if before is None or before.shape != cost.shape else before
            if mean > 0:
                grown = grown + self.rate * cost / mean
            factor[name] = grown / grown.mean()
        return {"factor": factor}


def _averaged(found: Mapping[str, Tensor], memory: Memory, momentum: float) -> Memory:
    """Factors of mean one, averaged with those before."""
    if not found:
        return memory
    mean = torch.stack(list(found.values())).mean()
    fresh = {name: f / mean for name, f in found.items()}
    old = memory.get("factor")
    if old:
        fresh = {n: momentum * old[n] + (1 - momentum) * f if n in old else f for n, f in fresh.items()}
    return {"factor": fresh}


def _check(owner: str, every: int, **shares: float) -> None:
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ValueError(f"{owner}: `every` must be a whole number of at least 1, got {every!r}")
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{owner}: `{name}` must lie between 0 and 1, got {value}")
