"""Well-posedness checks: concerns about the problem, with the signs of its coefficients at the solution."""

from __future__ import annotations

from collections.abc import Iterator

from pinnkit.well_posedness import Severity

from .context import Context
from .finding import Finding, Kind

__all__ = ["check_well_posed"]


def check_well_posed(context: Context) -> Iterator[Finding]:
    """Find missing, surplus and misplaced conditions, and high frequencies that grow without bound."""
    for concern in context.concerns:
        if concern.severity is Severity.UNDETERMINED:
            yield Finding(Kind.UNDETERMINED, f"the solution is one of many: {concern.sentence}", 1.0, concern.place)
        elif concern.severity is Severity.ILL_POSED:
            yield Finding(Kind.ILL_POSED, f"the problem is not well posed: {concern.sentence}", 1.0, concern.place)
