"""Conformance suite of the files in problems/, and the wrong problems that these checks must catch."""

import ast
import importlib.util
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.fields import RandomFourier, Siren
from pinnkit.jets import Jet, NamedOperator
from pinnkit.jets.jet import coordinate
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.names import call
from pinnkit.problem.problem import Problem
from pinnkit.problem.residual_parts import residual_parts
from pinnkit.problem.terms import Term
from pinnkit.references import reference
from pinnkit.reports.validation import reference_error
from pinnkit.solvers import Adam, LeastSquares, solve

FOLDER = Path(__file__).resolve().parents[2] / "problems"
FILES = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("versus_"))  # those compare
WITHOUT_CLOSED_FORM = {"poisson_variable", "allen_cahn", "kdv", "schroedinger", "heat_in_reconstruction"}
WITHOUT_CLOSED_FORM |= {"lotka_volterra", "van_der_pol", "robertson", "lorenz", "double_pendulum"}
WITHOUT_CLOSED_FORM |= {"plate_four_holes", "l_shape"}
WITHOUT_CLOSED_FORM |= {"surface_from_points", "curve_koch", "nerf_scene", "occupancy"}
FITTED = {"surface_torus"}
"""Learned from points, which no grid is needed for."""
WITHOUT_CLOSED_FORM |= {"image_fit", "inpainting", "super_resolution", "image_from_gradients", "spectral_bias"}
WITHOUT_REFERENCE = {"poisson_5d", "poisson_5d_mixed", "heat_5d", "poisson_100d", "poisson_100d_mixed"}
"""More dimensions than finite differences have grids for."""
WITH_INTEGRALS = {"volterra", "fractional_laplacian"}
"""Equations that no reference covers."""
IN_PIECES = {"two_materials", "composite_wall"}
"""Coefficients that jump, across which no grid is right."""

# Second derivatives of the closed forms round to about 1e-13 of the channels that the residual is made of; the mildest
# of the mutants below is wrong by 1e-2.
TOLERANCE = 1e-11

LOOSE = {"fractional_laplacian": 1e-6}
"""The same where difference quotients of close values round."""

BUDGET = 0.5
"""Seconds for one set of grids."""


def build(source: str, path: Path) -> Problem:
    """The `problem` that the text of a problem file defines."""
    scope = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(source, str(path), "exec"), scope)
    problem = scope["problem"]
    assert isinstance(problem, Problem)
    return problem


@cache  # some reconstruct a surface first
def load(name: str) -> Problem:
    path = FOLDER / f"{name}.py"
    return build(path.read_text(encoding="utf-8"), path)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# the checks ---------------------------------------------------------------------------------------------------------
def exact_channel(problem: Problem, points: Points, channel: Channel) -> Tensor:
    """A channel of the exact solution: its function is called with coordinate jets, which know every derivative."""
    names = problem.frame.names
    at: dict[str, object] = {name: coordinate(problem.frame, points.coords, name) for name in names}
    u = call(problem.exact[channel.unknown], {**at, **problem.initial_coefficients()})
    assert isinstance(u, Jet)
    if isinstance(channel.order, NamedOperator):
        return sum((c * u.d(*order).value for c, order in channel.order.terms), torch.zeros(()))
    return u.d(*channel.order).value


def residual_of_exact(problem: Problem, term: Term) -> float:
    """The largest residual of the exact solution, over the size of the channels that it is made of."""
    points = term.sample(200, seeded())
    inside = problem.domain.sample(200, seeded())
    channels = problem.trace(term, raw=False).channels
    values = {c: exact_channel(problem, points[c.site], c) for c in channels}
    at = linearise(problem, term, points, values, raw=False)
    size = torch.zeros_like(at.r)
    for part in residual_parts(problem, at, values):
        if part.channel is None:
            size = size + part.contribution.abs().max()
        else:
            slope, largest = at.direct[part.channel], exact_channel(problem, inside, part.channel).abs().max()
            size = size + slope.abs().sum(dim=-1) * largest
    assert bool((size > 0).all()), "every channel vanishes: the check would accept anything"
    worst = float((at.r.abs() / size).max())
    return math.inf if math.isnan(worst) else worst


