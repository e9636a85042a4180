"""Stability checks: growth of perturbations, size of the solution beside what is prescribed, other solutions."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .context import Context
from .finding import Finding, Kind
from .linearized.several_solutions import Search
from .measures import FAR, number, percent

__all__ = ["check_amplification", "check_several", "check_stability", "other_solution"]

_ROUNDING = 1e-15
"""Relative error of the arithmetic, the least that perturbations start from."""
_TELL_APART = "add a condition that tells them apart"
_AMPLIFIED = 100.0
"""Size of the solution over that of what is prescribed, from which independent evidence is needed."""


def check_stability(context: Context) -> Iterator[Finding]:
    """Find ordinary differential equations whose perturbations grow so much that nothing is left of the solution."""
    growth = context.growth
    if growth is None:
        return
    error = max([_ROUNDING, *(s.beyond for s in context.equations if s.check.own_relative < s.beyond < math.inf)])
    if growth.at_end * error > FAR:
        time = context.problem.time
        yield Finding(
            Kind.UNSTABLE,
            f"perturbations grow by a factor of {number(growth.at_end)}, and the equations hold to {number(error)}: "
            f"from about {time} = {growth.horizon(error):.3g} the solution is not determined (chaos, or a blow-up "
            "nearby); end earlier, or solve to a smaller residual",
            growth.at_end * error,
        )


def check_amplification(context: Context) -> Iterator[Finding]:
    """Find a solution far larger than everything that is prescribed, which no comparison and no bound supports."""
    driven = [s for s in context.samples if s.driven and s.given_size > 0]
    if not driven or context.confirmed or context.supported:
        return
    amplified = min(s.natural_scale / s.given_size for s in driven)
    if amplified > _AMPLIFIED:
        yield Finding(
            Kind.AMPLIFIED,
            f"the solution is {number(amplified)} times as large as what is prescribed, and no reference and no error "
            "bound supports it: residuals relative to such a solution say little",
            amplified,
        )


def check_several(context: Context) -> Iterator[Finding]:
    """Find other solutions of a nonlinear problem, where no comparison tells which one is meant."""
    if context.others is not None and context.others.unknown and not context.confirmed:
        found = context.others
        yield Finding(Kind.SEVERAL, f"{other_solution(found)}; {_TELL_APART}", found.distance, found.unknown)


def other_solution(found: Search) -> str:
    """A sentence on another solution that was found."""
    if found.unknown in found.coefficients:
        values = ", ".join(f"{name} = {value:.4g}" for name, value in found.coefficients.items())
        return f"other coefficients meet every term as well: {values} (residual {number(found.residual)})"
    return (
        f"the solution is one of several: another one, whose `{found.unknown}` has size {number(found.size)}, is "
        f"{percent(found.distance)} away and meets every term (residual {number(found.residual)})"
    )
