"""Terms with integrals and groups of points: every solver, the automatic choice, conditions on totals, refusals."""

import importlib
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scipy.special import roots_jacobi

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Condition,
    Dirichlet,
    Equation,
    GaussNewton,
    Initial,
    Integral,
    LeastSquares,
    Neumann,
    PointSet,
    Problem,
    RandomFourier,
    load,
    plan,
    residuals,
    solve,
)
from pinnkit.domains import Points, gauss_rule
from pinnkit.problem.penalties import Energy
from pinnkit.solutions.storage import save
from pinnkit.solvers.collocation.collocation_points import CollocationPoints
from pinnkit.solvers.method_of_lines.march import can_march
from pinnkit.solvers.training.adaptive_points import RAD
from tests.solvers.cases import F64, LINE, error

TIME = Box(t=(0, 2))
NET = MLP(width=8, depth=2)


def volterra(nodes: int = 8) -> Problem:
    past = Integral(lambda u, s, t: torch.exp(s - t) * u, t=("s", 0, lambda t: t), nodes=nodes)
    return Problem("volterra", TIME, "u", [Equation(lambda u, past: u.t + u - past, past=past), Initial(u=1.0)])


def exact(t: torch.Tensor) -> torch.Tensor:
    return torch.exp(-t) * torch.cosh(t)


def by_hand(rows: int = 60, nodes: int = 8) -> Problem:
    """The same equation at groups of a point and the nodes below it, as a user writes it."""
    t = torch.linspace(0, 2, rows, dtype=F64)[:, None]
    z, w = gauss_rule(nodes)
    coords = torch.cat([t, t * z], dim=1)
    kernel = torch.cat([0 * t, torch.exp(t * z - t) * t * w], dim=1)
    first = torch.cat([1 + 0 * t, 0 * (t * z)], dim=1)
    points = Points(
        coords.reshape(-1, 1), columns={"first": first.reshape(-1), "kernel": kernel.reshape(-1)}, group=nodes + 1
    )
    equation = Equation(lambda u, first, kernel, row_sums: row_sums(first * (u.t + u) - kernel * u), points=points)
    return Problem("by_hand", TIME, "u", [equation, Initial(u=1.0)])


@pytest.mark.parametrize("problem", [volterra(), by_hand()], ids=["integral", "groups"])
@pytest.mark.parametrize(
    ("field", "solvers", "bound"),
    [
        (RandomFourier(30, bandwidth=4.0), LeastSquares(), 1e-8),
        (NET, GaussNewton(steps=10, points=48), 1e-3),
        (NET, [Adam(steps=60, points=60, lr=1e-2), LBFGS(steps=100, points=60)], 3e-3),
    ],
    ids=["least squares", "Gauss-Newton", "Adam and L-BFGS"],
)
def test_all_solvers_agree_on_a_volterra_equation(problem: Problem, field, solvers, bound: float) -> None:
    assert error(solve(problem, field, solvers), u=exact) < bound


@pytest.mark.parametrize("problem", [volterra(), by_hand()], ids=["integral", "groups"])
def test_the_automatic_choice_is_least_squares(problem: Problem, tmp_path: Path) -> None:
    assert plan(problem).first.solvers == (LeastSquares(),)
    solution = solve(problem)
    assert error(solution, u=exact) < 1e-10
    path = save(solution, tmp_path)
    again = load(path, problem=problem).solution
    assert again is not None
    assert error(again, u=exact) < 1e-10
    with pytest.raises(ValueError, match="equation"):  # another integral is another problem
        load(path, problem=replace(volterra(nodes=3), name=problem.name))


def test_a_nonlinear_volterra_equation_is_solved_by_newtons_method() -> None:
    """u(t) = 1 + int_0^t u^2 ds: u = 1 / (1 - t)."""
    past = Integral(lambda u: u**2, t=("s", 0, lambda t: t), nodes=16)
    problem = Problem("blow_up", Box(t=(0, 0.5)), "u", [Equation(lambda u, past: u - 1 - past, past=past)])
    assert error(solve(problem), u=lambda t: 1 / (1 - t)) < 1e-9


def test_a_prescribed_total_completes_fluxes_on_all_walls() -> None:
    total = Condition(PointSet(x=[0.5]), lambda mass: mass - 1, mass=Integral(lambda u: u, x=(0, 1)))
    source = Equation(lambda u, x: -u.xx - math.pi**2 * torch.cos(math.pi * x))
    problem = Problem("mass", LINE, "u", [source, Neumann(LINE.boundary, u=0.0), total])
    assert error(solve(problem), u=lambda x: 1 + torch.cos(math.pi * x)) < 1e-9


