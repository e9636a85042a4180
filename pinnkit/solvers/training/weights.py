"""Weights of terms that change during training, from gradients, tangent kernels, losses or residuals.

They multiply the row-norm weights, which are the default and need no tuning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from pinnkit.registry import Registry

__all__ = ["NTK", "WEIGHTS", "GradientNorm", "Memory", "ReLoBRaLo", "SelfAdaptive", "View", "Weights"]

Memory: TypeAlias = Mapping[str, Mapping[str, Tensor]]
"""Named groups of tensors that a scheme carries from one update to the next; "factor" holds the factors in force."""


class View(Protocol):
    """Measurements of the current loss, term by term, with the row-norm weights applied."""

    def costs(self) -> Mapping[str, Tensor]:
        """Weighted mean cost of each term, 0-d."""
        ...

    def point_costs(self) -> Mapping[str, Tensor]:
        """Weighted cost of each term at each of its points, ``(n,)``."""
        ...

    def times(self) -> Mapping[str, Tensor]:
        """Time of each point of each equation, scaled to [0, 1], ``(n,)``; empty for a problem without time."""
        ...

    def gradient_norms(self) -> Mapping[str, Tensor]:
        """Norm of the gradient of each term's loss, 0-d."""
        ...

    def kernel_traces(self) -> Mapping[str, Tensor]:
        """Mean over the rows of a term of the squared row norm of their Jacobian, 0-d."""
        ...


@runtime_checkable
class Weights(Protocol):
    """Weighting scheme: a factor for each term, or for each of its points."""

    @property
    def every(self) -> int:
        """Number of steps between two updates of the factors."""
        ...

    def update(self, view: View, memory: Memory) -> Memory:
        """Next memory; `memory` is empty at first, and its factors of points are dropped when points are replaced.

        memory["factor"] maps names of terms to factors, 0-d or ``(n,)``; a term that is not named has the factor one.
        """
        ...


WEIGHTS: Registry[Weights] = Registry("weighting scheme")
"""Weighting schemes by class name and by the word of the command line."""


@WEIGHTS.register("gradient-norm")
@dataclass(frozen=True)
class GradientNorm:
    """Factors that make the gradients of all terms equal in norm: f_m ~ sum_j |g_j| / |g_m|, averaged over updates.

    Args:
        every: steps between two updates.
        momentum: fraction of the previous factors that is kept, dimensionless.

    Source: Wang, Sankaran, Wang & Perdikaris, An Expert's Guide to Training PINNs, arXiv 2308.08468 (2023), eq. (5.1);
    normalised to a mean of one.
    """

    every: int = 100
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check("GradientNorm", self.every, momentum=self.momentum)

    def update(self, view: View, memory: Memory) -> Memory:
        """Next factors."""
        return _averaged({name: 1 / g for name, g in view.gradient_norms().items() if g > 0}, memory, self.momentum)


@WEIGHTS.register("ntk")
@dataclass(frozen=True)
class NTK:
    """Factors that make the traces of the terms' tangent kernels equal: f_m ~ sum_j tr K_j / tr K_m.

    Unlike the initial row norms, the traces are those of all parameters, at the current state of training.

    Args:
        every: steps between two updates.
        momentum: fraction of the previous factors that is kept, dimensionless.

    Source: Wang, Yu & Perdikaris, J. Comput. Phys. 449 (2022) 110768, eq. (6.5), with means for sums over points.
    """

    every: int = 100
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check("NTK", self.every, momentum=self.momentum)

    def update(self, view: View, memory: Memory) -> Memory:
        """Next factors."""
        return _averaged({name: 1 / t for name, t in view.kernel_traces().items() if t > 0}, memory, self.momentum)


@WEIGHTS.register("relobralo")
@dataclass(frozen=True)
class ReLoBRaLo:
    """Relative loss balancing with random lookback: terms whose loss fell less get a larger factor.

    f_m = alpha (rho f_m + (1 - rho) s_m(0)) + (1 - alpha) s_m(last), with s_m(t) the weight of term m in a softmax over
    L_m / (temperature L_m(t)), times the number of terms.

    Args:
        every: steps between two updates.
        alpha: weight of the past factors, dimensionless.
        rho: probability that the past factors are the previous ones; else those since the start of training.
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
        """Next factors."""
        costs = view.costs()
        now = torch.stack([c.detach() for c in costs.values()]).clamp_min(1e-300)
        if not memory:
            ones = {name: torch.ones_like(c) for name, c in costs.items()}
            return {"factor": ones, "costs": {"first": now, "last": now}, "count": {"updates": torch.tensor(0)}}
        previous = torch.stack([memory["factor"][name] for name in costs])
        count = int(memory["count"]["updates"]) + 1
        first, last = memory["costs"]["first"], memory["costs"]["last"]
        coin = torch.rand((), generator=torch.Generator().manual_seed(self.seed * 1_000_003 + count), dtype=now.dtype)
        past = previous if bool(coin < self.rho) else self._shares(now, first)
        found = self.alpha * past + (1 - self.alpha) * self._shares(now, last)
        factor = dict(zip(costs, found.unbind(0), strict=True))
        return {"factor": factor, "costs": {"first": first, "last": now}, "count": {"updates": torch.tensor(count)}}

    def _shares(self, now: Tensor, then: Tensor) -> Tensor:
        return len(now) * torch.softmax(now / (self.temperature * then), dim=0)


@WEIGHTS.register("self-adaptive")
@dataclass(frozen=True)
class SelfAdaptive:
    """Factor of every point that grows with its cost: f += rate * cost / (mean cost of the term), mean one.

    The ascent of the original, normalised so that `rate` needs no tuning; factors restart where points are replaced.

    Args:
        every: steps between two updates.
        rate: of the ascent, per update, dimensionless.

    Source: McClenny & Braga-Neto, J. Comput. Phys. 474 (2023) 111722, eq. (11).
    """

    every: int = 10
    rate: float = 0.05

    def __post_init__(self) -> None:
        _check("SelfAdaptive", self.every)
        if not self.rate > 0 or not math.isfinite(self.rate):
            raise ValueError(f"SelfAdaptive: `rate` must be positive, got {self.rate}")

    def update(self, view: View, memory: Memory) -> Memory:
        """Next factors."""
        old = memory.get("factor", {})
        factor: dict[str, Tensor] = {}
        for name, cost in view.point_costs().items():
            mean = cost.mean()
            previous = old.get(name)
            grown = torch.ones_like(cost) if previous is None or previous.shape != cost.shape else previous
            if mean > 0:
                grown = grown + self.rate * cost / mean
            factor[name] = grown / grown.mean()
        return {"factor": factor}


def _averaged(found: Mapping[str, Tensor], memory: Memory, momentum: float) -> Memory:
    """Factors of mean one, averaged with the previous ones."""
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
