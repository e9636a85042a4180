"""Choices between jets: where, minimum, maximum and clamp."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.discontinuity_check import discontinuities_are_refused, refuse_jump
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, constant, plain

from .kinds import align, implements, partial_of

__all__: list[str] = []


@implements("where")
def _where(frame: Frame, condition: Any, a: Any, b: Any) -> Jet:
    def value() -> Tensor:
        return torch.where(*align(plain(condition), a, b))

    def partial(column: str) -> Jet | None:
        da, db = partial_of(a, column), partial_of(b, column)
        if discontinuities_are_refused():  # elsewhere the values of the branches are not needed
            refuse_jump(*align(plain(condition), a, b))
        if da is None and db is None:
            return None
        return _where(
            frame, condition, _no_slope(frame, a) if da is None else da, _no_slope(frame, b) if db is None else db
        )

    return Jet(frame, value, partial)


def _no_slope(frame: Frame, branch: Any) -> Any:
    """Return zero in the shape of a branch that does not vary."""
    value = plain(branch)
    return constant(frame, torch.zeros_like(value)) if isinstance(value, Tensor) else 0.0


@implements("minimum")
def _minimum(frame: Frame, a: Any, b: Any) -> Jet:
    low, high = align(a, b)
    return _where(frame, torch.as_tensor(low) < high, a, b)


@implements("maximum")
def _maximum(frame: Frame, a: Any, b: Any) -> Jet:
    low, high = align(a, b)
    return _where(frame, torch.as_tensor(low) >= high, a, b)


@implements("clamp")
def _clamp(frame: Frame, z: Jet, min: Any = None, max: Any = None) -> Jet:
    for bound in (min, max):
        if isinstance(bound, Jet):
            raise TypeError(
                "torch.clamp of a jet takes numbers as bounds; use torch.minimum and torch.maximum for jets"
            )
    inside = torch.ones_like(z.value, dtype=torch.bool)
    inside = inside if min is None else inside & (z.value >= min)
    inside = inside if max is None else inside & (z.value <= max)

    def partial(column: str) -> Jet | None:
        dz = z.partial(column)
        return None if dz is None else _where(frame, inside, dz, 0.0)

    return Jet(frame, lambda: torch.clamp(z.value, min, max), partial)


@implements("clamp_min")
def _clamp_min(frame: Frame, z: Jet, min: Any) -> Jet:
    return _clamp(frame, z, min)


@implements("clamp_max")
def _clamp_max(frame: Frame, z: Jet, max: Any) -> Jet:
    return _clamp(frame, z, None, max)