def test_a_total_over_a_square_may_hold_at_every_time() -> None:
    """u = exp(-t) (1 + x y): its total over the square is 5 / 4 exp(-t)."""
    box = Box(x=(0, 1), y=(0, 1), t=(0, 1))
    mass = Integral(lambda u: u, x=(0, 1), y=(0, 1), nodes=4)
    terms = [
        Equation(lambda u: u.laplacian),
        Condition(box.face(x=0), lambda mass, t: mass - 1.25 * torch.exp(-t), mass=mass, points=40),
    ]
    term = Problem("square", box, "u", terms).terms[1]
    given = residuals(
        Problem("square", box, "u", terms),
        _Known(),
        {str(term.name): term.sample(20, torch.Generator().manual_seed(0))[0]},
    )
    assert float(given[str(term.name)].detach().abs().max()) < 1e-12


class _Known(torch.nn.Module):
    """exp(-t) (1 + x y)."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(1, dtype=F64))

    def forward(self, coords: torch.Tensor) -> torch.Tensor:
        x, y, t = coords.unbind(dim=1)
        return (self.one * torch.exp(-t) * (1 + x * y))[:, None]


def test_an_energy_with_an_integral_is_minimised() -> None:
    """int u'^2 / 2 - f u + m^2 / 2, m = int u: -u'' + m = f, f = pi^2 sin(pi x): u = sin(pi x) - m x (1 - x) / 2."""
    total = 2 / math.pi / (1 + 1 / 12)
    energy = Equation(
        lambda u, x, m: u.x**2 / 2 - math.pi**2 * torch.sin(math.pi * x) * u + m**2 / 2,
        m=Integral(lambda u: u, x=(0, 1), nodes=8),
        penalty=Energy(),
    )
    problem = Problem("energy", LINE, "u", [energy], ansatz={"u": lambda u, x: x * (1 - x) * u})
    solution = solve(problem, NET, [Adam(steps=40, points=128, lr=2e-2), LBFGS(steps=100, points=128)])
    assert error(solution, u=lambda x: torch.sin(math.pi * x) - total * x * (1 - x) / 2) < 2e-2


def test_points_that_follow_the_residual_bring_their_nodes() -> None:
    solver = GaussNewton(steps=8, points=48)
    solution = solve(volterra(), NET, solver, adaptive=RAD(every=2))
    assert error(solution, u=exact) < 0.05


def test_batches_of_given_groups_are_whole_groups() -> None:
    problem = by_hand(rows=10, nodes=3)
    points = CollocationPoints(problem, {"equation": 4, "initial": 1}, 0, batch=4)
    (drawn,) = points.whole(problem.term("equation"))
    assert points.size(problem.term("equation")) == drawn.row_count == 4
    assert drawn.coords.shape == (16, 1)
    assert torch.equal(drawn.coords[1::4] / drawn.coords[::4].clamp(min=1e-9) < 0.2, torch.ones(4, 1) > 0)


def test_the_fractional_laplacian_has_the_eigenvalues_of_jacobi_polynomials(monkeypatch: pytest.MonkeyPatch) -> None:
    """(-laplacian)^(a/2) (1 - x^2)^(a/2) P_n = Gamma(n + 1 + a) / n! P_n, P_n a Jacobi polynomial: Dyda, theorem 3."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "problems")
    module = importlib.import_module("fractional_laplacian")
    roots = torch.from_numpy(roots_jacobi(4, 0.75, 0.75)[0])

    def polynomial(x):
        return (x - float(roots[0])) * (x - float(roots[1])) * (x - float(roots[2])) * (x - float(roots[3]))

    monkeypatch.setattr(module, "f", lambda x: math.gamma(5 + 1.5) / math.factorial(4) * polynomial(x))
    (term,) = module.problem.terms
    problem = Problem("jacobi", module.problem.domain, "v", [term])
    solution = solve(problem, RandomFourier(30, bandwidth=5.0), LeastSquares())
    assert error(solution, v=polynomial) < 1e-5


def test_single_precision_and_batches_are_trained() -> None:
    problem = replace(volterra(), dtype=torch.float32)
    solution = solve(problem, NET, Adam(steps=120, batch=32, lr=2e-2))
    assert error(solution, u=exact) < 0.2


def test_what_needs_single_points_refuses_integrals_by_name() -> None:
    assert "has an integral" in str(can_march(_heat_with_memory()))
    with pytest.raises(ValueError, match="`slabs` cannot divide term 'equation'"):
        solve(volterra(), NET, Adam(steps=2), slabs=2)


def _heat_with_memory() -> Problem:
    box = Box(x=(0, 1), t=(0, 1))
    past = Integral(lambda u: u.xx, t=("s", 0, lambda t: t), nodes=4)
    return Problem(
        "memory",
        box,
        "u",
        [
            Equation(lambda u, past: u.t - past, past=past),
            Dirichlet(box.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x)),
        ],
    )


def test_a_heat_equation_with_memory_is_solved_like_a_wave() -> None:
    """u_t = int_0^t u_xx ds is u_tt = u_xx at rest: cos(pi t) sin(pi x)."""
    solution = solve(_heat_with_memory(), RandomFourier(150, bandwidth=4.0), LeastSquares())
    assert error(solution, u=lambda x, t: torch.cos(math.pi * t) * torch.sin(math.pi * x)) < 1e-3
