"""Trefftz method: accuracy on random shapes against closed forms, automatic choice, refusals, files."""

import math

import numpy as np
import pytest
import torch

from pinnkit import Condition, Dirichlet, Equation, Neumann, Problem, load, plan, solve
from pinnkit.domains import Ball, Box, Ellipse, Polygon
from pinnkit.fields import Siren, Trefftz, TrefftzFunctions
from pinnkit.measure.acceptance.random_polygons import largest_error, random_problem
from pinnkit.problem.errors import Unsupported
from pinnkit.solutions.storage import save
from pinnkit.solvers import LBFGS, Adam, LeastSquares
from pinnkit.solvers.plans.candidates import Kind
from pinnkit.solvers.trefftz.operator_of import require

SQUARE = Box(x=(0, 1), y=(0, 1))


def module_of(solution):
    (module,) = solution.modules.values()
    return module


def laplace(domain, **conditions) -> Problem:
    terms = [Dirichlet(domain.boundary, **(conditions or {"u": 1.0}))]
    return Problem("laplace", domain, "u", [Equation(lambda u: u.laplacian), *terms])


def only_trefftz(problem: Problem, **options):
    return solve(problem, Trefftz(), **options)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kappa", [0.0, 25.0, -16.0])
def test_mixed_problems_in_random_polygons_with_holes(seed: int, kappa: float) -> None:
    problem, sources = random_problem(seed, kappa, mixed=True, manufactured=True)
    assert sources is not None
    solution = only_trefftz(problem, tolerance=1e-9)
    assert largest_error(module_of(solution), problem, sources) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [0.0, 25.0])
@pytest.mark.parametrize("seed", range(20))
def test_twenty_random_polygons_with_holes(seed: int, kappa: float) -> None:
    problem, sources = random_problem(seed, kappa, mixed=True, manufactured=True)
    assert sources is not None
    solution = only_trefftz(problem, tolerance=1e-10)
    assert largest_error(module_of(solution), problem, sources) < 1e-8
    singular, _ = random_problem(seed, kappa, mixed=True, manufactured=False)
    coarse, fine = (only_trefftz(singular, tolerance=t) for t in (1e-8, 1e-10))
    x = singular.domain.sample(1000, torch.Generator().manual_seed(5)).coords
    with torch.no_grad():
        first, second = (module_of(s)(x) for s in (coarse, fine))
    assert float((first - second).abs().max()) < 1e-6 * float(second.abs().max())


def test_the_l_shape_agrees_with_the_published_value() -> None:
    # -laplacian u = 1 on the L-shape of side 2; the value is that of a fit to 1e-12, and of rational fits elsewhere
    shape = Polygon([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)])
    problem = Problem("l", shape, "u", [Equation(lambda u: -u.laplacian - 1), Dirichlet(shape.boundary, u=0.0)])
    solution = solve(problem, tolerance=1e-9)
    assert "Functions that satisfy the equation exactly" in solution.choice
    values = solution(x=[-0.5, -0.5], y=[0.5, -0.5])["u"]
    assert values[0] == pytest.approx(0.1023621577, abs=2e-10)
    assert values[1] == pytest.approx(0.1310529620, abs=2e-10)


def test_poisson_with_a_smooth_source_and_a_general_operator() -> None:
    def exact(x, y):
        return torch.sin(2 * x) * torch.exp(-y) + x * y

    def source(x, y):  # 2 u_xx + u_xy / 2 + u_yy + u_x - 3 u_y - 2 u
        s, c, e = torch.sin(2 * x), torch.cos(2 * x), torch.exp(-y)
        second = -8 * s * e + 0.5 * (-2 * c * e + 1) + s * e
        return second + 2 * c * e + y - 3 * (-s * e + x) - 2 * (s * e + x * y)

    def residual(u, x, y):
        return 2 * u.xx + 0.5 * u.xy + u.yy + u.x - 3 * u.y - 2 * u - source(x, y)

    problem = Problem("general", SQUARE, "u", [Equation(residual), Dirichlet(SQUARE.boundary, u=exact)])
    solution = only_trefftz(problem, tolerance=1e-10)
    x = SQUARE.sample(500, torch.Generator().manual_seed(0)).coords
    assert np.abs(solution(x=x[:, 0], y=x[:, 1])["u"] - exact(x[:, 0], x[:, 1]).numpy()).max() < 1e-8


