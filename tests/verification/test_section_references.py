"""Families of problems: sections at fixed parameters, and references there as evidence."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch

from pinnkit import (
    Ball,
    Box,
    Coefficient,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Parameters,
    Problem,
    Robin,
    Time,
    Unknown,
    reference,
    solve,
    validate,
)
from pinnkit.checking import check
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.sections import section
from pinnkit.verification import Kind, Level

PI = math.pi
ROD = Box(x=(0, 1), t=(0, 1))


def cooling() -> Problem:
    family = ROD * Parameters(k=(0.05, 0.5), a=(1.0, 2.0))
    terms = [
        Equation(lambda u, k: u.t - k * u.xx),
        Initial(u=lambda x, a: a * torch.sin(PI * x)),
        Dirichlet(family.face(x=0), u=0.0),
        Robin(family.face(x=1), u=(1.0, 0.0, lambda t: 0 * t)),
    ]
    return Problem(
        "cooling",
        family,
        "u",
        terms,
        exact={"u": lambda x, t, k, a: a * torch.exp(-k * PI**2 * t) * torch.sin(PI * x)},
    )


def test_a_section_is_the_problem_without_its_parameters() -> None:
    one = section(cooling(), k=0.2, a=1.5)
    assert [a.name for a in one.axes] == ["x", "t"]
    assert one.name == "cooling at a = 1.5, k = 0.2"
    assert one.structure.linear
    found = reference(one).at(x=[0.5, 0.25], t=[0.0, 1.0])["u"]
    assert found[0] == pytest.approx(1.5, abs=1e-3)
    assert found[1] == pytest.approx(1.5 * math.exp(-0.2 * PI**2) * math.sin(PI / 4), rel=1e-3)
    assert solve(one)(x=0.5, t=1.0)["u"] == pytest.approx(1.5 * math.exp(-0.2 * PI**2), rel=1e-6)
    partly = section(cooling(), k=0.2)
    assert [a.name for a in partly.axes] == ["x", "t", "a"]
    assert section(partly, a=1.5).exact["u"](x=torch.tensor([0.5]), t=torch.zeros(1)).item() == pytest.approx(1.5)
    assert pickle.loads(pickle.dumps(one)).name == one.name
    assert section(cooling()).name == "cooling"


def test_curved_domains_and_times_keep_their_other_axes() -> None:
    disk = Ball(x=0, y=0) * Time(0, 1) * Parameters(k=(1.0, 2.0))
    terms = [
        Equation(lambda u, k: u.t - k * u.laplacian),
        Initial(u=lambda x, y: 1 - x**2 - y**2),
        Neumann(disk.boundary, u=lambda k: -2.0 + 0 * k),
    ]
    one = section(Problem("disk", disk, "u", terms), k=1.0)
    assert one.domain == Ball(x=0, y=0) * Time(0, 1)
    assert [t.name for t in one.terms] == ["equation", "initial", "neumann"]


def test_values_and_terms_that_have_no_section_are_refused() -> None:
    family = cooling()
    with pytest.raises(ValueError, match=r"`nu` is no parameter of problem 'cooling'; they are \('k', 'a'\)"):
        section(family, nu=1.0)
    with pytest.raises(ValueError, match=r"`k` must be one number between 0.05 and 0.5, got 2"):
        section(family, k=2)
    at = torch.tensor([0.5])
    data = Data(dict(x=at, t=at, k=at / 2, a=2 * at), u=at)
    with pytest.raises(Unsupported, match="term 'data' has points or integrals of its own"):
        section(Problem("measured", family.domain, "u", [*family.terms[:2], data], exact=family.exact), k=0.1)
    ends = Problem("ends", family.domain, "u", [*family.terms[:2], Dirichlet(family.domain.face(k=0.05), u=1.0)])
    with pytest.raises(Unsupported, match="lies at ends of"):
        section(ends, k=0.1)
    terms = [Equation(lambda u, m, k: u.t - m * u.xx + 0 * k), Equation(lambda m, k: m - k)]
    lonely = Problem("lonely", family.domain, ["u", Unknown("m", axes=("k",))], terms)
    with pytest.raises(Unsupported, match="`m` depends on nothing but"):
        section(lonely, k=0.1)


def test_a_right_family_is_confirmed_by_references_at_three_values() -> None:
    problem = cooling()
    blind = Problem(problem.name, problem.domain, "u", list(problem.terms))
    report = check(blind, problem.exact["u"])
    assert report.verdict.level is Level.CONFIRMED, report.verdict
    (compared,) = report.discretised
    assert compared.against.startswith("references at k = ")
    assert compared.against.count(";") == 2
    assert compared.rel_l2 < 1e-3


def test_a_family_that_is_wrong_for_some_parameters_is_not_good() -> None:
    problem = cooling()
    blind = Problem(problem.name, problem.domain, "u", list(problem.terms))

    def wrong(x: Any, t: Any, k: Any, a: Any) -> Any:
        return a * torch.exp(-0.2 * PI**2 * t) * torch.sin(PI * x) + 0 * k

    found = check(blind, wrong).verdict
    assert found.level is Level.NOT_GOOD
    assert Kind.FAR in found.kinds


def test_a_section_that_has_no_solution_is_evidence() -> None:
    line = Box(x=(0, 1)) * Parameters(k=(5.0, 6.0))
    terms = [Equation(lambda u, k: u.xx + k * torch.exp(u)), Dirichlet(line.boundary, u=0.0)]
    report = check(Problem("bratu", line, "u", terms), lambda x, k: 1.5 * x * (1 - x) + 0 * k)
    assert Kind.NO_REFERENCE in report.verdict.kinds
    assert report.no_reference.startswith("at k = ")


def test_torch_functions_of_a_parameter_work_in_a_section() -> None:
    family = Box(x=(0, 1)) * Parameters(k=(1.0, 2.0))
    terms = [Equation(lambda u, k: torch.exp(k) * u.xx + 1), Dirichlet(family.boundary, u=lambda k: torch.cos(k))]
    one = section(Problem("stretched", family, "u", terms, dtype=torch.float32), k=1.5)
    assert reference(one).at(x=0.5)["u"] == pytest.approx(math.cos(1.5) + math.exp(-1.5) / 8, rel=1e-5)


def test_coefficients_stay() -> None:
    family = Box(x=(0, 1)) * Parameters(k=(1.0, 2.0))
    terms = [Equation(lambda u, k, c: u.xx + c * k), Dirichlet(family.boundary, u=0.0)]
    one = section(Problem("source", family, "u", terms, coefficients=[Coefficient("c", 1.0)]), k=1.5)
    assert [c.name for c in one.coefficients] == ["c"]


@pytest.mark.slow
def test_a_family_that_is_solved_automatically_is_confirmed() -> None:
    report = validate(solve(cooling(), seed=1))
    assert report.verdict.level is Level.CONFIRMED
    assert all(c.rel_l2 < 1e-3 for c in report.discretised)
