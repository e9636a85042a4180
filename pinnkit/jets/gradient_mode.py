"""Gradient mode of torch for entry points: they take derivatives, also inside of a caller's `torch.no_grad()`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

__all__ = ["with_gradients"]

P = ParamSpec("P")
T = TypeVar("T")


def with_gradients(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that takes derivatives, so that `torch.no_grad` and `inference_mode` around it do not matter.

    Without this, a solve in a `torch.no_grad()` block ends in an error of autograd, or takes derivatives for zero.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.inference_mode(False), torch.enable_grad():
            return function(*args, **kwargs)

    return wrapped
