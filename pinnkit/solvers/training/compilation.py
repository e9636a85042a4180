"""Compiled derivatives in training, where a static rule says that they pay for their compilation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.compiled import CompiledJets, compiled, missing_compiler
from pinnkit.jets.orders import Channel
from pinnkit.solvers.optimizers.adam import Adam
from pinnkit.solvers.optimizers.lbfgs import LBFGS
from pinnkit.solvers.optimizers.self_scaled import SSBFGS, SSBroyden
from pinnkit.solvers.protocols import Solver

__all__ = ["Compiled", "pays"]

_WORK = 1e11
"""Steps x points x parameters from which a quarter of the time of a step is more than the compilation takes."""
_ROWS = 1024
"""Fewer points are done before a compiled function is entered."""


class Compiled:
    """Derivatives of modules by one compiled function for each set of them; values, and few points, go eagerly."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, tuple[Channel, ...]], CompiledJets] = {}

    def __call__(self, module: nn.Module, coords: Tensor, orders: Sequence[Channel]) -> Mapping[Channel, Tensor]:
        """The derivatives `orders` of `module` at `coords`."""
        if coords.shape[0] < _ROWS or tuple(orders) == ((),) or not torch.is_grad_enabled():
            return jets(module, coords, orders)
        key = id(module), tuple(orders)
        if key not in self.known:
            self.known[key] = compiled(module, orders)
        return self.known[key](coords)


def pays(solvers: Sequence[Solver], parameters: int, rows: Callable[[Solver], int], device: torch.device) -> bool:
    """Whether training is long enough to compile for: by counting, never by timing, so that a resumed run agrees.

    Args:
        solvers: that will run.
        parameters: of all fields.
        rows: at how many points a step of a solver differentiates, those of all equations together.
        device: with a compiler, or not.
    """
    work = sum(s.steps * rows(s) * parameters for s in solvers if isinstance(s, Adam | LBFGS | SSBFGS | SSBroyden))
    return work >= _WORK and missing_compiler(device) is None
