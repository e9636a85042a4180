"""Solves in pieces: random materials against closed forms, the merged solution, and its verdict."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit import (
    Adam,
    Box,
    Dirichlet,
    Disk,
    Equation,
    Interface,
    LeastSquares,
    Piecewise,
    Problem,
    RandomFourier,
    Siren,
    Unknown,
    div,
    grad,
    laplacian,
    reference,
    solve,
    validate,
    verdict,
)
from pinnkit.measure.acceptance.materials import VARIANTS
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.script import load_problem
from pinnkit.solutions.pieces import merged, of_pieces
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.storage import load, save

LINE = Box(x=(0, 1))
HALF = Box(x=(0, 0.4))
K = Piecewise({HALF: 5.0, "elsewhere": 1.0})
FLUX = 1 / (0.4 / 5 + 0.6)


def exact(x: Tensor) -> Tensor:
    return torch.where(x < 0.4, FLUX * x / 5, FLUX * (0.4 / 5 + x - 0.4))


def bar(*terms: Any, **options: Any) -> Problem:
    conduction = Equation(lambda u, x: div(K(x) * grad(u)), name="conduction")
    walls = [Dirichlet(LINE.face(x=0), u=0.0), Dirichlet(LINE.face(x=1), u=1.0)]
    return Problem("bar", LINE, "u", [conduction, *walls, *terms], exact={"u": exact}, **options)


@pytest.fixture(scope="module")
def solved() -> Solution:
    return solve(bar(), RandomFourier(30, bandwidth=1.5))


def error(solution: Solution) -> float:
    (compared,) = validate(solution, budget=0.0).exact
    return compared.rel_l2


def test_the_solution_is_that_of_the_problem_as_it_was_given(solved: Solution) -> None:
    assert solved.problem.names == ("u",)
    assert error(solved) < 1e-9
    assert solved(x=0.4)["u"] == pytest.approx(FLUX * 0.08)
    slopes = solved.d("x")(x=[0.2, 0.7])["u"]
    assert slopes == pytest.approx([FLUX / 5, FLUX])
    assert solved.flux("conduction", x=[0.2, 0.7])[:, 0] == pytest.approx([FLUX, FLUX])
    assert "2 pieces" in repr(solved)


def test_a_merged_solution_can_be_divided_again_and_copied(solved: Solution) -> None:
    pieces = of_pieces(solved)
    assert pieces.problem.names == ("u_1", "u_2")
    again = merged(solved.problem, pieces)
    copy = pickle.loads(pickle.dumps(solved))
    x = np.linspace(0, 1, 11)
    for other in (again, copy):
        assert np.array_equal(other(x=x)["u"], solved(x=x)["u"])


def test_a_merged_solution_is_saved_and_read_back_without_its_problem(solved: Solution, tmp_path: Path) -> None:
    save(solved, tmp_path)
    found = load(tmp_path)
    x = np.linspace(0, 1, 50)
    assert np.array_equal(found(x=x)["u"], solved(x=x)["u"])
    full = load(tmp_path, problem=solved.problem)
    assert np.array_equal(full(x=x)["u"], solved(x=x)["u"])


def test_the_verdict_looks_at_every_piece_and_interface(solved: Solution) -> None:
    report = validate(solved, budget=0.1)
    assert report.good
    assert {t.name for t in report.terms} >= {
        "conduction, piece 1",
        "value of u, piece 1 | piece 2",
        "flux of u, piece 1 | piece 2",
    }
    assert "jump between pieces" in report.no_reference


def test_a_flux_that_jumps_is_found_although_every_equation_is_met(solved: Solution) -> None:
    """The solution of another contact, judged as that of the perfect one."""
    wrong = solve(bar(Interface(HALF, flux_jump=0.5)), RandomFourier(30, bandwidth=1.5))
    plain = bar()
    without = Problem("bar", LINE, "u", plain.terms)
    planted = merged(without, Solution(**{**vars(of_pieces(wrong)), "problem": without.in_pieces}))
    found = verdict(planted)
    assert found.findings
    assert any("flux of u" in f.sentence for f in found.findings)
    assert not verdict(merged(without, Solution(**{**vars(of_pieces(solved)), "problem": without.in_pieces}))).findings


def test_the_wrong_side_of_a_jump_is_found() -> None:
    other = Piecewise({HALF: 1.0, "elsewhere": 5.0})
    swapped = Problem(
        "bar",
        LINE,
        "u",
        [
            Equation(lambda u, x: div(other(x) * grad(u)), name="conduction"),
            Dirichlet(LINE.face(x=0), u=0.0),
            Dirichlet(LINE.face(x=1), u=1.0),
        ],
    )
    wrong = solve(swapped, RandomFourier(30, bandwidth=1.5))
    right = Problem("bar", LINE, "u", bar().terms)
    planted = merged(right, Solution(**{**vars(of_pieces(wrong)), "problem": right.in_pieces}))
    assert verdict(planted).findings


@pytest.mark.parametrize("name", VARIANTS)
def test_materials_at_random_are_solved_automatically(name: str) -> None:
    make, target = VARIANTS[name]
    solution = solve(make(7), seed=1)
    assert error(solution) < target
    assert validate(solution, budget=0.0).good


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", VARIANTS)
def test_many_materials_at_random_are_solved_automatically(name: str, seed: int) -> None:
    make, target = VARIANTS[name]
    assert error(solve(make(seed), seed=seed)) < target


def test_two_materials_and_a_composite_wall(root: Path) -> None:
    problem = load_problem(root / "problems" / "two_materials.py")
    solution = solve(problem)
    assert error(solution) < 1e-9
    assert problem.metrics["flux_error"](solution) < 1e-8
    assert error(solve(load_problem(root / "problems" / "composite_wall.py"))) < 1e-10


def test_fields_may_be_named_by_the_unknowns_of_the_problem() -> None:
    terms = [
        Equation(lambda u, x: div(K(x) * grad(u)) - 1.0, name="e"),
        Equation(lambda u, v: laplacian(v) - u, on=HALF),
        Dirichlet(LINE.boundary, u=0.0),
        Dirichlet(HALF.boundary, v=0.0),
    ]
    problem = Problem("two", LINE, ["u", Unknown("v", on=HALF)], terms)
    fields = {"u": RandomFourier(30, bandwidth=1.5), "v": RandomFourier(25, bandwidth=1.5)}
    found = solve(problem, fields, LeastSquares())
    assert [s.features for spec in found.fields.values() for s in spec.fields if s is not None] == [30, 30, 25]  # type: ignore[union-attr]
    assert np.isnan(found(x=0.8)["v"])
    assert np.isfinite(found(x=[0.1, 0.4])["v"]).all()
    assert not verdict(found).findings


def test_a_network_is_trained_in_each_piece() -> None:
    found = solve(bar(), Siren(width=8, depth=1), [Adam(steps=30)])
    assert found(x=[0.1, 0.9])["u"].shape == (2,)
    assert found.steps == 30


@pytest.mark.parametrize(
    ("call", "error_type", "words"),
    [
        (lambda: solve(bar(), torch.nn.Linear(1, 1).double()), ValueError, "need a module each; give a spec"),
        (lambda: solve(bar(), {"w": RandomFourier(10, bandwidth=1.0)}), ValueError, "names `w`, which is no unknown"),
        (lambda: reference(bar()), Unsupported, "jump between pieces of the domain"),
    ],
)
def test_what_does_not_go_with_pieces_is_refused(
    call: Callable[[], object], error_type: type[Exception], words: str
) -> None:
    with pytest.raises(error_type, match=words):
        call()


def test_a_nonlinear_flux_across_a_jump() -> None:
    edge, c = 0.4, 1.5 / (0.4 / 2 + 0.6 / 0.5)
    k = Piecewise({Box(x=(0, edge)): 2.0, "elsewhere": 0.5})

    def true(x: Tensor) -> Tensor:  # k (u + u^2 / 2)' = c
        rise = torch.where(x < edge, c * x / 2, c * edge / 2 + c * (x - edge) / 0.5)
        return torch.sqrt(1 + 2 * rise) - 1

    problem = Problem(
        "nonlinear",
        LINE,
        "u",
        [
            Equation(lambda u, x: div(k(x) * (1 + u) * grad(u))),
            Dirichlet(LINE.face(x=0), u=0.0),
            Dirichlet(LINE.face(x=1), u=1.0),
        ],
        exact={"u": true},
    )
    assert error(solve(problem)) < 1e-8


def test_elasticity_of_two_layers_has_continuous_tractions() -> None:
    square, low = Box(x=(0, 1), y=(0, 1)), Box(x=(0, 1), y=(0, 0.4))
    mu = Piecewise({low: 3.0, "elsewhere": 1.0})

    def shear(y: Tensor) -> Tensor:
        s = torch.where(y < 0.4, y / 3, 0.4 / 3 + (y - 0.4))
        return torch.stack([s, 0 * s], dim=-1)

    def balance(u: Any, x: Any, y: Any) -> Any:
        strain = grad(u)
        return div(mu(x, y)[:, None, None] * (strain + strain.transpose(-1, -2)))

    problem = Problem(
        "layers",
        square,
        Unknown("u", components=2),
        [Equation(balance), Dirichlet(square.boundary, u=shear)],
        exact={"u": shear},
    )
    assert error(solve(problem, RandomFourier(120, bandwidth=1.5))) < 1e-6


def test_three_materials_that_meet_on_one_wall() -> None:
    """A T-junction: one side of the upper layer borders two other materials."""
    square = Box(x=(0, 1), y=(0, 1))
    k = Piecewise({Box(x=(0, 1), y=(0.5, 1)): 1.0, Box(x=(0, 0.5), y=(0, 0.5)): 2.0, Box(x=(0.5, 1), y=(0, 0.5)): 2.0})

    def true(y: Tensor) -> Tensor:  # k u_y continuous, the two lower ones alike
        return torch.where(y > 0.5, (y - 0.5) + 0.25, y / 2)

    problem = Problem(
        "junction",
        square,
        "u",
        [Equation(lambda u, x, y: div(k(x, y) * grad(u))), Dirichlet(square.boundary, u=true)],
        exact={"u": true},
    )
    assert len(problem.pieces) == 3
    assert error(solve(problem, RandomFourier(60, bandwidth=1.5))) < 1e-6


def test_explicit_pieces_decompose_a_domain() -> None:
    square = Box(x=(0, 1), y=(0, 1))
    halves = [Box(x=(0, 0.5), y=(0, 1)), Box(x=(0.5, 1), y=(0, 1))]

    def true(x: Tensor, y: Tensor) -> Tensor:
        return torch.sin(math.pi * x) * torch.sin(math.pi * y)

    problem = Problem(
        "halves",
        square,
        "u",
        [Equation(lambda u, x, y: -u.laplacian - 2 * math.pi**2 * true(x, y)), Dirichlet(square.boundary, u=0.0)],
        exact={"u": true},
        pieces=halves,
    )
    assert error(solve(problem, RandomFourier(150, bandwidth=3.0))) < 1e-6
    whole = Disk(x=0, y=0)
    assert len(Problem("disk", whole, "u", [Equation(lambda u: u.laplacian)]).pieces) == 1
