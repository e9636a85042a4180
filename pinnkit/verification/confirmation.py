"""Confirmation: independent evidence that a solution is right, and what was not checked."""

from __future__ import annotations

from collections.abc import Iterator

from pinnkit.solvers.collocation.pointwise import pointwise
from pinnkit.well_posedness import Severity

from .conservation import conserved
from .context import Context
from .data_alone import open_between_data
from .identifiability import doubtful_coefficients
from .measures import EXACT, Comparison, number, percent
from .stability_checks import other_solution

__all__ = ["confirmations", "remarks", "unchecked"]

_BOUND = 0.01
"""Relative error bound below which the error estimate of the linearised problem confirms a solution."""
_SMALL = 0.01
"""Error of the derivatives of a table, relative, that needs no mention."""


def confirmations(context: Context) -> Iterator[str]:
    """Yield sentences on independent evidence for the solution.

    Evidence is a known solution of every unknown that agrees in L2 and at every single value, its error bar included,
    a bound on the error by the maximum principle, or one from the residual and the smallest response of the linearised
    problem.
    """
    exact = [c for c in context.compared if c.against == EXACT]
    others = [c for c in context.compared if c.against != EXACT]
    for compared in (exact, others):
        if compared and all(c.agrees for c in compared) and {c.unknown for c in compared} == set(context.problem.names):
            worst = max(compared, key=lambda c: c.rel_l2)
            yield f"the {worst.against} agrees, relative L2 {worst.rel_l2_text}"
    proved = context.proved
    if proved is not None and proved.relative < _BOUND:
        yield (
            f"proved: error at most {number(proved.error)} everywhere, by the maximum principle (boundary "
            f"{number(proved.boundary)}, equation {number(proved.residual)}, rounding {number(proved.rounding)})"
        )
        return
    found = context.estimate
    if found is not None and context.resolved and found.bound < _BOUND:
        yield f"the residual bounds the error: {number(found.bound)} by the smallest response of the linearised problem"


def unchecked(context: Context) -> Iterator[str]:
    """Yield sentences on what keeps the solution from being confirmed."""
    if not any(True for _ in confirmations(context)):
        yield from _unconfirmed(context)
    if context.problem.coefficients and context.estimate is None:
        yield "it was not checked that the data determine the coefficients: no linearised problem is available"
    yield from doubtful_coefficients(context)
    yield from open_between_data(context.data_distances)
    yield from (c.sentence for c in context.concerns if c.severity is Severity.DOUBTFUL)
    if context.others is not None and context.others.unknown and not any(c.against == EXACT for c in context.compared):
        yield f"{other_solution(context.others)}; the reference agrees with this one"
    if context.may_have_others and context.others is None and not any(c.against == EXACT for c in context.compared):
        yield "other solutions of the nonlinear problem were not searched for"
    if not context.confirmed_by_exact:
        for term in context.problem.terms:
            if not pointwise(term) and term.penalty.vanishes and not term.fits_data:
                yield f"the quadrature of '{term.name}' was not checked: its points are given"
    if not context.confirmed:
        yield from _within_own_error(context)
    yield from context.open_questions


def remarks(context: Context) -> Iterator[str]:
    """Yield sentences on the problem and on the derivatives of a table that are no defect of the solution."""
    yield from context.notes
    yield from conserved(context.invariants)
    yield from (c.sentence for c in context.concerns if c.severity is Severity.NOTE)
    if context.confirmed:
        yield from _within_own_error(context)


def _within_own_error(context: Context) -> Iterator[str]:
    """Yield a sentence for each term whose residual is within the error of the table's derivatives and not small."""
    for s in context.samples:
        check = s.check
        if check.own_error > 0 and check.own_relative > _SMALL and check.rms <= 2 * check.own_error:
            yield (
                f"the residual of '{check.name}' ({percent(check.relative)} of the parts that should cancel) is within "
                f"the error of the derivatives of the given values ({percent(check.own_relative)}): it says no more"
            )


def _unconfirmed(context: Context) -> Iterator[str]:
    if context.compared:
        worst = max(context.compared, key=_doubt)
        yield f"not confirmed by the {worst.against}: {_why(worst)}"
    else:
        yield f"not confirmed by a reference: {context.no_reference or 'none was given'}"
    if context.estimate is None:
        yield "the error was not estimated: no linearised problem is available"
    elif not context.estimate.bound < _BOUND:
        yield f"the residual alone bounds the error by {number(context.estimate.bound)} only"


def _doubt(c: Comparison) -> tuple[bool, float]:
    return not c.agrees, c.rel_l2 + c.l2_bar


def _why(c: Comparison) -> str:
    if c.rel_l2 + c.l2_bar > c.measured_local:
        return f"`{c.unknown}` differs by {percent(c.measured_l2)} in L2, and its own error bar is {percent(c.l2_bar)}"
    return (
        f"a single value of `{c.unknown}` differs by {percent(c.measured_local)} of its own size and a tenth of the "
        "largest"
    )
