"""Fluxes of equations, found from the divergences that they take, against formulas written by hand."""

import pickle

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    Coefficient,
    Dirichlet,
    Equation,
    Integral,
    NormalFlux,
    Problem,
    RandomFourier,
    Unknown,
    grad,
    laplacian,
    solve,
)
from pinnkit import div as divergence
from pinnkit.problem.fluxes.equation_flux import FluxPart, PrescribedFlux
from pinnkit.problem.structure import Prescribes
from pinnkit.problem.terms import Term

SQUARE = Box(x=(0, 1), y=(0, 1))
LINE = Box(x=(0, 2), t=(0, 1))


def conductivity(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 1 + x * y


def heat(u, x, y):  # type: ignore[no-untyped-def]
    return -divergence(conductivity(x, y) * grad(u)) - 1


def problem(*terms: Term, unknowns: object = "u", **options: object) -> Problem:
    return Problem("flux", SQUARE, unknowns, [*terms], **options)  # type: ignore[arg-type]


def test_the_argument_of_the_only_divergence_is_the_flux_and_its_factor_is_found() -> None:
    (row,) = problem(Equation(heat)).structure.equations
    assert row.flux is not None
    assert row.flux.parts == (FluxPart(0, None, 1.0),)
    assert row.flux.factor == -1.0
    varying = problem(Equation(lambda u, x: (2 + x) * divergence(grad(u)) + u)).structure.equations[0].flux
    assert varying is not None
    assert varying.factor is None


def test_several_divergences_add_up_in_the_ratio_of_their_constant_factors() -> None:
    mixed = Equation(lambda u, x, y: 3 * laplacian(u) - 6 * divergence(conductivity(x, y) * grad(u)) - u.x)
    (row,) = problem(mixed).structure.equations
    assert row.flux is not None
    assert [p.weight for p in row.flux.parts] == [1.0, -2.0]
    assert row.flux.factor == 3.0
    unequal = Equation(lambda u, x, y: (1 + x) * laplacian(u) - divergence(conductivity(x, y) * grad(u)))
    assert problem(unequal).structure.equations[0].flux is None


def test_rows_without_a_divergence_with_integrals_or_with_unused_divergences_have_no_flux() -> None:
    assert problem(Equation(lambda u: u.xx + u.yy)).structure.equations[0].flux is None
    mean = Equation(lambda u, mean: laplacian(u) - mean, mean=Integral(lambda u: u, over=SQUARE))
    assert problem(mean).structure.equations[0].flux is None
    unused = Equation(lambda u: u.xx + u.yy + 0.0 * divergence(grad(u)).value)
    assert problem(unused).structure.equations[0].flux is None


def test_each_row_of_a_system_has_its_own_flux() -> None:
    def elastic(u):  # type: ignore[no-untyped-def]
        stress = grad(u) + grad(u).transpose(-1, -2)
        return divergence(stress)

    rows = problem(Equation(elastic), unknowns=Unknown("u", components=2)).structure.equations
    fluxes = [row.flux for row in rows]
    assert [f.parts for f in fluxes if f is not None] == [(FluxPart(0, 0, 1.0),), (FluxPart(0, 1, 1.0),)]


def test_an_inner_divergence_is_no_part_of_the_flux_of_the_outer_one() -> None:
    (row,) = problem(Equation(lambda u: divergence(grad(divergence(grad(u)))) - 1)).structure.equations
    assert row.flux is not None
    assert len(row.flux.parts) == 1
    assert row.flux.parts[0].divergence == 1


def test_a_factor_that_is_a_coefficient_to_be_found_is_not_constant() -> None:
    unknown = Equation(lambda u, kappa: kappa * laplacian(u) - divergence((1 + u**2) * grad(u)))
    found = problem(unknown, coefficients=[Coefficient("kappa", 2.0)]).structure.equations[0].flux
    assert found is None


def test_the_flux_of_a_solution_is_the_argument_at_points() -> None:
    walls = Dirichlet(SQUARE.face(x=(0, 1)), u=0.0)
    natural = NormalFlux(SQUARE.face(y=1), lambda x: torch.sin(torch.pi * x))
    convection = NormalFlux(SQUARE.face(y=0), lambda u: -2 * u)
    subject = problem(Equation(heat, name="heat"), walls, natural, convection)
    kinds = {c.part: c.prescribes for c in subject.structure.conditions if c.term.kind == "flux"}
    assert set(kinds.values()) == {Prescribes.FLUX, Prescribes.MIXED}
    found = solve(subject, RandomFourier(150, bandwidth=3.0))
    x, y = np.array([0.2, 0.7]), np.array([0.3, 0.9])
    by_hand = np.stack([(1 + x * y) * found.d(a)(x=x, y=y)["u"] for a in "xy"], axis=-1)
    assert np.allclose(found.flux("heat", x=x, y=y), by_hand)
    assert np.allclose(found.flux("heat", x=x, y=1.0)[:, 1], np.sin(np.pi * x), atol=1e-3)
    outward = -found.flux("heat", x=x, y=0.0)[:, 1]
    assert np.allclose(outward, -2 * found(x=x, y=0.0)["u"], atol=1e-3)


def test_a_flux_condition_in_one_dimension_with_time() -> None:
    rod = Problem(
        "rod",
        LINE,
        "u",
        [Equation(lambda u: u.t - divergence(3 * grad(u))), NormalFlux(LINE.face(x=2), lambda t: t)],
    )
    (condition,) = rod.structure.conditions
    assert condition.prescribes is Prescribes.FLUX
    assert not condition.homogeneous


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ([Equation(lambda u: u.xx + u.yy), NormalFlux(SQUARE.face(x=0), 0.0)], "no row of the equations .* has a flux"),
        ([Equation(heat), NormalFlux(SQUARE.face(x=0), 0.0, equation="heat")], "no equation 'heat'; .*'equation'"),
        (
            [Equation(heat, name="a"), Equation(heat, name="b"), NormalFlux(SQUARE.face(x=0), 0.0)],
            "have a flux each; say which one, equation='a'",
        ),
        ([Equation(heat), NormalFlux(SQUARE, 0.0)], "no outward normal; give a wall"),
        ([Equation(heat), NormalFlux(SQUARE.face(x=0), lambda w: w)], "uses `w`"),
    ],
)
def test_flux_conditions_that_do_not_fit_are_refused(terms: list[Term], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        problem(*terms)


def test_a_flux_that_there_is_not_is_refused_with_the_equations_that_there_are() -> None:
    found = solve(problem(Equation(lambda u: u.xx + u.yy - 1, name="a")), RandomFourier(20, bandwidth=1.0))
    with pytest.raises(ValueError, match=r"'b' is no equation .*'a'"):
        found.flux("b", x=0, y=0)
    with pytest.raises(ValueError, match=r"has no flux; write it with div"):
        found.flux("a", x=0, y=0)
    with pytest.raises(ValueError, match="rows 0 to 0, got 3"):
        found.flux("a", 3, x=0, y=0)


def test_a_prescribed_flux_is_equal_by_value_and_can_be_pickled() -> None:
    (row,) = problem(Equation(heat)).structure.equations
    assert row.flux is not None
    rule = PrescribedFlux((row.flux,), 2.0)
    assert pickle.loads(pickle.dumps(rule)) == rule
