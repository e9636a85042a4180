"""Selection of grids, on a scheme whose errors and costs are known."""

import itertools
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pinnkit.references import reference
from pinnkit.references.cost_model import MEMORY
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid_methods import _bars, _grids, _remark
from pinnkit.references.grid_selection import choose, round_cells
from pinnkit.references.protocols import Solved
from tests.references.cases import find

differences = sys.modules[_grids.__module__]


@dataclass
class Known:
    """Errors amplitude / n^rate along each axis; `price` and `bytes` are those of one cell.

    The method fails on grids of fewer than `fails_below` cells along x, and needs artificial diffusion along x on those
    of fewer than `diffused_below`.
    """

    amplitudes: tuple[float, ...] = (1.0, 1.0)
    price: float = 1e-6
    bytes: float = 8.0
    rate: float = 2.0
    fails_below: int = 0
    diffused_below: int = 0
    cell_peclet: float = 2.0
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

    def memory(self, cells):
        return self.bytes * float(np.prod(cells))

    def solve(self, cells, start=None):  # noqa: ARG002
        self.asked.append(cells)
        ticks = {c: np.linspace(0, 1, n + 1) for c, n in zip(self.columns, cells, strict=True)}
        if cells[0] < self.fails_below:
            raise Unresolved("finite differences", "problem 'known': planted", spent=self.cost(cells))
        error = sum(a / n**self.rate for a, n in zip(self.amplitudes, cells, strict=True))
        peclet = {"x": self.cell_peclet} if cells[0] < self.diffused_below else {}
        return Solved(ticks, {"u": np.full([n + 1 for n in cells], 1.0 + error)}, peclet=peclet)


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


def test_cells_stay_within_memory():
    cells = choose(Known(price=1e-12, bytes=MEMORY / 500_000), 100.0)
    assert 400_000 < np.prod(cells) <= 500_000


def grids_of(scheme, budget=1.0):
    return _grids(scheme, "problem 'known'", budget)


def cells_of(grids):
    return [None if g is None else len(g.grid["x"]) - 1 for g in grids]


