"""Pickling, copying and comparison of frozen objects that hold functions, tensors and read-only mappings.

Equations are written as lambdas, which the standard pickle refuses.  A `Portable` object is therefore pickled as one
block of bytes: by the standard pickle where every function can be imported, otherwise by cloudpickle, which stores
functions of a script by value, with the globals that they use.  The block can be read by the same version of Python.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

__all__ = ["Portable", "same"]


class Portable:
    """Base of frozen dataclasses that can be sent to other processes and copied, whatever functions they hold.

    A copy has the same functions; what comes out of a pickle has equal ones where they can be imported, and functions
    of its own elsewhere.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), _bytes_of(self._state()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return _made(type(self), copy.deepcopy(self._state(), memo))

    def _state(self) -> dict[str, Any]:
        """Values of the fields, read-only mappings as plain ones."""
        values = {f.name: self.__dict__[f.name] for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {k: _Frozen(dict(v)) if isinstance(v, MappingProxyType) else v for k, v in values.items()}


@dataclasses.dataclass(frozen=True)
class _Frozen:
    """Contents of a read-only mapping."""

    items: dict[Any, Any]


def _made(cls: type[Any], state: Mapping[str, Any]) -> Any:
    made = object.__new__(cls)
    for name, value in state.items():
        object.__setattr__(made, name, MappingProxyType(value.items) if isinstance(value, _Frozen) else value)
    return made


def _restored(cls: type[Any], block: bytes) -> Any:
    return _made(cls, pickle.loads(block))


def _bytes_of(state: Mapping[str, Any]) -> bytes:
    try:
        return pickle.dumps(state)
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda, or a function of a script
        import cloudpickle  # loaded by those who pickle such problems

        found: bytes = cloudpickle.dumps(state)
        return found


def _compares_fields(cls: Any) -> bool:
    """True if a dataclass compares its fields, rather than by a method of its own."""
    return bool(cls.__dataclass_params__.eq)


def same(a: Any, b: Any) -> bool:
    """Compare two values, entry by entry: arrays and tensors in shape, type and every number."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b.to(a.device))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if dataclasses.is_dataclass(a) and _compares_fields(type(a)):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a) if f.compare)
    return bool(a == b)
