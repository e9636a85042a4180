"""Plans: ordered candidates of field and solvers, which can be printed, changed and passed to `solve`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import cast

from torch import nn

from pinnkit.fields import FieldSpec, Trefftz
from pinnkit.fields.protocols import unsettled
from pinnkit.solvers.collocation.field_groups import FieldChoice
from pinnkit.solvers.protocols import Method, Scope, Solver, missing_members, on_parameters, on_readout
from pinnkit.solvers.training.adaptive_points import Adaptive

__all__ = ["Candidate", "Kind", "Plan"]


class Kind(Enum):
    """Way in which a candidate is run."""

    SEARCH = "random sines or polynomials chosen by the residual at held-out points"
    BOUNDARY = "functions that satisfy the equation, fitted to the conditions on the boundary"
    TRAINING = "solvers in sequence, on all parameters or on the read-out of a given field"
    MARCH = "modes in space that are advanced in time"


@dataclass(frozen=True)
class Candidate:
    """Field, solvers and the reason for them.

    Args:
        field: a spec, a module, or one of them for each unknown; None for a solver that brings its own field.
        solvers: one solver, or several that run in sequence.
        reason: one or two sentences.
        accept: held-out relative residual at which no further candidate is tried, dimensionless.
        adaptive: points that follow the residual, for a trained field.
        balance: whether terms are weighted by their row norms; False takes the weights of the problem as they are.

    Raises:
        TypeError, ValueError: for solvers that are none, or do not fit the field.
    """

    field: FieldChoice | None
    solvers: Sequence[Method]
    reason: str
    accept: float = math.inf
    adaptive: Adaptive | None = None
    balance: bool = True

    def __post_init__(self) -> None:
        """Check the solvers, and keep them as a tuple."""
        given = tuple(self.solvers) if isinstance(self.solvers, (list, tuple)) else (cast(Method, self.solvers),)
        if not given or not all(_is_solver(s) for s in given):
            shown = list(given) if isinstance(self.solvers, (list, tuple)) else given[0]
            raise TypeError(
                f"solve: `solvers` must be solvers such as [Adam(steps=2000), LBFGS()], got {shown!r}{_lacking(given)}"
            )
        object.__setattr__(self, "solvers", given)
        own = [s for s in given if s.scope is Scope.OWN_FIELD]
        if own and (len(given) > 1 or self.field is not None):
            name = type(own[0]).__name__
            raise ValueError(f"solve: {name} brings its own field and stands alone: solve(problem, None, {name}())")
        if not own and self.field is None:
            raise ValueError(f"Candidate: `field` must be given for {given[0]!r}, such as Siren(width=64)")

    def __hash__(self) -> int:
        """Hash by value; a field of several unknowns counts without regard to their order."""
        field = frozenset(self.field.items()) if isinstance(self.field, Mapping) else self.field
        return hash((field, self.solvers, self.reason, self.accept, self.adaptive, self.balance))

    @property
    def kind(self) -> Kind:
        """Way in which the candidate is run."""
        if self.solvers[0].scope is Scope.OWN_FIELD:
            return Kind.MARCH
        specs = tuple(self.field.values()) if isinstance(self.field, Mapping) else (self.field,)
        if any(isinstance(s, Trefftz) for s in specs) and on_readout(self.solvers[0]):
            return Kind.BOUNDARY
        searching = any(isinstance(s, FieldSpec | nn.Module) and unsettled(s) for s in specs)
        return Kind.SEARCH if searching and on_readout(self.solvers[0]) else Kind.TRAINING

    @property
    def trains(self) -> bool:
        """Return whether all parameters of the field are fitted step by step, and not its read-out alone."""
        return bool(self.trained)

    @property
    def trained(self) -> tuple[Solver, ...]:
        """Solvers that work on all parameters."""
        return tuple(s for s in self.solvers if on_parameters(s))

    @property
    def batch(self) -> int | None:
        """Number of points of every term that the last trained solver draws at every step; None if it takes all."""
        return self.trained[-1].sampling_plan(1).batch if self.trained else None

    def __str__(self) -> str:
        """Field, solvers and reason in words."""
        solvers = ", then ".join(map(repr, self.solvers))
        by = solvers if self.field is None else f"{self.field!r} by {solvers}"
        return f"{by}\n{self.reason}"


def _lacking(given: Sequence[object]) -> str:
    """Missing members of a solver of the user's, for the error message."""
    for one in given:
        missing = missing_members(one)
        if missing and "step" not in missing:
            names = ", ".join(f"`{name}`" for name in sorted(missing))
            return f", which lacks {names} of Solver; inherit pinnkit.solvers.SolverDefaults"
    return ""


def _is_solver(candidate: object) -> bool:
    if isinstance(candidate, type) or not isinstance(candidate, Method):
        return False
    return candidate.scope is Scope.OWN_FIELD or not missing_members(candidate)


@dataclass(frozen=True)
class Plan:
    """Candidates in the order in which they are tried.

    The first whose held-out relative residual is at most its `accept` is taken, else that with the smallest residual.
    ``print(plan)`` shows them; ``plan.only(1)`` and ``plan.with_first(accept=1e-8)`` give changed plans.

    Args:
        candidates: at least one.

    Raises:
        TypeError, ValueError: for anything but candidates, or none.
    """

    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        """Check the candidates, and keep them as a tuple."""
        given = (self.candidates,) if isinstance(self.candidates, Candidate) else self.candidates
        if not isinstance(given, (list, tuple)) or not all(isinstance(c, Candidate) for c in given):
            raise TypeError(f"Plan: `candidates` must be Candidate objects, got {self.candidates!r}")
        if not given:
            raise ValueError("Plan: `candidates` is empty; give at least one Candidate")
        object.__setattr__(self, "candidates", tuple(given))

    @classmethod
    def single(
        cls,
        field: FieldChoice | None,
        solvers: Method | Sequence[Method],
        reason: str = "Field and solver as given.",
        *,
        adaptive: Adaptive | None = None,
        balance: bool = True,
    ) -> Plan:
        """Plan of one candidate; arguments as those of `Candidate`."""
        given = tuple(solvers) if isinstance(solvers, Sequence) else (solvers,)
        return cls((Candidate(field, given, reason, adaptive=adaptive, balance=balance),))

    @property
    def first(self) -> Candidate:
        """Candidate that is tried first."""
        return self.candidates[0]

    def only(self, index: int) -> Plan:
        """Plan of one of the candidates, counted from 0.

        Raises:
            ValueError: for an index without a candidate.
        """
        if not 0 <= index < len(self.candidates):
            raise ValueError(f"Plan.only: `index` must be between 0 and {len(self.candidates) - 1}, got {index!r}")
        return Plan((self.candidates[index],))

    def with_first(self, **changes: object) -> Plan:
        """Plan whose first candidate is changed, such as ``plan.with_first(solvers=(Adam(steps=100),))``."""
        return Plan((replace(self.first, **changes), *self.candidates[1:]))  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Numbered candidates with their reasons and what follows each."""
        lines = []
        for number, candidate in enumerate(self.candidates, start=1):
            title, reason = str(candidate).split("\n", 1)
            lines += [f"{number}. {title}", f"   {reason}"]
            if number < len(self.candidates):
                limit = f"a held-out relative residual of at most {candidate.accept:.0e}"
                otherwise = f"Accepted at {limit}; otherwise {number + 1} is tried."
                lines.append(f"   {otherwise if math.isfinite(candidate.accept) else 'Always accepted.'}")
            elif number > 1:
                lines.append("   The candidate with the smallest residual is taken.")
        return "\n".join(lines)
