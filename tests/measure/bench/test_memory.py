"""Evaluation and training take the same memory however many points there are."""

import io
import json

import pytest
from rich.console import Console

from pinnkit.measure.bench import memory
from pinnkit.solvers.collocation.collocation_points import _KEEP


@pytest.mark.slow
def test_training_on_five_times_the_points_takes_no_more_memory(root, monkeypatch) -> None:
    monkeypatch.chdir(root)
    few, many = 300_000, 1_500_000
    assert few > _KEEP  # else they are kept, which is quicker
    small, large = memory.run((few, many), works=("train",))
    assert (small.points, large.points) == (few, many)
    assert small.before < small.peak
    assert large.peak < 1.1 * small.peak
    # Less than the coordinates of the points that came on top.  The allocator alone moves peaks by up to 7 MB from
    # run to run, whatever the number of points: too few more of them would not stand out.
    assert large.peak - small.peak < (many - few) * 3 * 8


def test_memory_grows_for_work_without_chunks(root, monkeypatch) -> None:
    monkeypatch.chdir(root)
    rows = memory.run((30_000, 150_000), works=("train",), chunk=10**9)
    assert memory.growth(rows, "train") > 1.1


@pytest.mark.slow
def test_ten_million_points_take_as_much_memory_as_one_million(root, monkeypatch) -> None:
    monkeypatch.chdir(root)
    rows = memory.run((1_000_000, 10_000_000))
    assert [(r.work, r.points) for r in rows] == [
        (work, n) for work in ("evaluate", "train") for n in (1_000_000, 10_000_000)
    ]
    for work in memory.WORKS:
        assert memory.growth(rows, work) < 1.1, memory.as_json(rows)


def test_rows_become_a_table_and_json() -> None:
    rows = [memory.Row("train", 10**6, 2**28, 2**29, 2.0), memory.Row("train", 10**7, 2**28, 2**29 + 2**24, 21.0)]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(memory.table(rows))
    text = console.export_text()
    assert all(word in text for word in ("10,000,000", "512 MiB", "1.031x", "21.0 s"))
    assert json.loads(memory.as_json(rows))[1]["points"] == 10**7


def test_an_unknown_kind_of_work_is_reported(root, monkeypatch, capfd) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(RuntimeError, match=r"'dream' ended with exit code 1"):
        memory.run((10,), works=("dream",))
    capfd.readouterr()
