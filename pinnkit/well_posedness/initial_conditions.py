"""Initial and final states against the orders in time, and the direction in which the equations can be solved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

from .concern import Concern, Severity
from .symbol import Slopes, growth

__all__ = ["check_final_states", "check_growth", "check_initial_states", "check_late_data", "states_are_open"]

_EARLY, _LATE = 0.05, 0.5
"""First time of the data, relative to all of time: up to the one they give the start, from the other they cannot."""


def states_are_open(problem: Problem) -> bool:
    """Return whether other terms may take the place of an initial state: data, an ansatz, periodic time."""
    structure = problem.structure
    return bool(
        problem.ansatz
        or structure.data
        or structure.at_points
        or structure.comparisons
        or structure.minimised
        or structure.elsewhere
        or any(t.periodic_axis is not None and t.periodic_axis == problem.time for t in problem.terms)
        or any(i.component is None for i in structure.initial)
    )


def check_initial_states(problem: Problem) -> Iterator[Concern]:
    """Find components without an initial state, and with one too many."""
    structure = problem.structure
    if structure.time is None:
        return
    opened = states_are_open(problem)
    for c in structure.components:
        given = [i for i in structure.initial if i.component == c]
        name = _named(c.unknown, c.index, problem)
        for level in range(c.time_order):
            if opened or any(i.level == level for i in given) or _final_terms(problem, c.unknown):
                continue
            what = f"`{name}`" if level == 0 else f"the rate of `{name}`"
            yield Concern(
                Severity.UNDETERMINED,
                f"there is no initial state of {what}, whose equation is of order {c.time_order} in "
                f"`{structure.time.name}`; add Initial(...)",
                c.unknown,
            )
        surplus = [i for i in given if i.level is not None and i.level >= c.time_order]
        if surplus and c.time_order > 0:
            yield Concern(
                Severity.ILL_POSED,
                f"'{surplus[0].term.name}' prescribes the rate of `{name}` at the start, which its equation of order "
                f"{c.time_order} in time already determines; leave it out",
                str(surplus[0].term.name),
            )
        for level in range(c.time_order):
            twice = [i for i in given if i.level == level]
            if len(twice) > 1:
                yield Concern(
                    Severity.ILL_POSED,
                    f"'{twice[0].term.name}' and '{twice[1].term.name}' both prescribe the initial state of `{name}`; "
                    "keep one of them",
                    str(twice[1].term.name),
                )


def check_final_states(problem: Problem, slopes: Mapping[str, Slopes] | None) -> Iterator[Concern]:
    """Find states that are prescribed at the end of time, from which the equations cannot be solved backwards."""
    structure = problem.structure
    if structure.time is None or not structure.final or problem.ansatz:
        return
    found = None if slopes is None else growth(problem, slopes, structure.time.name)
    for c in structure.components:
        final = _final_terms(problem, c.unknown)
        if not final or c.time_order == 0:
            continue
        initial = [i for i in structure.initial if i.component == c]
        term = final[0].name
        if len(initial) + len(final) > c.time_order and not problem.coefficients:
            yield Concern(
                Severity.ILL_POSED,
                f"'{term}' prescribes `{c.unknown}` at the end of time beside its initial state: "
                f"{len(initial) + len(final)} conditions for an equation of order {c.time_order} in time; "
                "leave one out",
                str(term),
            )
        elif len(initial) + len(final) < c.time_order and not states_are_open(problem):
            yield Concern(
                Severity.UNDETERMINED,
                f"`{c.unknown}` has {len(initial) + len(final)} conditions in time, and its equation has order "
                f"{c.time_order} there; add Initial(...)",
                c.unknown,
            )
        elif found is not None and not initial and found.backward > 0:
            yield Concern(
                Severity.ILL_POSED,
                f"'{term}' prescribes `{c.unknown}` at the end of time, and backwards in time waves of wave number k "
                f"grow at the rate |k|^{found.backward:.2g}: the solution does not depend continuously on it; "
                "prescribe the initial state",
                str(term),
            )
        elif found is not None and initial and found.forward == 0 and c.time_order == 2:
            yield Concern(
                Severity.ILL_POSED,
                f"'{term}' prescribes `{c.unknown}` at the end of time beside its start, and the equation is "
                "hyperbolic: standing waves that vanish at both ends are not determined; prescribe the rate at the "
                "start instead",
                str(term),
            )


def check_growth(problem: Problem, slopes: Mapping[str, Slopes] | None) -> Iterator[Concern]:
    """Find evolution equations whose high frequencies grow without bound, such as the heat equation run backwards."""
    structure = problem.structure
    if structure.time is None or slopes is None or not structure.initial:
        return
    if all(_final_terms(problem, c.unknown) for c in structure.components):
        return
    found = growth(problem, slopes, structure.time.name)
    if found is not None and found.forward > 0:
        yield Concern(
            Severity.ILL_POSED,
            f"waves of wave number k grow at the rate |k|^{found.forward:.2g} in `{structure.time.name}`, without "
            "bound: the solution does not depend continuously on its initial state; "
            "check the sign of the highest derivative",
        )


def check_late_data(problem: Problem, slopes: Mapping[str, Slopes] | None) -> Iterator[Concern]:
    """Find data that must stand for an initial state and come late, of an equation that smooths in time."""
    structure = problem.structure
    terms = [*structure.data, *structure.at_points]
    if structure.time is None or slopes is None or not terms or structure.initial or structure.final or problem.ansatz:
        return
    found = growth(problem, slopes, structure.time.name)
    column = problem.frame.columns.index(structure.time.name)
    times = [t.own_points.coords[:, column] for t in terms if t.own_points is not None]
    if found is None or not found.backward > 0 or len(times) < len(terms):
        return
    first = min(float(t.min()) for t in times)
    late = (first - structure.time.lower) / structure.time.extent
    if late > _EARLY:
        yield Concern(
            Severity.ILL_POSED if late >= _LATE else Severity.DOUBTFUL,
            f"there is no initial state, and the first data are at {structure.time.name} = {first:.3g}: the equation "
            f"damps waves of wave number k at the rate |k|^{found.backward:.2g}, of which nothing is left in them; the "
            "solution before them is not determined; add Initial(...), or begin there",
            str(terms[0].name),
        )


def _final_terms(problem: Problem, unknown: str) -> list[Term]:
    return [t for t in problem.structure.final if unknown in {c.unknown for c in problem.trace(t, raw=False).channels}]


def _named(unknown: str, index: int, problem: Problem) -> str:
    return unknown if problem.unknown(unknown).components is None else f"{unknown}[{index}]"