def violated_terms(problem: Problem) -> list[str]:
    """The names of the terms that the exact solution does not satisfy."""
    return [str(t.name) for t in problem.terms if residual_of_exact(problem, t) > LOOSE.get(problem.name, TOLERANCE)]


def residual_at(problem: Problem, u: Callable[..., Jet], n: int = 50) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The residual ``(n,)`` of the problem's equation at a given function `u`, and the coordinates of the points."""
    points = problem.term("equation").sample(n, seeded())
    at = {name: coordinate(problem.frame, points[0].coords, name) for name in problem.frame.names}
    jet = u(**at)
    values = {c: jet.d(*c.order).value for c in problem.trace(problem.term("equation"), raw=False).channels}
    result = linearise(problem, problem.term("equation"), points, values, raw=False)
    return result.r[:, 0], {name: x.value for name, x in at.items()}


def variable_conductivity_is_wrong(problem: Problem) -> bool:
    """Holds poisson_variable against the divergence of k grad u worked out by hand, for u = x^2 y."""
    r, at = residual_at(problem, lambda x, y: x**2 * y)
    x, y = at["x"], at["y"]
    flux = (1 + x + y**2) * 2 * y + 2 * x * y + 2 * y * x**2  # k u_xx + k_x u_x + k_y u_y; u_yy = 0
    return not torch.allclose(r, -flux - 64 * x * (1 - x) * y * (1 - y), rtol=1e-12, atol=1e-12)


# every problem ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_is_short_runnable_and_says_equation_and_source(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert 20 <= len(source.splitlines()) <= 60
    assert '\nif __name__ == "__main__":\n' in source
    words = ast.get_docstring(ast.parse(source)) or ""
    assert "=" in words.split("\n\n")[0], "the first paragraph states the equation"
    assert any(mark in words for mark in ("section", "Comput. Phys.", "Abramowitz", "J. ")), "a source is cited"
    assert "imensionless" in words or " in units of " in words
    assert "Expected: " in words


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_problem_is_named_as_its_file(path: Path) -> None:
    assert load(path.stem).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_exact_solution_makes_every_residual_vanish(path: Path) -> None:
    problem = load(path.stem)
    if path.stem in WITHOUT_CLOSED_FORM:
        assert not problem.exact
        return
    assert set(problem.exact) == set(problem.names)
    assert violated_terms(problem) == []


def test_the_variable_conductivity_is_differentiated_along() -> None:
    assert not variable_conductivity_is_wrong(load("poisson_variable"))


