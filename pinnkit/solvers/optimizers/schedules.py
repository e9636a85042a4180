"""Learning-rate schedules: factors of the learning rate against steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from pinnkit.registry import Registry

__all__ = ["SCHEDULES", "Constant", "Cosine", "Exponential", "Schedule"]


class Schedule(Protocol):
    """Factor of the learning rate at a step."""

    def factor(self, step: int, steps: int) -> float:
        """Factor at `step` of `steps`, between 0 and 1."""
        ...


SCHEDULES: Registry[Schedule] = Registry("schedule")
"""Schedules by class name and by word."""


@SCHEDULES.register("constant")
@dataclass(frozen=True)
class Constant:
    """Constant learning rate."""

    def factor(self, step: int, steps: int) -> float:  # noqa: ARG002  (the protocol's signature)
        """One."""
        return 1.0


@SCHEDULES.register("cosine", examples=lambda: {"default": Cosine(), "warm-up": Cosine(final=0.1, warmup=5)})
@dataclass(frozen=True)
class Cosine:
    """Linear warm-up, then half a cosine down to `final`.

    Args:
        final: factor at the last step, dimensionless.
        warmup: steps of the warm-up.

    Source: Loshchilov & Hutter, SGDR, ICLR 2017.
    """

    final: float = 0.01
    warmup: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.final <= 1 or self.warmup < 0:
            raise ValueError(
                f"Cosine: `final` must lie in [0, 1] and `warmup` be at least 0, got {self.final} and {self.warmup}"
            )

    def factor(self, step: int, steps: int) -> float:
        """Factor at `step` of `steps`."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(steps - self.warmup, 1)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@SCHEDULES.register("exponential", examples=lambda: {"default": Exponential(), "steep": Exponential(0.5, 10)})
@dataclass(frozen=True)
class Exponential:
    """Exponential decay: the factor `rate` for every `every` steps, applied smoothly.

    Args:
        rate: factor of `every` steps, dimensionless.
        every: number of steps.
    """

    rate: float = 0.9
    every: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1 or self.every < 1:
            raise ValueError(
                f"Exponential: `rate` must lie in (0, 1] and `every` be at least 1, got {self.rate} and {self.every}"
            )

    def factor(self, step: int, steps: int) -> float:  # noqa: ARG002  (the protocol's signature)
        """rate^(step / every)."""
        return float(self.rate ** (step / self.every))
