import math

import pytest

from pinnkit.references.finite_differences import crank_nicolson as march
from pinnkit.references.finite_differences import stencils
from pinnkit.references.solving import discretise
from tests.references.cases import CASES, errors


def slopes(case):
    scheme = discretise(case.problem)
    found, solved = [], None
    for factor in (1, 2, 4):
        solved = scheme.solve(tuple(factor * n for n in case.cells), solved)
        found.append(errors(case.problem, solved))
    return scheme.order, {name: math.log2(found[1][name] / found[2][name]) for name in found[0]}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_error_falls_with_the_stated_order_on_three_grids(case):
    order, found = slopes(case)
    for name, slope in found.items():
        assert abs(slope - order) < 0.15, name


def narrow_walls(line, order):
    """First-order differences beside the walls."""
    matrix = stencils.derivative(line, order).tolil()
    if order == 1 and not line.periodic:
        for i, near in ((0, 1), (line.size - 1, line.size - 2)):
            matrix[i] = 0
            sign = 1 if i == 0 else -1
            matrix[i, near], matrix[i, i] = sign / line.spacing, -sign / line.spacing
    return matrix.tocsr()


def wide_second_difference(line, order):
    """A second derivative that is off by a factor that falls with the spacing."""
    return stencils.derivative(line, order) * (1 + line.spacing if order == 2 else 1)


MUTANTS = {
    "walls of first order": (stencils, "derivative", narrow_walls, "heat_variable"),
    "a coefficient off by h": (stencils, "derivative", wide_second_difference, "steady_linear"),
    "Euler steps": (march, "midpoint", march.euler, "heat"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_of_the_scheme_is_caught_by_its_order(mutant, monkeypatch):
    module, name, wrong, which = MUTANTS[mutant]
    original = getattr(module, name)
    case = next(c for c in CASES if str(c) == which)

    def patched(*args):
        with monkeypatch.context() as inside:
            inside.setattr(module, name, original)
            return wrong(*args)

    monkeypatch.setattr(module, name, patched)
    order, found = slopes(case)
    assert any(abs(slope - order) > 0.15 for slope in found.values())
