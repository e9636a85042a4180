"""The problem in pieces: copies of unknowns, terms on each piece, interface terms, and refusals."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    Coefficient,
    Data,
    Dirichlet,
    Disk,
    Equation,
    Initial,
    Integral,
    Interface,
    Neumann,
    NormalFlux,
    Periodic,
    Piecewise,
    Problem,
    Robin,
    Unknown,
    div,
    grad,
    laplacian,
)
from pinnkit.domains import Points
from pinnkit.problem.linearization import linearise
from pinnkit.problem.pieces.jumps import DerivativeJump, FluxJump, ValueJump
from pinnkit.problem.structure import Prescribes
from pinnkit.problem.terms import Term

SQUARE = Box(x=(0, 1), y=(0, 1))
DISK = Disk(x=0.5, y=0.5, radius=0.25)
K = Piecewise({DISK: 4.0, "elsewhere": 1.0})
LINE = Box(x=(0, 1))
HALF = Box(x=(0, 0.5))
LAYERS = Piecewise({HALF: 4.0, "elsewhere": 1.0})


def heat(u, x, y):  # type: ignore[no-untyped-def]
    return div(K(x, y) * grad(u))


def wall(u, x):  # type: ignore[no-untyped-def]
    return div(LAYERS(x) * grad(u))


def line(*terms: Any, unknowns: Any = "u", **options: Any) -> Problem:
    return Problem("line", LINE, unknowns, [*terms], **options)


def residual(problem: Problem, term: Term, values: dict[tuple[str, Any], float]) -> list[float]:
    """The rows of a term at its first point, for given values of channels, zero elsewhere."""
    drawn = term.sample(2, torch.Generator().manual_seed(0))
    points: tuple[Points, ...] = tuple(p.to(torch.float64) for p in drawn)
    n = points[0].coords.shape[0]
    channels = problem.trace(term, raw=False).channels
    given = {c: torch.full((n,), values.get((c.unknown, c.order), 0.0), dtype=torch.float64) for c in channels}
    return linearise(problem, term, points, given).r[0].tolist()  # type: ignore[no-any-return]


def named(problem: Problem, start: str) -> Term:
    (found,) = [t for t in problem.terms if str(t.name).startswith(start)]
    return found


def test_a_problem_without_jumps_is_in_one_piece() -> None:
    problem = line(Equation(lambda u: u.xx), Dirichlet(LINE.boundary, u=0.0))
    assert len(problem.pieces) == 1
    assert problem.in_pieces is problem


def test_every_unknown_has_a_copy_in_each_piece_and_terms_hold_where_they_did() -> None:
    problem = Problem(
        "plate",
        SQUARE,
        "u",
        [Equation(heat, name="heat"), Dirichlet(SQUARE.face(x=(0, 1)), u=1.0), Neumann(SQUARE.face(y=(0, 1)), u=0.0)],
        exact={"u": lambda x: x},
    )
    found = problem.in_pieces
    assert found.names == ("u_1", "u_2")
    assert [u.on for u in found.unknowns] == list(problem.pieces)
    assert [a.extent for a in found.axes_of("u_1")] == pytest.approx([0.5, 0.5])
    assert [str(t.name) for t in found.terms] == [
        "heat, piece 1",
        "heat, piece 2",
        "dirichlet",
        "neumann",
        "value of u, piece 1 | piece 2",
        "flux of u, piece 1 | piece 2",
    ]
    assert sorted(found.exact) == ["u_1", "u_2"]
    assert found.in_pieces is found
    rows = found.structure.equations
    assert [(r.term.name, r.settles and r.settles.unknown) for r in rows] == [
        ("heat, piece 1", "u_1"),
        ("heat, piece 2", "u_2"),
    ]
    assert all(r.constant_coefficients for r in rows)
    assert {c.prescribes for c in found.structure.conditions} == {Prescribes.VALUE, Prescribes.FLUX}
    assert len(found.structure.joins) == 2
    assert found.structure.elsewhere == ()
    assert pickle.loads(pickle.dumps(found)).names == found.names


def test_the_flux_of_each_side_has_the_coefficient_of_its_side() -> None:
    found = line(Equation(wall), Dirichlet(LINE.boundary, u=0.0)).in_pieces
    value, flux = named(found, "value"), named(found, "flux")
    assert isinstance(value.residual, ValueJump)
    assert isinstance(flux.residual, FluxJump)
    assert residual(found, value, {("u_1", ()): 2.0, ("u_2", ()): 5.0}) == [3.0]
    assert residual(found, flux, {("u_1", ("x",)): 1.0, ("u_2", ("x",)): 6.0}) == [6.0 - 4.0]


def test_a_resistance_lets_the_value_fall_along_the_heat_flux_whatever_its_sign_in_the_equation() -> None:
    def other_sign(u, x):  # type: ignore[no-untyped-def]
        return div(-LAYERS(x) * grad(u))

    for equation in (wall, other_sign):
        for between in (HALF, (HALF, Box(x=(0.5, 1)))):
            terms = [Equation(equation), Dirichlet(LINE.boundary, u=0.0), Interface(between, resistance=2.0, jump=0.5)]
            found = line(*terms).in_pieces
            # heat flows to the left: u rises by R times k u' and by the jump
            values = {("u_1", ("x",)): 3.0, ("u_1", ()): 1.0, ("u_2", ()): 1.0 + 2.0 * 4.0 * 3.0 + 0.5}
            assert residual(found, named(found, "value"), values) == [0.0]
    outward = Interface((Box(x=(0.5, 1)), HALF), resistance=2.0, jump=0.5)
    found = line(Equation(wall), Dirichlet(LINE.boundary, u=0.0), outward).in_pieces
    values = {("u_2", ("x",)): 3.0, ("u_2", ()): 1.0, ("u_1", ()): 1.0 - 2.0 * 1.0 * 3.0 + 0.5}
    assert residual(found, named(found, "value"), values) == [0.0]


def test_a_prescribed_jump_of_the_flux_is_a_source_in_the_interface() -> None:
    found = line(Equation(wall), Dirichlet(LINE.boundary, u=0.0), Interface(HALF, flux_jump=lambda x: 8 * x)).in_pieces
    assert residual(found, named(found, "flux"), {("u_1", ("x",)): 1.0, ("u_2", ("x",)): 8.0}) == [0.0]


def test_equations_without_a_flux_have_continuous_normal_derivatives() -> None:
    pieces = [HALF, Box(x=(0.5, 1))]
    second = line(Equation(lambda u: u.xx - 1), Dirichlet(LINE.boundary, u=0.0), pieces=pieces).in_pieces
    assert isinstance(named(second, "derivatives").residual, DerivativeJump)
    walls = [Dirichlet(LINE.boundary, u=0.0), Neumann(LINE.boundary, u=0.0)]
    fourth = line(Equation(lambda u: u.xxxx - 1), *walls, pieces=pieces).in_pieces
    jump = named(fourth, "derivatives").residual
    assert isinstance(jump, DerivativeJump)
    assert (jump.lowest, jump.highest) == (1, 3)
    first = line(Equation(lambda u: u.x - 1), Dirichlet(LINE.face(x=0), u=0.0), pieces=pieces).in_pieces
    assert [str(t.name).split(" of")[0] for t in first.terms if t.joins_pieces] == ["value"]


def test_a_laplacian_beside_a_divergence_counts_as_that_of_the_gradient() -> None:
    terms = [
        Equation(lambda u: laplacian(u), on=HALF),
        Equation(lambda u: div(3 * grad(u)), on=Box(x=(0.5, 1))),
        Dirichlet(LINE.boundary, u=0.0),
    ]
    found = line(*terms).in_pieces
    flux = named(found, "flux")
    assert residual(found, flux, {("u_1", ("x",)): 3.0, ("u_2", ("x",)): 1.0}) == [0.0]


def test_interfaces_are_part_of_the_structure_for_other_methods() -> None:
    problem = Problem(
        "plate", SQUARE, "u", [Equation(heat), Dirichlet(SQUARE.boundary, u=0.0), Interface(DISK, resistance=0.1)]
    )
    (condition,) = problem.structure.interfaces
    assert (condition.first, condition.second) == (problem.pieces[0], problem.pieces[1])
    assert (condition.unknown, condition.order, condition.resistance) == ("u", 2, 0.1)
    assert all(flux is not None and flux.factor == 1.0 for pair in condition.fluxes for flux in pair)
    assert problem.structure.is_divided


def test_initial_states_data_and_mixed_conditions_go_to_the_pieces_where_they_hold() -> None:
    rod = Box(x=(0, 1), t=(0, 2))
    problem = Problem(
        "rod",
        rod,
        "u",
        [
            Equation(lambda u, x: u.t - div(LAYERS(x) * grad(u))),
            Robin(rod.face(x=0), u=(1.0, 2.0, lambda t: t)),
            NormalFlux(rod.face(x=1), lambda u: -u),
            Initial(u=LAYERS),
            Data({"x": [0.1, 0.5, 0.9, 0.95], "t": [1.0, 1.0, 1.0, 1.0]}, u=[1.0, 2.0, 3.0, 4.0]),
        ],
    )
    found = problem.in_pieces
    names = [str(t.name) for t in found.terms]
    assert "robin" in names
    assert "flux" in names
    assert named(found, "robin").residual.keys == ("u_1",)  # type: ignore[union-attr]
    first, second = named(found, "data, piece 1"), named(found, "data, piece 2")
    assert first.own_points is not None
    assert second.own_points is not None
    assert first.own_points.columns["u_data"].tolist() == [1.0, 2.0]  # a shared point counts in the first piece
    assert second.own_points.columns["u_data"].tolist() == [3.0, 4.0]
    starts = {i.component.unknown: i for i in found.structure.initial if i.component is not None}
    assert sorted(starts) == ["u_1", "u_2"]
    assert residual(found, starts["u_1"].term, {("u_1", ()): 4.0}) == [0.0]
    assert residual(found, starts["u_2"].term, {("u_2", ()): 1.0}) == [0.0]


def test_an_unknown_may_live_in_one_piece_alone() -> None:
    problem = line(
        Equation(lambda u: laplacian(u) - 1.0, name="e"),
        Equation(lambda u, v: laplacian(v) - u, on=HALF),
        Dirichlet(LINE.boundary, u=0.0),
        Dirichlet(HALF.boundary, v=0.0),
        unknowns=["u", Unknown("v", on=HALF)],
    )
    found = problem.in_pieces
    assert found.names == ("u_1", "v_1", "u_2")
    assert {c.unknown for c in problem.structure.interfaces} == {"u"}


def test_names_of_copies_do_not_clash() -> None:
    problem = line(
        Equation(lambda u, x, u_1: (wall(u, x), u_1 - 2)),
        Dirichlet(LINE.boundary, u=0.0),
        coefficients=[Coefficient("u_1", 1.0)],
    )
    assert problem.in_pieces.names == ("u_1_", "u_2")


def test_a_changed_problem_is_divided_anew() -> None:
    problem = line(Equation(wall), Dirichlet(LINE.boundary, u=0.0))
    whole = replace(problem, terms=[Equation(lambda u: u.xx), Dirichlet(LINE.boundary, u=0.0)])
    assert len(whole.pieces) == 1
    third = Piecewise({Box(x=(0, 0.3)): 2.0, "elsewhere": 1.0})
    finer = replace(problem, terms=[*problem.terms, Equation(lambda u, x: third(x) * u.xx)])
    assert len(finer.pieces) == 3


@pytest.mark.parametrize(
    ("terms", "options", "words"),
    [
        ([Equation(wall), Dirichlet(LINE.boundary, u=0.0, hard=True)], {}, "is hard, which does not go with pieces"),
        ([Equation(wall), Periodic("x")], {}, "compares two sides of the domain"),
        (
            [Equation(lambda u, x, m: wall(u, x) - m, m=Integral(lambda u: u, over=LINE))],
            {},
            "has integrals or groups of points, which cannot be divided",
        ),
        ([Equation(wall), Interface(Box(x=(0, 1)))], {}, "no two pieces meet at Interface"),
        ([Equation(wall), Interface(HALF), Interface(HALF, jump=1.0), Interface(HALF, jump=2.0)], {}, "two Interface"),
        ([Equation(wall)], {"pieces": [Box(x=(0, 0.3))]}, "there is a gap at x = "),
        ([Equation(wall)], {"pieces": [Box(x=(0, 0.6)), Box(x=(0.4, 1))]}, "overlap at x = "),
        ([Equation(wall)], {"pieces": [Box(x=(2, 3)), LINE]}, "lies outside the domain"),
        (
            [Equation(lambda u, x, v: (wall(u, x), v.xx))],
            {"unknowns": ["u", Unknown("v", on=HALF)]},
            "holds in piece 2.*, and `v` does not; restrict it by on=",
        ),
    ],
)
def test_problems_that_cannot_be_divided_are_refused_with_the_reason(
    terms: list[Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _ = line(*terms, **options).in_pieces


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"between": "steel"}, TypeError, "expected a shape"),
        ({"between": HALF, "resistance": -1.0}, ValueError, "`resistance` must be at least 0, got -1.0"),
        ({"between": HALF, "jump": "1"}, TypeError, "`jump` must be a number or a function"),
    ],
)
def test_interfaces_that_do_not_fit_are_refused(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Interface(**arguments)


def test_two_unknowns_across_an_interface_need_a_name() -> None:
    problem = line(
        Equation(lambda u, v, x: (wall(u, x), wall(v, x))),
        Dirichlet(LINE.boundary, u=0.0, v=0.0),
        Interface(HALF, jump=1.0),
        unknowns=["u", "v"],
    )
    with pytest.raises(ValueError, match="does not say which unknown it means; give unknown="):
        _ = problem.in_pieces


def test_random_values_of_the_copies_give_the_residual_of_the_problem_itself() -> None:
    """Inside a piece, a residual in pieces is that of the whole problem for the same numbers."""
    rng = np.random.default_rng(0)
    problem = Problem("plate", SQUARE, "u", [Equation(heat, name="e"), Dirichlet(SQUARE.boundary, u=0.0)])
    found = problem.in_pieces
    term = problem.term("e")
    for number in (1, 2):
        copy = named(found, f"e, piece {number}")
        points = copy.sample(50, torch.Generator().manual_seed(number))
        values = {c: torch.from_numpy(rng.normal(size=50)) for c in found.trace(copy, raw=False).channels}
        whole = {c._replace(unknown="u"): v for c, v in values.items()}
        silent = {c: torch.zeros(50) for c in problem.trace(term, raw=False).channels if c not in whole}
        a = linearise(found, copy, points, values).r
        b = linearise(problem, term, points, {**whole, **silent}).r
        assert torch.allclose(a, b)