def test_a_problem_file_defines_its_problem_when_imported() -> None:
    spec = importlib.util.spec_from_file_location("heat_as_module", FOLDER / "heat.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert isinstance(module.problem, Problem)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_same_seed_gives_the_same_history_and_a_few_steps_lower_the_loss(path: Path) -> None:
    def run(seed: int) -> Tensor:
        solution = solve(load(path.stem), Siren(width=8, depth=1), [Adam(steps=25)], seed=seed, device="cpu")
        return torch.as_tensor(solution.history.loss)

    first, again, other = run(0), run(0), run(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first[-1] < first[0]


# the second method: finite differences --------------------------------------------------------------------------------
def references_outside_their_bars(problem: Problem, true: Problem, budget: float = BUDGET) -> list[str]:
    """Unknowns whose finite-difference values differ from the closed form by more than twice the bar they claim."""
    found = reference(problem, budget=budget)
    errors = reference_error(true, found, {})
    assert {error.unknown for error in errors} == set(true.exact)
    bars = {error.unknown: found.bars(error.unknown)[0] for error in errors}
    assert all(0 < bar < 0.05 for bar in bars.values()), f"bars {bars} would accept anything"
    return [error.unknown for error in errors if not error.measured_l2 <= 2 * bars[error.unknown]]


@pytest.mark.parametrize(
    "name",
    [
        path.stem
        for path in FILES
        if path.stem not in WITHOUT_CLOSED_FORM | WITHOUT_REFERENCE | WITH_INTEGRALS | IN_PIECES | FITTED
    ],
)
def test_finite_differences_agree_with_the_closed_form_within_twice_their_bar(name: str) -> None:
    problem = load(name)
    budget = 5.0 if name == "burgers" else BUDGET  # a front of 1 / 300 asks for fine grids
    assert references_outside_their_bars(problem, problem, budget) == []


@pytest.mark.parametrize("name", sorted(WITHOUT_REFERENCE))
def test_finite_differences_refuse_what_they_have_no_grid_for(name: str) -> None:
    with pytest.raises(Unsupported, match="dimensions, more than 3"):
        reference(load(name), budget=BUDGET)


@pytest.mark.parametrize("name", sorted(WITH_INTEGRALS))
def test_finite_differences_refuse_integrals(name: str) -> None:
    with pytest.raises(Unsupported, match="has an integral, which no reference"):
        reference(load(name), budget=BUDGET)


@pytest.mark.parametrize("name", sorted(IN_PIECES))
def test_finite_differences_refuse_a_domain_in_pieces(name: str) -> None:
    with pytest.raises(Unsupported, match="jump between pieces of the domain"):
        reference(load(name), budget=BUDGET)


def test_two_methods_agree_where_there_is_no_closed_form() -> None:
    problem = load("poisson_variable")
    solution = solve(problem, RandomFourier(features=300, bandwidth=8.0), [LeastSquares()], seed=0, device="cpu")
    found = reference(problem, budget=BUDGET)
    bar, _ = found.bars("u")
    assert 0 < bar < 0.05
    mesh = np.meshgrid(*found.axes.values(), indexing="ij")
    there = solution(**{axis: m.ravel() for axis, m in zip(found.axes, mesh, strict=True)})["u"]
    difference = np.linalg.norm(there - found.values["u"].ravel()) / np.linalg.norm(found.values["u"])
    assert difference <= bar + 1e-4  # the sines do not follow the corners: 2e-5 at best


@pytest.mark.parametrize(
    ("name", "right_text", "wrong_text"),
    [
        ("heat", "u.t - alpha", "u.t - 0.5 * alpha"),
        ("poisson", "boundary, u=0.0", "boundary, u=0.1"),
        ("wave", "u_t=0.0", "u_t=1.0"),
        ("pendulum", "theta.tt + torch", "theta.tt + 1.1 * torch"),
    ],
)
def test_finite_differences_of_a_wrong_problem_are_caught(name: str, right_text: str, wrong_text: str) -> None:
    path = FOLDER / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(right_text) == 1
    mutant = build(source.replace(right_text, wrong_text), path)
    assert references_outside_their_bars(mutant, load(name)) == list(mutant.exact)


# mutants: each must be caught ---------------------------------------------------------------------------------------
MUTANTS = [
    ("heat", "a flipped sign", "u.t - alpha", "u.t + alpha"),
    ("heat", "a halved coefficient", "\nalpha = 1 /", "\nalpha = 0.5 /"),
    ("heat", "swapped axes", "u.t - alpha * u.xx", "u.x - alpha * u.tt"),
    ("heat", "a wrong initial value", "Initial(u=lambda x: mode(1, x) + 0.5", "Initial(u=lambda x: mode(1, x) + 0.6"),
    ("heat", "a wrong boundary value", "boundary, u=0.0", "boundary, u=0.01"),
    ("heat_2d", "a flipped sign", "u.t - alpha", "u.t + alpha"),
    ("heat_2d", "a halved coefficient", "\nalpha = 1 /", "\nalpha = 0.5 /"),
    ("heat_2d", "swapped axes", "mode(2, 1, x, y)),\n    ]", "mode(2, 1, y, x)),\n    ]"),
    ("heat_2d", "a Laplacian that counts time", "u.laplacian", "(u.laplacian + u.tt)"),
    ("poisson", "a flipped sign", "-u.laplacian - f", "u.laplacian - f"),
    ("poisson", "a halved coefficient", "return 2 *", "return 1 *"),
    ("poisson", "a wrong boundary value", "boundary, u=0.0", "boundary, u=0.01"),
    ("poisson_bump", "a flipped sign", "layer(x) / delta**2\n", "-layer(x) / delta**2\n"),
    ("poisson_bump", "a halved coefficient", "(2 / s**2", "(1 / s**2"),
    ("poisson_bump", "swapped axes", "f(x, y)),", "f(y, x)),"),
    (
        "poisson_bump",
        "a wrong boundary value",
        "boundary, u=lambda x, y: bump(x, y) +",
        "boundary, u=lambda x, y: bump(x, y) -",
    ),
    ("wave", "a flipped sign", "u.tt - c", "u.tt + c"),
    ("wave", "a halved coefficient", "c**2 * u.xx", "0.5 * c**2 * u.xx"),
    ("wave", "swapped axes", "u.tt - c**2 * u.xx", "u.xx - c**2 * u.tt"),
    ("wave", "a wrong initial rate", "u_t=0.0", "u_t=0.1"),
    ("eikonal", "a flipped sign", "T.x**2 + T.y**2", "T.x**2 - T.y**2"),
    ("eikonal", "a halved coefficient", "gradient * distance(x, y) / (2", "gradient * distance(x, y) / (4"),
    ("eikonal", "swapped axes", "def v(y):", "def v(y, x=0.0):\n    y = x + y / 2\n"),
    ("eikonal", "a wrong value at the source", "T=0.0", "T=0.01"),
    ("helmholtz", "a flipped sign", "+ k**2 * u", "- k**2 * u"),
    ("helmholtz", "a halved coefficient", "k**2 * u -", "0.5 * k**2 * u -"),
    ("helmholtz", "swapped axes", "f(x, y)),", "f(y, x)),"),
    ("helmholtz", "a wrong boundary value", "boundary, u=0.0", "boundary, u=0.01"),
    ("two_materials", "a wrong boundary value", "boundary, u=exact", "boundary, u=lambda x, y: exact(x, y) + 0.01"),
    ("composite_wall", "a flipped sign", "- q(x)", "+ q(x)"),
    ("composite_wall", "a wrong boundary value", "T=inside", "T=inside + 0.1"),
    ("pendulum", "a flipped sign", "theta.tt + torch", "theta.tt - torch"),
    ("pendulum", "a halved coefficient", "+ torch.sin(theta))", "+ 0.5 * torch.sin(theta))"),
    ("pendulum", "a wrong initial value", "Initial(theta=start", "Initial(theta=1.01 * start"),
    ("pendulum", "a push at the start", "theta_t=0.0", "theta_t=0.1"),
    ("nonlinear_poisson", "a flipped sign", "+ u**3 -", "- u**3 -"),
    ("nonlinear_poisson", "a halved coefficient", "- 8 * hill", "- 4 * hill"),
    ("nonlinear_poisson", "swapped axes", "- f(x, y)),", "- f(y, x)),"),
    ("nonlinear_poisson", "a wrong boundary value", "boundary, u=exact", "boundary, u=wave"),
    ("klein_gordon", "a flipped sign", "u.tt - u.xx", "u.tt + u.xx"),
    ("klein_gordon", "a halved coefficient", "6 * x * t**3", "3 * x * t**3"),
    ("klein_gordon", "swapped axes", "u.tt - u.xx", "u.xx - u.tt"),
    ("klein_gordon", "a wrong initial rate", "u_t=0.0", "u_t=0.1"),
    ("advection", "a flipped sign", "u.t + c", "u.t - c"),
    ("advection", "a halved coefficient", "+ c * u.x", "+ 0.5 * c * u.x"),
    ("advection", "swapped axes", "u.t + c * u.x", "u.x + c * u.t"),
    ("advection", "a wrong initial value", "Initial(u=lambda x: torch.sin(x))", "Initial(u=lambda x: torch.cos(x))"),
    ("poisson_5d", "a flipped sign", "-u.laplacian", "u.laplacian"),
    ("poisson_5d", "a halved coefficient", "math.pi**2 / 4", "math.pi**2 / 8"),
    ("poisson_5d", "a wrong boundary value", "boundary, u=exact", "boundary, u=lambda x: 1.01 * exact(x)"),
    ("poisson_5d_mixed", "a flipped sign", "-u.laplacian", "u.laplacian"),
    ("poisson_5d_mixed", "a halved coefficient", "+ 0.8 * s", "+ 0.4 * s"),
    ("poisson_5d_mixed", "swapped axes", "- f(x)),", "- f(x.flip(1))),"),
    ("poisson_5d_mixed", "a wrong boundary value", "boundary, u=exact", "boundary, u=bump"),
    ("heat_5d", "a flipped sign", "u.t - u.laplacian", "u.t + u.laplacian"),
    ("heat_5d", "a halved coefficient", "u.laplacian / d", "u.laplacian / (2 * d)"),
    ("heat_5d", "a Laplacian that counts time", "u.laplacian / d", "(u.laplacian + u.tt) / d"),
    ("heat_5d", "a value in place of the flux", "Neumann(ball.boundary, u=exact)", "Neumann(ball.boundary, u=0.0)"),
    ("heat_5d", "a wrong initial value", "(squared_norm(x) / 2))", "(squared_norm(x)))"),
    ("poisson_100d", "a flipped sign", "-u.laplacian", "u.laplacian"),
    ("poisson_100d", "a halved coefficient", "+ 2 * d", "+ d"),
    ("poisson_100d", "a wrong boundary value", "boundary, u=exact", "boundary, u=0.0"),
    ("poisson_100d_mixed", "a flipped sign", "-u.laplacian", "u.laplacian"),
    ("poisson_100d_mixed", "a halved coefficient", "- 5 * wave", "- 2.5 * wave"),
    ("poisson_100d_mixed", "swapped axes", "- 5 * wave(x)", "- 5 * wave(x.flip(1))"),
    ("poisson_100d_mixed", "a wrong boundary value", "boundary, u=exact", "boundary, u=wave"),
    ("volterra", "a flipped sign", "u - memory", "u + memory"),
    ("volterra", "a halved coefficient", "u - memory", "u - 0.5 * memory"),
    ("volterra", "a kernel that grows", "torch.exp(s - t) * u", "torch.exp(t - s) * u"),
    ("volterra", "a wrong upper end", "lambda t: t))", "lambda t: t / 2))"),
    ("fractional_laplacian", "a flipped sign", "- C * (left", "+ C * (left"),
    ("fractional_laplacian", "one side left out", "(left + right)", "(2 * left)"),
    ("fractional_laplacian", "a wrong power", "powers=(1 - a, a / 2)", "powers=(1 - a, 0)"),
    ("poisson_variable", "a flipped sign", "-div(k(", "div(k("),
    ("poisson_variable", "a halved coefficient", "1 + x + y**2", "1 + x + 0.5 * y**2"),
    ("poisson_variable", "swapped axes", "k(x, y) * grad", "k(y, x) * grad"),
    ("poisson_variable", "a conductivity outside the divergence", "div(k(x, y) * grad(u))", "k(x, y) * div(grad(u))"),
]


@pytest.mark.parametrize(("name", "wrong", "right_text", "wrong_text"), MUTANTS, ids=lambda word: word[:24])
def test_a_wrong_problem_is_caught(name: str, wrong: str, right_text: str, wrong_text: str) -> None:
    path = FOLDER / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(right_text) == 1, f"the text that {wrong} replaces must stand once in {name}.py"
    mutant = build(source.replace(right_text, wrong_text), path)
    caught = variable_conductivity_is_wrong(mutant) if name in WITHOUT_CLOSED_FORM else bool(violated_terms(mutant))
    assert caught, f"{name} with {wrong} passed the checks"
