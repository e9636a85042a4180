"""Sums, products, quotients and powers of jets."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.dispatch import Function, add_rules
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, plain

from .kinds import Bilinear, align, implements, partial_of, total

__all__ = ["PRODUCT"]

PRODUCT = Bilinear(torch.mul, aligned=True)
add_rules({"mul": PRODUCT})


def _mul(frame: Frame, a: Any, b: Any) -> Jet:
    return PRODUCT.jet(frame, torch.mul, (a, b), {})


@implements("add")
def _add(frame: Frame, a: Any, b: Any, *, alpha: float = 1, func: Function = torch.add) -> Jet:
    sign = alpha if func is torch.add else -alpha

    def partial(column: str) -> Jet | None:
        da, db = partial_of(a, column), partial_of(b, column)
        if db is not None and sign != 1:
            db = db * float(sign)
        both = total(da, db)
        if both is None or (da is not None and db is not None):
            return both
        other = b if db is None else a  # it adds no derivative, but may widen the shape
        return both if not isinstance(plain(other), Tensor) or plain(other).ndim == 0 else _widen(frame, both, other)

    return Jet(frame, lambda: func(*align(a, b), **({} if alpha == 1 else {"alpha": alpha})), partial)


def _widen(frame: Frame, jet: Jet, other: Any) -> Jet:
    def value() -> Tensor:
        mine, theirs = align(jet, other)
        return torch.broadcast_to(mine, torch.broadcast_shapes(mine.shape, theirs.shape))

    def partial(column: str) -> Jet | None:
        d = jet.partial(column)
        return None if d is None else _widen(frame, d, other)

    return Jet(frame, value, partial)


@implements("sub")
def _sub(frame: Frame, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    return _add(frame, a, b, alpha=alpha, func=torch.sub)


@implements("rsub")
def _rsub(frame: Frame, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    return _sub(frame, b, a, alpha=alpha)


@implements("div")
def _div(frame: Frame, a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet):
        return _mul(frame, a, 1.0 / b)

    def partial(column: str) -> Jet | None:
        da, db = partial_of(a, column), partial_of(b, column)
        left = None if da is None else da / b
        right = None if db is None else -(_div(frame, a, b) / b * db)
        return total(left, right)

    return Jet(frame, lambda: torch.div(*align(a, b)), partial)


@implements("pow")
def _pow(frame: Frame, a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet | Tensor):
        if b == 1:
            return a
        if b == 2:
            return _mul(frame, a, a)

    def partial(column: str) -> Jet | None:
        da, db = partial_of(a, column), partial_of(b, column)
        left = None
        if da is not None and not (isinstance(b, (int, float)) and b == 0):
            left = b * _pow(frame, a, b - 1) * da
        right = None if db is None else _pow(frame, a, b) * _log(a) * db
        return total(left, right)

    return Jet(frame, lambda: torch.pow(*align(a, b)), partial)


def _log(base: Any) -> Any:
    return math.log(base) if isinstance(base, (int, float)) else torch.log(base)


@implements("addcmul")
def _addcmul(frame: Frame, z: Any, a: Any, b: Any, *, value: float = 1) -> Jet:
    return _add(frame, z, value * _mul(frame, a, b))


@implements("lerp")
def _lerp(frame: Frame, a: Any, b: Any, weight: Any) -> Jet:
    return _add(frame, a, _mul(frame, weight, b - a))


@implements("atan2")
def _atan2(frame: Frame, y: Any, x: Any) -> Jet:
    def partial(column: str) -> Jet | None:
        dy, dx = partial_of(y, column), partial_of(x, column)
        square = x * x + y * y
        left = None if dy is None else x * dy / square
        right = None if dx is None else -(y * dx / square)
        return total(left, right)

    return Jet(frame, lambda: torch.atan2(*map(torch.as_tensor, align(y, x))), partial)
