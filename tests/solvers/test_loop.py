"""The loop, with solvers and objectives of its own: stopping, recording, saving, going on."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit.solutions.history import Record
from pinnkit.solutions.status import Status
from pinnkit.solvers.training.checkpoint import read
from pinnkit.solvers.training.loop import run


@dataclass(frozen=True)
class Halving:
    """theta is halved at each step; what happens at a step may be told by its number."""

    steps: int = 10
    events: Any = field(default_factory=dict, hash=False)
    done_at: int | None = None

    def start(self, theta: torch.Tensor) -> dict:
        return {"theta": theta, "loss": torch.tensor(math.inf), "terms": {}, "taken": 0, "done": False}

    def step(self, objective: Any, state: dict) -> dict:
        taken = state["taken"] + 1
        event = self.events.get(taken)
        if isinstance(event, type):
            raise event
        objective(taken)
        theta = state["theta"] / 2
        loss = theta.square().sum() if event is None else torch.tensor(event)
        return {
            "theta": theta,
            "loss": loss,
            "terms": {"a": theta.square().sum(), "b": 0 * loss},
            "taken": taken,
            "done": taken == self.done_at,
        }


ONE = torch.ones(1, dtype=torch.float64)


def drive(*solvers: Halving, theta: torch.Tensor = ONE, **options: Any):
    return run(lambda solver, step, state: lambda taken: None, theta, solvers, **options)  # noqa: ARG005


def test_all_steps_of_all_solvers_are_taken_and_recorded() -> None:
    outcome = drive(Halving(3), Halving(2))
    assert outcome.status is Status.BUDGET
    assert float(outcome.theta) == 0.5**5
    assert [r.step for r in outcome.records] == [1, 2, 3, 4, 5]
    assert {r.steps for r in outcome.records} == {5}
    assert [r.loss for r in outcome.records] == [0.25**k for k in range(1, 6)]
    assert [r.terms["a"] for r in outcome.records] == [r.loss for r in outcome.records]
    assert {r.solver for r in outcome.records} == {"Halving"}
    seconds = [r.seconds for r in outcome.records]
    assert seconds == sorted(seconds)
    assert outcome.seconds >= seconds[-1]


def test_the_objective_is_asked_for_each_step_of_each_solver() -> None:
    asked = []
    first, second = Halving(2), Halving(1, done_at=99)
    run(lambda solver, step, state: (asked.append((solver, step)), lambda taken: None)[1], ONE, (first, second))  # noqa: ARG005
    assert asked == [(first, 0), (first, 1), (second, 0)]


def test_a_solver_that_is_done_makes_way_for_the_next() -> None:
    outcome = drive(Halving(10, done_at=2), Halving(3))
    assert len(outcome.records) == 5
    assert outcome.status is Status.BUDGET
    assert drive(Halving(10, done_at=4)).status is Status.STALLED


def test_the_tolerance_is_on_the_rms_of_the_worst_term() -> None:
    outcome = drive(Halving(10), tolerance=0.125)
    assert outcome.status is Status.CONVERGED
    assert len(outcome.records) == 3
    assert drive(Halving(10), tolerance=0.1249).records[-1].step == 4


def test_the_seconds_are_a_budget() -> None:
    outcome = drive(Halving(10), seconds=1e-9)
    assert outcome.status is Status.TIME
    assert len(outcome.records) == 1
    earlier = drive(Halving(10), seconds=1000.0, began=0.0 - 1e6)
    assert len(earlier.records) == 1
    assert earlier.seconds > 1e6


def test_a_callback_stops_the_run_by_true_alone() -> None:
    seen: list[Record] = []
    outcome = drive(Halving(10), callbacks=[seen.append, lambda r: r.step == 3, lambda r: "yes"])  # noqa: ARG005
    assert outcome.status is Status.INTERRUPTED
    assert seen == list(outcome.records)
    assert len(seen) == 3
    assert float(outcome.theta) == 0.5**3


def test_every_callback_sees_every_record_also_the_last() -> None:
    first, second = [], []
    drive(Halving(10), callbacks=[lambda r: (first.append(r), r.step == 2)[1], second.append])
    assert first == second
    assert len(first) == 2


def test_records_of_before_are_kept_and_counted_on() -> None:
    before = drive(Halving(3), total=5).records
    outcome = drive(Halving(2), records=before, total=5)
    assert [r.step for r in outcome.records] == [1, 2, 3, 4, 5]
    assert {r.steps for r in outcome.records} == {5}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_with_the_state_before(bad: float, tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    outcome = drive(Halving(10, events={4: bad}), checkpoint_path=path)
    assert outcome.status is Status.DIVERGED
    assert float(outcome.theta) == 0.25  # theta after step 3 may be what gave the bad loss: that after step 2 is known
    assert [r.step for r in outcome.records] == [1, 2, 3]
    assert float(read(path).state["theta"]) == 0.25


def test_parameters_that_are_not_finite_end_the_run_too() -> None:
    outcome = drive(Halving(10), theta=torch.tensor([math.inf, 1.0], dtype=torch.float64))
    assert outcome.status is Status.DIVERGED


def test_divergence_at_the_first_step_keeps_the_start() -> None:
    outcome = drive(Halving(10, events={1: math.nan}))
    assert outcome.status is Status.DIVERGED
    assert torch.equal(outcome.theta, ONE)
    assert list(outcome.records) == []


def test_divergence_of_the_second_solver_keeps_what_the_first_found() -> None:
    outcome = drive(Halving(3), Halving(10, events={1: math.nan}))
    assert outcome.status is Status.DIVERGED
    assert float(outcome.theta) == 0.125


def test_control_c_writes_a_checkpoint_and_gives_the_state_so_far(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    outcome = drive(Halving(10, events={5: KeyboardInterrupt}), checkpoint_path=path, fingerprint="run")
    assert outcome.status is Status.INTERRUPTED
    assert float(outcome.theta) == 0.5**4
    saved = read(path)
    assert (saved.solver, saved.step, saved.fingerprint) == (0, 4, "run")
    assert saved.records == list(outcome.records)
    on = drive(Halving(10), checkpoint_path=path, fingerprint="run", resume=True)
    assert float(on.theta) == 0.5**10
    assert [r.step for r in on.records] == list(range(1, 11))


def test_control_c_in_a_callback_counts_the_step_once(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"

    def interrupt(record: Record) -> None:
        if record.step == 4:
            raise KeyboardInterrupt

    drive(Halving(6), callbacks=[interrupt], checkpoint_path=path)
    on = drive(Halving(6), checkpoint_path=path, resume=True)
    assert float(on.theta) == 0.5**6
    assert [r.step for r in on.records] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("every", [1, 3, 100])
@pytest.mark.parametrize("stop", range(1, 12))
def test_a_run_interrupted_anywhere_goes_on_as_if_nothing_had_been(every: int, stop: int, tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    plan = Halving(7), Halving(5)
    whole = drive(*plan, every=every)
    where = ({stop: KeyboardInterrupt}, {}) if stop <= 7 else ({}, {stop - 7: KeyboardInterrupt})
    drive(Halving(7, where[0]), Halving(5, where[1]), checkpoint_path=path, every=every)
    on = drive(*plan, checkpoint_path=path, resume=True, every=every)
    assert torch.equal(on.theta, whole.theta)
    assert on.status is whole.status
    assert [(r.step, r.loss) for r in on.records] == [(r.step, r.loss) for r in whole.records]


def test_only_at_fixed_intervals_of_steps_are_recorded_and_the_last_of_each_solver() -> None:
    assert [r.step for r in drive(Halving(7), Halving(4), every=3).records] == [3, 6, 7, 9, 11]


def test_checkpoints_are_written_as_often_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    steps: list[int | None] = []

    def look(_: Record) -> None:
        steps.append(read(path).step if path.exists() else None)

    drive(Halving(5), callbacks=[look], checkpoint_path=path, checkpoint_seconds=0.0)
    assert steps == [None, 1, 2, 3, 4]
    path.unlink()
    steps.clear()
    drive(Halving(5), callbacks=[look], checkpoint_path=path, checkpoint_seconds=1000.0)
    assert steps == [None] * 5
    assert read(path).step == 5


@pytest.mark.parametrize(
    ("solver", "options"),
    [(Halving(4), {}), (Halving(9, done_at=3), {}), (Halving(9), {"tolerance": 0.125})],
    ids=["budget", "stalled", "converged"],
)
def test_a_finished_run_that_is_resumed_takes_no_further_step(solver: Halving, options: dict, tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    whole = drive(solver, checkpoint_path=path, **options)
    again = drive(solver, checkpoint_path=path, resume=True, **options)
    assert again.status is whole.status
    assert torch.equal(again.theta, whole.theta)
    assert list(again.records) == list(whole.records)


def test_seconds_go_on_from_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    drive(Halving(4, events={3: KeyboardInterrupt}), checkpoint_path=path, began=-1e6)
    on = drive(Halving(4), checkpoint_path=path, resume=True)
    assert on.seconds > 1e6
    assert on.records[-1].seconds > 1e6


def test_resuming_without_a_checkpoint_begins(tmp_path: Path) -> None:
    assert len(drive(Halving(4), checkpoint_path=tmp_path / "c.h5", resume=True).records) == 4


def test_without_resume_an_old_checkpoint_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    path.write_text("nonsense")
    assert len(drive(Halving(4), checkpoint_path=path).records) == 4


def test_the_checkpoint_of_another_run_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    drive(Halving(4), checkpoint_path=path, fingerprint="heat, seed=0")
    with pytest.raises(
        ValueError, match=r"resume: .*another run.*heat, seed=0.*heat, seed=1.*without --resume"
    ) as caught:
        drive(Halving(4), checkpoint_path=path, fingerprint="heat, seed=1", resume=True)
    assert "\n" not in str(caught.value)
