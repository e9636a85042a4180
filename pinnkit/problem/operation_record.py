"""A residual as the list of tensor operations that it comes down to, played back without jets and names in between."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pinnkit.jets.jet import Jet

__all__ = ["Fixed", "Function", "Place", "Played", "Several", "Slot", "record"]

Function = Callable[..., Tensor]
"""From tensors to a tensor."""

_SHAPES = frozenset({"__get__", "size", "dim", "numel", "stride", "__len__", "is_floating_point", "is_complex"})
"""What may be asked of a tensor without looking at its values."""


@dataclass(frozen=True)
class Place:
    """An argument that is the value of a place.

    Args:
        index: number of the place.
    """

    index: int

    def __call__(self, memory: list[Any]) -> Any:
        """Find the argument among the values of all places."""
        return memory[self.index]


@dataclass(frozen=True)
class Several:
    """An argument that is a sequence, some of whose members are values of places.

    Args:
        slots: the members.
        kind: tuple or list.
    """

    slots: tuple[Slot, ...]
    kind: type

    def __call__(self, memory: list[Any]) -> Any:
        """Find the argument among the values of all places."""
        return self.kind([slot(memory) for slot in self.slots])


@dataclass(frozen=True)
class Fixed:
    """An argument that is always the same.

    Args:
        value: the argument.
    """

    value: Any

    def __call__(self, memory: list[Any]) -> Any:  # noqa: ARG002  (the signature of a slot)
        """Return the value."""
        return self.value


Slot = Place | Several | Fixed
"""Finds an argument among the places."""
_Call = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any], Any]
"""A function, its arguments and what it gave."""


class _Recorder(TorchFunctionMode):
    """Writes down every call of a torch function, and whether any looks at values or writes into a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_Call] = []
        self.faithful = True

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if isinstance(out, Jet):  # lazy: its tensor operations come through here when its value is asked for
            return out
        several = isinstance(out, (tuple, list)) and len(out) > 0 and all(isinstance(o, Tensor) for o in out)
        if isinstance(out, Tensor) or several:
            writes = (
                name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or "out" in (kwargs or {})
            )
            self.faithful = self.faithful and not writes and not name.startswith("__i")
            self.calls.append((func, args, kwargs or {}, out))
            if several:
                self.calls += [(operator.getitem, (out, i), {}, part) for i, part in enumerate(out)]
        elif name not in _SHAPES:  # a number read out of a tensor may decide what comes next
            self.faithful = False
        return out


@dataclass(frozen=True)
class Played:
    """Operations on numbered places, the first of which hold the inputs.

    Args:
        steps: a function, how each of its arguments is found, and the place of its result.
        size: how many places there are.
        last: the place of the result.
    """

    steps: tuple[tuple[Callable[..., Any], Sequence[Slot], Mapping[str, Slot], int], ...]
    size: int
    last: int

    def __call__(self, *tensors: Tensor) -> Tensor:
        """The result for these inputs."""
        memory: list[Any] = [*tensors, *([None] * (self.size - len(tensors)))]
        for func, args, kwargs, target in self.steps:
            memory[target] = func(*[a(memory) for a in args], **{k: a(memory) for k, a in kwargs.items()})
        found: Tensor = memory[self.last]
        return found


def record(function: Function, inputs: Sequence[Tensor], others: Sequence[Tensor]) -> Function:
    """A function of the same tensors that runs the operations of `function` alone.

    What does not depend on the inputs is computed once, and what does not reach the result never.  Where the operations
    depend on values, or other inputs give another result, `function` itself is handed back.

    Args:
        function: of tensors, without side effects.
        inputs: to run it on.
        others: of the same shapes, to try the recording on.
    """
    recorder = _Recorder()
    with torch.no_grad(), recorder:
        result = function(*inputs)
    place = {id(x): i for i, x in enumerate(inputs)}
    program: list[tuple[Any, set[int], int]] = []  # a call with its slots, what it needs, where its result goes
    for func, args, kwargs, out in recorder.calls:
        uses = {place[id(a)] for a in _flat(args, kwargs) if id(a) in place}
        if uses:
            slots = [_slot(a, place) for a in args], {k: _slot(a, place) for k, a in kwargs.items()}
            place[id(out)] = len(inputs) + len(program)
            program.append(((func, *slots, place[id(out)]), uses, place[id(out)]))
    if not recorder.faithful or id(result) not in place:
        return function
    last, size = place[id(result)], len(inputs) + len(program)
    needed, steps = {last}, []
    for call, uses, target in reversed(program):
        if target in needed:
            needed |= uses
            steps.append(call)
    steps.reverse()

    played = Played(tuple(steps), size, last)
    with torch.no_grad():
        same = torch.equal(played(*others).nan_to_num(), function(*others).nan_to_num())
    return played if same else function


def _flat(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments of a call, those in sequences too."""
    out = []
    for a in (*args, *kwargs.values()):
        out.append(a)
        if isinstance(a, (tuple, list)):
            out += a
    return out


def _slot(value: Any, place: Mapping[int, int]) -> Slot:
    """Source of an argument during replay."""
    if id(value) in place:
        return Place(place[id(value)])
    if isinstance(value, (tuple, list)) and any(id(v) in place for v in value):
        return Several(tuple(_slot(v, place) for v in value), type(value))
    return Fixed(value)
