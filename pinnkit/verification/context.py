"""Context of the checks: the solution, its terms at fresh points, its size, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from pinnkit.domains import Points, Sobol
from pinnkit.problem.channels import Channel
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.solution import Solution
from pinnkit.well_posedness import Concern, concerns_of

from .conservation import Invariant, invariants
from .data_alone import data_distances
from .linearized.error_estimate import ErrorEstimate, estimate_error, sine_basis
from .linearized.perturbation_growth import PerturbationGrowth, perturbation_growth
from .linearized.several_solutions import Search, search
from .linearized.sine_corrections import SineBasis
from .maximum_principle import ProvedBound, proved_bound
from .measures import EXACT, FAR, Comparison, TermCheck
from .scales import TEST_SEED, least_sizes, rms, sizes_of
from .term_sample import FRESH, Sample, channels_at, value_at, vanishes

__all__ = ["Context"]

_CLOSE = 0.01
"""Estimated relative error below which an early stop is accepted."""


@dataclass(frozen=True)
class Context:
    """Everything that the checks use.

    Args:
        solution: the solution that is checked.
        compared: differences from the closed form and from the reference.
        no_reference: the reason why there is no reference.
        open_questions: sentences on what could not be checked.
        notes: sentences on the source of the solution that are no defect of it.
    """

    solution: Solution
    compared: Sequence[Comparison] = ()
    no_reference: str = ""
    open_questions: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def problem(self) -> Problem:
        """The problem of the solution."""
        return self.solution.problem

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Samples at fresh points of every term whose residual should vanish."""
        return tuple(Sample.of(self.solution, t, self.sizes) for t in self.problem.terms if vanishes(t))

    def check(self, term: Term) -> TermCheck:
        """Residual of one term."""
        return next(s.check for s in self.samples if s.term is term)

    @property
    def equations(self) -> tuple[Sample, ...]:
        """Samples of the equations."""
        return tuple(s for s in self.samples if s.term.is_equation)

    @property
    def conditions(self) -> tuple[Sample, ...]:
        """Samples of all other terms: boundary and initial conditions, data."""
        return tuple(s for s in self.samples if not s.term.is_equation)

    @cached_property
    def inside(self) -> Tensor:
        """Points of the domain ``(n, d)``."""
        generator = torch.Generator().manual_seed(TEST_SEED)
        return self.problem.domain.sample(FRESH, generator, sampling=Sobol()).coords.double()

    @cached_property
    def values(self) -> Mapping[str, Tensor]:
        """Values of the unknowns there, in float64; in a problem in pieces each at points of its own piece."""
        if len(self.problem.pieces) < 2:
            return self.unknowns(self.inside)
        found = {}
        for name in self.problem.names:
            generator = torch.Generator().manual_seed(TEST_SEED)
            coords = self.problem.domain_of(name).sample(FRESH, generator, sampling=Sobol()).coords.double()
            found[name] = value_at(self.solution, name, coords)
        return found

    @cached_property
    def least_sizes(self) -> Mapping[str, float]:
        """Lower bounds of the sizes of unknowns that may vanish, see scales.py."""
        s = self.solution
        return least_sizes(self.problem, partial(channels_at, s), s.coefficient_tensors, dtype=s.dtype, device=s.device)

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """Size of each unknown; for one that may vanish at least a size that its equations notice."""
        s = self.solution
        return sizes_of(self.problem, partial(channels_at, s), self.least_sizes, dtype=s.dtype, device=s.device)

    @cached_property
    def concerns(self) -> tuple[Concern, ...]:
        """Reasons why the problem may not be well posed, with signs at the solution."""
        s = self.solution

        def values(points: Sequence[Points], channels: Sequence[Channel]) -> Mapping[Channel, Tensor]:
            there = tuple(p.to(s.dtype, torch.device(s.device)) for p in points)
            return {c: v.double().cpu() for c, v in channels_at(s, there, channels).items()}

        return concerns_of(self.problem, values, {k: v.double().cpu() for k, v in s.coefficient_tensors.items()})

    @cached_property
    def size(self) -> float:
        """Largest root mean square over the unknowns."""
        return max(rms(v) for v in self.values.values())

    @cached_property
    def finite(self) -> float:
        """Smallest finite fraction of the values and of the residuals."""
        every = [*self.values.values(), *(s.r for s in self.samples)]
        return min(float(torch.isfinite(v).double().mean()) for v in every if v.numel())

    @cached_property
    def basis(self) -> SineBasis | None:
        """Sines about the solution; None where the linearised problem is not available."""
        if self.finite < 1 or len(self.samples) < len(self.problem.terms):
            return None
        return sine_basis(self.solution, {s.check.name: s.natural_scale for s in self.samples})

    @cached_property
    def estimate(self) -> ErrorEstimate | None:
        """Error estimate of the linearised problem; None where there is none."""
        return None if self.basis is None else estimate_error(self.basis, self.least_sizes)

    @cached_property
    def proved(self) -> ProvedBound | None:
        """Error bound by the maximum principle; None where it does not apply."""
        return None if self.finite < 1 else proved_bound(self.solution)

    @cached_property
    def growth(self) -> PerturbationGrowth | None:
        """Growth of perturbations of ordinary differential equations; None for other problems."""
        return None if self.finite < 1 else perturbation_growth(self.solution, self.sizes)

    @cached_property
    def data_distances(self) -> Mapping[str, float]:
        """Distance of each unknown from the smoothest function through its values at the data, of data alone."""
        return data_distances(self.problem, self.inside, self.unknowns, self.size)

    @cached_property
    def invariants(self) -> tuple[Invariant, ...]:
        """Quantities that the equations conserve, with their drift; none of a table, whose derivatives have errors."""
        return invariants(self.solution) if self.finite == 1 and not self.solution.fieldset.is_uncertain else ()

    @property
    def may_have_others(self) -> bool:
        """True for a nonlinear problem that does not proceed from an initial state."""
        structure = self.problem.structure
        proceeds = structure.time is not None and bool(structure.initial) and not structure.final
        if self.problem.linear or not structure.equations:
            return False
        return bool(self.problem.coefficients) or not proceeds

    @cached_property
    def others(self) -> Search | None:
        """Search for other solutions; None where there is no linearised problem, or where none is needed."""
        if self.basis is None or self.estimate is None:
            return None
        if not self.may_have_others or not self.settled or not self.resolved:
            return None
        return search(self.basis, self.least_sizes)

    @property
    def amplifies_own_error(self) -> bool:
        """True if the errors of a table's derivatives alone may cause a correction as large as the estimated one."""
        own = max((s.check.own_relative for s in self.samples), default=0.0)
        found = self.estimate
        return found is not None and own > 0 and own > max(found.sizes.values()) * found.smallest_response

    @property
    def supported(self) -> bool:
        """True where the maximum principle or the linearised problem bounds the error below five per cent."""
        if self.proved is not None and self.proved.relative < FAR:
            return True
        return self.estimate is not None and self.resolved and self.estimate.bound < FAR

    @property
    def expected(self) -> float:
        """Expected size of the solution from the comparisons; 0 without any."""
        return max((c.scale for c in self.compared), default=0.0)

    @property
    def confirmed(self) -> bool:
        """True if every comparison agrees with the solution."""
        return bool(self.compared) and all(c.agrees for c in self.compared)

    @property
    def confirmed_by_exact(self) -> bool:
        """True if a closed form agrees with the solution."""
        return any(c.against == EXACT and c.agrees for c in self.compared)

    @property
    def near(self) -> bool:
        """True if every comparison is within five per cent in L2, the error bar included; single values may be off."""
        return bool(self.compared) and all(c.measured_l2 + c.l2_bar <= FAR for c in self.compared)

    @property
    def close(self) -> bool:
        """True if an error estimate that explains the residual is below one per cent."""
        c = self.estimate
        return c is not None and c.explains and max(c.sizes.values()) < _CLOSE

    @property
    def settled(self) -> bool:
        """True if every term is met well enough for uniqueness checks."""
        return all(s.beyond <= 0.05 for s in self.samples)

    @property
    def resolved(self) -> bool:
        """True if the derivatives are exact, or known well enough to tell solutions apart by their residuals."""
        return all(s.check.own_relative <= 0.05 for s in self.samples)

    def unknowns(self, coords: Tensor, order: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """Values or a derivative of the unknowns at points, in float64 on the CPU."""
        s = self.solution
        there = coords.to(s.device, s.dtype)
        found = s.fieldset.unknowns(there, s.coefficient_tensors, order)
        return {name: value.double().cpu() for name, value in found.items()}
