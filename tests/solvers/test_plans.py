"""Plans and run options as objects: printed, changed, passed to `solve`, refused where they do not fit."""

import ast
import inspect
from dataclasses import FrozenInstanceError, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import pinnkit
from pinnkit import Adam, LeastSquares, March, Plan, RandomFourier, Siren, plan, solve
from pinnkit.solvers import RAD, Candidate, GradientNorm, RunOptions, SolverDefaults, execute
from pinnkit.solvers.plans import execution
from pinnkit.solvers.plans.candidates import Kind
from tests.solvers.cases import FEW, SINES, SMALL, cubic, error, heat, heat_exact, poisson

QUICK = Adam(steps=2, **FEW)


# making, printing, changing -----------------------------------------------------------------------------------------
def test_a_plan_reads_as_numbered_candidates_with_reasons_and_limits() -> None:
    text = str(plan(heat()))
    assert text.startswith("1. RandomFourier(")
    assert "by LeastSquares(" in text
    assert "Random sines by least squares: every term is linear" in text
    assert "Accepted at a held-out relative residual of at most 1e-06; otherwise 2 is tried." in text
    assert "\n2. March(" in text
    assert text.endswith("The candidate with the smallest residual is taken.")
    assert "None" not in text.splitlines()[-2]
    single = str(plan(heat(), SMALL, QUICK))
    assert "tried" not in single
    assert single.endswith("Field and solver as given.")


def test_a_changed_plan_is_executed_as_it_stands() -> None:
    made = plan(cubic())
    assert [c.kind for c in made.candidates] == [Kind.MARCH, Kind.SEARCH, Kind.TRAINING]
    changed = made.only(2).with_first(field=SMALL, solvers=(QUICK,), adaptive=None)
    found = solve(cubic(), plan=changed)
    assert found.solvers == (repr(QUICK),)
    assert found.choice.startswith("A network by Gauss-Newton")
    assert made == plan(cubic()), "plans are values: the first one is as it was"


def test_a_plan_that_is_made_and_executed_is_the_solve() -> None:
    options = RunOptions(seed=3)
    direct = solve(poisson(), seed=3)
    by_hand = execute(plan(poisson(), options=options), poisson(), options)
    assert by_hand.history.loss.tolist() == direct.history.loss.tolist()
    assert by_hand.choice == direct.choice


def test_a_problem_that_brings_a_plan_keeps_it() -> None:
    own = Plan.single(SMALL, QUICK, "By the author of the problem.")
    problem = heat(plan=own)
    assert plan(problem) is own
    assert solve(problem).choice == "By the author of the problem."
    assert plan(problem, SINES).first.field == SINES, "a field that is given comes first"
    with pytest.raises(TypeError, match=r"problem 'heat': `plan` must be a Plan, .* got Candidate"):
        solve(heat(plan=own.first))


def test_plans_are_frozen_and_indices_checked() -> None:
    made = plan(heat())
    with pytest.raises(FrozenInstanceError):
        made.candidates = ()  # type: ignore[misc]
    with pytest.raises(ValueError, match="between 0 and 1, got 2"):
        made.only(2)
    with pytest.raises(ValueError, match="at least one Candidate"):
        Plan(())
    with pytest.raises(TypeError, match="Candidate objects, got 'heat'"):
        Plan("heat")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not both"):
        solve(heat(), SMALL, plan=made)
    with pytest.raises(ValueError, match=r"`field` must be given for Adam"):
        Candidate(None, (QUICK,), "No field.")
    with pytest.raises(ValueError, match="March brings its own field and stands alone"):
        Candidate(SMALL, (March(),), "Two fields.")


