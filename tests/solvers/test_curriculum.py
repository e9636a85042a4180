"""Solves in stages, measures on the way, and rows of several samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pinnkit import (
    LBFGS,
    Adam,
    Box,
    Condition,
    Data,
    GaussNewton,
    LeastSquares,
    Plan,
    Problem,
    RandomFourier,
    Siren,
    Solution,
    Status,
    load,
    solve,
    validate,
)
from pinnkit.domains import Axis, Points, Sampling, Sobol
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers import Monitor, Stage, in_stages

NET = Siren(width=8, depth=1)
LINE = Box(x=(0, 1))


@dataclass(frozen=True)
class Segments:
    """Random segments of the unit interval, each sampled at 3 to 6 midpoints; what is known is the integral of x^2."""

    ragged: bool = True

    @property
    def axes(self) -> tuple[Axis, ...]:
        return LINE.axes

    @property
    def measure(self) -> float:
        return 1.0

    def sample(self, n: int, generator: Generator, *, sampling: Sampling = Sobol()) -> Points:  # noqa: ARG002, B008
        ends = torch.rand(n, 2, generator=generator, dtype=torch.float64).sort(dim=1).values
        counts = torch.randint(3, 7, (n,), generator=generator) if self.ragged else torch.full((n,), 4)
        row = torch.repeat_interleave(torch.arange(n), counts)
        within = torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]
        step = ((ends[:, 1] - ends[:, 0]) / counts)[row]
        x = ends[row, 0] + (within + 0.5) * step
        truth = (ends[:, 1] ** 3 - ends[:, 0] ** 3) / 3
        columns = dict(step=step, row=row, truth=truth)
        return Points(x[:, None], columns=columns, group=counts if self.ragged else 4)


def integral(u, step, row, truth) -> Tensor:
    sums = torch.zeros_like(truth.value).index_add(0, row.value, u.value * step.value)
    return sums - truth.value


def problem(*, ragged: bool = True, **options) -> Problem:
    return Problem("integrals", LINE, "u", [Condition(Segments(ragged), integral, name="integral")], **options)


def curve(**options) -> Problem:
    x = torch.linspace(0, 1, 50)
    return Problem("curve", LINE, "u", [Data(dict(x=x), u=x**2)], dtype=torch.float32, **options)


@pytest.mark.parametrize("ragged", [True, False])
def test_a_row_may_be_an_integral_over_several_samples(ragged: bool) -> None:
    solution = solve(problem(ragged=ragged), NET, Adam(steps=400, batch=64, lr=1e-2))
    x = torch.linspace(0.1, 0.9, 9)
    assert abs(solution(x=x)["u"] - x.numpy() ** 2).max() < 0.05
    assert problem(ragged=ragged).trace(problem(ragged=ragged).terms[0], raw=True).rows == 1


def test_lbfgs_takes_rows_of_several_samples() -> None:
    solution = solve(problem(), NET, LBFGS(steps=60, condition_points=200))
    assert solution.history.loss[-1] < 1e-3 * solution.history.loss[0]


@pytest.mark.parametrize("ragged", [True, False])
@pytest.mark.parametrize(
    ("field", "solver"),
    [(RandomFourier(12, bandwidth=2.0), LeastSquares()), (NET, GaussNewton(steps=12, condition_points=150))],
    ids=["least squares", "Gauss-Newton"],
)
def test_second_order_solvers_sum_over_the_samples_of_a_row(field, solver, ragged: bool) -> None:
    solution = solve(problem(ragged=ragged), field, solver)
    x = torch.linspace(0.1, 0.9, 9)
    assert abs(solution(x=x)["u"] - x.numpy() ** 2).max() < 0.06  # the midpoint rule is not exact


def test_rows_of_ragged_points_are_cut_where_their_samples_end() -> None:
    points = Segments().sample(6, torch.Generator().manual_seed(0))
    assert points.row_count == 6
    cut = points.rows(2, 4)
    start = int(points.group[:2].sum())
    stop = start + int(points.group[2:4].sum())
    assert torch.equal(cut.coords, points.coords[start:stop])
    assert torch.equal(cut.columns["truth"], points.columns["truth"][2:4])
    assert torch.equal(cut.columns["step"], points.columns["step"][start:stop])
    assert torch.equal(cut.group, points.group[2:4])


def test_a_weight_that_is_a_function_is_refused_where_rows_have_several_samples() -> None:
    with pytest.raises(ValueError, match="must be a number"):
        Problem("integrals", LINE, "u", [Condition(Segments(), integral, weight=lambda x: 1 + x)])


def error(fields: FieldSet) -> float:
    x = torch.linspace(0, 1, 11, dtype=torch.float32)[:, None]
    return float((fields.unknowns(x, {})["u"] - x[:, 0] ** 2).abs().max())


def test_a_monitor_measures_at_fixed_intervals_of_steps_and_at_the_end() -> None:
    seen = []
    monitor = Monitor({"error": error}, every=10)
    solution = solve(curve(), NET, Adam(steps=25), monitor=monitor, callbacks=[seen.append])
    taken = {r.step: r.measures["error"] for r in seen if r.measures}
    assert list(taken) == [10, 20, 25]
    assert math.isclose(taken[25], error(solution.fieldset), rel_tol=1e-6)
    known = ~torch.isnan(torch.as_tensor(solution.history.measures["error"]))
    assert solution.history.step[known.numpy()].tolist() == [10, 20, 25]


def test_a_monitor_changes_nothing_of_the_solve() -> None:
    with_it = solve(curve(), NET, Adam(steps=8), monitor=Monitor({"error": error}, every=3))
    without = solve(curve(), NET, Adam(steps=8))
    assert with_it.history.loss.tolist() == without.history.loss.tolist()


def test_a_monitor_is_refused_where_nothing_is_trained_step_by_step() -> None:
    with pytest.raises(ValueError, match="monitor"):
        solve(curve(), RandomFourier(bandwidth=None), LeastSquares(), monitor=Monitor({"error": error}))
    with pytest.raises(ValueError, match="at least 1"):
        Monitor({"error": error}, every=0)
    with pytest.raises(ValueError, match="mapping"):
        Monitor(error)  # type: ignore[arg-type]


class Rates(nn.Module):
    """Two numbers, of which one asks for a learning rate of its own."""

    smoothness = math.inf

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = (nn.Parameter(torch.zeros(1, dtype=torch.float32)) for _ in range(2))

    def learning_rates(self) -> Mapping[nn.Parameter, float]:
        return {self.fast: 0.1}

    def forward(self, coords: Tensor) -> Tensor:
        return self.fast + self.slow * coords + 0 * coords


def test_adam_takes_the_learning_rates_that_a_field_asks_for() -> None:
    from pinnkit.solvers import Constant

    module = Rates()
    solve(curve(), module, Adam(steps=1, schedule=Constant()))
    assert module.fast.item() == pytest.approx(0.1, rel=1e-3)
    assert module.slow.item() == pytest.approx(2e-3, rel=1e-3)
    module = Rates()
    solve(curve(), module, Adam(steps=1, schedule=Constant(), lr=0.01))
    assert module.fast.item() == pytest.approx(0.01, rel=1e-3)
    assert module.slow.item() == pytest.approx(0.01, rel=1e-3)


def test_every_row_of_data_comes_once_before_any_comes_again() -> None:
    from pinnkit.solvers.collocation.collocation_points import CollocationPoints

    p = curve()
    drawn = []
    for draw in range(5):
        collocation = CollocationPoints(p, {"data": 10}, 3, draw=draw, batch=10)
        drawn.append(torch.cat([points[0].coords for points in collocation.chunks(p.terms[0])]))
    assert len(torch.cat(drawn).unique()) == 50


# stages -------------------------------------------------------------------------------------------------------------
def first(previous: Solution | None) -> Stage:
    assert previous is None
    return Stage(curve(), NET, Adam(steps=20))


def second(previous: Solution | None) -> Stage:
    assert previous is not None
    return Stage(curve(), NET, Adam(steps=15))


def test_a_stage_starts_where_the_one_before_ended() -> None:
    alone = solve(curve(), NET, Adam(steps=20))
    both = in_stages([first, second])
    assert both.history.loss[:20].tolist() == alone.history.loss.tolist()
    assert both.history.step.tolist() == list(range(1, 36))
    assert both.steps == 35
    assert len(both.solvers) == 2
    assert both.history.loss[20] < 1.05 * both.history.loss[19]


def test_a_run_in_stages_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = in_stages([first, second])

    def stop(record) -> bool:
        return record.step == 27

    cut = in_stages([first, second], out=tmp_path, callbacks=[stop])
    assert cut.status is Status.INTERRUPTED
    resumed = in_stages([first, second], out=tmp_path, resume=True)
    assert resumed.history.loss.tolist() == whole.history.loss.tolist()
    assert resumed.steps == 35


def test_no_stage_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        in_stages([])


# problems that are scored by metrics --------------------------------------------------------------------------------
def own(**options) -> Problem:
    def worst(solution: Solution) -> float:
        return error(solution.fieldset)

    def picture(solution: Solution):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot(solution.on_grid(x=20)["u"])
        return figure

    plan = Plan.single(NET, (Adam(steps=30, batch=16),), "A small sine network, as the builder of the problem says.")
    return curve(plan=plan, metrics={"worst": worst}, figures={"fit": picture}, facts={"scale": 2.5}, **options)


def test_a_problem_brings_its_own_plan_metrics_figures_and_facts(tmp_path: Path) -> None:
    solution = solve(own())
    assert solution.choice.startswith("A small sine network")
    report = validate(solution)
    assert report.metrics["worst"] == pytest.approx(error(solution.fieldset), rel=1e-5)
    assert report.good
    assert solution.status is Status.TRAINED
    assert "the metrics below measure the quality" in str(report)
    written = {p.name for p in report.save(tmp_path)}
    assert {"summary.json", "solution.h5", "fit.png", "losses.png"} <= written
    assert "solution.png" not in written
    assert load(tmp_path).metadata["facts"] == {"scale": 2.5}
    assert report.summary()["facts"] == {"scale": 2.5}


def test_a_fit_that_is_not_finite_is_not_good() -> None:
    p = curve(plan=Plan.single(NET, (Adam(steps=3),), "As given."), metrics={"broken": lambda _: math.nan})
    report = validate(solve(p))
    assert not report.good
    assert any("broken" in w for w in report.warnings)


def test_facts_must_be_plain() -> None:
    with pytest.raises(TypeError, match="facts"):
        curve(facts={"points": torch.zeros(3)})
    with pytest.raises(TypeError, match="mapping"):
        curve(facts=[1, 2])  # type: ignore[arg-type]
