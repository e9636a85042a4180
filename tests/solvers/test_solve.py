"""solve: from a problem to a Solution, for every kind of condition, field and unknown."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Coefficient,
    Data,
    Dirichlet,
    Equation,
    FourierMLP,
    Initial,
    LeastSquares,
    Neumann,
    Periodic,
    Problem,
    RandomFourier,
    Robin,
    Siren,
    Status,
    Unknown,
    solve,
)
from pinnkit.solvers.objective import Evaluation
from tests.solvers.cases import DAY, F64, LINE, ROD, SQUARE, cubic, heat, heat_exact, pair, poisson, relative

F32 = torch.float32
NET = Siren(width=12, depth=2, omega=3.0)
FEW = dict(points=64, condition_points=16)
TWO_PI = 2 * math.pi


def error(solution, **exact) -> float:
    """The worst relative L2 error of the named unknowns at random points of the domain."""
    problem = solution.problem
    coords = problem.domain.sample(400, torch.Generator().manual_seed(5)).coords
    at = {a.name: coords[:, i].numpy() for i, a in enumerate(problem.axes)}
    found = solution(**at)
    inputs = [torch.as_tensor(v) for v in at.values()]
    return max(relative(found[name], f(*inputs)) for name, f in exact.items())


# ---------------------------------------------------------------- automatic: every kind of term


def test_heat_by_least_squares() -> None:
    solution = solve(heat())
    assert solution.status is Status.SOLVED
    assert error(solution, u=heat_exact) < 1e-9
    assert solution.residual_rms < 1e-8
    assert solution.choice.startswith("Random sines by least squares")
    assert "Held-out residual chose" in solution.choice
    assert solution.solvers == (repr(LeastSquares()),)
    assert solution.dtype == F64
    assert solution.steps == len(solution.history.step) > 3
    assert set(solution.history.terms) == {"equation", "dirichlet", "initial"}
    assert {"python", "torch", "pinnkit"} <= set(solution.versions)
    (spec,) = solution.fields.values()
    assert isinstance(spec, RandomFourier)
    assert spec.bandwidth is not None
    assert solution.parameters == spec.features


def test_neumann_and_robin() -> None:
    # u = cos(2 x) e^y: u_x = 0 at x = 0, u + u_x = g at x = 1
    def exact(x, y):
        return torch.cos(2 * x) * torch.exp(y)

    problem = Problem(
        "mixed",
        SQUARE,
        "u",
        [
            Equation(lambda u: u.laplacian + 3 * u),
            Neumann(SQUARE.face(x=0), u=0.0),
            Robin(SQUARE.face(x=1), u=(1.0, 1.0, lambda y: (math.cos(2) - 2 * math.sin(2)) * torch.exp(y))),
            Dirichlet(SQUARE.face(y=(0, 1)), u=exact),
        ],
    )
    assert error(solve(problem), u=exact) < 1e-8


def test_periodic_advection() -> None:
    problem = Problem(
        "advection",
        ROD,
        "u",
        [Equation(lambda u: u.t + u.x), Periodic("x"), Initial(u=lambda x: torch.sin(TWO_PI * x))],
    )
    assert error(solve(problem), u=lambda x, t: torch.sin(TWO_PI * (x - t))) < 1e-8


def test_periodic_heat_matches_slopes_too() -> None:
    problem = Problem(
        "ring",
        ROD,
        "u",
        [
            Equation(lambda u: u.t - 0.05 * u.xx),
            Periodic("x"),
            Initial(u=lambda x: 1 + torch.sin(TWO_PI * x)),
        ],
    )
    exact = lambda x, t: 1 + torch.sin(TWO_PI * x) * torch.exp(-0.05 * TWO_PI**2 * t)  # noqa: E731
    assert error(solve(problem), u=exact) < 1e-7


def test_a_system_of_ordinary_equations_with_two_unknowns() -> None:
    problem = Problem(
        "oscillator",
        Box(t=(0, 6)),
        ["q", "p"],
        [Equation(lambda q, p: (q.t - p, p.t + q)), Initial(q=1.0, p=0.0)],
    )
    solution = solve(problem)
    assert error(solution, q=torch.cos, p=lambda t: -torch.sin(t)) < 1e-8
    assert set(solution.modules) == {("q", "p")}


def test_a_nonlinear_system_of_ordinary_equations() -> None:
    # q = tanh t, p = 1 / cosh^2 t
    problem = Problem(
        "kink",
        Box(t=(0, 2)),
        ["q", "p"],
        [Equation(lambda q, p: q.t - p), Equation(lambda q, p: p.t + 2 * q * p), Initial(q=0.0, p=1.0)],
    )
    assert error(solve(problem), q=torch.tanh, p=lambda t: 1 / torch.cosh(t) ** 2) < 1e-8


def test_a_vector_unknown() -> None:
    # v = (cos(x + t), sin(x + t)): v_t = v_x, and the second is the first turned
    problem = Problem(
        "turning",
        ROD,
        Unknown("v", components=2),
        [
            Equation(lambda v: v.t - v.x),
            Initial(v=lambda x: torch.stack([torch.cos(x), torch.sin(x)], dim=-1)),
            Dirichlet(ROD.face(x=1), v=lambda t: torch.stack([torch.cos(1 + t), torch.sin(1 + t)], dim=-1)),
        ],
    )
    exact = lambda x, t: torch.stack([torch.cos(x + t), torch.sin(x + t)], dim=-1)  # noqa: E731
    solution = solve(problem)
    assert solution(x=np.zeros(3), t=np.zeros(3))["v"].shape == (3, 2)
    assert error(solution, v=exact) < 1e-8


def test_data_take_part() -> None:
    xs, ts = torch.rand(40, dtype=F64), torch.rand(40, dtype=F64)
    problem = heat(
        terms=[heat().terms[0], heat().terms[1], Data(dict(x=xs, t=ts), u=heat_exact(xs, ts))],
    )
    assert error(solve(problem), u=heat_exact) < 1e-5


def test_a_hard_condition() -> None:
    problem = heat(ansatz={"u": lambda u, x, t: torch.sin(math.pi * x) + t * x * (1 - x) * u}, terms=[heat().terms[0]])
    solution = solve(problem)
    assert error(solution, u=heat_exact) < 1e-8
    assert np.abs(solution(x=np.array([0.0, 1.0]), t=np.array([0.3, 0.8]))["u"]).max() < 1e-12


def test_the_exact_solution_is_not_consulted() -> None:
    calls = []

    def exact(x, t):
        calls.append(1)
        return 7.0 + 0 * x * t  # wrong, and nobody should notice

    problem = heat(exact={"u": exact})
    calls.clear()
    solution = solve(problem)
    assert not calls
    assert error(solution, u=heat_exact) < 1e-9


# ---------------------------------------------------------------- inverse problems


XS = torch.linspace(0.05, 0.95, 12, dtype=F64)
GRID = [c.reshape(-1) for c in torch.meshgrid(XS, XS, indexing="ij")]


def inverse(**options) -> Problem:
    """u_t = nu u_xx with nu = 0.15, measured at 144 points."""

    def exact(x, t):
        return torch.sin(math.pi * x) * torch.exp(-0.15 * math.pi**2 * t)

    return Problem(
        "inverse",
        ROD,
        "u",
        [Equation(lambda u, nu: u.t - nu * u.xx), Data(dict(x=GRID[0], t=GRID[1]), u=exact(*GRID))],
        coefficients=[Coefficient("nu", 0.6, **options)],
    )


@pytest.mark.parametrize("positive", [False, True])
def test_a_coefficient_is_recovered_by_training(positive: bool) -> None:
    solution = solve(
        inverse(positive=positive), NET, [Adam(steps=100, lr=1e-2, **FEW), LBFGS(steps=150, **FEW)], seed=1
    )
    assert solution.coefficients["nu"] == pytest.approx(0.15, rel=0.02)


def test_a_coefficient_is_recovered_by_least_squares_on_the_joint_system() -> None:
    given = solve(inverse(positive=True), RandomFourier(120, bandwidth=4.0), LeastSquares())
    assert given.coefficients["nu"] == pytest.approx(0.15, rel=1e-5)
    chosen = solve(inverse(), RandomFourier(120))
    assert chosen.coefficients["nu"] == pytest.approx(0.15, rel=1e-5)


# ---------------------------------------------------------------- training


def test_training_lowers_the_loss_and_says_what_ran() -> None:
    given = [Adam(steps=60, lr=5e-3, **FEW), LBFGS(steps=60, **FEW)]
    solution = solve(heat(), NET, given)
    assert solution.status in (Status.BUDGET, Status.STALLED)
    assert solution.history.loss[-1] < 0.02 * solution.history.loss[0]
    assert error(solution, u=heat_exact) < 0.1
    assert solution.history.solver == ("Adam",) * 60 + ("LBFGS",) * (len(solution.history.step) - 60)
    assert list(solution.history.step) == list(range(1, solution.steps + 1))
    assert solution.solvers == tuple(map(repr, given))
    assert solution.fields == {("u",): NET}
    assert solution.choice == "Field and solver as given."


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    given = [Adam(steps=8, batch=20), LBFGS(steps=4, **FEW)]
    a, b, c = (solve(cubic(), NET, given, seed=seed) for seed in (3, 3, 4))
    assert a.history.loss.tolist() == b.history.loss.tolist()
    assert all(a.history.terms[k].tolist() == b.history.terms[k].tolist() for k in a.history.terms)
    assert all(
        torch.equal(p, q) for p, q in zip(a.modules["u",].parameters(), b.modules["u",].parameters(), strict=True)
    )
    assert a.history.loss.tolist() != c.history.loss.tolist()


def test_the_same_seed_gives_the_same_search() -> None:
    a, b, c = (solve(poisson(), RandomFourier(60), seed=seed) for seed in (0, 0, 1))
    assert a.history.loss.tolist() == b.history.loss.tolist()
    assert torch.equal(a.modules["u",].readout.weight, b.modules["u",].readout.weight)
    assert a.history.loss.tolist() != c.history.loss.tolist()


def test_global_generators_decide_nothing() -> None:
    a = solve(heat(), NET, Adam(steps=3, **FEW))
    torch.manual_seed(99)
    torch.rand(3)
    b = solve(heat(), NET, Adam(steps=3, **FEW))
    assert a.history.loss.tolist() == b.history.loss.tolist()


def test_minibatches_and_resampling_see_fresh_points() -> None:
    fixed, batches, resampled = (
        solve(heat(), NET, Adam(steps=4, lr=1e-9, **o)).history.loss.tolist()
        for o in (FEW, {"batch": 64}, {**FEW, "resample": 2})
    )
    assert max(fixed) - min(fixed) < 1e-6
    assert len({round(loss, 5) for loss in batches}) == 4
    assert abs(resampled[0] - resampled[1]) < 1e-6 < abs(resampled[1] - resampled[2])
    assert abs(resampled[2] - resampled[3]) < 1e-6


def test_single_precision() -> None:
    trained = solve(heat(), NET, [Adam(steps=20, **FEW), LBFGS(steps=20, **FEW)], dtype=F32)
    assert trained.dtype == F32
    assert all(p.dtype == F32 for p in trained.modules["u",].parameters())
    assert trained.history.loss[-1] < trained.history.loss[0]
    own = solve(heat(dtype=F32), NET, Adam(steps=3, **FEW))
    assert own.dtype == F32


def test_single_precision_least_squares_is_as_good_as_single_precision_allows() -> None:
    solution = solve(heat(), dtype=F32)
    assert all(p.dtype == F32 for p in solution.modules["u",].parameters())
    assert error(solution, u=heat_exact) < 1e-3
    given = solve(heat(), RandomFourier(100, bandwidth=3.0), LeastSquares(), dtype=F32)
    assert error(given, u=heat_exact) < 1e-3


def test_a_ready_module_of_torch() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 1))
    problem = Problem("decay", DAY, "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    solution = solve(problem, module, LBFGS(steps=60, **FEW))
    assert error(solution, u=lambda t: torch.exp(-t)) < 1e-3
    assert solution.fields == {("u",): None}
    assert solution.modules["u",] is module


def test_a_field_for_each_unknown() -> None:
    problem = Problem(
        "oscillator", Box(t=(0, 1)), ["q", "p"], [Equation(lambda q, p: (q.t - p, p.t + q)), Initial(q=1.0, p=0.0)]
    )
    fields = {"p": NET, "q": MLP(width=8, depth=1, activation="tanh")}
    solution = solve(problem, fields, LBFGS(steps=60, **FEW))
    assert solution.fields == {("p",): NET, ("q",): MLP(width=8, depth=1, activation="tanh")}
    assert error(solution, q=torch.cos) < 0.02
    shared = solve(problem, {("q", "p"): NET}, LBFGS(steps=5, **FEW))
    assert set(shared.modules) == {("q", "p")}


def test_unknowns_on_different_axes_get_fields_of_their_own() -> None:
    solution = solve(pair(), NET, Adam(steps=2, **FEW))
    assert set(solution.modules) == {("u",), ("kappa",)}
    assert solution.fields["kappa",] == NET


def test_adam_then_least_squares_freezes_all_but_the_readout() -> None:
    adam = Adam(steps=40, lr=5e-3, **FEW)
    before = solve(heat(), NET, adam)
    after = solve(heat(), NET, [adam, LeastSquares(ratio=20.0, condition_ratio=5.0)])
    assert after.status is Status.SOLVED
    assert after.history.solver[:40] == ("Adam",) * 40
    assert set(after.history.solver[40:]) == {"LeastSquares"}
    assert list(after.history.step) == list(range(1, after.steps + 1))
    frozen = [n for n, _ in before.modules["u",].named_parameters() if not n.startswith("readout")]
    states = before.modules["u",].state_dict(), after.modules["u",].state_dict()
    assert frozen
    assert all(torch.equal(states[0][n], states[1][n]) for n in frozen)
    assert not torch.equal(states[0]["readout.weight"], states[1]["readout.weight"])


def test_a_start_is_where_the_solve_begins_coefficients_included() -> None:
    first = solve(inverse(), NET, LBFGS(steps=30, **FEW))
    second = solve(inverse(), NET, LBFGS(steps=1, **FEW), start=first)
    assert second.history.loss[0] < 1.5 * first.history.loss[-1]
    assert second.coefficients["nu"] == pytest.approx(first.coefficients["nu"], abs=0.05)


def test_a_solver_of_ones_own_needs_no_more_than_the_protocol() -> None:
    @dataclass(frozen=True)
    class Descent:
        steps: int = 5
        rate: float = 1e-4

        def start(self, theta):
            return {"theta": theta, "loss": torch.tensor(math.inf), "terms": {}, "done": False}

        def step(self, objective, state):
            found: Evaluation = objective.evaluate(state["theta"])
            theta = state["theta"] - self.rate * found.gradient
            return {"theta": theta, "loss": found.loss, "terms": dict(found.terms), "done": False}

    solution = solve(heat(), NET, Descent())
    assert solution.history.loss[-1] < solution.history.loss[0]


def test_divergence_is_a_status_and_not_an_exception() -> None:
    def poison(steps: int):
        count = [0]

        def residual(u, x):
            count[0] += 1
            return u.t - u.xx * torch.where(x < 2, float("nan") if count[0] > steps else 1.0, 1.0)

        return residual

    problem = heat(terms=[Equation(poison(40)), *heat().terms[1:]])
    solution = solve(problem, NET, Adam(steps=200, **FEW))
    assert solution.status is Status.DIVERGED
    assert all(torch.isfinite(p).all() for p in solution.modules["u",].parameters())
    assert np.isfinite(solution.history.loss).all()


# ---------------------------------------------------------------- stopping


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
    assert search.status is Status.SOLVED or search.status is Status.STALLED


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


# ---------------------------------------------------------------- bad input


WIDE = nn.Linear(2, 2)
FROZEN = nn.Linear(2, 1).requires_grad_(False)
OK = dict(field=NET, solvers=Adam(steps=1, points=8, condition_points=4))
BAD = {
    "negative seed": (dict(seed=-1), ["`seed`", "whole number from 0", "-1"]),
    "half a seed": (dict(seed=0.5), ["`seed`", "0.5"]),
    "seed is a boolean": (dict(seed=True), ["`seed`", "True"]),
    "unknown device": (dict(device="gpu"), ["`device`", "'cpu' or 'cuda'", "'gpu'"]),
    "device of another kind": (dict(device="meta"), ["`device`", "'cpu' or 'cuda'", "'meta'"]),
    "device is nothing": (dict(device=None), ["`device`", "None"]),
    "whole numbers": (dict(dtype=torch.int64), ["`dtype`", "torch.float64", "torch.int64"]),
    "Python's int": (dict(dtype=int), ["`dtype`", "torch.float64", "int"]),
    "half precision": (dict(dtype=torch.float16), ["`dtype`", "torch.float16"]),
    "tolerance of zero": (dict(tolerance=0.0), ["`tolerance`", "positive", "0.0"]),
    "tolerance is nan": (dict(tolerance=math.nan), ["`tolerance`", "positive", "nan"]),
    "tolerance is a word": (dict(tolerance="1e-3"), ["`tolerance`", "positive number", "'1e-3'"]),
    "no seconds": (dict(seconds=-1), ["`seconds`", "positive", "-1"]),
    "checkpoints before the start": (dict(checkpoint_seconds=-1), ["`checkpoint_seconds`", "at least 0", "-1"]),
    "resume without a folder": (dict(resume=True), ["`resume`", "out="]),
    "a callback alone": (dict(callbacks=print), ["`callbacks`", "list of functions"]),
    "a callback that is none": (dict(callbacks=[3]), ["`callbacks`", "[3]"]),
    "start is a word": (dict(start="heat"), ["`start`", "Solution", "str"]),
    "field is a word": (dict(field="siren"), ["`field`", "Siren(width=64)", "'siren'"]),
    "field is a class": (dict(field=Siren), ["`field`", "Siren(width=64)"]),
    "a field too rough": (
        dict(field=MLP(activation="relu")),
        ["problem 'heat' needs 2 derivatives of `u`", "has 1", "Siren(...)", "tanh"],
    ),
    "a field of another unknown": (dict(field={"v": NET}), ["`field` must name each unknown ('u',) once", "'v'"]),
    "a field twice": (dict(field={"u": NET, ("u",): NET}), ["`field` must name each unknown"]),
    "a field of nothing": (dict(field={}), ["`field` must name each unknown"]),
    "a module of wrong width": (dict(field=nn.Linear(3, 1)), ["module cannot be called on (3, 2) coordinates"]),
    "a module of too many outputs": (dict(field=WIDE), ["module must map (n, 2) to (n, 1)", "(3, 2)"]),
    "nothing to train": (dict(field=FROZEN), ["nothing to train"]),
    "a module without a read-out": (
        dict(field=nn.Sequential(nn.Linear(2, 1)), solvers=LeastSquares()),
        ["LeastSquares", "Sequential", "linear read-out"],
    ),
    "no bandwidth for Adam": (dict(field=RandomFourier(20)), ["bandwidth=None", "LeastSquares", "give a bandwidth"]),
    "no bandwidth and then Adam": (
        dict(field=RandomFourier(20), solvers=[LeastSquares(), Adam()]),
        ["bandwidth=None", "LeastSquares alone"],
    ),
    "a search from a start": (
        lambda: dict(field=None, solvers=None, start=solve(heat(), **OK)),
        ["`start`", "search of random sines"],
    ),
    "a start of another shape": (
        lambda: dict(start=solve(heat(), Siren(width=5, depth=2), OK["solvers"])),
        ["`start`", "same shape"],
    ),
    "solver is a word": (dict(solvers="adam"), ["`solvers`", "Adam(steps=2000)", "'adam'"]),
    "solver is a class": (dict(solvers=[Adam]), ["`solvers`", "Adam(steps=2000)"]),
    "no solvers": (dict(solvers=[]), ["`solvers`", "[]"]),
    "batches for L-BFGS": (lambda: dict(solvers=LBFGS(batch=10)), ["LBFGS", "all points", "Adam(batch=...)"]),
    "no steps": (lambda: dict(solvers=Adam(steps=0)), ["Adam: `steps`", "at least 1", "0"]),
    "an empty batch": (lambda: dict(solvers=Adam(batch=0)), ["Adam: `batch`", "at least 1", "0"]),
    "a rate of zero": (lambda: dict(solvers=Adam(lr=0)), ["Adam: `lr`", "positive", "0"]),
    "a search that cannot be": (lambda: dict(solvers=LBFGS(c1=0.9, c2=0.1)), ["LBFGS", "0 < c1 < c2 < 1"]),
    "least squares for Huber": (
        lambda: dict(problem=heat(terms=[Equation(lambda u: u.t - u.xx, penalty=huber())]), solvers=LeastSquares()),
        ["'equation'", "Huber", "Square()"],
    ),
}


def huber():
    from pinnkit import Huber

    return Huber()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_line(name: str) -> None:
    given, words = BAD[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        solve(**{"problem": heat(), **OK, **(given() if callable(given) else given)})
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_more_bad_input() -> None:
    with pytest.raises(ValueError, match=r"CUDA" if not torch.cuda.is_available() else "cuda"):
        solve(heat(), **OK, device="cuda:99" if torch.cuda.is_available() else "cuda")
    mixed = {"u": RandomFourier(20), "kappa": RandomFourier(30)}
    with pytest.raises(ValueError, match=r"bandwidth=None.*all unknowns together"):
        solve(pair(), mixed, LeastSquares())
    with pytest.raises(ValueError, match=r"different axes and cannot share"):
        solve(pair(), {("u", "kappa"): NET}, Adam(steps=1))
    with pytest.raises(ValueError, match=r"different axes need a module each"):
        solve(pair(), nn.Linear(2, 2), Adam(steps=1))


def test_out_must_be_a_folder(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"`out` must be a folder.*is a file"):
        solve(heat(), **OK, out=tmp_path / "file")


def test_defaults_by_field_and_by_solver() -> None:
    sines = solve(poisson(), RandomFourier(50, bandwidth=3.0))
    assert sines.solvers == (repr(LeastSquares()),)
    assert "given random sines" in sines.choice
    squares = solve(poisson(), None, replace(LeastSquares(), ratio=2.0), seconds=0.1)
    assert isinstance(squares.fields["u",], RandomFourier)
    trained = solve(
        Problem("line", LINE, "u", [Equation(lambda u: u.xx - 1)]), FourierMLP(4, width=4, depth=1), seconds=0.2
    )
    assert trained.solvers == (repr(Adam()), repr(LBFGS()))
