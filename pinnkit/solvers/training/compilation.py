"""Compiled derivatives in training, where a static rule predicts that they save more time than their compilation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.compiled import CompiledJets, compiled, missing_compiler
from pinnkit.jets.orders import Channel
from pinnkit.solvers.protocols import Needs, Solver

__all__ = ["CompiledDerivatives", "compilation_pays"]

_WORK = 1e11
"""Steps x points x parameters from which a quarter of the time of all steps exceeds the time of compilation."""
_LEAST_SECONDS = 300.0
"""Time limit below which nothing is compiled: a compilation takes from 10 s to a minute, and cannot be interrupted."""
_ROWS = 1024
"""Number of points below which the overhead of a compiled function dominates."""


class CompiledDerivatives:
    """Derivatives by one compiled function for each module and set of channels; values and few points are eager."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, tuple[Channel, ...]], CompiledJets] = {}

    def __call__(self, module: nn.Module, coords: Tensor, orders: Sequence[Channel]) -> Mapping[Channel, Tensor]:
        """Derivatives `orders` of `module` at `coords`."""
        if coords.shape[0] < _ROWS or tuple(orders) == ((),) or not torch.is_grad_enabled():
            return jets(module, coords, orders)
        key = id(module), tuple(orders)
        if key not in self.known:
            self.known[key] = compiled(module, orders)
        return self.known[key](coords)


def compilation_pays(
    solvers: Sequence[Solver],
    parameters: int,
    rows: Callable[[Solver], int],
    device: torch.device,
    seconds: float | None = None,
) -> bool:
    """Return whether training is long enough to compile: by counting, never by timing, so that a resumed run agrees.

    Args:
        solvers: of the run; those that need more than loss and gradient do not use compiled derivatives.
        parameters: number of all parameters.
        rows: number of points at which a step of a solver differentiates, over all equations.
        device: of the run, with a compiler or without.
        seconds: time limit of the run; None for none.
    """
    if seconds is not None and seconds < _LEAST_SECONDS:
        return False
    work = sum(s.steps * rows(s) * parameters for s in solvers if s.needs is Needs.LOSS)
    return work >= _WORK and missing_compiler(device) is None
