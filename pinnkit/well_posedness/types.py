"""Type of a steady equation of second order: elliptic, hyperbolic, or changing within the domain.

The principal part sum a_ij u_ij is elliptic at a point where all eigenvalues of the matrix a have one sign, and
hyperbolic where they have both.

Source: Evans, Partial Differential Equations, section 6.1.1; Morawetz, The Dirichlet problem for the Tricomi equation,
Comm. Pure Appl. Math. 23 (1970) 587.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from pinnkit.problem.problem import Problem

from .concern import Concern, Severity
from .symbol import Slopes

__all__ = ["check_type"]

_ZERO = 1e-9
"""Eigenvalue, relative to the largest, that counts as zero."""


def check_type(problem: Problem, slopes: Mapping[str, Slopes] | None) -> Iterator[Concern]:
    """Find steady equations that are hyperbolic somewhere while all walls carry a condition."""
    structure = problem.structure
    names = structure.space_columns
    if structure.time is not None or slopes is None or len(structure.components) != 1 or len(names) < 2:
        return
    if len(structure.equations) != 1 or structure.periodic or problem.ansatz:
        return
    (row,) = structure.equations
    if max((d.space_order for d in row.depends_on), default=0) != 2 or not _is_closed(problem):
        return
    matrix = _principal_part(names, slopes[str(row.term.name)], row.index)
    if matrix is None:
        return
    values = torch.linalg.eigvalsh(matrix)
    small = _ZERO * values.abs().max()
    hyperbolic = (values > small).any(dim=1) & (values < -small).any(dim=1)
    share = float(hyperbolic.double().mean())
    if share == 1.0:
        yield Concern(
            Severity.ILL_POSED,
            f"'{row.term.name}' is hyperbolic, and every wall carries a condition: waves that vanish on all walls are "
            "not determined, and others have no solution; leave out the condition on the wall where waves leave",
            str(row.term.name),
        )
    elif share > 0.0:
        yield Concern(
            Severity.DOUBTFUL,
            f"'{row.term.name}' changes type, it is hyperbolic at {100 * share:.2g} % of the points: conditions on all "
            "walls are more than it takes there, and general data have no smooth solution",
            str(row.term.name),
        )


def _is_closed(problem: Problem) -> bool:
    """Return whether every wall of a box, or the whole of another boundary, carries a condition."""
    structure = problem.structure
    if any(c.wall is None for c in structure.conditions):
        return True
    ends = {(c.wall.column, c.wall.value) for c in structure.conditions if c.wall is not None}
    return ends >= {(c, v) for a in structure.space for c in a.columns for v in (a.lower, a.upper)}


def _principal_part(names: tuple[str, ...], slopes: Slopes, row: int) -> Tensor | None:
    """Symmetric matrix of the second derivatives' factors at the points, ``(n, d, d)``; None where it vanishes."""
    index = {c: i for i, c in enumerate(names)}
    found: Tensor | None = None
    for channel, slope in slopes.items():
        for factor, columns in channel.derivatives:
            if len(columns) != 2:
                continue
            if found is None:
                found = slope.new_zeros(len(slope), len(names), len(names))
            i, j = (index[c] for c in columns)
            for a, b in ((i, j), (j, i)):
                found[:, a, b] += factor * slope[:, row, 0] / 2
    return found
