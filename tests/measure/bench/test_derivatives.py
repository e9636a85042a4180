"""The benchmark of derivatives runs, counts its matrix products right, and renders; nothing here asserts a time."""

import io
import json

import pytest
import torch
from rich.console import Console

from pinnkit.fields import Siren
from pinnkit.jets.evaluation import jets
from pinnkit.measure.bench import derivatives
from pinnkit.measure.bench.derivatives import CASES, Row, as_json, product_bound, run, table

ROW = Row(
    case="heat 1-D",
    width=256,
    depth=4,
    points=4096,
    dtype="float32",
    threads=2,
    repetitions=3,
    products_taylor=3,
    products_nested=4,
    nested=0.3,
    eager=0.2,
    compiled=0.1,
    compiling=20.0,
    eager_ratio=1.5,
    compiled_ratio=3.0,
    rate=1e11,
    eager_target=1.6,
    compiled_target=1.7,
)


def test_a_quick_run_has_a_row_for_every_case():
    seen = []
    rows = run(quick=True, progress=seen.append)
    assert rows == seen
    assert [row.case for row in rows] == [case.name for case in CASES]
    for row in rows:
        assert min(row.nested, row.eager, row.rate) > 0
        assert row.compiled is None


def test_the_bounds_are_those_of_the_counted_channels():
    bounds = {case.name: product_bound(case.operator) for case in CASES}
    assert bounds == {
        "heat 1-D": (3, 4),
        "heat 2-D": (4, 6),
        "Poisson 2-D": (4, 6),
        "Poisson 3-D": (5, 8),
        "Poisson 10-D": (12, 22),
    }


class _Products(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts rows that are multiplied by a hidden weight."""

    def __init__(self, width):
        super().__init__()
        self.width, self.rows = width, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            left, right = args[-2:]
            if right.shape == (self.width, self.width):
                self.rows += left.shape[0]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_methods_take_the_products_that_the_bound_counts(case, generator):
    field = Siren(width=7, depth=3).build(case.domain.axes, 1, generator=generator, dtype=torch.float64, device="cpu")
    coords = case.domain.sample(5, generator).coords
    for method, products in zip(("taylor", "autograd"), product_bound(case.operator), strict=True):
        with _Products(7) as counted:
            jets(field, coords, [case.operator], derivatives=method)
        assert counted.rows == 2 * 5 * products  # two hidden weights, five points


def test_bound_and_fraction_follow_from_products_and_seconds():
    assert ROW.bound == pytest.approx(4 / 3)
    assert ROW.fraction(ROW.compiled, 3) == pytest.approx(3 * 3 * 3 * 2 * 4096 * 256**2 / 1e11 / 0.1)


def test_the_table_marks_a_ratio_below_its_target():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table([ROW]))
    text = console.export_text()
    assert "1.50x (target 1.6x)" in text
    assert "3.00x" in text
    assert "target 1.7x" not in text


def test_a_ratio_is_taken_within_each_round(monkeypatch):
    # Rounds of nested, eager, product: the machine slows down tenfold for the second and third.
    seconds = iter([1, 1, 1, 2.0, 1.0, 0.1, 30.0, 10.0, 1.0, 20.0, 5.0, 1.0])
    monkeypatch.setattr(derivatives, "_seconds", lambda _: next(seconds))
    (row,) = run(cases=CASES[:1], widths=(8,), dtypes=(torch.float64,), repetitions=3, compile=False)
    assert (row.eager_ratio, row.nested, row.eager) == (3.0, 20.0, 5.0)


def test_json_has_the_ratios():
    (row,) = json.loads(as_json([ROW]))
    assert row["eager_ratio"] == pytest.approx(1.5)
    assert row["case"] == "heat 1-D"
    assert row["bound"] == pytest.approx(4 / 3)
