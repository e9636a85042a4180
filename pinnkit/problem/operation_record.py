"""A residual as the list of tensor operations that it comes down to, played back without jets and names in between."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Played", "record"]

Function = Callable[..., Tensor]
"""From tensors to a tensor."""

_SHAPES = frozenset({"__get__", "size", "dim", "numel", "stride", "__len__", "is_floating_point", "is_complex"})
"""What may be asked of a tensor without looking at its values."""

_Slot = Callable[[list[Any]], Any]
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

    steps: tuple[tuple[Callable[..., Any], Sequence[_Slot], Mapping[str, _Slot], int], ...]
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


def _slot(value: Any, place: Mapping[int, int]) -> _Slot:
    """Source of an argument during replay."""
    if id(value) in place:
        index = place[id(value)]
        return lambda memory: memory[index]
    if isinstance(value, (tuple, list)) and any(id(v) in place for v in value):
        slots, kind = [_slot(v, place) for v in value], type(value)
        return lambda memory: kind([s(memory) for s in slots])
    return lambda _: value
