"""Fields built from files: their sizes are compared with the stored state before anything large is allocated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["bounded", "check_numbers"]

_FREE = 2**20
"""Numbers that a field may allocate whatever the size of its state."""
_FACTOR = 16
_CALLS, _CALLS_PER_ENTRY = 2000, 200
_SHAPED: frozenset[object] = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.randperm}
)


def check_numbers(spec: Mapping[str, object], stored: int) -> None:
    """Check that no integer in a spec is larger than the number of values that are stored for its field.

    Args:
        spec: as of `spec_to_dict`.
        stored: number of values in the state.

    Raises:
        ValueError: for a larger one.
    """
    most = max(stored, _FREE)
    for value in _leaves(spec.values()):
        if isinstance(value, int) and abs(value) > most:
            raise ValueError(f"its field has an argument {value:,}, and {stored:,} numbers are stored for it")


def _leaves(values: Iterable[object]) -> Iterator[object]:
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        else:
            yield value


@contextmanager
def bounded(entries: int, stored: int) -> Iterator[None]:
    """Context in which a field is built whose state is known.

    Args:
        entries: number of tensors in the state.
        stored: number of values in them.

    Raises:
        ValueError: before a tensor is made that is far larger than the state, or when far more of them are made.
    """
    with _Bounded(_CALLS + _CALLS_PER_ENTRY * entries, _FREE + _FACTOR * stored):
        yield


class _Bounded(TorchFunctionMode):
    """Counts calls of torch and the numbers that they allocate."""

    def __init__(self, calls: int, numbers: int) -> None:
        super().__init__()
        self.calls = calls
        self.most = numbers

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Check one call of torch, then make it."""
        del types
        given = dict(kwargs or {})
        self.calls -= 1
        self._check(_requested(func, args, given))
        if self.calls < 0:
            raise ValueError("its field has far more layers than the stored state")
        found = func(*args, **given)
        if isinstance(found, Tensor):
            self._check(found.numel())
        return found

    def _check(self, numbers: int) -> None:
        if numbers > self.most:
            raise ValueError(f"its field needs {numbers:,} numbers, far more than the stored state")


def _requested(func: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]) -> int:
    """Number of values that a call would make; 0 where its arguments do not say."""
    if func in _SHAPED:
        sizes = kwargs.get("size", args)
        values = _integers(sizes if isinstance(sizes, Sequence) else ())
        return math.prod(values[:1] if func is torch.randperm else values)
    if func is torch.linspace:
        return max(_integers([kwargs.get("steps", args[2:3])]), default=0)
    if func is torch.arange:
        ends = [float(v) for v in args[:2] if isinstance(v, int | float)]
        return int(max(map(abs, ends), default=0))
    if func is torch.eye:
        rows = _integers(args)
        return rows[0] * rows[-1] if rows else 0
    return 0


def _integers(values: Iterable[object]) -> list[int]:
    found: list[int] = []
    for value in values:
        if isinstance(value, Sequence) and not isinstance(value, str):
            found.extend(v for v in value if isinstance(v, int))
        elif isinstance(value, int):
            found.append(value)
    return found
