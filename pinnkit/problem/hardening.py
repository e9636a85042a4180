"""Conversion of conditions between terms of the loss and conditions that an ansatz meets exactly."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from .problem import Problem

__all__ = ["hardened", "softened"]


def hardened(problem: Problem) -> Problem:
    """Make every condition exact that can be: values on walls, then periodicity, then the initial state.

    Conditions that cannot be hard, and those that contradict one that is, stay terms of the loss.
    """
    found = problem
    for rank in sorted({t.hard_rank for t in problem.terms if t.hard_rank is not None}):
        for i, term in enumerate(problem.terms):
            if term.hard_rank != rank or term.hard:
                continue
            terms = [replace(t, hard=True) if j == i else t for j, t in enumerate(found.terms)]
            with suppress(ValueError, TypeError, NotImplementedError):  # refused: it stays as it is
                found = replace(found, terms=tuple(terms))
    return found


def softened(problem: Problem) -> Problem:
    """Make every hard condition a term of the loss."""
    if not any(t.hard for t in problem.terms):
        return problem
    return replace(problem, terms=tuple(replace(t, hard=False) for t in problem.terms))
