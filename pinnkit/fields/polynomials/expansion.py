"""Polynomials in many coordinates whose terms are still to be chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from pinnkit.fields import checks
from pinnkit.fields.base import AxisLike


@dataclass(frozen=True)
class Expansion:
    """Polynomials that `solve` chooses by the residual at held-out points: the default in many dimensions.

    It tries functions of one coordinate each, `Additive(degree)`; then whichever does better of pairs of coordinates,
    `Additive(degree, order=2)`, and `TotalDegree(degree)`, with more and more functions; where all pairs are too many,
    those that matter.

    Args:
        limit: functions at most.

    Raises:
        ValueError: for a limit below 1; from `build`, always: what is not chosen cannot be built.
    """

    smoothness: ClassVar[float] = math.inf

    limit: int = 5200

    def __post_init__(self) -> None:
        """Check the arguments."""
        limit = checks.count("Expansion", "limit", self.limit, repair="5200 functions take about a minute")
        object.__setattr__(self, "limit", limit)

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> nn.Module:
        """Refuse: `solve` puts what it has chosen in the place of this."""
        del axes, outputs, generator, dtype, device
        raise ValueError(
            "Expansion.build: solve() chooses the polynomials from the residual at held-out points; "
            "to build the field yourself, say TotalDegree(6) or Additive(12)"
        )
