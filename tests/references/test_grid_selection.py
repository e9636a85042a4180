"""Selection of grids, on a scheme whose errors and costs are known."""

import itertools
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from pinnkit.references.grid_methods import _ladder
from pinnkit.references.grid_selection import choose, round_cells
from pinnkit.references.protocols import Solved


@dataclass
class Known:
    """Errors amplitude / n^2 along each axis; `seconds` and `cost` are those of one cell."""

    amplitudes: tuple[float, ...] = (1.0, 1.0)
    price: float = 1e-6
    kind: str = "known"
    order: float = 2.0
    smallest: int = 8
    pilot: int = 16
    proportions: tuple[float, ...] | None = None
    asked: list = field(default_factory=list)

    @property
    def columns(self):
        return ("x", "y")[: len(self.amplitudes)]

    def largest(self, column):
        return {"x": 4000, "y": 1000}[column]

    def cost(self, cells):
        return self.price * float(np.prod(cells))

    def solve(self, cells, start=None):  # noqa: ARG002
        self.asked.append(cells)
        ticks = {c: np.linspace(0, 1, n + 1) for c, n in zip(self.columns, cells, strict=True)}
        error = sum(a / n**2 for a, n in zip(self.amplitudes, cells, strict=True))
        return Solved(ticks, {"u": np.full([n + 1 for n in cells], 1.0 + error)})


def test_cost_of_the_three_grids_is_half_the_budget():
    scheme = Known()
    cells = choose(scheme, 1.0)
    total = sum(scheme.cost(tuple(n // k for n in cells)) for k in (1, 2, 4))
    assert 0.4 < total <= 0.5


def test_an_axis_with_sixteen_times_the_error_gets_four_times_the_cells():
    x, y = choose(Known(amplitudes=(16.0, 1.0)), 0.5)
    assert x / y == pytest.approx(4.0, rel=0.1)


def test_cells_stay_within_the_bounds_of_the_scheme():
    assert choose(Known(price=1e-12), 100.0) == (4000, 1000)
    assert choose(Known(price=1.0), 0.01) == (32, 32)


def test_given_proportions_need_no_first_look():
    scheme = Known(proportions=(2.0, 1.0))
    x, y = choose(scheme, 0.5)
    assert x / y == pytest.approx(2.0, rel=0.1)
    assert not scheme.asked


@pytest.mark.parametrize("wanted", [1.0, 33.0, 63.9, 65.0, 1000.7])
def test_cells_can_be_halved_twice(wanted):
    cells = round_cells(wanted, 8)
    assert cells % 4 == 0
    assert cells // 4 >= 8
    assert cells <= max(wanted, 32)


@pytest.mark.parametrize(("slow", "finest"), [(False, 64), (True, 32)])
def test_a_machine_that_is_far_too_slow_for_the_finest_grid_gets_a_coarser_one(slow, finest, monkeypatch):
    scheme = Known(amplitudes=(1.0, 1.0))
    ticks = itertools.count(0.0, 10.0 if slow else 0.001)
    module = sys.modules[_ladder.__module__]  # the package has a function of that name
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    grids = _ladder(scheme, (64, 64), 0.0, 5.0)
    assert [len(g.grid["x"]) - 1 for g in grids] == [finest // 4, finest // 2, finest]
