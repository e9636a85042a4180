"""What the checks look at: the solution, its terms at fresh points, its size, what it was compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pinnkit.domains import Sobol
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.solution import Solution

from .error_estimate import Correction, correction
from .measures import FAR, Comparison, TermCheck
from .term_sample import FRESH, TEST_SEED, Sample, rms, vanishes

__all__ = ["Evidence"]

_CLOSE = 0.01
"""An error that no one who stopped a run early would mind."""


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a solution before it is judged.

    Args:
        solution: what is judged.
        compared: differences from the closed form and from the reference.
    """

    solution: Solution
    compared: Sequence[Comparison] = ()

    @property
    def problem(self) -> Problem:
        """What was solved."""
        return self.solution.problem

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Every term whose residual should vanish, at fresh points."""
        return tuple(Sample.of(self.solution, t) for t in self.problem.terms if vanishes(t))

    def check(self, term: Term) -> TermCheck:
        """The residual of one of them."""
        return next(s.check for s in self.samples if s.term is term)

    @property
    def equations(self) -> tuple[Sample, ...]:
        """The equations among them."""
        return tuple(s for s in self.samples if s.term.is_equation)

    @property
    def conditions(self) -> tuple[Sample, ...]:
        """All others: walls, starts, data."""
        return tuple(s for s in self.samples if not s.term.is_equation)

    @cached_property
    def inside(self) -> Tensor:
        """Points of the domain ``(n, d)``."""
        generator = torch.Generator().manual_seed(TEST_SEED)
        return self.problem.domain.sample(FRESH, generator, sampling=Sobol()).coords.double()

    @cached_property
    def values(self) -> Mapping[str, Tensor]:
        """The unknowns there, in float64."""
        return self.unknowns(self.inside)

    @cached_property
    def size(self) -> float:
        """Root mean square of the greatest unknown."""
        return max(rms(v) for v in self.values.values())

    @cached_property
    def finite(self) -> float:
        """Which fraction of the values, and of the residuals, is finite: the least."""
        every = [*self.values.values(), *(s.r for s in self.samples)]
        return min(float(torch.isfinite(v).double().mean()) for v in every if v.numel())

    @cached_property
    def correction(self) -> Correction | None:
        """What the linearised problem says; None where it says nothing."""
        if self.finite < 1 or len(self.samples) < len(self.problem.terms):
            return None
        return correction(self.solution, {s.check.name: s.by_nature for s in self.samples})

    @property
    def expected(self) -> float:
        """The size that the solution should have, from what it was compared with; 0 where nothing is known."""
        return max((c.scale for c in self.compared), default=0.0)

    @property
    def confirmed(self) -> bool:
        """Whether something that is known agrees with the solution, so that others do not matter."""
        return bool(self.compared) and all(c.measured_l2 <= FAR for c in self.compared)

    @property
    def close(self) -> bool:
        """Whether a correction that explains the residual says that the error is below one per cent."""
        c = self.correction
        return c is not None and c.explains and max(c.sizes.values()) < _CLOSE

    @property
    def settled(self) -> bool:
        """Whether every term is met well enough for questions of uniqueness to make sense."""
        return all(s.check.relative <= 0.05 for s in self.samples)

    def unknowns(self, coords: Tensor, order: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """The unknowns, or a derivative of theirs, at points, in float64 on the CPU."""
        s = self.solution
        there = coords.to(s.device, s.dtype)
        found = s.fieldset.unknowns(there, s.coefficient_tensors, order)
        return {name: value.double().cpu() for name, value in found.items()}
