"""The unknowns of a solution as one module of coordinates that torch.export can trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pinnkit.domains import Points
from pinnkit.jets.jet import plain
from pinnkit.problem.linearization import Channel, scope_of
from pinnkit.solutions.solution import Solution

__all__ = ["Traceable"]

_ARITHMETIC = frozenset(
    {"mul", "__mul__", "__rmul__", "add", "__add__", "__radd__", "sub", "__sub__", "__rsub__", "rsub"}
    | {"div", "__truediv__", "__rtruediv__", "true_divide"}
)


class _ExactNumbers(TorchFunctionMode):
    """Tensors in place of numbers in arithmetic: converters to ONNX round numbers to single precision."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call the function with tensors."""
        if func.__name__ in _ARITHMETIC:
            kind = next((a.dtype for a in args if isinstance(a, Tensor) and a.is_floating_point()), None)
            if kind is not None:
                args = tuple(torch.tensor(a, dtype=kind) if isinstance(a, float) else a for a in args)
        return func(*args, **(kwargs or {}))


class Traceable(nn.Module):
    """The unknowns, through the ansatz, as functions of one vector ``(n,)`` for each coordinate column.

    Args:
        solution: the solution, on the CPU.
    """

    def __init__(self, solution: Solution) -> None:
        super().__init__()
        self.problem, self.fieldset = solution.problem, solution.fieldset
        self.coefficients: Mapping[str, Tensor] = solution.coefficient_tensors
        self.parts = nn.ModuleList(solution.modules.values())

    def forward(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """Values of the unknowns, ``(n,)`` or ``(n, c)`` each."""
        with _ExactNumbers():
            return self._values(torch.stack(columns, dim=1))

    def _values(self, coords: Tensor) -> tuple[Tensor, ...]:
        found: dict[tuple[str, ...], Tensor] = {}

        def lookup(channel: Channel) -> Tensor:
            if channel.order != ():
                raise ValueError("the ansatz uses derivatives of the field, which no traced module has")
            for group, module in self.fieldset.modules.items():
                if channel.unknown in group:
                    if group not in found:
                        found[group] = module(coords[:, list(self.fieldset.columns(group))])
                    return found[group][:, self.fieldset.slices(group)[channel.unknown]]
            raise ValueError(f"`{channel.unknown}` has no field")

        scope = scope_of(self.problem, (Points(coords),), lookup, self.coefficients, raw=True)
        return tuple(plain(scope[name]) for name in self.problem.names)