@pytest.mark.parametrize(
    "domain", [Ball(x=0.2, y=-0.1, radius=0.7), Ellipse(x=0, y=0, radii=(1.0, 0.6))], ids=["disk", "ellipse"]
)
def test_smooth_shapes_with_a_variable_robin_coefficient(domain) -> None:
    def exact(x, y):
        return torch.exp(x) * torch.cos(y)

    def condition(u, x, y, n):
        slope = torch.exp(x) * (torch.cos(y) * n[:, 0] - torch.sin(y) * n[:, 1])
        alpha = 2 + torch.sin(x)
        return u.x * n[:, 0] + u.y * n[:, 1] + alpha * u - slope - alpha * exact(x, y)

    terms = [Equation(lambda u: u.laplacian), Condition(domain.boundary, condition)]
    solution = only_trefftz(Problem("robin", domain, "u", terms), tolerance=1e-11)
    x = domain.sample(300, torch.Generator().manual_seed(0)).coords
    assert np.abs(solution(x=x[:, 0], y=x[:, 1])["u"] - exact(x[:, 0], x[:, 1]).numpy()).max() < 1e-9


def test_the_automatic_plan_begins_with_it_and_falls_back() -> None:
    chosen = plan(laplace(SQUARE))
    assert [c.kind for c in chosen.candidates][:2] == [Kind.BOUNDARY, Kind.SEARCH]
    # a kinked source is found out on the way, and the next candidate is tried
    terms = [Equation(lambda u, x: -u.laplacian - torch.abs(x - 0.3)), Dirichlet(SQUARE.boundary, u=0.0)]
    solution = solve(Problem("kink", SQUARE, "u", terms), seconds=20)
    assert "Not covered: problem 'kink': polynomials resolve the source" in solution.choice
    assert not isinstance(next(iter(solution.fields.values())), TrefftzFunctions)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([Equation(lambda u: u.laplacian - u**3), Dirichlet(SQUARE.boundary, u=1.0)], "not linear"),
        ([Equation(lambda u, x: u.xx + (1 + x) * u.yy), Dirichlet(SQUARE.boundary, u=1.0)], "not constant"),
        ([Equation(lambda u: u.xx - u.yy), Dirichlet(SQUARE.boundary, u=1.0)], "not elliptic"),
        ([Equation(lambda u: u.laplacian + 1e6 * u), Dirichlet(SQUARE.boundary, u=1.0)], "too short"),
        ([Equation(lambda u: u.xx.xx + u.yy.yy), Dirichlet(SQUARE.boundary, u=1.0)], "higher than second order"),
        ([Equation(lambda u: u.laplacian), Dirichlet(SQUARE.face(x=0), u=1.0)], "needs one condition, it has none"),
    ],
)
def test_what_is_not_covered_is_refused_with_the_reason(terms, message: str) -> None:
    problem = Problem("other", SQUARE, "u", terms)
    with pytest.raises(Unsupported, match=message):
        only_trefftz(problem)
    assert all(c.kind is not Kind.BOUNDARY for c in plan(problem).candidates)


def test_other_domains_and_unknowns_are_refused() -> None:
    cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    with pytest.raises(Unsupported, match="two coordinates of space"):
        require(laplace(cube))
    two = Problem(
        "two",
        SQUARE,
        ["u", "v"],
        [Equation(lambda u, v: (u.laplacian, v.laplacian)), Dirichlet(SQUARE.boundary, u=0.0, v=0.0)],
    )
    with pytest.raises(Unsupported, match="one scalar unknown"):
        require(two)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="LeastSquares alone"):
        solve(laplace(SQUARE), Trefftz(), [LeastSquares(), LBFGS(steps=2)])
    start = solve(laplace(SQUARE), Siren(width=4), Adam(steps=1))
    with pytest.raises(ValueError, match="`start` needs the same field; Trefftz"):
        solve(laplace(SQUARE), Trefftz(), start=start)


