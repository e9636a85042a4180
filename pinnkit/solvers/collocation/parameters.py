"""One flat vector for everything that is sought: the parameters of the fields, then the problem's coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.fields.protocols import TrainsItself, linear_readout
from pinnkit.problem.problem import Problem

__all__ = ["Parameters"]


class Parameters:
    """The trainable parameters of some modules and the coefficients of a problem, as one flat vector.

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
        """The coefficients' entries of theta, 0-d, the logarithm where one is positive."""
        return self._coefficients

    @property
    def readout(self) -> Tensor:
        """The places in theta of the fields' linear read-outs, ``(k,)``, increasing; empty where no field has one."""
        places, start = [torch.zeros(0, dtype=torch.int64)], 0
        for t in self.tensors:
            if any(t is r for r in self._readouts):
                places.append(torch.arange(start, start + t.numel()))
            start += t.numel()
        return torch.cat(places)

    def rates(self, otherwise: float) -> Tensor | None:
        """The learning rate that the fields say suits each entry of theta, ``(P,)``; None where no field says any.

        Args:
            otherwise: that of entries of which no field says one.
        """
        if not self._rates:
            return None
        if otherwise not in self._full_rates:  # asked for at every step
            parts = [t.detach().new_full((t.numel(),), self._rates.get(id(t), otherwise)) for t in self.tensors]
            self._full_rates[otherwise] = torch.cat(parts)
        return self._full_rates[otherwise]

    @property
    def count(self) -> int:
        """Length of the flat vector."""
        return sum(t.numel() for t in self.tensors)

    def get(self) -> Tensor:
        """A copy of the current values, ``(P,)``."""
        return torch.cat([t.detach().reshape(-1) for t in self.tensors])

    def assign(self, theta: Tensor) -> None:
        """Write `theta` ``(P,)`` into the modules and coefficients."""
        start = 0
        with torch.no_grad():
            for t in self.tensors:
                t.copy_(theta[start : start + t.numel()].reshape(t.shape))
                start += t.numel()

    def start_from(self, coefficients: Mapping[str, float]) -> None:
        """Give the coefficients other values to start from."""
        with torch.no_grad():
            for c, t in zip(self.problem.coefficients, self._coefficients, strict=True):
                t.fill_(math.log(coefficients[c.name]) if c.positive else coefficients[c.name])

    def gradient(self, loss: Tensor) -> Tensor:
        """d loss / d theta, ``(P,)``; zero for parameters that the loss does not reach."""
        if not loss.requires_grad:  # a chunk whose residual no parameter can change
            return torch.cat([torch.zeros_like(t).reshape(-1) for t in self.tensors])
        grads = torch.autograd.grad(loss, self.tensors, allow_unused=True)
        return torch.cat(
            [(torch.zeros_like(t) if g is None else g).reshape(-1) for t, g in zip(self.tensors, grads, strict=True)]
        )

    def coefficients(self, entries: Sequence[Tensor] | None = None) -> dict[str, Tensor]:
        """The problem's coefficients as tensors that gradients flow through: 0-d, from their entries of theta.

        Args:
            entries: one tensor for each coefficient that takes the place of its entry of theta, of any shape.
        """
        pairs = zip(self.problem.coefficients, self._coefficients if entries is None else entries, strict=True)
        return {c.name: torch.exp(t) if c.positive else t for c, t in pairs}

    def found(self) -> Mapping[str, float]:
        """The coefficients as numbers."""
        return {name: float(value.detach()) for name, value in self.coefficients().items()}


def _readout(module: nn.Module) -> Sequence[Tensor]:
    """Return the weight and bias of the linear read-out of a module; empty where it has none."""
    field = linear_readout(module)
    return [] if field is None else list(field.readout.parameters())
