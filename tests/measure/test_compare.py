"""Comparison of methods: every method with every seed, times without validation, resumption, failed runs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit import LBFGS, MLP, Adam, Box, Data, Equation, Initial, Problem, RandomFourier, Siren, Status, cli, solve
from pinnkit.cli import words
from pinnkit.measure.compare import Comparison, Measurement, Method, Run, compare, driver, figure, run
from pinnkit.reports import Report
from pinnkit.solvers import SolverDefaults
from tests.solvers.cases import DAY

FEW = dict(points=40, condition_points=10)
NET = MLP(width=6, depth=1, activation="tanh")
SINES = Method("sines", RandomFourier(6, bandwidth=2.0))
TRAINED = Method("trained", NET, [Adam(steps=10, **FEW), LBFGS(steps=5, **FEW)])
PROBLEM = Problem(
    name="decay",
    domain=DAY,
    unknowns="u",
    terms=[Equation(lambda u: u.t + u), Initial(u=1.0)],
    exact=dict(u=lambda t: torch.exp(-t)),
)


@dataclass(frozen=True)
class Broken(SolverDefaults):
    """A solver that raises."""

    steps: int = 3

    def start(self, theta: torch.Tensor) -> dict[str, Any]:
        return {"theta": theta, "loss": torch.tensor(math.inf), "done": False}

    def step(self, objective: Any, state: Any) -> Any:  # noqa: ARG002
        raise RuntimeError("no such\nluck")


@pytest.fixture
def solves(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every solve."""
    calls: list[dict[str, Any]] = []

    def spy(problem: Any, field: Any, solvers: Any, **options: Any) -> Any:
        calls.append(options)
        return solve(problem, field, solvers, **options)

    monkeypatch.setattr(run, "run_solve", spy)
    return calls


def measurement(seconds: float = 1.0, error: float | None = 1e-3, bound: bool = False) -> Measurement:
    return Measurement(seconds, error, bound, error, 1e-3)


def made(method: str, seed: int, *errors: float | None, **changes: Any) -> Run:
    measurements = tuple(measurement(2.0**i, e) for i, e in enumerate(errors))
    return Run(method, seed, "", measurements, **{"status": "BUDGET", "against": "exact solution", **changes})


REFERENCE = {"kind": "stencils", "seconds": 0.5, "rel_l2_error_bar": 1e-4, "rel_l2_true_error": 9e-5}


