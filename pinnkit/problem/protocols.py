"""Contract of a problem towards the modules of this package, so that none of them imports the class `Problem`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from pinnkit.domains import Axis, Domain
from pinnkit.domains.pieces.partition import Partition
from pinnkit.jets.frame import Frame

from .channels import Trace
from .pieces.interface import Interface
from .pieces.piecewise import Piecewise
from .terms import Term
from .unknowns import Coefficient, Unknown

__all__ = ["ProblemLike"]


class ProblemLike(Protocol):
    """A domain, unknowns and terms, with the frame that gives their derivatives a meaning.

    `traces` of a term exist once the term is bound; all other attributes exist from the start.
    """

    @property
    def name(self) -> str:
        """Short identifier."""
        ...

    @property
    def domain(self) -> Domain:
        """Domain, which all parts of the terms belong to."""
        ...

    @property
    def unknowns(self) -> Sequence[Unknown]:
        """Functions to be found."""
        ...

    @property
    def terms(self) -> Sequence[Term]:
        """Bound terms."""
        ...

    @property
    def coefficients(self) -> Sequence[Coefficient]:
        """Numbers to be found."""
        ...

    @property
    def ansatz(self) -> Mapping[str, Callable[..., Any]]:
        """For some unknowns, the function that makes the unknown out of the fields' outputs."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the solve."""
        ...

    @property
    def frame(self) -> Frame:
        """Columns of the coordinates, and which of them are space."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the unknowns."""
        ...

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the domain."""
        ...

    @property
    def time(self) -> str | None:
        """Name of the time axis, if there is one."""
        ...

    @property
    def pieces(self) -> Partition:
        """Pieces of the domain; the domain alone where it is not divided."""
        ...

    @property
    def piecewise(self) -> tuple[Piecewise, ...]:
        """Coefficients that jump."""
        ...

    @property
    def interfaces(self) -> Sequence[Interface]:
        """Statements on what holds between pieces."""
        ...

    @property
    def periodic(self) -> tuple[str, ...]:
        """Axes along which every field is periodic by construction."""
        ...

    def unknown(self, name: str) -> Unknown:
        """Return the unknown of that name."""
        ...

    def columns_of(self, name: str) -> frozenset[str]:
        """Return the coordinate columns that an unknown depends on."""
        ...

    def trace(self, term: Term, *, raw: bool) -> Trace:
        """Return the trace of a term, in the unknowns or, with `raw`, in the fields through the ansatz."""
        ...

    def initial_coefficients(self) -> dict[str, Tensor]:
        """Return the starting values of the coefficients, 0-d tensors."""
        ...
