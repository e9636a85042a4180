"""The unknowns of a solution as one module of coordinates that torch.export can trace."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pinnkit.domains import Points
from pinnkit.jets.jet import plain
from pinnkit.problem.linearization import Channel, scope_of
from pinnkit.solutions.solution import Solution

__all__ = ["Traceable"]


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
        coords = torch.stack(columns, dim=1)
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