def test_the_solution_can_be_differentiated_and_the_search_stopped() -> None:
    problem = laplace(SQUARE, u=lambda x, y: torch.exp(x) * torch.sin(y))
    seen = []
    solution = solve(problem, callbacks=[lambda record: seen.append(record.step) or False])
    assert seen
    assert solution.residual_rms < 1e-9
    slope = solution.d("x", "x")(x=0.3, y=0.4)["u"]
    assert slope == pytest.approx(math.exp(0.3) * math.sin(0.4), abs=1e-8)
    stopped = solve(problem, callbacks=[lambda _: True])
    assert stopped.status.name == "INTERRUPTED"


def test_flux_and_value_on_one_straight_side() -> None:
    # u = Im sqrt(z) has an exponent of 1/2 where value and flux meet on a straight line
    def exact(x, y):
        return torch.sqrt((torch.sqrt(x**2 + y**2) - x) / 2)

    half = Polygon([(-1, 0), (0, 0), (1, 0), (1, 1), (-1, 1)])
    others = [Dirichlet(half.side(k), u=exact, name=f"w{k}") for k in (1, 2, 3, 4)]
    problem = Problem("slit", half, "u", [Equation(lambda u: u.laplacian), Neumann(half.side(0), u=0.0), *others])
    solution = only_trefftz(problem, tolerance=1e-10)
    x = half.sample(500, torch.Generator().manual_seed(0)).coords
    assert np.abs(solution(x=x[:, 0], y=x[:, 1])["u"] - exact(x[:, 0], x[:, 1]).numpy()).max() < 1e-8


def test_files(tmp_path) -> None:
    solution = solve(laplace(SQUARE, u=lambda x, y: x * y))
    again = load(save(solution, tmp_path / "u.h5"))
    points = {"x": [0.2, 0.7], "y": [0.9, 0.1]}
    assert np.array_equal(again(**points)["u"], solution(**points)["u"])


@pytest.mark.parametrize("kappa", [0.0, 12.0])
def test_values_that_jump_at_corners(kappa: float) -> None:
    # u = 1 on the upper side and 0 on the others: a sine series
    terms = [Dirichlet(SQUARE.face(y=1), u=1.0, name="hot"), Dirichlet(SQUARE.face(x=(0, 1), y=0), u=0.0, name="cold")]
    problem = Problem("hot", SQUARE, "u", [Equation(lambda u: u.laplacian + kappa * u), *terms])
    solution = only_trefftz(problem, tolerance=1e-10)
    x, y = torch.rand(2, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = 0.9 * y
    exact = torch.zeros_like(x)
    for n in range(1, 120, 2):
        rate = torch.sqrt(torch.tensor((n * math.pi) ** 2 - kappa, dtype=torch.complex128))
        exact += 4 / (n * math.pi) * torch.sin(n * math.pi * x) * (torch.sinh(rate * y) / torch.sinh(rate)).real
    assert np.abs(solution(x=x, y=y)["u"] - exact.numpy()).max() < 1e-8


def test_a_hole_that_is_no_circle() -> None:
    # log |z - a| has its singularity near the end of the ellipse, where multipoles at its middle do not converge
    ellipse = Ellipse(x=0.1, y=0, radii=(0.5, 0.2))
    plate = Box(x=(-1, 1), y=(-1, 1)) - ellipse

    def exact(x, y):
        return 0.5 * torch.log((x - 0.5) ** 2 + (y - 0.02) ** 2) + x

    problem = Problem("plate", plate, "u", [Equation(lambda u: u.laplacian), Dirichlet(plate.boundary, u=exact)])
    solution = only_trefftz(problem, tolerance=1e-8)
    x = plate.sample(500, torch.Generator().manual_seed(0)).coords
    assert np.abs(solution(x=x[:, 0], y=x[:, 1])["u"] - exact(x[:, 0], x[:, 1]).numpy()).max() < 1e-6
