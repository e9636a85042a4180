import math

import pytest

from pinnkit.reference.reference import discretise
from tests.reference.cases import CASES, errors


@pytest.mark.parametrize("case", CASES, ids=str)
def test_error_falls_with_the_stated_order_on_three_grids(case):
    scheme = discretise(case.problem)
    found, solved = [], None
    for factor in (1, 2, 4):
        solved = scheme.solve(tuple(factor * n for n in case.cells), solved)
        found.append(errors(case.problem, solved))
    for name in found[0]:
        slope = math.log2(found[1][name] / found[2][name])
        assert abs(slope - scheme.order) < 0.15, f"{name}: {[e[name] for e in found]}"
