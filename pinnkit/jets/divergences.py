"""Record of the divergences that a function takes: arguments of `div`, and gradients whose `laplacian` is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .jet import Jet

__all__ = ["Divergences", "record_divergences", "recorded"]


@dataclass
class Divergences:
    """Divergences in the order in which they were taken.

    Args:
        fluxes: the vector fields F_i, ``(n, d)``, or ``(n, c, d)`` for the divergence of each row of a tensor.
        offsets: for each of them a tensor of zeros that was added to div(F_i) and requires a gradient, so that the
            derivative with respect to it is that with respect to div(F_i); None where the value of div(F_i) was not
            used.
    """

    fluxes: list[Jet] = field(default_factory=list)
    offsets: list[Tensor | None] = field(default_factory=list)

    def add(self, flux: Jet, divergence: Jet) -> Jet:
        """Record one divergence, and return it with its offset."""
        at = len(self.fluxes)
        self.fluxes.append(flux)
        self.offsets.append(None)

        def value() -> Tensor:
            found = divergence.value
            offset = torch.zeros_like(found).requires_grad_()
            self.offsets[at] = offset
            return found + offset

        return Jet(divergence.frame, value, divergence.partial)


_RECORD: ContextVar[Divergences | None] = ContextVar("divergences", default=None)


@contextmanager
def record_divergences() -> Iterator[Divergences]:
    """Context in which divergences are recorded; an inner context hides the outer one."""
    record = Divergences()
    token = _RECORD.set(record)
    try:
        yield record
    finally:
        _RECORD.reset(token)


def recorded(flux: Callable[[], Jet], divergence: Jet) -> Jet:
    """Return the divergence of a flux, recorded where a context asks for that."""
    record = _RECORD.get()
    return divergence if record is None else record.add(flux(), divergence)
