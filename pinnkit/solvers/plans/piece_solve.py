"""Solve in pieces: a field for each piece of the domain, and one solution made of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from pinnkit.fields import FieldSpec
from pinnkit.problem.problem import Problem
from pinnkit.solutions.pieces import merged, of_pieces
from pinnkit.solutions.solution import Solution
from pinnkit.solvers.collocation.field_groups import FieldChoice, Group

from .candidates import Plan
from .fallback import best_of
from .run_options import RunOptions

__all__ = ["solve_in_pieces"]


def solve_in_pieces(plan: Plan, problem: Problem, options: RunOptions, began: float) -> Solution:
    """Solve the problem in pieces by a plan, and return the solution of the problem as it was given.

    Args:
        plan: a field for each unknown of the problem stands for one of the same kind in each piece.
        problem: whose domain is divided.
        options: of the run.
        began: `time.perf_counter()` at its beginning.
    """
    candidates = tuple(
        candidate if candidate.field is None else replace(candidate, field=_in_pieces(problem, candidate.field))
        for candidate in plan.candidates
    )
    if options.start is not None and not isinstance(options.start, Solution):
        raise ValueError("solve: `start` in pieces must be a solution of the same problem, what `solve` gives")
    start = None if options.start is None else of_pieces(options.start)
    found = best_of(candidates, problem.in_pieces, replace(options, start=start), began)
    return merged(problem, found)


def _in_pieces(problem: Problem, field: FieldChoice) -> FieldChoice:
    """Fields of the unknowns of a problem, for their copies in the pieces.

    Unknowns that live in the same pieces, on the same axes, share a field where they are not named apart.

    Raises:
        ValueError: for a name that is no unknown, unknowns in different pieces that would share a field, and a module
            for several pieces.
    """
    views = problem.names_in_pieces
    lives = {name: (problem.columns_of(name), tuple(name in here for here in views)) for name in problem.names}
    if isinstance(field, Mapping):
        groups = {(key,) if isinstance(key, str) else tuple(key): spec for key, spec in field.items()}
    else:
        by_place: dict[object, list[str]] = {}
        for name, place in lives.items():
            by_place.setdefault(place, []).append(name)
        groups = {tuple(names): field for names in by_place.values()}
    out: dict[Group, FieldSpec | nn.Module] = {}
    for group, spec in groups.items():
        unknown = [name for name in group if name not in problem.names]
        if unknown:
            raise ValueError(f"solve: `field` names `{unknown[0]}`, which is no unknown; they are {problem.names}")
        if len({lives[name] for name in group}) > 1:
            raise ValueError(
                f"solve: the unknowns {group} live in different pieces or on different axes and cannot share a field"
            )
        copies = [tuple(here[n] for n in group) for here in views if group[0] in here]
        copies = list(dict.fromkeys(copies))
        if isinstance(spec, nn.Module) and len(copies) > 1:
            raise ValueError(f"solve: {group} live in {len(copies)} pieces, which need a module each; give a spec")
        out |= dict.fromkeys(copies, spec)
    return out
