"""Finite differences inside curved walls: order, error bars, and what is refused."""

import math
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
import torch

from pinnkit import (
    Ball,
    Box,
    Dirichlet,
    Equation,
    Initial,
    LeastSquares,
    Neumann,
    Problem,
    RandomFourier,
    Region,
    Robin,
    Time,
    Unknown,
    div,
    grad,
    reference,
    solve,
    validate,
)
from pinnkit.problem.errors import Unsupported
from pinnkit.references import FiniteDifferences
from pinnkit.references.errors import TooFewConditions
from pinnkit.references.finite_differences.cut_cell_grid import CutGrid
from pinnkit.references.grid import Grid, Line

Curved = import_module("pinnkit.references.finite_differences.cut_cells").Curved

exp, sin, cos = torch.exp, torch.sin, torch.cos
DISK = Ball(x=0.1, y=-0.2)
BALL = Ball(x=0.0, y=0.0, z=0.1, radius=0.8)


def flower(points: torch.Tensor) -> torch.Tensor:
    """Five petals, no signed distance, and not convex."""
    x, y = points[:, 0], points[:, 1]
    return torch.sqrt(x * x + y * y) - 0.7 - 0.15 * cos(5 * torch.atan2(y, x))


def wave(x, y):
    return exp(x) * sin(2 * y)


def wave_3d(x, y, z):
    return exp(x) * sin(2 * y) * cos(z)


def poisson(domain, name="poisson", **options) -> Problem:
    terms = [Equation(lambda u, x, y: -u.laplacian - 3 * wave(x, y)), Dirichlet(domain.boundary, u=wave)]
    return Problem(name, domain, "u", terms, exact=dict(u=wave), **options)


def nonlinear() -> Problem:
    def residual(u, x, y):
        return -div((1 + x * x) * grad(u)) + u**3 + 2 * x * u.x - source(x, y)

    def source(x, y):  # of the closed form
        w = wave(x, y)
        return 3 * (1 + x * x) * w - 2 * x * w + w**3 + 2 * x * w

    return Problem("nonlinear", DISK, "u", [Equation(residual), Dirichlet(DISK.boundary, u=wave)], exact=dict(u=wave))


def system() -> Problem:
    """u and a vector v, each driven by the other."""

    def residual(u, v, x, y):
        return -u.laplacian + v[0] - 3 * wave(x, y) - x * y

    def other(u, v, x, y):
        zero = u - wave(x, y)
        return torch.stack([-v[0].laplacian + zero, -v[1].laplacian - 2 * v[1] + v[0].x - y + sin(y)], -1)

    def given(x, y):
        return torch.stack([x * y, sin(y)], dim=-1)

    terms = [Equation(residual), Equation(other, name="other"), Dirichlet(DISK.boundary, u=wave, v=given)]
    unknowns = ["u", Unknown("v", components=2)]
    return Problem("system", DISK, unknowns, terms, exact=dict(u=wave, v=given))


def in_ball() -> Problem:
    terms = [
        Equation(lambda u, x, y, z: -u.laplacian - 4 * wave_3d(x, y, z)),
        Dirichlet(BALL.boundary, u=wave_3d),
    ]
    return Problem("ball", BALL, "u", terms, exact=dict(u=wave_3d))


PETALS = Region(flower, Box(x=(-1, 1), y=(-0.9, 1)))
CASES = {
    "disk": (poisson(DISK), (16, 32, 64)),
    "petals": (poisson(PETALS), (32, 64, 128)),
    "nonlinear": (nonlinear(), (16, 32, 64)),
    "system": (system(), (16, 32, 64)),
    "ball": (in_ball(), (12, 24, 48)),
}


def errors(problem: Problem, cells: int) -> list[float]:
    scheme = Curved(problem)
    solved = scheme.solve((cells,) * len(scheme.columns))
    mesh = torch.meshgrid(*(torch.from_numpy(t) for t in solved.grid.values()), indexing="ij")
    found = []
    for name, exact in problem.exact.items():
        gap = solved.values[name] - exact(*mesh).numpy()
        found.append(float(np.sqrt(np.nanmean(gap**2))))
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_error_falls_with_the_second_power_of_the_spacing(name: str) -> None:
    problem, cells = CASES[name]
    steps = [errors(problem, n) for n in cells]
    for coarse, fine in pairwise(steps):
        for before, after in zip(coarse, fine, strict=True):
            assert 1.7 < math.log2(before / after) < 2.4


def test_arms_end_on_the_wall_and_stencils_are_exact_for_quadratics() -> None:
    def level(points):
        return np.hypot(points[:, 0], points[:, 1]) ** 3 - 0.5  # not a distance

    cut = CutGrid(Grid((Line("x", -1, 1, 11), Line("y", -1.1, 0.9, 13))), level)
    assert np.abs(level(cut.crossings)).max() < 1e-12
    assert (level(cut.nodes) < 0).all()

    def values(p):
        return 1 + p[:, 0] - 3 * p[:, 1] + 2 * p[:, 0] * p[:, 1] + 4 * p[:, 0] ** 2 - p[:, 1] ** 2

    every = np.concatenate([values(cut.nodes), values(cut.crossings)])
    x, y = cut.nodes.T
    for axis, order, true in (
        (0, 0, values(cut.nodes)),
        (0, 1, 1 + 2 * y + 8 * x),
        (1, 1, -3 + 2 * x - 2 * y),
        (0, 2, 8 + 0 * x),
        (1, 2, -2 + 0 * x),
    ):
        assert cut.derivative(axis, order) @ every == pytest.approx(true, abs=1e-9)


