"""Adaptive collocation points, which follow the residual; for every solver that samples points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from pinnkit.registry import Registry

__all__ = ["ADAPTIVE", "R3", "RAD", "Adaptive"]


@runtime_checkable
class Adaptive(Protocol):
    """Scheme that chooses new points of an equation from the current ones, by the size of the residual."""

    @property
    def every(self) -> int:
        """Number of steps of a solver between two choices."""
        ...

    def choose(
        self, now: Tensor, draw: Callable[[int], Tensor], size: Callable[[Tensor], Tensor], generator: Generator
    ) -> Tensor:
        """New points ``(n, d)``.

        Args:
            now: current points, ``(n, d)``.
            draw: gives a number of fresh points of the equation's domain.
            size: |residual| ``(m,)`` of the current field at points ``(m, d)``.
            generator: for every random choice.
        """
        ...


ADAPTIVE: Registry[Adaptive] = Registry("adaptive point scheme")
"""Schemes of adaptive points by class name and by the word of the command line."""


@ADAPTIVE.register("rad", examples=lambda: {"RAD": RAD(every=2), "without uniform part": RAD(every=2, k=2.0, c=0.0)})
@dataclass(frozen=True)
class RAD:
    """Residual-based adaptive distribution: n of `pool` n candidates, with p(x) ~ |r(x)|^k / mean(|r|^k) + c.

    Args:
        every: steps between two choices.
        k: exponent of the residual, dimensionless; 0 is uniform.
        c: weight of the uniform distribution, dimensionless; 0 samples by the residual alone.
        pool: number of candidates for each point.

    Source: Wu, Zhu, Tan, Kartha & Lu, Comput. Methods Appl. Mech. Eng. 403 (2023) 115671, eq. (2).
    """

    every: int = 100
    k: float = 1.0
    c: float = 1.0
    pool: int = 8

    def __post_init__(self) -> None:
        _at_least_one("RAD", every=self.every, pool=self.pool)
        for name in ("k", "c"):
            value = getattr(self, name)
            if not value >= 0 or not math.isfinite(value):
                raise ValueError(f"RAD: `{name}` must be a number of at least 0, got {value}")

    def choose(
        self, now: Tensor, draw: Callable[[int], Tensor], size: Callable[[Tensor], Tensor], generator: Generator
    ) -> Tensor:
        """New points ``(n, d)``, all distinct."""
        candidates = draw(self.pool * now.shape[0])
        r = size(candidates).to("cpu", torch.float64) ** self.k
        mean = r.mean()
        density = r / mean + self.c if bool(torch.isfinite(mean)) and mean > 0 else torch.ones_like(r)
        # Efraimidis & Spirakis 2006: the largest u^(1/p) are a draw of candidates without replacement.
        keys = torch.rand(len(r), generator=generator, dtype=torch.float64).log() / density.clamp_min(1e-300)
        chosen = keys.topk(now.shape[0]).indices.sort().values
        return candidates[chosen.to(candidates.device)]


@ADAPTIVE.register("r3", examples=lambda: {"R3": R3(every=2)})
@dataclass(frozen=True)
class R3:
    """Retain, resample, release: points whose |r| is above the mean stay, all others are redrawn.

    Args:
        every: steps between two choices.

    Source: Daw, Bu, Wang, Perdikaris & Karpatne, Mitigating Propagation Failures in PINNs using R3 Sampling,
    ICML 2023, algorithm 1.
    """

    every: int = 100

    def __post_init__(self) -> None:
        _at_least_one("R3", every=self.every)

    def choose(
        self,
        now: Tensor,
        draw: Callable[[int], Tensor],
        size: Callable[[Tensor], Tensor],
        generator: Generator,  # noqa: ARG002  (only the fresh points are random)
    ) -> Tensor:
        """New points ``(n, d)``: the retained ones first."""
        r = size(now)
        kept = now[r > r.mean()]
        return torch.cat([kept, draw(now.shape[0] - kept.shape[0])]) if len(kept) < len(now) else now


def _at_least_one(owner: str, **counts: int) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` must be a whole number of at least 1, got {value!r}")
