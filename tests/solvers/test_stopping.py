"""Ends of a solve: a tolerance, seconds, a callback, Ctrl-C; and what a checkpoint may go on from."""

import pytest
import torch

from pinnkit import (
    LBFGS,
    Adam,
    Dirichlet,
    Equation,
    LeastSquares,
    Siren,
    Status,
    solve,
)
from pinnkit.fields import Expansion
from pinnkit.solvers.plans import feature_search
from tests.solvers.cases import FEW, NET, ROD, heat

F32 = torch.float32


def test_a_tolerance_ends_training_and_what_would_follow() -> None:
    solution = solve(heat(), NET, [LBFGS(steps=200, **FEW), Adam(steps=50, **FEW)], tolerance=0.5)
    assert solution.status is Status.CONVERGED
    assert max(v[-1] for v in solution.history.terms.values()) <= 0.25
    assert "Adam" not in solution.history.solver
    both = solve(heat(), NET, [LBFGS(steps=200, **FEW), LeastSquares()], tolerance=0.5)
    assert both.status is Status.CONVERGED
    assert set(both.history.solver) == {"LBFGS"}


def test_a_tolerance_ends_the_search() -> None:
    solution = solve(heat(), tolerance=1e-3)
    assert solution.status is Status.CONVERGED
    assert solution.steps < solve(heat()).steps


def test_seconds_end_training_and_the_search() -> None:
    assert solve(heat(), NET, Adam(steps=10**6, **FEW), seconds=1e-3).steps == 1
    search = solve(heat(), seconds=1e-3)
    assert search.steps == 1
    assert search.status is Status.TIME
    assert "The time ran out before the residual met 3e-13." in search.choice


def test_a_search_that_ends_by_itself_is_not_out_of_time() -> None:
    search = solve(heat(), seconds=600.0)
    assert search.status is Status.SOLVED
    assert "time ran out" not in search.choice


def test_a_search_of_polynomials_that_starts_no_further_attempt_is_out_of_time(monkeypatch) -> None:
    monkeypatch.setattr(feature_search, "_seconds_left", lambda _: 0.0)
    search = solve(heat(), Expansion(), seconds=600.0)
    assert search.steps == 1
    assert search.status is Status.TIME
    assert "The time ran out" in search.choice


@pytest.mark.parametrize("field", [NET, None])
def test_a_callback_stops_training_and_the_search(field) -> None:
    seen = []
    solvers = None if field is None else Adam(steps=50, **FEW)
    solution = solve(heat(), field, solvers, callbacks=[lambda r: (seen.append(r), len(seen) == 3)[1]])
    assert solution.status is Status.INTERRUPTED
    assert len(seen) == solution.steps == 3
    assert seen[-1].loss == solution.history.loss[-1]


@pytest.mark.parametrize("field", [NET, None])
def test_control_c_gives_a_solution(field) -> None:
    seen = []

    def interrupt(record) -> None:
        seen.append(record)
        if len(seen) == 4:
            raise KeyboardInterrupt

    solution = solve(heat(), field, None if field is None else Adam(steps=50, **FEW), callbacks=[interrupt])
    assert solution.status is Status.INTERRUPTED
    assert solution(x=0.5, t=0.5)["u"].shape == ()


def test_a_resumed_run_of_another_problem_is_refused(tmp_path) -> None:
    def terms(alpha: float, right: float):
        return [Equation(lambda u: u.t - alpha * u.xx), Dirichlet(ROD.boundary, u=right), heat().terms[2]]

    given = dict(field=NET, solvers=Adam(steps=3, **FEW), out=tmp_path, resume=True)
    solve(heat(terms=terms(0.1, 0.0)), **given)
    assert solve(heat(terms=terms(0.1, 0.0)), **given).steps == 3
    others = [
        dict(problem=heat(terms=terms(0.2, 0.0))),
        dict(problem=heat(terms=terms(0.1, 0.5))),
        dict(problem=heat(terms=terms(0.1, 0.0), name="cold")),
        dict(field=Siren(width=13, depth=2, omega=3.0)),
        dict(solvers=Adam(steps=4, **FEW)),
        dict(seed=1),
        dict(dtype=F32),
    ]
    for other in others:
        with pytest.raises(ValueError, match="belongs to another run"):
            solve(**{"problem": heat(terms=terms(0.1, 0.0)), **given, **other})


def test_without_resume_an_old_checkpoint_does_not_matter(tmp_path) -> None:
    first = solve(heat(), NET, [Adam(steps=3, **FEW), LeastSquares()], out=tmp_path)
    again = solve(heat(), NET, [Adam(steps=4, **FEW), LeastSquares()], out=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.h5", "checkpoint1.h5"]
    assert again.steps > first.steps
