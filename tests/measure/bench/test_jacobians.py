"""The benchmark of Jacobians runs, agrees with torch.func, and renders; nothing here asserts a time."""

import io
import json

import pytest
from rich.console import Console

from pinnkit.measure.bench import jacobians
from pinnkit.measure.bench.jacobians import CASES, NETWORKS, Row, as_json, run, table

ROW = Row(
    case="heat",
    network="MLP 3 x 31",
    points=4000,
    parameters=2109,
    threads=2,
    repetitions=5,
    recorded=0.05,
    mapped=0.055,
    hessian=0.3,
    gradients=0.18,
    gram=0.6,
    kernel=1.5,
    mapped_ratio=1.1,
    hessian_ratio=6.0,
    gradients_ratio=3.6,
    difference=3e-16,
)


def test_a_quick_run_has_a_row_for_every_case_and_agrees_with_every_variant():
    seen = []
    rows = run(quick=True, progress=seen.append)
    assert rows == seen
    assert [row.case for row in rows] == [case.name for case in CASES for _ in NETWORKS]
    for row in rows:
        assert row.difference < 1e-12
        assert min(row.recorded, row.mapped, row.hessian, row.gradients, row.gram, row.kernel) > 0


def test_a_wrong_residual_of_the_variants_shows_in_the_difference():
    wrong = jacobians.Case("wrong", CASES[1].equation, lambda u, ux, ut, uxx: ut + u * ux + 0.1 * uxx)
    (row,) = run(quick=True, cases=[wrong])[:1]
    assert row.difference > 0.01


def test_a_ratio_is_taken_within_each_round(monkeypatch):
    # recorded, mapped, hessian, gradients, gram, kernel: the machine slows down tenfold for the second and third round.
    rounds = [1, 2, 3, 4, 1, 1, 10, 40, 50, 60, 10, 10, 10, 30, 70, 50, 10, 10]
    seconds = iter(map(float, rounds))
    monkeypatch.setattr(jacobians, "_seconds", lambda _: next(seconds))
    row = jacobians._measure(CASES[0], jacobians.Siren(width=4, depth=1), 8, 3)
    assert (row.mapped_ratio, row.hessian_ratio, row.gradients_ratio, row.recorded) == (3.0, 5.0, 5.0, 10.0)


def test_the_table_marks_a_ratio_below_its_target_and_json_has_it():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table([ROW]))
    text = console.export_text()
    assert "1.10x (target 1.2x)" in text
    assert "6.00x" in text
    assert "target 5x)" not in text
    assert json.loads(as_json([ROW]))[0]["mapped_ratio"] == pytest.approx(1.1)
