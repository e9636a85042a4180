"""A candidate: values of the unknowns from elsewhere as fields, with the findings on their source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from pinnkit.derivatives import Order
from pinnkit.problem.problem import Problem
from pinnkit.verification.finding import Finding

__all__ = ["Candidate", "orders_of"]


@dataclass(frozen=True)
class Candidate:
    """Fields for all unknowns of a problem, made of values from elsewhere.

    Args:
        modules: for each group of unknowns a module whose outputs are their components side by side.
        words: the source in reports.
        coefficients: values of coefficients that the source holds.
        findings: defects of the source.
        notes: sentences on rows that were left out.
    """

    modules: Mapping[tuple[str, ...], nn.Module]
    words: str
    coefficients: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def orders_of(problem: Problem, names: Sequence[str], kept: Sequence[int]) -> list[Order]:
    """Derivatives of some unknowns that the terms use, by the indices of the columns `kept`."""
    local = {problem.frame.columns[i]: k for k, i in enumerate(kept)}
    found: dict[Order, None] = {}
    for term in problem.terms:
        for channel in problem.trace(term, raw=False).channels:
            if channel.unknown in names:
                for _, columns in channel.derivatives:
                    found[tuple(sorted(local[c] for c in columns))] = None
    return list(found)
