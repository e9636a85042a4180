"""The benchmark of scaling runs, and its orders and table follow from its rows; nothing here asserts a time."""

import io
import json

import pytest
from rich.console import Console

from pinnkit.measure.bench import scaling
from pinnkit.measure.bench.scaling import Row, as_json, order, run, table


def row(grows: str, work: str, seconds: float, *, points: int = 1000, width: int = 32, dimension: int = 2) -> Row:
    return Row(grows, work, points, width, dimension, 2000, seconds, 2**24)


ROWS = [
    row("points", "step", 0.5),
    row("points", "step", 1.0, points=4000),
    row("points", "step", 8.0, points=16_000),
    row("points", "gram", 1.0),
    row("width", "step", 1.0),
    row("width", "step", 4.0, width=64),
]


@pytest.mark.slow
def test_a_quick_run_measures_every_series(root, monkeypatch):
    monkeypatch.chdir(root)
    seen = []
    rows = run(quick=True, works=("gram",), progress=seen.append)
    assert rows == seen
    assert [r.grows for r in rows] == ["points", "points", "width", "width", "dimension", "dimension"]
    for measured in rows:
        target = scaling._collocation(measured.points, measured.width, measured.dimension)
        assert measured.parameters == target.parameters.count
        assert measured.seconds > 0
        assert measured.memory >= 0


def test_no_gram_matrix_is_made_for_too_many_parameters(monkeypatch):
    def measured(grows, work, sizes, _):
        for size in sizes:
            yield Row(grows, work, *size, scaling._parameters(*size[1:]), 1.0, 0)

    monkeypatch.setattr(scaling, "_measured", measured)
    rows = run()
    assert {r.width for r in rows if r.work == "step"} == set(scaling.WIDTHS)
    assert {r.width for r in rows if r.work == "gram"} == {32}
    assert max(r.dimension for r in rows if r.work == "gram") == 50
    assert max(r.parameters for r in rows if r.work == "gram") <= 4000


def test_the_order_is_the_power_at_the_end_of_a_series():
    assert order(ROWS, "points", "step") == pytest.approx(1.5)
    assert order(ROWS, "width", "step") == pytest.approx(2.0)
    assert order(ROWS, "points", "gram") is None


def test_rows_become_a_table_and_json():
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table(ROWS))
    text = console.export_text()
    assert all(word in text for word in ("16,000", "1.50", "2.00", "16 MiB", "500 us"))
    assert json.loads(as_json(ROWS))[2]["points"] == 16_000


def test_work_that_fails_is_reported(root, monkeypatch, capfd):
    monkeypatch.chdir(root)
    with pytest.raises(RuntimeError, match=r"'dream' ended with exit code 1"):
        run(quick=True, works=("dream",))
    assert "KeyError" in capfd.readouterr().err
