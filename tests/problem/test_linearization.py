"""The hinge: partial derivatives of residuals with respect to channels and coefficients, against finite differences."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import (
    Box,
    Coefficient,
    Condition,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Periodic,
    Problem,
    Robin,
    Unknown,
    div,
    grad,
)
from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, linearise, residual_rows, term_weight
from pinnkit.problem.terms import Term

ROD = Box(x=(0, 1), t=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
HEAT = Equation(lambda u: u.t - u.xx)
NU = [Coefficient("nu", 0.3), Coefficient("beta", 2.0, positive=True)]


def drawn(problem: Problem, term: Term, *, raw: bool, n: int = 6) -> tuple[tuple[Points, ...], dict[Channel, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    points = term.sample(n, generator)
    rows = points[0].coords.shape[0]
    values = {}
    for channel in problem.trace(term, raw=raw).channels:
        components = problem.unknown(channel.unknown).components
        shape = (rows,) if components is None else (rows, components)
        values[channel] = torch.randn(shape, generator=generator, dtype=torch.float64)
    return points, values


def differences(f: Any, at: Tensor, h: float = 1e-5) -> Tensor:
    """Central differences of a rowwise function along each component of `at` (n, c): (n, k, c)."""
    flat = at.reshape(at.shape[0], -1)
    slopes = []
    for c in range(flat.shape[1]):
        step = torch.zeros_like(flat)
        step[:, c] = h
        slopes.append((f((flat + step).reshape(at.shape)) - f((flat - step).reshape(at.shape))) / (2 * h))
    return torch.stack(slopes, dim=-1)


PROBLEMS: dict[str, Problem] = {
    "Burgers with coefficients": Problem(
        "p", ROD, "u", [Equation(lambda u, nu, beta: u.t + beta * u * u.x - nu * u.xx)], coefficients=NU
    ),
    "variable conductivity": Problem("p", SQUARE, "u", [Equation(lambda u, x, y: div((1 + x * y) * grad(u)) - u**3)]),
    "a flow": Problem(
        "p",
        SQUARE,
        [Unknown("v", components=2), "p"],
        [Equation(lambda v, p: ((v[:, None] * v.grad).sum(dim=-1) + p.grad - v.laplacian, div(v)))],
    ),
    "conditions of every kind": Problem(
        "p",
        ROD,
        "u",
        [
            HEAT,
            Dirichlet(ROD.face(x=0), u=lambda t, nu: nu * t),
            Neumann(ROD.face(x=1), u=lambda beta: beta),
            Robin(ROD.face(x=1), u=(lambda t: t, 2.0, 0.0)),
            Initial(u=lambda x: x, u_t=0.0),
            Periodic("x"),
            Condition(ROD.face(x=0), lambda u, n: torch.exp(n[0] * u.x) - u),
            Data({"x": [0.1, 0.2], "t": [0.3, 0.4]}, u=[1.0, 2.0], sigma=[0.1, 0.2]),
        ],
        coefficients=NU,
    ),
    "an exponential ansatz": Problem(
        "p",
        SQUARE,
        "T",
        [Equation(lambda T, x: T.x**2 + T.y**2 - x)],
        ansatz={"T": lambda T, x, y: (x + y) * torch.exp(T)},
    ),
    "an ansatz of two fields": Problem(
        "p",
        ROD,
        ["u", "w"],
        [Equation(lambda u, w, nu: (u.t - nu * w.xx, w - u * u.x))],
        ansatz={"u": lambda u, w, x: x * u + w, "w": lambda w, beta: torch.sin(w) * beta},
        coefficients=NU,
    ),
}
CASES = [
    (name, str(term.name), raw)
    for name, p in PROBLEMS.items()
    for term in p.terms
    for raw in ((False, True) if p.ansatz else (False,))
]


@pytest.mark.parametrize(("name", "term_name", "raw"), CASES)
def test_partials_equal_finite_differences(name: str, term_name: str, raw: bool) -> None:
    problem = PROBLEMS[name]
    term = problem.term(term_name)
    points, values = drawn(problem, term, raw=raw)
    result = linearise(problem, term, points, values, raw=raw)
    assert set(result.d) == set(values)
    assert set(result.dc) == {c.name for c in problem.coefficients}
    assert result.r.shape == (points[0].coords.shape[0], problem.trace(term, raw=raw).rows)
    for channel, at in values.items():
        expected = differences(
            lambda v, channel=channel: linearise(problem, term, points, {**values, channel: v}, raw=raw).r, at
        )
        assert result.d[channel].shape == expected.shape
        assert torch.allclose(result.d[channel], expected, rtol=1e-7, atol=1e-7), channel
    start = problem.initial_coefficients()
    for key, partial in result.dc.items():
        high, low = (
            linearise(problem, term, points, values, {**start, key: start[key] + h}, raw=raw).r for h in (1e-5, -1e-5)
        )
        assert torch.allclose(partial, (high - low) / 2e-5, rtol=1e-7, atol=1e-7), key


@pytest.mark.parametrize("name", ["an exponential ansatz", "an ansatz of two fields"])
def test_raw_channels_through_the_ansatz_give_the_chain_rule(name: str) -> None:
    """dr/draw = sum over final channels of dr/dfinal dfinal/draw, the second factor from the ansatz alone."""
    problem = PROBLEMS[name]
    term = problem.term("equation")
    points, raw = drawn(problem, term, raw=True)
    finals = problem.trace(term, raw=False).channels

    def final(channel: Channel, values: dict[Channel, Tensor]) -> Tensor:
        probe = Problem(
            "probe",
            problem.domain,
            problem.unknowns,
            [Equation(eval(f"lambda {channel.unknown}: {channel.unknown}.d(*order)", {"order": channel.order}))],
            ansatz=problem.ansatz,
            coefficients=problem.coefficients,
        )
        coefficients = problem.initial_coefficients()
        return residual_rows(probe, probe.term("equation"), points, values.__getitem__, coefficients, raw=True)[:, 0]

    unwrapped = {c: final(c, raw) for c in finals}
    inner = linearise(problem, term, points, unwrapped, raw=False)
    outer = linearise(problem, term, points, raw, raw=True)
    assert torch.allclose(inner.r, outer.r, rtol=1e-12, atol=1e-12)
    for channel, at in raw.items():
        slopes = {
            c: differences(lambda v, c=c, channel=channel: final(c, {**raw, channel: v})[:, None], at)[:, 0, 0]
            for c in finals
        }
        chained = sum(inner.d[c][:, :, 0] * slopes[c][:, None] for c in finals)
        assert isinstance(chained, Tensor)
        assert torch.allclose(outer.d[channel][:, :, 0], chained, rtol=1e-6, atol=1e-6), channel


def test_partials_of_an_affine_residual_are_its_coefficients() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u, x: 3 * u.t - x * u.xx + 7.0)])
    term = problem.term("equation")
    points, values = drawn(problem, term, raw=False)
    result = linearise(problem, term, points, values)
    assert torch.equal(result.d[Channel(0, "u", ("t",))][:, 0, 0], torch.full((6,), 3.0, dtype=torch.float64))
    assert torch.equal(result.d[Channel(0, "u", ("x", "x"))][:, 0, 0], -points[0].coords[:, 0])
    still = linearise(problem, term, points, {c: torch.zeros_like(v) for c, v in values.items()})
    assert still.r.unique().tolist() == [7.0]


def test_row_components_have_partials_of_their_own() -> None:
    problem = Problem("p", ROD, ["u", "w"], [Equation(lambda u, w: (u.t * 2, w.x * 5))])
    points, values = drawn(problem, problem.term("equation"), raw=False)
    result = linearise(problem, problem.term("equation"), points, values)
    assert result.d[Channel(0, "u", ("t",))][0, :, 0].tolist() == [2.0, 0.0]
    assert result.d[Channel(0, "w", ("x",))][0, :, 0].tolist() == [0.0, 5.0]


def test_the_partner_site_has_channels_of_its_own() -> None:
    problem = PROBLEMS["conditions of every kind"]
    term = problem.term("periodic")
    points, values = drawn(problem, term, raw=False)
    result = linearise(problem, term, points, values)
    assert result.d[Channel(0, "u", ())][0, :, 0].tolist() == [1.0, 0.0]
    assert result.d[Channel(1, "u", ())][0, :, 0].tolist() == [-1.0, 0.0]


def test_the_values_given_are_left_alone_and_nothing_is_attached_to_the_result() -> None:
    problem = PROBLEMS["variable conductivity"]
    points, values = drawn(problem, problem.term("equation"), raw=False)
    kept = {c: v.clone() for c, v in values.items()}
    with torch.no_grad():
        result = linearise(problem, problem.term("equation"), points, values)
    assert not result.r.requires_grad
    assert not any(v.requires_grad for v in (*values.values(), *result.d.values()))
    assert all(torch.equal(values[c], kept[c]) for c in values)


def test_a_missing_channel_is_named() -> None:
    problem = PROBLEMS["Burgers with coefficients"]
    points, values = drawn(problem, problem.term("equation"), raw=False)
    del values[Channel(0, "u", ("x", "x"))]
    with pytest.raises(KeyError, match="'x', 'x'"):
        linearise(problem, problem.term("equation"), points, values)


def test_weights_are_numbers_or_functions_of_the_place() -> None:
    walls = [Dirichlet(ROD.face(x=1), u=0.0, weight=2.5), Dirichlet(ROD.face(x=0), u=0.0, weight=lambda t: 1 + t)]
    problem = Problem("p", ROD, "u", [HEAT, *walls, Initial(u=0.0, weight=lambda: 4.0)])
    (points,) = problem.term("dirichlet_2").sample(5, torch.Generator().manual_seed(0))
    assert term_weight(problem, problem.term("dirichlet_1"), points) == 2.5
    found = term_weight(problem, problem.term("dirichlet_2"), points)
    assert torch.equal(torch.as_tensor(found), 1 + points.coords[:, 1:])
    assert torch.as_tensor(term_weight(problem, problem.term("initial"), points)).unique().tolist() == [4.0]
