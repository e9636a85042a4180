"""Identifiability: coefficients, and combinations of them, that the data leave open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .context import Context
from .finding import Finding, Kind
from .measures import number

__all__ = ["check_identifiability", "doubtful_coefficients"]

_OPEN = 1e-6
"""Smallest response below which a combination of coefficients is undetermined."""
_UNKNOWN = 0.3
"""Relative standard deviation from which a coefficient is not determined by the data."""
_DOUBTFUL = 0.02
"""Relative standard deviation above which a coefficient is not confirmed."""
_ALIKE = 0.02
"""Relative difference of two changes up to which they cancel in a product or a quotient."""
_VANISHED = 1e-100
"""Natural scale of an equation that its coefficients have made vanish."""
_PART = 0.05
"""Change of a coefficient, relative to the largest one, from which it belongs to the open combination."""


def check_identifiability(context: Context) -> Iterator[Finding]:
    """Find coefficients that the data do not determine."""
    if not context.problem.coefficients:
        return
    for s in context.equations:
        if not s.natural_scale > _VANISHED:
            values = ", ".join(f"{name} = {number(value)}" for name, value in context.solution.coefficients.items())
            yield Finding(
                Kind.UNDETERMINED,
                f"the equation '{s.check.name}' vanishes with its coefficients, {values}: it holds for all unknowns; "
                "fix one of them",
                s.natural_scale,
                s.check.name,
            )
            return
    estimate = context.estimate
    if estimate is None or not context.settled:
        return
    if estimate.smallest_response < _OPEN and not estimate.least_determined:
        yield Finding(
            Kind.UNDETERMINED,
            f"the coefficients are some of many: {_combination(estimate.direction)}; add data, or fix one of them",
            estimate.smallest_response,
        )
        return
    for name, deviation in estimate.deviations.items():
        if deviation > _UNKNOWN:
            yield Finding(
                Kind.UNDETERMINED,
                f"the data do not determine `{name}`: its standard deviation is {number(100 * deviation)} % of its "
                "value; add data where it matters",
                deviation,
                name,
            )


def doubtful_coefficients(context: Context) -> Iterator[str]:
    """Yield sentences on coefficients whose standard deviation is not small."""
    estimate = context.estimate
    for name, deviation in () if estimate is None else estimate.deviations.items():
        if _DOUBTFUL < deviation <= _UNKNOWN:
            value = context.solution.coefficients[name]
            yield f"`{name}` = {value:.4g} has a standard deviation of {number(100 * deviation)} % of its value"


def _combination(direction: Mapping[str, float]) -> str:
    """The combination of coefficients that stays the same along relative changes."""
    largest = max(abs(v) for v in direction.values())
    parts = {name: v / largest for name, v in direction.items() if abs(v) > _PART * largest}
    if len(parts) == 1:
        return f"nothing determines `{next(iter(parts))}`"
    if len(parts) == 2:
        (a, x), (b, y) = parts.items()
        if abs(x + y) <= _ALIKE:
            return f"only the product `{a} * {b}` is determined"
        if abs(x - y) <= _ALIKE:
            return f"only the quotient `{a} / {b}` is determined"
    changes = ", ".join(f"{name} by {100 * v:+.3g} %" for name, v in parts.items())
    return f"changing {changes} together changes no term"