def test_the_execution_of_a_plan_does_not_call_itself() -> None:
    """No function below `execute` reaches `execute` or `solve` again; only a curriculum executes several plans."""
    folder = Path(inspect.getfile(execution)).parent
    callers = {}
    for path in folder.glob("*.py"):
        calls = [n.func for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
        callers[path.stem] = {c.id for c in calls if isinstance(c, ast.Name)} & {"execute", "solve"}
    assert {name for name, found in callers.items() if found} == {"curriculum"}


def test_plan_hides_no_module() -> None:
    assert pinnkit.plan is plan
    assert inspect.isfunction(pinnkit.plan)


# options ------------------------------------------------------------------------------------------------------------
def test_options_are_values_with_tuples() -> None:
    options = RunOptions(weights=GradientNorm(), callbacks=[print], slabs=[0.5], out="results/x")
    assert options.weights == (GradientNorm(),)
    assert options.callbacks == (print,)
    assert options.slabs == (0.5,)
    assert options.out == Path("results/x")
    assert options == RunOptions(weights=[GradientNorm()], callbacks=(print,), slabs=(0.5,), out=Path("results/x"))
    assert replace(options, seed=1) != options


def test_solve_has_every_option_as_a_keyword() -> None:
    given = inspect.signature(solve).parameters
    own = inspect.signature(RunOptions).parameters
    assert set(own) == set(given) - {"problem", "field", "solvers", "plan"}
    assert all(given[name].default == own[name].default for name in own)


@pytest.mark.parametrize(
    ("problem", "given", "words"),
    [
        (heat(), dict(field=None, solvers=March(), adaptive=RAD()), "March brings its own field"),
        (heat(), dict(field=None, solvers=March(), weights=GradientNorm()), "March brings its own field"),
        (heat(), dict(field=SINES, adaptive=RAD()), "LeastSquares solves for the read-out at once"),
        (heat(), dict(adaptive=object()), r"objects? such as RAD\(\) or R3\(\)"),
    ],
)
def test_options_that_a_plan_cannot_use_are_refused(problem: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        solve(problem, **given)


def test_a_start_is_refused_where_nothing_could_start_from_it() -> None:
    before = solve(heat(), SMALL, QUICK)
    for solver, words in ((March(), "March begins at the initial condition"), (LeastSquares(), "search of random")):
        with pytest.raises(ValueError, match=rf"`start` .*{words}"):
            solve(heat(), None, solver, start=before)


def test_the_weights_of_a_problem_count_where_balance_is_declined() -> None:
    """The automatic choice heeds `balance` as a given field does."""
    problem = heat(terms=[heat().terms[0], replace(heat().terms[1], weight=1e-6), heat().terms[2]])
    chosen = plan(problem).only(0).with_first(field=RandomFourier(60, bandwidth=5.0))
    heeded, weighed = (solve(problem, plan=chosen, balance=balance) for balance in (False, True))
    given = solve(problem, RandomFourier(60, bandwidth=5.0), LeastSquares(), balance=False)
    assert heeded.history.loss.tolist() == given.history.loss.tolist() != weighed.history.loss.tolist()


# slabs --------------------------------------------------------------------------------------------------------------
def test_a_plan_of_several_candidates_runs_in_slabs() -> None:
    rough = Candidate(SMALL, (QUICK,), "Rough.", accept=1e-12)
    fine = Candidate(RandomFourier(150, bandwidth=8.0), (LeastSquares(),), "Fine.")
    found = solve(heat(), plan=Plan((rough, fine)), slabs=2)
    assert "2 slabs of time" in found.choice
    assert "Taken: LeastSquares." in found.choice
    assert error(found, u=heat_exact) < 1e-5


# solvers of one's own -----------------------------------------------------------------------------------------------
def test_a_solver_that_lacks_a_part_of_the_contract_is_told_which() -> None:
    @dataclass(frozen=True)
    class Half:
        steps: int = 3

        def start(self, theta: torch.Tensor) -> dict[str, Any]:
            return {"theta": theta, "loss": torch.tensor(torch.inf), "done": False}

        def step(self, objective: Any, state: Any) -> dict[str, Any]:
            return {**state, "loss": objective.evaluate(state["theta"]).loss, "terms": {}}

    with pytest.raises(
        TypeError,
        match=r"lacks `draw`, `needs`, `sampling_plan`, `scope` of Solver; inherit pinnkit\.solvers\.SolverDefaults",
    ):
        solve(heat(), SMALL, Half())

    class Whole(SolverDefaults, Half):
        pass

    assert solve(heat(), SMALL, Whole()).steps == 3


def test_a_solver_of_the_read_out_needs_no_name_of_ours() -> None:
    """Every question about the read-out is asked of the contract, and of no class."""

    @dataclass(frozen=True)
    class Wrapped:
        inner: LeastSquares = field(default_factory=LeastSquares)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    for spec in (RandomFourier(40, bandwidth=4.0), RandomFourier(40), Siren(width=12, depth=1)):
        own, wrapped = (solve(heat(), spec, s) for s in (LeastSquares(), Wrapped()))
        assert own.history.loss.tolist() == wrapped.history.loss.tolist()
        assert own.status is wrapped.status
    assert isinstance(plan(heat(), None, Wrapped()).first.field, RandomFourier)
