"""March: modes in space whose coefficients advance in time, a method of lines without a mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pinnkit.fields import FieldModule
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.solutions.status import Status
from pinnkit.solvers.protocols import SOLVERS, Scope

from .exponential import ExponentialRK, march_exponential, why_not_semilinear
from .implicit import MarchStep, Result, march_implicit
from .radau import Radau
from .segments import field_of
from .semidiscretization import Rates, initial_values
from .state_layout import METHOD, StateLayout

__all__ = ["March", "MarchResult", "can_march", "march"]

Report = Callable[[MarchStep], bool]


@SOLVERS.register("march")
@dataclass(frozen=True)
class March:
    """Modes in space, coefficients advanced in time: for evolution problems in one dimension, stiff and sharp ones too.

    Without a space axis it integrates ordinary differential equations, stiff or not, of any order and in any number, by
    collocation at the Radau points with dense output (`pinnkit.solvers.ordinary`); `modes` and `most` have no meaning
    there, and the method is `Radau(stages)` or None.

    u(x, t) = sum_n c_n(t) phi_n(x): Fourier modes where space is periodic, else Chebyshev polynomials of a coordinate
    that is stretched where the solution is sharp, and moves with it. Conditions on the walls hold exactly, whatever
    their data do in time; the equations hold in the least-squares sense on one and a half times as many nodes as there
    are modes. Steps follow the estimated error, the modes follow the spectrum of the solution; nothing is drawn at
    random and nothing is trained. Equations are affine in the highest time derivatives, of first or second order.

    Args:
        method: `Radau()` (implicit) or `ExponentialRK()` (periodic, semilinear); None takes the latter where it can.
        tolerance: of a step and of the modes left out, relative to the size of the solution.
        modes: number of modes; None chooses it by the spectrum of the solution.
        most: largest number of modes; None is 800 for implicit steps, 4,096 over all unknowns for exponential ones
            (16,384 where the start has a kink that the equation smooths out).

    Raises:
        ValueError: for a tolerance outside 1e-13 .. 1e-2, fewer than 8 modes, or more than `most`.

    Source: Trefethen, Spectral Methods in MATLAB, SIAM 2000, ch. 10; Hochbruck & Ostermann, Exponential integrators,
    Acta Numerica 19 (2010) 209; Hairer & Wanner, Solving Ordinary Differential Equations II, 2nd ed., section IV.8.
    """

    method: Radau | ExponentialRK | None = None
    tolerance: float = 1e-8
    modes: int | None = None
    most: int | None = None

    scope: ClassVar[Scope] = Scope.OWN_FIELD

    def __post_init__(self) -> None:
        """Check the arguments."""
        if self.method is not None and not isinstance(self.method, Radau | ExponentialRK):
            raise TypeError(f"March: `method` must be Radau(), ExponentialRK() or None, got {self.method!r}")
        if not isinstance(self.tolerance, (int, float)) or not 1e-13 <= self.tolerance <= 1e-2:
            raise ValueError(f"March: `tolerance` must be a number from 1e-13 to 1e-2, got {self.tolerance!r}")
        for name, value in (("modes", self.modes), ("most", self.most)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 8):
                raise ValueError(f"March: `{name}` must be a whole number of at least 8, or None, got {value!r}")
        if self.modes is not None and self.most is not None and self.modes > self.most:
            raise ValueError(f"March: `modes` must not exceed `most`, got {self.modes} and {self.most}")


@dataclass(frozen=True)
class MarchResult:
    """Result of a march, from which a Solution is made.

    Args:
        modules: field of all unknowns together.
        status: CONVERGED where modes and steps kept the tolerance, BUDGET where the modes did not suffice.
        steps: number of steps taken.
        rejected: number of attempts that were repeated with a smaller step or other modes.
        parameters: number of coefficients in the field.
        reason: a sentence on the method and the modes chosen.
        tail: largest relative size of the highest modes.
        reached: time reached.
    """

    modules: Mapping[tuple[str, ...], FieldModule]
    status: Status
    steps: int
    rejected: int
    parameters: int
    reason: str
    tail: float
    reached: float


def can_march(problem: Problem) -> str | None:
    """Return None where `March()` can solve the problem, else the reason why it cannot."""
    try:
        found = StateLayout(problem)
        Rates(found)
        initial_values(found, np.array([0.5 * (found.space.lower + found.space.upper)]))
    except Unsupported as reason:
        return str(reason)
    return None


def march(problem: Problem, solver: March, *, seed: int = 0, report: Report | None = None) -> MarchResult:
    """Solve an evolution problem by marching.

    Args:
        problem: with one space axis and time.
        solver: the method, its tolerance and modes.
        seed: accepted for uniformity with other solvers; nothing is random.
        report: called after every step; returning True stops the march there.

    Raises:
        Unsupported: for what a march does not cover, with the reason.
    """
    del seed
    found = StateLayout(problem)
    rates = Rates(found)
    said = report or (lambda _: False)
    refused = why_not_semilinear(found, rates)
    method = solver.method or (ExponentialRK() if refused is None else Radau())
    if isinstance(method, ExponentialRK):
        if refused is not None:
            raise Unsupported(METHOD, f"{refused}; use March(Radau())")
        most = solver.most or 4096 // len(found.rows) + 1
        result = march_exponential(
            found, rates, method, modes=solver.modes, most=most, tolerance=solver.tolerance, report=said
        )
    else:
        most = solver.most or 800
        result = march_implicit(
            found, rates, method, modes=solver.modes, most=most, tolerance=solver.tolerance, report=said
        )
    field = field_of(found, result, 1e-3 * solver.tolerance)
    reached = result.segments[-1].times[-1]
    return MarchResult(
        modules={problem.names: field},
        status=_status(result),
        steps=result.steps,
        rejected=result.rejected,
        parameters=sum(b.numel() for name, b in field.named_buffers() if name.startswith(("powers", "waves"))),
        reason=_reason(solver, method, found, result, refused),
        tail=result.tail,
        reached=reached,
    )


def _status(result: Result) -> Status:
    if result.stopped:
        return Status.INTERRUPTED
    if not result.complete:
        return Status.DIVERGED
    return Status.CONVERGED if result.resolved else Status.BUDGET


def _reason(
    solver: March, method: Radau | ExponentialRK, found: StateLayout, result: Result, refused: str | None
) -> str:
    kind = "Fourier modes" if found.periodic else "Chebyshev modes of a stretched coordinate"
    own = "as given" if solver.modes else f"as its spectrum asks for to {solver.tolerance:g}"
    if found.periodic:  # real modes in an implicit march, complex ones in an exponential one
        single = isinstance(method, Radau)
        own += "; cosines and sines are counted singly" if single else "; one for each wavenumber"
    chosen = "space is periodic and the equation semilinear" if refused is None else "implicit, for walls and stiffness"
    why = "as given" if solver.method else chosen
    text = (
        f"Marched in time with {result.modes} {kind} ({own}) by {method!r} ({why}): {result.steps} steps, "
        f"{result.rejected} repeated, highest modes at most {result.tail:.1e} of the solution."
    )
    if not result.complete and not result.stopped:
        text += f" The steps shrank to nothing at {found.time.name} = {result.segments[-1].times[-1]:.6g}."
    elif not result.resolved:
        text += " The modes do not resolve the solution to the tolerance: allow more by March(most=...)."
    return text