def test_each_of_three_grids_has_half_the_cells_of_the_next():
    scheme = Known()
    x = choose(scheme, 1.0)[0]
    assert cells_of(grids_of(scheme)) == [x // 4, x // 2, x]


def test_a_coarse_grid_that_fails_is_left_out_and_the_bar_is_the_whole_difference_of_the_others():
    finest = choose(Known(), 1.0)[0]
    scheme = Known(fails_below=finest // 2)
    coarse, middle, fine = grids_of(scheme)
    assert cells_of((coarse, middle, fine)) == [None, finest // 2, finest]
    bar = _bars(scheme, coarse, middle, fine)["u"]
    assert bar.greatest == pytest.approx(float(np.abs(fine.values["u"][0, 0] - middle.values["u"][0, 0])))
    assert np.isnan(bar.order)


def test_a_middle_grid_that_fails_is_a_reason_to_refine():
    finest = choose(Known(), 1.0)[0]
    assert cells_of(grids_of(Known(fails_below=finest))) == [None, finest, 2 * finest]


def test_a_grid_with_artificial_diffusion_is_no_finest_grid():
    finest = choose(Known(), 1.0)[0]
    scheme = Known(diffused_below=2 * finest)
    coarse, middle, fine = grids_of(scheme)
    assert cells_of((coarse, middle, fine)) == [finest // 2, finest, 2 * finest]
    assert not fine.peclet
    assert np.isnan(_bars(scheme, coarse, middle, fine)["u"].order), "a diffused grid tells nothing about the order"


def test_differences_that_do_not_fall_ask_for_finer_grids_as_far_as_the_budget_goes():
    scheme = Known(amplitudes=(3e4, 3e4), rate=0.2)
    finest = choose(Known(proportions=(1.0, 1.0)), 1.0)[0]
    scheme.proportions = (1.0, 1.0)
    coarse, middle, fine = grids_of(scheme)
    assert cells_of((coarse, middle, fine)) == [finest // 2, finest, 2 * finest]
    cost = sum(scheme.cost(cells) for cells in scheme.asked)
    assert 1.0 < cost <= 4.0
    bars = _bars(scheme, coarse, middle, fine)
    error = float(np.abs(fine.values["u"][0, 0] - 1.0))
    assert bars["u"].greatest >= error / 2
    assert "do not resolve `u`" in _remark(bars)


def test_differences_that_fall_as_stated_get_no_remark():
    scheme = Known()
    assert _remark(_bars(scheme, *grids_of(scheme))) == ""


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (
            dict(fails_below=10**9),
            r"^problem 'known': planted, on the finest grid that the budget affords, 12\d\d x 12",
        ),
        (
            dict(diffused_below=10**9),
            r"fronts that the finest grid that the budget affords, .* give a larger budget than 1$",
        ),
    ],
)
def test_only_the_finest_grid_that_is_affordable_may_refuse(planted, words):
    scheme = Known(proportions=(1.0, 1.0), **planted)
    with pytest.raises(Unresolved, match=words):
        grids_of(scheme)
    finest = choose(Known(proportions=(1.0, 1.0)), 1.0)[0]
    assert [cells[0] for cells in scheme.asked] == [finest // 4, finest // 2, finest, 2 * finest]


def test_where_one_grid_alone_is_left_a_larger_budget_is_asked_for():
    finest = choose(Known(), 1.0)[0]
    scheme = Known(fails_below=2 * finest)
    with pytest.raises(Unresolved, match=r"only the grid of .* gave a solution, and an error bar takes two"):
        grids_of(scheme)


def test_a_pilot_grid_that_fails_is_refined_first():
    scheme = Known(amplitudes=(16.0, 1.0), fails_below=40)
    x, y = choose(scheme, 0.5)
    assert x / y == pytest.approx(4.0, rel=0.1)
    assert scheme.asked[:3] == [(16, 16), (32, 32), (64, 64)]


def test_a_pilot_grid_with_artificial_diffusion_is_refined_along_the_front():
    scheme = Known(amplitudes=(16.0, 1.0), diffused_below=100, cell_peclet=10.0)
    x, y = choose(scheme, 0.5)
    assert x / y == pytest.approx(4.0, rel=0.1)
    assert scheme.asked[:2] == [(16, 16), (128, 16)]


def test_where_pilot_grids_tell_nothing_all_axes_get_as_many_cells():
    x, y = choose(Known(fails_below=10**9), 0.5)
    assert x == y


def test_where_fronts_cannot_be_resolved_on_a_pilot_grid_their_axis_gets_more_cells():
    x, y = choose(Known(diffused_below=10**9, cell_peclet=1e6), 0.5)
    assert x / y == pytest.approx(4.0, rel=0.1)


def test_the_reference_does_not_depend_on_the_clock(monkeypatch):
    problem = find("fisher")
    first = reference(problem, budget=0.1)
    ticks = itertools.count(0.0, 1000.0)
    for name in ("perf_counter", "monotonic", "process_time", "time"):
        monkeypatch.setattr(time, name, lambda: next(ticks))
    second = reference(problem, budget=0.1)
    np.testing.assert_array_equal(first.values["u"], second.values["u"])
    assert first.error_bar == second.error_bar
    assert second.seconds >= 1000.0, "the time is recorded, and nothing else"


def test_clocks_are_read_only_to_record_how_long_a_reference_took():
    folder = Path(differences.__file__).parent
    read = [
        (path.name, line.strip())
        for path in sorted(folder.glob("*.py"))
        if path.name != "solving.py"  # `reference(problem, seconds=...)` asks for the clock
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"perf_counter|monotonic\(|process_time|time\.time|os\.times", line)
    ]
    assert read
    assert {line for _, line in read} <= {"begin = time.perf_counter()", "seconds=time.perf_counter() - begin,"}
