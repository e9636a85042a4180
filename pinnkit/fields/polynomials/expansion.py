"""Polynomials in many coordinates of which `solve` chooses the terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import torch

from pinnkit.fields import checks
from pinnkit.fields.base import BaseSpec
from pinnkit.fields.protocols import AxisLike
from pinnkit.fields.registry import FIELDS

from .polynomials import Polynomials

__all__ = ["Expansion"]


@FIELDS.register(examples=lambda: {"limited": Expansion(limit=100)})
@dataclass(frozen=True)
class Expansion(BaseSpec[Polynomials]):
    """Polynomials that `solve` chooses by the residual at held-out points: the default in many dimensions.

    It tries functions of one coordinate each, `Additive(degree)`; then the better one of pairs of coordinates,
    `Additive(degree, order=2)`, and `TotalDegree(degree)`, with more and more functions; where all pairs are too many,
    those that matter.

    Args:
        limit: largest number of functions.

    Raises:
        ValueError: for a limit below 1; from `build`, always: `solve` builds the polynomials that it has chosen.
    """

    smoothness: ClassVar[float] = math.inf

    limit: int = 5200

    def __post_init__(self) -> None:
        """Check the arguments."""
        limit = checks.count("Expansion", "limit", self.limit, repair="5200 functions take about a minute")
        object.__setattr__(self, "limit", limit)

    @property
    def settled(self) -> bool:
        """False: `solve` chooses the polynomials."""
        return False

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> NoReturn:
        del axes, outputs, generator
        raise ValueError(
            "Expansion.build: solve() chooses the polynomials from the residual at held-out points; "
            "to build the field yourself, say TotalDegree(6) or Additive(12)"
        )
