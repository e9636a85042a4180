"""References of a family of problems at some values of its parameters, and the comparison of the family with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Role, Sobol
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.sections import section
from pinnkit.solutions.solution import Solution

from .comparison import Gathered, compare_gathered, gathered
from .measures import Comparison
from .reference_evidence import Absent, find_reference
from .scales import TEST_SEED

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["SECTIONS", "compare_with_sections", "find_evidence"]

SECTIONS = 3
"""Number of values of the parameters."""


def find_evidence(
    solution: Solution, problem: Problem, budget: float
) -> tuple[Reference | None, tuple[Comparison, ...], Absent]:
    """Reference of a problem, or for a family the comparison with references at some parameters; and why there is none.

    Args:
        solution: that is compared.
        problem: of the reference; that of the solution, or the same with an ansatz.
        budget: nominal seconds of work; 0 for none.
    """
    is_family = bool(problem.structure.parameters) and problem.plan is None and problem.reference_solver is None
    if not is_family or budget <= 0:
        reference, absent = find_reference(problem, budget)
        return reference, (), absent
    compared, absent = compare_with_sections(solution, problem, budget)
    return None, compared, absent


def compare_with_sections(solution: Solution, problem: Problem, budget: float) -> tuple[tuple[Comparison, ...], Absent]:
    """Compare a family with references at values of its parameters that are fixed before anything is solved.

    All sections count together: differences are relative to the size of the unknown over all of them, and the error bar
    is the largest.

    Args:
        solution: that is compared.
        problem: with parameters.
        budget: nominal seconds of work for all references together.

    Returns:
        The comparisons, and why there are none.
    """
    found: dict[str, list[Gathered]] = {}
    labels = []
    for values in _values(problem):
        label = ", ".join(f"{name} = {value:.3g}" for name, value in values.items())
        try:
            one = section(problem, **values)
        except Unsupported as error:
            return (), Absent(f"there are parameters, and {error}")
        reference, absent = find_reference(one, budget / SECTIONS)
        if reference is None:
            at = tuple(replace(f, sentence=f"at {label}: {f.sentence}") for f in absent.findings)
            return (), Absent(f"at {label}: {absent.reason}", at)
        labels.append(label)
        for name, part in gathered(solution, reference, values).items():
            found.setdefault(name, []).append(part)
    against = f"references at {'; '.join(labels)}"
    return compare_gathered(solution, {name: _joined(parts, against) for name, parts in found.items()}), Absent("")


def _joined(parts: Sequence[Gathered], against: str) -> Gathered:
    """Values of several sections, one after another."""

    def flat(arrays: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([a.ravel() for a in arrays])

    images = [name for name in parts[0].images if all(name in part.images for part in parts)]
    return Gathered(
        against=against,
        found=flat([part.found for part in parts]),
        known=flat([part.known for part in parts]),
        bar=max(part.bar for part in parts),
        max_bar=max(part.max_bar for part in parts),
        images={name: flat([part.images[name] for part in parts]) for name in images},
    )


def _values(problem: Problem) -> list[Mapping[str, float]]:
    """Values of all parameters, from a fixed seed."""
    axes = [a for a in problem.axes if a.role is Role.PARAMETER]
    unit = Sobol().unit(SECTIONS, len(axes), torch.Generator().manual_seed(TEST_SEED)).tolist()
    return [{a.name: a.lower + u * (a.upper - a.lower) for a, u in zip(axes, row, strict=True)} for row in unit]