def test_a_wall_through_nodes_cuts_no_arm_to_nothing() -> None:
    cut = CutGrid(Grid((Line("x", -1, 1, 8), Line("y", -1, 1, 8))), lambda p: np.abs(p).max(axis=1) - 0.5)
    assert len(cut.nodes) == 9
    assert np.abs(np.abs(cut.crossings).max(axis=1) - 0.5).max() < 1e-12


@pytest.mark.parametrize("name", ["disk", "petals", "ball"])
def test_error_bars_hold_at_the_nodes_and_between_them(name: str) -> None:
    problem, _ = CASES[name]
    found = reference(problem, budget=0.4, method=FiniteDifferences())
    assert "curved walls" in found.kind
    exact = problem.exact["u"]
    mesh = torch.meshgrid(*(torch.from_numpy(t) for t in found.grid.values()), indexing="ij")
    true = exact(*mesh).numpy()
    known = np.isfinite(found.values["u"])
    size = np.sqrt(np.mean(true[known] ** 2))
    gap = np.sqrt(np.mean((found.values["u"] - true)[known] ** 2)) / size
    assert gap <= found.error_bar["u"] < 20 * gap
    points = problem.domain.sample(300, torch.Generator().manual_seed(3)).coords
    columns = dict(zip(found.grid, points.T.numpy(), strict=True))
    between = found.at(**columns)["u"] - exact(*points.T).numpy()
    assert np.sqrt(np.mean(between**2)) / size <= found.error_bar["u"]
    assert np.abs(between).max() <= found.max_error_bar["u"]


def test_outside_the_wall_there_is_nothing() -> None:
    found = reference(poisson(PETALS), budget=0.2, method=FiniteDifferences())
    assert np.isnan(found.at(x=[0.99], y=[0.99])["u"]).all()
    coarse = found.on_grid(x=9, y=9)["u"]
    assert np.isnan(coarse[0, 0])
    assert coarse[4, 4] == pytest.approx(float(wave(torch.tensor(0.0), torch.tensor(0.05))), abs=1e-3)


def test_a_solution_in_a_disk_is_validated_by_its_reference() -> None:
    problem = poisson(DISK)
    report = validate(solve(problem, RandomFourier(200, bandwidth=3.0), LeastSquares()), budget=0.5)
    (against,) = report.discretised
    assert against.points > 500
    assert against.measured_l2 <= report.reference.error_bar["u"]
    (own,) = report.reference_error
    assert own.measured_l2 <= report.reference.error_bar["u"]


def _with(domain, *terms, unknowns="u") -> Problem:
    return Problem("p", domain, unknowns, [Equation(lambda u: u.laplacian + 1.0), *terms])


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        (_with(DISK, Neumann(DISK.boundary, u=0.0)), Unsupported, "only Dirichlet"),
        (_with(DISK, Robin(DISK.boundary, u=(1.0, 1.0, 0.0))), Unsupported, "only Dirichlet"),
        (_with(DISK), TooFewConditions, "no condition prescribes `u`"),
        (
            _with(DISK, Dirichlet(DISK.boundary, u=0.0), Dirichlet(DISK.boundary, u=1.0, name="twice")),
            Unsupported,
            "'twice' prescribes a value for the second time",
        ),
        (
            Problem("p", DISK, "u", [Equation(lambda u: u.xy - 1.0), Dirichlet(DISK.boundary, u=0.0)]),
            Unsupported,
            "derivative u_xy",
        ),
        (
            Problem("p", DISK, "u", [Equation(lambda u: u.xxxx - 1.0), Dirichlet(DISK.boundary, u=0.0)]),
            Unsupported,
            "derivative u_xxxx",
        ),
        (
            Problem(
                "p",
                DISK * Time(0, 1),
                "u",
                [Equation(lambda u: u.t - u.laplacian), Dirichlet((DISK * Time(0, 1)).boundary, u=0.0), Initial(u=0.0)],
            ),
            Unsupported,
            "not a box but Ball, .* without `t` only",
        ),
        (
            _with(Ball(x=(0.0,) * 5), Dirichlet(Ball(x=(0.0,) * 5).boundary, u=0.0)),
            Unsupported,
            "5 space dimensions",
        ),
    ],
)
def test_what_it_does_not_cover_is_refused_by_name(problem: Problem, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        FiniteDifferences().refer(problem, 0.2)


def test_a_domain_that_the_grid_hardly_sees_is_refused() -> None:
    thin = Region(lambda p: (p[:, 1] ** 2 + (0.05 * p[:, 0]) ** 2).sqrt() - 0.02, Box(x=(-1, 1), y=(-1, 1)))
    problem = _with(thin, Dirichlet(thin.boundary, u=0.0))
    with pytest.raises(Unsupported, match="nodes inside the domain, too few"):
        Curved(problem).solve((16, 16))
