"""Acceptance rows as slow tests: `python -m pytest -m slow` measures each with one seed.

A row must reach its target; one that missed it when it was published must not become worse.  Time limits are not
asserted here, since they depend on the load of the machine: `pinnkit accept` asserts them.  A row that needs an extra
or a file which is not there is skipped.
"""

import math
from pathlib import Path

import pytest

from pinnkit.measure import acceptance
from pinnkit.measure.acceptance import ROWS, Measurement, Metric, Result, Row
from pinnkit.measure.published import PublishedRow, missed, read_tables
from pinnkit.reports.report import finite

WORSE = 1.25  # factor on the published worst value of a row that missed its target; another seed may be that much worse


def measure(row: Row, root: Path, out: Path) -> Result:
    """Result of one seed of a row; skips the test where the row cannot run here."""
    reason = row.missing()
    if reason:
        pytest.skip(reason)
    (result,) = acceptance.run([row], seeds=1, problems=root / "problems", out=out)
    return result


def figures_of(result: Result) -> dict[str, object]:
    """Plain values of a result for the record of slow tests."""
    (run,) = result.runs
    found = {name: {"value": m[0].value, "target": m[0].target} for name, m in result.metrics.items()}
    kept = {key: run[key] for key in ("value", "target", "seconds", "limit")}
    return finite({"unit": result.row.unit, **kept, **({"metrics": found} if found else {})})


def bound_of(row: Row, published: PublishedRow | None) -> float:
    """Upper bound of the value: the target, or for a row that missed it, `WORSE` times the published worst value."""
    if published is None or not missed(published):
        return row.target
    worst = published["value"]["worst"]
    return math.inf if worst is None else max(row.target, WORSE * worst)


def check(result: Result, published: PublishedRow | None) -> None:
    """Assert that the run of a result ended, with a value within its bound."""
    (run,) = result.runs
    assert not run["failed"], run["failed"]
    assert result.worst <= bound_of(result.row, published), figures_of(result)


def published_row(root: Path, row: Row) -> PublishedRow | None:
    """Published values of a row; None where it was not published."""
    key = (row.table, row.problem, row.method)
    rows = read_tables(root / "results" / "published")
    return next((r for r in rows if (r["table"], r["problem"], r["method"]) == key), None)


# torch.compile of torch 2.13 uses what it deprecates itself.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_acceptance_row_reaches_its_target(row: Row, root, tmp_path, monkeypatch, record_property) -> None:
    monkeypatch.chdir(root)  # rows that start a process import the package from here
    result = measure(row, root, tmp_path)
    for name, value in figures_of(result).items():
        record_property(name, value)
    check(result, published_row(root, row))


def test_a_quick_acceptance_row_reaches_its_target(root, tmp_path) -> None:
    """The fast sibling: the same path for the row that takes a tenth of a second."""
    (row,) = (r for r in ROWS if (r.table, r.problem) == ("automatic", "poisson"))
    result = measure(row, root, tmp_path)
    check(result, published_row(root, row))
    assert figures_of(result)["value"] <= 1e-12


def made(value: float, *, target: float = 1.0, **changes: object) -> Result:
    """Result of one run with a value."""
    row = Row("1", "automatic", "p", "m", "relative L2", target, lambda *_: Measurement(value, 1.0, {}))
    run = {"value": value, "target": target, "seconds": 1.0, "limit": None, "failed": "", **changes}
    return Result(row, (run,))


def old(worst: float | None, target: float = 1.0) -> dict[str, object]:
    """Published row with a worst value."""
    seconds = {"median": 1.0, "worst": 1.0}
    return {"value": {"median": worst, "worst": worst}, "target": target, "limit": None, "seconds": seconds}


def test_the_check_fails_beyond_the_target_and_for_a_row_that_became_worse() -> None:
    check(made(1.0), None)
    check(made(1.0), old(0.1))
    check(made(2.4), old(2.0))
    for result, published in (
        (made(1.1), None),
        (made(1.1), old(0.9)),  # met when it was published: the target is the bound
        (made(2.6), old(2.0)),
        (made(0.5, failed="ValueError: x"), None),
    ):
        with pytest.raises(AssertionError):
            check(result, published)


def test_a_row_that_lacks_an_extra_is_skipped_with_its_reason(root, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(acceptance.fits.SCAN, raising=False)
    scans = [r for r in ROWS if r.problem == "scan"]
    assert len(scans) == 4
    with pytest.raises(pytest.skip.Exception, match="PINNKIT_SCAN is not set"):
        measure(scans[0], root, tmp_path)
    monkeypatch.setenv(acceptance.fits.SCAN, "bunny.ply")
    assert scans[0].missing() == ""
    steps = [r for r in ROWS if "DeepXDE" in r.method]
    monkeypatch.setattr("pinnkit.measure.bench.peer.has_deepxde", lambda: False)
    assert all("pip install" in r.missing() for r in steps)
    assert len(steps) == 4


def test_recorded_figures_are_plain_values() -> None:
    metrics = {"PSNR, dB": {"value": None, "target": 30.0, "at_least": True}}
    found = figures_of(made(math.inf, metrics=metrics))
    assert found["value"] is None
    assert found["metrics"] == {"PSNR, dB": {"value": None, "target": 30.0}}
    assert Metric(1.0, 2.0).ratio == 0.5
