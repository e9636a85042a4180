"""Collocation points that follow the residual: objects given to `solve`, for every solver that samples points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

__all__ = ["R3", "RAD", "Adaptive"]


class Adaptive(Protocol):
    """Chooses new points of an equation from the ones in use, by the size of the residual."""

    @property
    def every(self) -> int:
        """After how many steps of a solver the points are chosen anew."""
        ...

    def choose(
        self, now: Tensor, draw: Callable[[int], Tensor], size: Callable[[Tensor], Tensor], generator: Generator
    ) -> Tensor:
        """The new points ``(n, d)``.

        Args:
            now: the points in use, ``(n, d)``.
            draw: gives so many fresh points of the equation's domain.
            size: |residual| ``(m,)`` of the present field at points ``(m, d)``.
            generator: for every random choice.
        """
        ...


@dataclass(frozen=True)
class RAD:
    """Residual-based adaptive distribution: n of `pool` n candidates, with p(x) ~ |r(x)|^k / mean(|r|^k) + c.

    Args:
        every: steps between two choices.
        k: how strongly large residuals attract points; 0 is uniform.
        c: share of the uniform distribution; 0 samples by the residual alone.
        pool: candidates for each point that is chosen.

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
        """The new points ``(n, d)``, none of them twice."""
        candidates = draw(self.pool * now.shape[0])
        r = size(candidates).to("cpu", torch.float64) ** self.k
        mean = r.mean()
        density = r / mean + self.c if bool(torch.isfinite(mean)) and mean > 0 else torch.ones_like(r)
        # Efraimidis & Spirakis 2006: the largest u^(1/p) are a draw without replacement of any number of candidates.
        keys = torch.rand(len(r), generator=generator, dtype=torch.float64).log() / density.clamp_min(1e-300)
        chosen = keys.topk(now.shape[0]).indices.sort().values
        return candidates[chosen.to(candidates.device)]


@dataclass(frozen=True)
class R3:
    """Retain, resample, release: points whose |r| is above the mean stay, all others are drawn afresh.

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
        generator: Generator,  # noqa: ARG002  (nothing is left to chance but the fresh points)
    ) -> Tensor:
        """The new points ``(n, d)``: the retained ones first."""
        r = size(now)
        kept = now[r > r.mean()]
        return torch.cat([kept, draw(now.shape[0] - kept.shape[0])]) if len(kept) < len(now) else now


def _at_least_one(owner: str, **counts: int) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` must be a whole number of at least 1, got {value!r}")
