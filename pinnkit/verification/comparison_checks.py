"""Comparison checks: exact solution, reference, and the error estimate of the linearised problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .context import Context
from .finding import Finding, Kind
from .measures import EXACT, FAR, Comparison, number, percent

__all__ = ["check_closed_form", "check_comparison", "check_estimate"]

_IMAGE = 0.2
"""Difference of a mirror image over that of the solution, below which the image is meant."""


def check_comparison(context: Context) -> Iterator[Finding]:
    """Find unknowns that differ from the exact solution, or without one from the reference."""
    exact = [c for c in context.compared if c.against == EXACT]
    for c in exact or context.compared:
        if not c.disagrees:
            continue
        yield Finding(
            Kind.FAR, f"`{c.unknown}` is {percent(c.measured_l2)} away from the {c.against}", c.measured_l2, c.unknown
        )
        for image, distance in c.images.items():
            if distance < _IMAGE * c.measured_l2:
                yield Finding(
                    Kind.MIRRORED,
                    f"the solution is a mirror image: {image} `{c.unknown}` would be {percent(distance)} away from the "
                    f"{c.against}",
                    distance,
                    c.unknown,
                )
                break


def check_closed_form(compared: Sequence[Comparison], error: Sequence[Comparison]) -> Iterator[Finding]:
    """Find an exact solution and a reference that disagree by more than their error bars.

    Args:
        compared: the solution with the reference.
        error: the reference with the closed form.
    """
    bars = {c.unknown: (c.l2_bar, c.against) for c in compared if c.against != EXACT}
    for c in error:
        bar, kind = bars[c.unknown]
        bar += c.l2_bar
        if not c.measured_l2 <= 2 * bar:
            yield Finding(
                Kind.CLOSED_FORM,
                f"the exact solution and the {kind} of `{c.unknown}` disagree by {number(c.measured_l2)}, more than "
                f"twice their error bars together ({number(bar)}): is the closed form that of this problem?",
                c.measured_l2,
                c.unknown,
            )


def check_estimate(context: Context) -> Iterator[Finding]:
    """Find a correction of the linearised problem that is not small."""
    found = context.estimate
    if found is None or not found.significant or not context.resolved or context.amplifies_own_error:
        return
    for name, size in found.sizes.items():
        if size > FAR:
            yield Finding(
                Kind.ESTIMATE,
                f"`{name}` is about {percent(size)} off by its own equations: linearised at the solution, they ask for "
                f"a correction of that size, which removes {percent(1 - found.remaining)} of the residual",
                size,
                name,
            )
