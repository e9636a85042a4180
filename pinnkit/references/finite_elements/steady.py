"""Steady problems on one mesh: one sparse system, by Newton's method where it is nonlinear."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp

from pinnkit.problem.errors import Unsupported
from pinnkit.references.errors import TooManyConditions, Unresolved
from pinnkit.references.finite_differences.linear_solvers import Solve, sparse_lu
from pinnkit.references.finite_differences.newton import solve_from
from pinnkit.references.grid import Array

from .assembly import Level, System
from .weak_form import METHOD

__all__ = ["Reduced", "solve_steady"]

_COMPATIBLE = 1e-4
"""Size of the multipliers of constraints, relative to the right-hand side, beyond which the data contradict them."""


class Reduced:
    """The system of one mesh in the coefficients that no condition prescribes.

    Args:
        system: of the mesh.
        level: derivatives in time.
    """

    def __init__(self, system: System, level: Level) -> None:
        self.system = system
        self.level = level
        self.fixed, self.values = system.prescribed(level)
        self.free = np.setdiff1d(np.arange(system.size), self.fixed)
        matrix, self.right = system.constraints()
        self.constraints = matrix.tocsc()[:, self.free].tocsr()
        self.right = self.right - matrix.tocsc()[:, self.fixed] @ self.values
        self._latest: tuple[Array, sp.csr_array, Array] | None = None
        _refuse_surplus(system)

    @property
    def size(self) -> int:
        """Number of free coefficients and of multipliers."""
        return len(self.free) + self.constraints.shape[0]

    def state(self, reduced: Array) -> Array:
        """The whole state."""
        out = np.zeros(self.system.size)
        out[self.fixed] = self.values
        out[self.free] = reduced[: len(self.free)]
        return out

    def residual(self, reduced: Array) -> Array:
        """The weak residual of the free test functions, and of the constraints."""
        matrix, right = self._assembled(reduced)
        state = self.state(reduced)
        own = (matrix @ state - right)[self.free]
        if not self.constraints.shape[0]:
            return own
        inner, multipliers = reduced[: len(self.free)], reduced[len(self.free) :]
        return np.concatenate([own + self.constraints.T @ multipliers, self.constraints @ inner - self.right])

    def jacobian(self, reduced: Array) -> sp.csc_array:
        """The matrix at a state."""
        matrix, _ = self._assembled(reduced)
        more = self.system.correction(self.state(reduced), self.level)
        matrix = matrix if more is None else (matrix + more).tocsr()
        inner = matrix[self.free][:, self.free]
        if not self.constraints.shape[0]:
            return inner.tocsc()
        return sp.block_array([[inner, self.constraints.T], [self.constraints, None]]).tocsc()

    def check(self, reduced: Array) -> None:
        """Refuse data that no solution satisfies: fluxes that do not balance the sources.

        Raises:
            TooManyConditions: where multipliers of constraints do not vanish.
        """
        multipliers = reduced[len(self.free) :]
        if len(multipliers):
            force = np.abs(self.constraints.T @ multipliers).sum()
            _, right = self._assembled(reduced)
            total = np.abs(right).sum() + np.abs(self.jacobian(reduced)[: len(self.free)] @ reduced).sum()
            if force > _COMPATIBLE * total:
                raise TooManyConditions(
                    METHOD,
                    f"{self.system.form.label}: sources and fluxes do not balance (by {force / max(total, 1e-300):.1e} "
                    f"of their size), so that no solution satisfies them all",
                )

    def _assembled(self, reduced: Array) -> tuple[sp.csr_array, Array]:
        if self._latest is None or (self._latest[0] is not reduced and not self.system.form.linear):
            matrix, right = self.system.assembled(self.state(reduced), self.level)
            self._latest = (reduced, matrix, right)
        return self._latest[1], self._latest[2]


def _refuse_surplus(system: System) -> None:
    """Refuse values at single points of components whose values are prescribed on a wall.

    Raises:
        Unsupported: with the term; consistent values do no harm, so that this is no evidence against the problem.
    """
    form = system.form
    on_walls = {component for piece in system.essential for _, component in piece}
    for term in form.structure.at_points:
        for channel in form.problem.trace(term, raw=False).channels:
            if on_walls.intersection(form.numbers(channel.unknown)):
                raise Unsupported(
                    METHOD,
                    f"{form.label}: '{term.name}' prescribes `{channel.unknown}` at single points, where the "
                    f"conditions on the walls determine it already",
                )


def solve_steady(
    system: System, guesses: Callable[[], Iterator[Array]], linear_solver: Callable[[sp.csc_array], Solve] | None = None
) -> Array:
    """The state of a steady problem on one mesh.

    Args:
        system: of the mesh.
        guesses: states to start Newton's method from, in turn; not used by linear problems.
        linear_solver: from a matrix to a solver; sparse LU by default.

    Raises:
        Unresolved: where Newton's method finds no solution on this mesh.
        TooFewConditions: for a singular system.
        TooManyConditions: for data that contradict each other.
    """
    form = system.form
    reduced = Reduced(system, Level())
    saddle = 1 in form.degrees or reduced.constraints.shape[0] > 0

    def solver(matrix: sp.csc_array) -> Solve:
        if linear_solver is not None:
            return linear_solver(matrix)
        return sparse_lu(matrix, form.problem.name, banded=saddle, check=True, method=METHOD)

    if form.linear:
        zero = np.zeros(reduced.size)
        found = solver(reduced.jacobian(zero))(-reduced.residual(zero))
    else:
        count = reduced.constraints.shape[0]

        def starts() -> Iterator[Array]:
            for state in guesses():
                yield np.concatenate([state[reduced.free], np.zeros(count)])

        reason = (
            f"{form.label}: Newton's method found no solution of the discretised equations on a mesh of "
            f"{len(system.elements.mesh.cells)} elements"
        )
        found = solve_from(starts(), reduced.residual, lambda s: solver(reduced.jacobian(s)), reason, method=METHOD)
    if not np.isfinite(found).all():
        raise Unresolved(METHOD, f"{form.label}: the solution is not finite")
    reduced.check(found)
    return reduced.state(found)
