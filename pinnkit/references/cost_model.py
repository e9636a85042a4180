"""Nominal cost of a computation, counted in operations, bytes and calls; no clock is read.

A *nominal second* is a fixed amount of work: 10^9 floating-point operations in sparse kernels, 4 x 10^9 bytes moved
between memory and processor, or 2.5 x 10^5 calls of array functions from Python.  The three rates were fitted once to
one core of an x86-64 server of 2023 (NumPy 2, SciPy 1, PyTorch 2), on which a nominal second takes about one second.
They are part of the definition: the same problem and budget give the same grids on every machine, however fast it is
and whatever else it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pinnkit.problem.linearization import Channel
from pinnkit.problem.terms import Term
from pinnkit.references.finite_differences.grid_problem import GridProblem

from .errors import BudgetSpent

__all__ = [
    "MEMORY",
    "Work",
    "WorkCounter",
    "assembly",
    "elimination",
    "evaluation",
    "factor_entries",
    "factorisation",
    "iteration",
    "preparation",
    "substitution",
]

OPERATIONS = 1e9
"""Floating-point operations in a nominal second."""
TRAFFIC = 4e9
"""Bytes moved in a nominal second."""
CALLS = 2.5e5
"""Calls of array functions in a nominal second."""
MEMORY = 2 * 2**30
"""Bytes that the arrays of one grid may hold."""

_OPERATIONS_PER_ENTRY = 120.0  # of SuperLU for each nonzero of its factors, fitted for 10^3 to 10^5 unknowns
_BYTES_PER_ENTRY = 16.0  # value and index
_DENSE = 4.0  # how many times faster dense products are than sparse kernels


@dataclass(frozen=True)
class Work:
    """An amount of work.

    Args:
        operations: floating-point operations.
        traffic: bytes moved.
        calls: calls of array functions from Python.
    """

    operations: float = 0.0
    traffic: float = 0.0
    calls: float = 0.0

    @property
    def seconds(self) -> float:
        """The work in nominal seconds."""
        return self.operations / OPERATIONS + self.traffic / TRAFFIC + self.calls / CALLS

    def __add__(self, more: Work) -> Work:
        """The sum of two amounts."""
        return Work(self.operations + more.operations, self.traffic + more.traffic, self.calls + more.calls)

    def __mul__(self, factor: float) -> Work:
        """The work of `factor` repetitions."""
        return Work(self.operations * factor, self.traffic * factor, self.calls * factor)

    __rmul__ = __mul__


def factor_entries(cells: Sequence[int], components: int) -> float:
    """Nonzeros of the sparse LU factors of a second-order stencil on a grid of one or two dimensions.

    A band of 3 `components` + 1 entries a row in one dimension; 5.6 n^1.2 in two, n the number of nodes, for each pair
    of components, as measured with SuperLU and minimum degree for 10^3 to 2 x 10^5 nodes.
    """
    nodes = math.prod(c + 1.0 for c in cells)
    if len(cells) < 2:
        return nodes * components * (3.0 * components + 1.0)
    return 5.6 * nodes**1.2 * components**2


def factorisation(cells: Sequence[int], components: int) -> Work:
    """The work of one sparse LU factorisation."""
    return Work(operations=_OPERATIONS_PER_ENTRY * factor_entries(cells, components))


def substitution(cells: Sequence[int], components: int) -> Work:
    """The work of solving with the factors for one right-hand side."""
    return Work(traffic=_BYTES_PER_ENTRY * factor_entries(cells, components), calls=4.0)


def preparation(grid_problem: GridProblem, cells: Sequence[int]) -> Work:
    """The work of building the stencils and the numbering of one grid."""
    channels = sum(len(_channels(grid_problem, term)) for term, _ in _blocks(grid_problem))
    return Work(traffic=2500.0 * _nodes(cells), calls=500.0 * len(cells) + 100.0 * channels)


def evaluation(grid_problem: GridProblem, cells: Sequence[int]) -> Work:
    """The work of evaluating all residuals of one grid and the slopes of those that are not affine."""
    calls, traffic = 0.0, 250.0 * _nodes(cells)
    for term, wall in _blocks(grid_problem):
        channels = len(_channels(grid_problem, term))
        trace = grid_problem.problem.trace(term, raw=False)
        calls += 10.0 if trace.linear else 100.0 + 30.0 * channels + 60.0 * trace.rows
        traffic += 0.0 if wall else 250.0 * _nodes(cells) * channels
    return Work(traffic=traffic, calls=calls)


def assembly(grid_problem: GridProblem, cells: Sequence[int]) -> Work:
    """The work of assembling the sparse matrix from the slopes."""
    every = [(len(_channels(grid_problem, term)), wall) for term, wall in _blocks(grid_problem)]
    inside = sum(channels for channels, wall in every if not wall)
    return Work(traffic=1000.0 * _nodes(cells) * inside, calls=40.0 + 20.0 * sum(channels for channels, _ in every))


def elimination(grid_problem: GridProblem, cells: Sequence[int]) -> Work:
    """The work of one correction of Newton's method: assembly, factorisation, two substitutions.

    In three dimensions 30 preconditioned iterations take the place of the factorisation.
    """
    components = len(grid_problem.components)
    if len(cells) > 2:
        return assembly(grid_problem, cells) + 30 * iteration(cells, components)
    return assembly(grid_problem, cells) + factorisation(cells, components) + 2 * substitution(cells, components)


def iteration(cells: Sequence[int], components: int) -> Work:
    """The work of one iteration in three dimensions: six dense products along the axes, one sparse product."""
    values = components * _nodes(cells)
    dense = values * 4.0 * sum(c + 1.0 for c in cells)
    return Work(operations=dense / _DENSE, traffic=400.0 * values, calls=60.0)


def _nodes(cells: Sequence[int]) -> float:
    return math.prod(c + 1.0 for c in cells)


def _channels(grid_problem: GridProblem, term: Term) -> tuple[Channel, ...]:
    """The channels that the residual of a term depends on."""
    return tuple(grid_problem.problem.trace(term, raw=False).channels)


def _blocks(grid_problem: GridProblem) -> list[tuple[Term, bool]]:
    """The term of each block of rows, and whether it stands on a wall."""
    inside = {str(r.term.name): (r.term, False) for r in grid_problem.equations}
    walls = {(str(r.term.name), r.wall): (r.term, True) for r in grid_problem.conditions}
    return [*inside.values(), *walls.values()]


class WorkCounter:
    """The work that the solution on one grid has taken.

    Args:
        name: of the problem.
        limit: nominal seconds at which the grid is given up.
    """

    def __init__(self, name: str, limit: float = math.inf) -> None:
        self._name = name
        self._limit = limit
        self.spent = 0.0

    def add(self, work: Work) -> None:
        """Record some work.

        Raises:
            BudgetSpent: once the limit is passed.
        """
        self.spent += work.seconds
        if self.spent > self._limit:
            raise BudgetSpent(
                "finite differences",
                f"problem '{self._name}': the iterations on one grid take more than {self._limit:.2g} nominal seconds "
                "of work",
            )
