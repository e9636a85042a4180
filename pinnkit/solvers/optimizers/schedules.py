"""Learning rates against steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Constant", "Cosine", "Exponential", "Schedule"]


class Schedule(Protocol):
    """The learning rate's factor at a step."""

    def factor(self, step: int, steps: int) -> float:
        """The factor at `step` of `steps`, between 0 and 1."""
        ...


@dataclass(frozen=True)
class Constant:
    """No schedule."""

    def factor(self, step: int, steps: int) -> float:  # noqa: ARG002  (the protocol's signature)
        """One."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """A linear warm-up, then half a cosine down to `final`.  Source: Loshchilov & Hutter, SGDR, ICLR 2017."""

    final: float = 0.01
    warmup: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.final <= 1 or self.warmup < 0:
            raise ValueError(
                f"Cosine: `final` must lie in [0, 1] and `warmup` be at least 0, got {self.final} and {self.warmup}"
            )

    def factor(self, step: int, steps: int) -> float:
        """The factor at `step` of `steps`."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(steps - self.warmup, 1)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@dataclass(frozen=True)
class Exponential:
    """Multiply by `rate` every `every` steps, smoothly."""

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