def test_every_method_is_run_with_every_seed_and_written(
    tmp_path: Path, solves: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_FIRST", 60.0)  # one measurement a run, also on a loaded machine
    said: list[str] = []
    found = compare(PROBLEM, [SINES, TRAINED], seeds=2, budget=0.05, out=tmp_path, log=said.append)
    assert [(r.method, r.seed) for r in found.runs] == [("sines", 0), ("trained", 0), ("sines", 1), ("trained", 1)]
    assert [c["seed"] for c in solves] == [0, 0, 1, 1]
    assert len(said) == 4
    assert found.errors("sines")[1] < 1e-2
    assert found.errors("trained")[0] > found.errors("sines")[0]
    runs = {f"{method}-{seed}.json" for method in ("sines", "trained") for seed in (0, 1)}
    assert {p.name for p in (tmp_path / "decay").iterdir()} == {"compare.json", "compare.png", "reference.json"} | runs
    stored = json.loads((tmp_path / "decay" / "compare.json").read_text())
    assert [row["method"] for row in stored["methods"]] == ["sines", "trained"]
    assert stored["methods"][0]["rel_l2_worst"] == found.errors("sines")[1]
    assert stored["reference"]["rel_l2_error_bar"] > 0


def test_a_stored_run_is_not_repeated_unless_it_is_another_run(tmp_path: Path, solves: list[dict[str, Any]]) -> None:
    first = compare(PROBLEM, [SINES], seeds=2, budget=0.05, out=tmp_path)
    solves.clear()
    assert compare(PROBLEM, [SINES], seeds=2, budget=0.05, out=tmp_path) == first
    assert solves == []
    compare(PROBLEM, [SINES], seeds=3, budget=0.05, out=tmp_path)
    assert [c["seed"] for c in solves] == [2]
    solves.clear()
    compare(PROBLEM, [replace(SINES, field=RandomFourier(8, bandwidth=2.0))], seeds=1, budget=0.05, out=tmp_path)
    compare(replace(PROBLEM, terms=[Equation(lambda u: u.t + 2 * u), Initial(u=1.0)]), [SINES], seeds=1, out=tmp_path)
    assert len(solves) == 2  # another field, another equation


def test_a_figure_that_cannot_be_drawn_leaves_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("no display")

    monkeypatch.setattr("pinnkit.measure.compare.figure.draw", fails)
    said: list[str] = []
    found = compare(PROBLEM, [SINES], seeds=1, budget=0.05, out=tmp_path, log=said.append)
    assert said[-1].startswith("decay: compare.png could not be drawn: RuntimeError: no display (test_compare.py:")
    assert len(found.runs) == 1
    assert (tmp_path / "decay/compare.json").is_file()


def test_another_type_of_numbers_is_another_run(tmp_path: Path, solves: list[dict[str, Any]]) -> None:
    for options in ({}, {"dtype": torch.float32, "device": "cpu"}):
        compare(PROBLEM, [SINES], seeds=1, budget=0.05, out=tmp_path, **options)
    assert [(call["dtype"], call["device"]) for call in solves] == [(None, "auto"), (torch.float32, "cpu")]


def test_the_clock_stands_still_while_a_run_is_measured(
    tmp_path: Path, solves: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace the clock: 0.01 s for each call in the solve, 1000 s for each validation."""
    now = [0.0]

    def tick() -> float:
        now[0] += 0.01
        return now[0]

    def slow_validate(*args: Any, **options: Any) -> Report:
        now[0] += 1000.0
        return validate(*args, **options)

    validate = run.validate
    monkeypatch.setattr("time.perf_counter", tick)
    monkeypatch.setattr(run, "validate", slow_validate)
    method = replace(TRAINED, solvers=Adam(steps=200, **FEW))
    (found,) = compare(PROBLEM, [method], seeds=1, seconds=50.0, budget=0.05, out=tmp_path).runs
    limits = [c["seconds"] for c in solves]
    assert len(limits) >= 3
    assert limits == [min(2.0**k, 50.0) for k in range(len(limits))]
    seconds = [m.seconds for m in found.measurements]
    assert seconds == sorted(seconds)
    assert all(limit <= s < limit + 2 for limit, s in zip(limits[:-1], seconds[:-1], strict=True))
    assert seconds[-1] < 60
    whole = solve(PROBLEM, method.field, method.solvers, seed=0)  # without a pause
    assert found.measurements[-1].residual is not None
    assert found.error == run.validate(whole, budget=0.0).headline.rel_l2  # type: ignore[union-attr]


def test_an_interrupted_run_is_resumed_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_FIRST", 1e-6)  # a measurement after every step
    method = replace(TRAINED, solvers=Adam(steps=6, **FEW))
    whole = compare(PROBLEM, [method], seeds=1, budget=0.05, out=tmp_path / "whole").runs[0]
    measure, left = driver.measure, [3]

    def stop(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return measure(*args, **options)

    monkeypatch.setattr(driver, "measure", stop)
    with pytest.raises(KeyboardInterrupt):
        compare(PROBLEM, [method], seeds=1, budget=0.05, out=tmp_path / "parts")
    found = compare(PROBLEM, [method], seeds=1, budget=0.05, out=tmp_path / "parts").runs[0]
    assert len(found.measurements) >= 3
    assert found.error == whole.error
    assert not list((tmp_path / "parts" / "decay").glob("*.checkpoint"))


def test_a_run_that_raises_says_why_and_the_remaining_runs_continue(
    tmp_path: Path, solves: list[dict[str, Any]]
) -> None:
    broken = Method("broken", NET, Broken())
    found = compare(PROBLEM, [broken, SINES], seeds=1, budget=0.05, out=tmp_path)
    assert found.runs[0].failed == "RuntimeError: no such luck"
    assert found.errors("broken") == (math.inf, math.inf)
    assert found.errors("sines")[1] < 1e-2
    assert "RuntimeError: no such luck" in shown(found)
    solves.clear()
    compare(PROBLEM, [broken, SINES], seeds=1, budget=0.05, out=tmp_path)
    assert len(solves) == 1  # only the failed run is repeated


def test_no_error_below_the_bar_of_the_reference_is_claimed(tmp_path: Path) -> None:
    """Without a closed form, the error bar of the reference bounds the error that is reported."""
    best = Method("best", RandomFourier(30, bandwidth=4.0))
    found = compare(replace(PROBLEM, exact={}), [best], seeds=1, budget=0.05, out=tmp_path)
    assert found.reference["rel_l2_true_error"] is None
    (known,) = found.runs
    assert known.measurements[-1].is_bound
    assert known.error >= found.reference["rel_l2_error_bar"]
    assert known.error_text.startswith("<= ")


def test_a_problem_without_a_reference_is_compared_without_errors(tmp_path: Path) -> None:
    x = torch.linspace(0, 1, 20, dtype=torch.float64)
    problem = Problem("cloud", Box(x=(0, 1)), "u", [Data({"x": x}, u=torch.sin(x))])
    found = compare(problem, [replace(SINES, field=RandomFourier(10, bandwidth=2.0))], seeds=1, out=tmp_path)
    assert found.runs[0].error_text == "not measured"
    assert found.reference["refused"]
    assert "none:" in shown(found)


def shown(found: Comparison) -> str:
    from rich.console import Console

    console = Console(width=300, color_system=None)
    with console.capture() as captured:
        console.print(found.table())
    return captured.get()


def test_the_table_has_median_and_worst_and_a_failed_run_counts_as_infinite() -> None:
    runs = (
        *(made("a", i, 1.0, e) for i, e in enumerate((3e-5, 1e-5, 2e-5))),
        made("b", 0, 4e-3),
        made("b", 1, 5e-3, failed="DIVERGED: the loss"),
        made("b", 2, 6e-3, warnings=("odd",)),
    )
    found = Comparison("p", ("a", "b"), runs, REFERENCE)
    assert found.errors("a") == (2e-5, 3e-5)
    assert found.errors("b") == (6e-3, math.inf)
    assert found.seconds("a") == (2.0, 2.0)
    lines = shown(found).splitlines()
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    assert cells[3] == ["a", "2.00e-05", "3.00e-05", "2", "2", "3", "BUDGET 3"]
    assert cells[4] == ["b", "6.00e-03", "failed", "1", "1", "3", "BUDGET 2, failed 1"]
    assert cells[5][:2] == ["reference", "9.00e-05"]
    assert "bar 1.00e-04" in lines[5]
    assert lines[6:] == ["b: seed 1: DIVERGED: the loss", "b: seed 2: odd"]
    assert found.summary()["methods"][1]["rel_l2_worst"] is None
    json.dumps(found.summary(), allow_nan=False)


def test_the_figure_has_every_run_the_medians_and_the_bar() -> None:
    runs = (made("a", 0, 1e-1, 1e-3), made("a", 1, 1e-1, 1e-2), made("b", 0, None, failed="X"), made("b", 1, 1e-5))
    ax = figure.figure(Comparison("p", ("a", "b"), runs, REFERENCE)).axes[0]
    lines = [tuple(map(float, line.get_ydata())) for line in ax.lines]
    assert (1e-1, 1e-3) in lines
    assert (1e-1, 1e-2) in lines
    assert (9e-5,) in lines  # the reference
    assert (1e-4, 1e-4) in lines  # its bar
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert any("b, 2 seeds, 1 FAILED" in label for label in labels)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(methods=[]), "`methods` must be one or several"),
        (dict(methods=[SINES, SINES]), "names that differ"),
        (dict(methods=[SINES], seeds=0), "`seeds` must be a whole number of at least 1, got 0"),
        (dict(methods=[SINES], device="mps"), "compare: `device` must be auto, cpu, cuda, or cuda:1"),
        (dict(methods=[SINES], seconds=-1.0), "`seconds` must be a positive number, got -1.0"),
    ],
)
def test_bad_arguments_are_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compare(PROBLEM, **options)


def test_a_ready_module_is_refused() -> None:
    module = NET.build(PROBLEM.axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    with pytest.raises(ValueError, match="ready module would go on"):
        Method("module", module)  # type: ignore[arg-type]


def test_only_training_is_resumable() -> None:
    assert TRAINED.resumable
    assert Method("default", Siren()).resumable
    assert not SINES.resumable
    assert not Method("automatic").resumable


def test_the_words_of_the_command_line_make_the_methods() -> None:
    methods = words.methods_of("auto, adam+ss-broyden", "mlp,siren")
    assert [w.name for w in methods] == ["auto", "mlp adam+ss-broyden", "siren adam+ss-broyden"]
    assert methods[0].field is methods[0].solvers is None
    assert [type(s).__name__ for s in methods[1].solvers] == ["Adam", "SSBroyden"]  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="auto stands alone"):
        words.methods_of("auto+adam", "auto")
    with pytest.raises(ValueError, match="--solvers must be one of"):
        words.methods_of("newton", "auto")
    with pytest.raises(ValueError, match="--fields must be one of"):
        words.methods_of("adam", "sirene")


def test_the_command_prints_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "decay.py"
    file.write_text(
        "import torch\nfrom pinnkit import Box, Equation, Initial, Problem\n"
        "problem = Problem('decay', Box(t=(0, 1)), 'u', [Equation(lambda u: u.t + u), Initial(u=1.0)],\n"
        "    exact=dict(u=lambda t: torch.exp(-t)))\n"
    )
    options = ["--solvers", "auto", "--seeds", "1", "--out", str(tmp_path / "out"), "--budget", "0.2", "--json"]
    assert cli.run(["compare", str(file), *options]) == 0
    out, err = capsys.readouterr()
    (row,) = json.loads(out)[0]["methods"]
    assert row["rel_l2_worst"] < 1e-9
    assert "reference" in err
    assert (tmp_path / "out" / "decay" / "compare.png").is_file()
    for wrong in (["--solvers", "nonsense"], ["--dtype", "float16"], ["--device", "gpu"]):
        capsys.readouterr()
        assert cli.run(["compare", str(file), *wrong]) == 2
        assert f"{wrong[0]} must be" in capsys.readouterr().err


def test_a_status_that_is_not_good_is_a_failure() -> None:
    assert not Status.DIVERGED.good
    assert made("a", 0, 1e-3, failed="DIVERGED: x").error == math.inf
