"""Flat vector of all unknowns: the parameters of the fields, then the coefficients of the problem."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.fields.protocols import TrainsItself, linear_readout
from pinnkit.problem.problem import Problem

__all__ = ["Parameters"]


class Parameters:
    """Trainable parameters of some modules and the coefficients of a problem, as one flat vector.

    A positive coefficient enters by its logarithm.
    """

    def __init__(self, problem: Problem, modules: Sequence[nn.Module], *, device: torch.device, dtype: torch.dtype):
        self.problem = problem
        unique = dict.fromkeys(p for m in modules for p in m.parameters() if p.requires_grad)
        starts = [math.log(c.initial) if c.positive else c.initial for c in problem.coefficients]
        self._coefficients = [torch.tensor(s, device=device, dtype=dtype, requires_grad=True) for s in starts]
        self.tensors: list[Tensor] = [*unique, *self._coefficients]
        rates = [m.learning_rates() for m in modules if isinstance(m, TrainsItself)]
        self._rates = {id(p): float(rate) for table in rates for p, rate in table.items()}
        self._full_rates: dict[float, Tensor] = {}
        self._readouts = [p for m in modules for p in _readout(m) if p.requires_grad]

    @property
    def entries(self) -> Sequence[Tensor]:
        """Entries of the coefficients in theta, 0-d; the logarithm of a positive one."""
        return self._coefficients

    @property
    def readout(self) -> Tensor:
        """Places of the fields' linear read-outs in theta, ``(k,)``, increasing; empty where no field has one."""
        places, start = [torch.zeros(0, dtype=torch.int64)], 0
        for t in self.tensors:
            if any(t is r for r in self._readouts):
                places.append(torch.arange(start, start + t.numel()))
            start += t.numel()
        return torch.cat(places)

    def learning_rates(self, default: float) -> Tensor | None:
        """Learning rates that the fields suggest, ``(P,)``; None where no field suggests any.

        Args:
            default: rate of entries for which no field suggests one.
        """
        if not self._rates:
            return None
        if default not in self._full_rates:  # asked for at every step
            parts = [t.detach().new_full((t.numel(),), self._rates.get(id(t), default)) for t in self.tensors]
            self._full_rates[default] = torch.cat(parts)
        return self._full_rates[default]

    @property
    def count(self) -> int:
        """Length of the flat vector."""
        return sum(t.numel() for t in self.tensors)

    def get(self) -> Tensor:
        """Copy of the current values, ``(P,)``."""
        return torch.cat([t.detach().reshape(-1) for t in self.tensors])

    def assign(self, theta: Tensor) -> None:
        """Write `theta` ``(P,)`` into the modules and coefficients."""
        start = 0
        with torch.no_grad():
            for t in self.tensors:
                t.copy_(theta[start : start + t.numel()].reshape(t.shape))
                start += t.numel()

    def start_from(self, coefficients: Mapping[str, float]) -> None:
        """Set the coefficients to initial values."""
        with torch.no_grad():
            for c, t in zip(self.problem.coefficients, self._coefficients, strict=True):
                value = coefficients[c.name]  # a positive one may have underflowed
                t.fill_(math.log(max(value, sys.float_info.min)) if c.positive else value)

    def gradient(self, loss: Tensor) -> Tensor:
        """d loss / d theta, ``(P,)``; zero for parameters on which the loss does not depend."""
        if not loss.requires_grad:  # a chunk whose residual depends on no parameter
            return torch.cat([torch.zeros_like(t).reshape(-1) for t in self.tensors])
        grads = torch.autograd.grad(loss, self.tensors, allow_unused=True)
        return torch.cat(
            [(torch.zeros_like(t) if g is None else g).reshape(-1) for t, g in zip(self.tensors, grads, strict=True)]
        )

    def coefficients(self, entries: Sequence[Tensor] | None = None) -> dict[str, Tensor]:
        """Coefficients of the problem as differentiable tensors, 0-d, from their entries of theta.

        Args:
            entries: for each coefficient a tensor of any shape that replaces its entry of theta.
        """
        pairs = zip(self.problem.coefficients, self._coefficients if entries is None else entries, strict=True)
        return {c.name: torch.exp(t) if c.positive else t for c, t in pairs}

    def found(self) -> Mapping[str, float]:
        """Coefficients as numbers."""
        return {name: float(value.detach()) for name, value in self.coefficients().items()}


def _readout(module: nn.Module) -> Sequence[Tensor]:
    """Return the weight and bias of the linear read-out of a module; empty where it has none."""
    field = linear_readout(module)
    return [] if field is None else list(field.readout.parameters())
