"""Check against discontinuities: plain numbers that differ among the points have no derivative and raise an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

__all__ = ["discontinuities_are_refused", "refuse_discontinuities", "refuse_jump", "refuse_varying_numbers"]

_POINTS: ContextVar[int | None] = ContextVar("points", default=None)
_REPAIR = (
    "it would count as flat across the jump, and the flux there be missed.  Give a coefficient that jumps as "
    "Piecewise({shape: value, 'elsewhere': value}), tables as Tabulated(...); smooth a jump over a width that the "
    "field resolves, 1 + 9 * torch.sigmoid((x - 0.5) / 0.02); or write the product out, k * u.laplacian, where that is "
    "what is meant"
)
_KINK = 0.2
"""Branches of a kink, next to where the condition changes, differ by less than this part of their largest distance."""


@contextmanager
def refuse_discontinuities(points: int) -> Iterator[None]:
    """Within, a derivative of a plain tensor with a value for each of `points` points is an error, not zero.

    ``k = torch.where(x < 0.5, 1.0, 10.0)`` is such a tensor: flat on both sides, so that ``div(k * grad(u))`` would be
    k laplacian(u) and leave out the flux across the jump.
    """
    token = _POINTS.set(points)
    try:
        yield
    finally:
        _POINTS.reset(token)


def discontinuities_are_refused() -> bool:
    """Return True within `refuse_discontinuities`."""
    return _POINTS.get() is not None


def refuse_varying_numbers(value: Any) -> None:
    """Refuse a plain tensor that differs among the points, of which a derivative is taken.

    Raises:
        ValueError: within `refuse_discontinuities`.
    """
    points = _POINTS.get()
    if points is None or not isinstance(value, Tensor) or value.ndim == 0 or value.shape[0] != points:
        return
    if bool((value != value[:1]).any()):
        raise ValueError(
            "a derivative is taken of something with plain numbers in it that differ from point to point, as those of "
            f"torch.where(x < 0.5, 1.0, 10.0), sign, floor, .detach() or .value do; {_REPAIR}"
        )


def refuse_jump(condition: Any, first: Any, second: Any) -> None:
    """Refuse ``torch.where(condition, first, second)`` with branches that nowhere come near each other.

    To be called within `refuse_discontinuities` alone.

    Among many points some are next to where the condition changes; there the branches of a kink (|x|, an upwind
    difference) nearly agree.

    Raises:
        ValueError: for branches that do not.
    """
    if not isinstance(condition, Tensor) or bool(condition.all()) or not bool(condition.any()):
        return
    gap = (torch.as_tensor(first) - torch.as_tensor(second)).abs()
    if bool(gap.isfinite().all()) and float(gap.min()) > _KINK * float(gap.max()):
        raise ValueError(f"a derivative is taken of torch.where(...) whose branches are a jump apart; {_REPAIR}")
