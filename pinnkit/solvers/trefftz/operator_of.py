"""Requirements of the Trefftz method: predicates over the structure of a problem, and the operator found in it."""

from __future__ import annotations

from collections.abc import Iterator

from pinnkit.derivatives import Order
from pinnkit.domains import Role
from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import EquationRow, Prescribes

__all__ = ["METHOD", "elliptic_operator", "require"]

METHOD = "Trefftz method"
"""Name of the method in `Unsupported`."""

_LARGEST = 250.0
"""Largest wave number, or decay rate, times the diameter of the domain."""


def require(problem: Problem) -> EllipticOperator:
    """Check that the Trefftz method covers the equation and the conditions; return the operator of the equation.

    Raises:
        Unsupported: with the first requirement that is not met.
    """
    for reason in _unmet(problem):
        raise Unsupported(METHOD, f"problem '{problem.name}': {reason}")
    operator = elliptic_operator(problem, problem.structure.equations[0])
    if isinstance(operator, str):
        raise Unsupported(METHOD, f"problem '{problem.name}': {operator}")
    return operator


def _unmet(problem: Problem) -> Iterator[str]:
    """Yield the requirements that are not met, those first that cost nothing to check."""
    if any(axis.role is not Role.SPACE for axis in problem.axes) or len(problem.frame.columns) != 2:
        yield "it covers two coordinates of space, without time and parameters"
    if len(problem.unknowns) != 1 or problem.unknowns[0].components is not None:
        yield "it covers one scalar unknown"
    if problem.coefficients:
        yield f"`{problem.coefficients[0].name}` is an unknown coefficient, to be found"
    if problem.ansatz and not any(t.hard for t in problem.terms):
        yield "the unknown has an ansatz of its own"
    if not all(t.penalty.is_square and t.penalty.vanishes for t in problem.terms):
        yield "a penalty is not a square"
    structure = problem.structure
    if not structure.linear:
        yield "the equations or conditions are not linear"
    if structure.periodic:
        yield "the domain is periodic"
    other = (*structure.data, *structure.at_points, *structure.comparisons, *structure.elsewhere, *structure.minimised)
    if other:
        yield f"'{other[0].name}' is neither an equation in the domain nor a condition on its boundary"
    if len(structure.equations) != 1:
        yield f"there are {len(structure.equations)} equations for one unknown"
    if not structure.conditions:
        yield "there are no conditions on the boundary"
    for condition in structure.conditions:
        if condition.prescribes is Prescribes.OTHER:
            yield f"'{condition.term.name}' prescribes neither the value nor the flux of the unknown"


def elliptic_operator(problem: Problem, row: EquationRow) -> EllipticOperator | str:
    """Operator of an equation; a reason where it is not elliptic of second order with constant coefficients."""
    if not row.constant_coefficients:
        return "the coefficients of the equation are not constant"
    columns = problem.frame.columns
    found: dict[Order, float] = {}
    for factor in row.factors:
        assert factor.value is not None
        for weight, names in factor.channel.derivatives:
            order = tuple(sorted(columns.index(name) for name in names))
            found[order] = found.get(order, 0.0) + weight * factor.value
    if any(len(order) > 2 for order in found):
        return "the equation is of higher than second order"
    operator = EllipticOperator(
        found.get((0, 0), 0.0), found.get((0, 1), 0.0) / 2, found.get((1, 1), 0.0),
        found.get((0,), 0.0), found.get((1,), 0.0), found.get((), 0.0),
    )  # fmt: skip
    if operator.a_xx < 0:
        operator = EllipticOperator(*(-value for value in operator))
    if not operator.is_elliptic:
        return "the equation is not elliptic of second order"
    diameter = sum(a.extent**2 for a in problem.axes) ** 0.5
    size = max(abs(operator.kappa) ** 0.5, abs(operator.drift[0]) + abs(operator.drift[1])) * diameter
    if size > _LARGEST:
        return f"its waves or layers are too short for the domain ({size:.3g} radians across it, {_LARGEST:g} at most)"
    return operator
