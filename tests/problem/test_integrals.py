"""Integrals in residuals: values and derivatives, names, structure, and what is refused."""

import itertools
import math
import pickle
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from pinnkit.domains import Ball, Box, Points, PointSet
from pinnkit.jets import normal_derivative
from pinnkit.problem.channels import Channel
from pinnkit.problem.integrals import Integral
from pinnkit.problem.linearization import linearise, residual_rows
from pinnkit.problem.problem import Coefficient, Problem
from pinnkit.problem.residual_parts import residual_parts
from pinnkit.problem.structure import Prescribes
from pinnkit.problem.terms import Condition, Dirichlet, Equation, Initial
from pinnkit.well_posedness import Severity, concerns_of

TIME = Box(t=(0, 5))
LINE = Box(x=(0, 1))
U = Channel(0, "u", ())


def memory(**changes) -> Integral:
    how = {"t": ("s", 0, lambda t: t), **changes}
    return Integral(lambda u, s, t: torch.exp(s - t) * u, **how)


def volterra(*more, **changes) -> Problem:
    equation = Equation(lambda u, past: u.t + u - past, past=memory(**changes))
    return Problem("volterra", TIME, "u", [equation, *(more or (Initial(u=1.0),))])


def exact(channel: Channel, coords: Tensor) -> Tensor:
    """Channels of exp(-t) cosh(t) = (1 + exp(-2 t)) / 2."""
    decay = torch.exp(-2 * coords[:, 0])
    return -decay if channel.order else (1 + decay) / 2


def residual(problem: Problem, n: int = 9) -> Tensor:
    term = problem.terms[0]
    points = term.sample(n, torch.Generator().manual_seed(0))
    return residual_rows(problem, term, points, lambda c: exact(c, points[c.site].coords), {}, raw=False)


def test_the_exact_solution_of_a_volterra_equation_has_no_residual() -> None:
    assert float(residual(volterra()).abs().max()) < 1e-13


def test_the_error_of_gauss_legendre_falls_faster_than_any_power() -> None:
    errors = [float(residual(volterra(nodes=n)).abs().max()) for n in (2, 4, 8)]
    assert errors[0] > 1e-3
    assert errors[1] < 1e-1 * errors[0]
    assert errors[2] < 1e-5 * errors[1]


def test_the_powers_make_an_abel_kernel_exact_and_without_them_the_order_is_a_half() -> None:
    """int_0^t s^2 / sqrt(t - s) ds = 16 / 15 t^(5/2)."""

    def error(integral: Integral) -> float:
        problem = Problem("abel", TIME, "u", [Equation(lambda t, i: i - 16 / 15 * t**2.5, i=integral)])
        term = problem.terms[0]
        points = term.sample(9, torch.Generator().manual_seed(0))
        rows = residual_rows(problem, term, points, lambda c: points[c.site].coords[:, 0] ** 2, {}, raw=False)
        return float(rows.abs().max())

    span = ("s", 0, lambda t: t)
    assert error(Integral(lambda u: u, t=span, powers=(0, -0.5), nodes=3)) < 1e-12
    plain = [error(Integral(lambda u, s, t: u / (t - s).sqrt(), t=span, nodes=n)) for n in (16, 32, 64)]
    orders = [math.log2(a / b) for a, b in itertools.pairwise(plain)]
    assert all(0.9 < order < 1.1 for order in orders)  # nodes are quadratically dense at the end: 2 * 1 / 2


def test_derivatives_of_the_rows_are_those_of_nested_automatic_differentiation() -> None:
    """A nonlinear integrand with derivatives, the unknown at the row, a coefficient and a second axis."""
    box = Box(x=(0, 1), t=(0, 1))
    twist = Integral(
        lambda u, u_here, s, t, y, k: k * torch.sin(s * t) * u.x**2 * u_here + u.t * y,
        t=("s", 0, lambda t: t),
        x=("y", 0, 1),
        nodes=3,
    )
    problem = Problem(
        "twist",
        box,
        "u",
        [Equation(lambda u, twist: (u.x * twist, u + twist**2), twist=twist)],
        [Coefficient("k", 0.7)],
    )
    term = problem.terms[0]
    points = term.sample(4, torch.Generator().manual_seed(0))
    channels = problem.trace(term, raw=False).channels
    generator = torch.Generator().manual_seed(1)
    values = {c: torch.randn(points[c.site].coords.shape[0], generator=generator).double() for c in channels}
    k = torch.tensor(0.7, dtype=torch.float64)
    found = linearise(problem, term, points, values, {"k": k})

    def rows(k: Tensor, *tensors: Tensor) -> Tensor:
        now = dict(zip(channels, tensors, strict=True))
        return residual_rows(problem, term, points, now.__getitem__, {"k": k}, raw=False)

    of_k, *dense = torch.autograd.functional.jacobian(rows, (k, *values.values()))
    assert torch.allclose(found.dc["k"], of_k, rtol=1e-12)
    for channel, jacobian in zip(channels, dense, strict=True):
        own = points[channel.site]
        summed = torch.stack([jacobian[i, :, own.per_sample(torch.arange(4)) == i] for i in range(4)])
        short = found.d[channel][:, :, 0].reshape(4, -1, 2).transpose(1, 2)
        assert torch.allclose(short, summed, rtol=1e-12)
        assert float(jacobian.abs().sum()) == pytest.approx(float(summed.abs().sum()))  # no row depends on others


def test_groups_of_given_points_are_linearised_by_their_samples() -> None:
    coords = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None]
    for group in (3, torch.tensor([2, 4])):
        points = Points(coords, columns={"w": torch.arange(6.0).double()}, group=group)
        sums = Condition(LINE, lambda u, w, row_sums: row_sums(w * u), points=points)
        problem = Problem("grouped", LINE, "u", [sums])
        found = linearise(problem, problem.terms[0], (points,), {U: coords[:, 0] ** 2})
        assert found.r.shape == (2, 1)
        assert torch.equal(found.d[U][:, 0, 0], torch.arange(6.0).double())


def test_the_difference_quotients_of_a_singular_kernel_are_one_part() -> None:
    """The kernel alone would make the scale 1e3 times as large, and every residual look small."""
    quotient = Integral(
        lambda u, u_here, x, y: (u - u_here - u_here.x * (y - x)) / (y - x) ** 2, x=("y", 0, lambda x: x)
    )
    problem = Problem("quotients", LINE, "u", [Equation(lambda i: i - 1.0, i=quotient)])
    term = problem.terms[0]
    points = term.sample(32, torch.Generator().manual_seed(0))
    values = {
        c: 2 * points[c.site].coords[:, 0] if c.order else points[c.site].coords[:, 0] ** 2
        for c in problem.trace(term, raw=False).channels
    }
    (part,) = residual_parts(problem, linearise(problem, term, points, values), values)
    assert part.channel is None
    assert torch.allclose(part.contribution[:, 0], points[0].coords[:, 0], atol=1e-9)  # int_0^x 1 dy
    assert 0.1 < part.natural < 10


# structure ----------------------------------------------------------------------------------------------------------
def test_an_equation_with_an_integral_is_an_equation_without_factors() -> None:
    structure = volterra().structure
    (row,) = structure.equations
    assert (row.linear, row.is_local, row.factors, row.time_order, row.homogeneous) == (True, False, (), 1, True)
    assert row.settles == structure.components[0]
    assert not row.constant_coefficients
    assert not structure.is_local
    assert concerns_of(volterra()) == ()


def test_a_missing_initial_state_of_an_integral_equation_is_named() -> None:
    equation = Equation(lambda u, past: u.t + u - past, past=memory())
    (concern,) = concerns_of(Problem("open", TIME, "u", [equation]))
    assert concern.severity is Severity.UNDETERMINED
    assert "no initial state of `u`" in concern.sentence


def test_walls_and_growth_of_an_integral_equation_are_left_open() -> None:
    whole = Integral(lambda u, y, x: torch.exp(-((x - y) ** 2)) * u, x=("y", 0, 1))
    assert concerns_of(Problem("fredholm", LINE, "u", [Equation(lambda u, i: u.x + i - 1, i=whole)])) == ()


def test_an_equation_at_groups_of_given_points_is_an_equation() -> None:
    points = Points(torch.linspace(0, 1, 8, dtype=torch.float64)[:, None], group=2)
    equation = Equation(lambda u, row_sums: row_sums(0.5 * u.xx) - 1, points=points)
    structure = Problem("grouped", LINE, "u", [equation, Dirichlet(LINE.boundary, u=0.0)]).structure
    (row,) = structure.equations
    assert not row.is_local
    assert row.settles == structure.components[0]
    assert structure.at_points == ()


def test_a_condition_with_an_integral_prescribes_neither_value_nor_flux() -> None:
    total = Integral(lambda u: u, x=(0, 1))
    wall = Condition(LINE.face(x=1), lambda u, total: u - total, total=total)
    structure = Problem("nonlocal wall", LINE, "u", [Equation(lambda u: u.xx), wall]).structure
    assert structure.conditions[0].prescribes is Prescribes.OTHER
    assert structure.conditions[0].component is None


def test_a_problem_with_integrals_survives_a_pickle() -> None:
    again = pickle.loads(pickle.dumps(volterra()))
    assert torch.equal(residual(again), residual(volterra()))
    problem = volterra()
    assert replace(problem) == problem
    assert hash(memory(nodes=3)) != hash(memory(nodes=4))


# refusals -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: Integral(3, x=(0, 1)), TypeError, "`integrand` must be a function"),
        (lambda: Integral(lambda u: u), ValueError, "name at least one axis"),
        (lambda: Integral(lambda u: u, over=LINE, x=(0, 1)), ValueError, "or a part, over=shape"),
        (lambda: Integral(lambda u: u, over=3), TypeError, "`over` must be a part"),
        (lambda: Integral(lambda u: u, over=LINE, nodes=2000), ValueError, "at most 1024 for a part"),
        (lambda: Integral(lambda u: u, x=1), TypeError, r"`x` must be \(lower, upper\)"),
        (lambda: Integral(lambda u: u, x=(1, 0)), ValueError, "must be below the upper one"),
        (lambda: Integral(lambda u: u, x=(0, 1), nodes=0), ValueError, "at least 1"),
        (lambda: Integral(lambda u: u, x=(0, 1), y=(0, 1), nodes=33), ValueError, "may be at most 32"),
        (lambda: Integral(lambda u: u, x=(0, 1), powers=(0, -1)), ValueError, "above -1"),
        (lambda: Integral(lambda u: u, x=(0, 1), powers=0.5), TypeError, "two numbers"),
        (lambda: Integral(lambda u: u, x=(0, 1), y=(0, 1), powers=(0, 0.5), nodes=3), ValueError, "for one variable"),
    ],
)
def test_integrals_that_make_no_sense_are_refused(make, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


@pytest.mark.parametrize(
    ("residual", "integrals", "said"),
    [
        (lambda u, i: u - i, {"i": Integral(lambda u: u, x=(0, 1))}, "`x` is no axis of the domain"),
        (lambda u, i: u - i, {"i": Integral(lambda u, q: u * q, t=(0, 1))}, "the integrand uses `q`"),
        (lambda u, i: u - i, {"i": Integral(lambda u: u, t=("u", 0, 1))}, "the variable `u` has the name of"),
        (lambda u, i: u - i, {"i": Integral(lambda u: u, t=("s", 0, lambda q: q))}, "an end of `s` uses `q`"),
        (lambda u, i: u - i, {"i": Integral(lambda u: u, t=("s", 0, 6))}, r"outside of the domain, where `t` spans"),
        (lambda u, i: u - i, {"i": Integral(lambda u: u, t=("s", 4, lambda t: t))}, "below the lower one"),
        (lambda u: u.t, {"i": Integral(lambda u: u, t=(0, 1))}, "is not used by the residual"),
        (lambda u, t: u.t - t, {"t": Integral(lambda u: u, t=(0, 1))}, "has the name of something else"),
        (lambda u, i: u - i.t, {"i": Integral(lambda u: u, t=(0, 1))}, "has no derivative along `t`"),
        (lambda u, i: u - i, {"i": Integral(lambda u: u.value[:3], t=(0, 1))}, r"for n = 168 nodes"),
    ],
)
def test_integrals_that_do_not_fit_their_problem_are_refused_by_name(residual, integrals, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Problem("wrong", TIME, "u", [Equation(residual, **integrals)])
    assert "problem 'wrong'" in str(caught.value)


def test_nodes_that_leave_a_shape_inside_its_bounding_box_are_refused() -> None:
    disk = Ball(x=0, y=0)
    with pytest.raises(ValueError, match="nodes of integral `i` lie outside of the domain"):
        Problem("disk", disk, "u", [Equation(lambda u, i: u - i, i=Integral(lambda u: u, x=(-1, 1)))])
    chord = Integral(lambda u: u, x=(lambda y: -((1 - y**2).sqrt()), lambda y: (1 - y**2).sqrt()))
    assert Problem("disk", disk, "u", [Equation(lambda u, i: u - i, i=chord)]).linear
    with pytest.raises(ValueError, match="`over` has the axis `z`"):
        Problem("disk", disk, "u", [Equation(lambda u, i: u - i, i=Integral(lambda u: u, over=Ball(x=0, z=0)))])


def test_integrals_over_a_shape_and_its_boundary() -> None:
    """Area and flux of u = x^2 + y^2 on the unit disk: pi / 2 and 4 pi."""
    disk = Ball(x=0, y=0)
    center = PointSet(x=[0.0], y=[0.0])
    flux = Integral(lambda u, n: normal_derivative(u, n), over=disk.boundary, nodes=64)
    terms = [
        Condition(center, lambda area: area - math.pi / 2, area=Integral(lambda u: u, over=disk)),
        Condition(center, lambda flux: flux - 4 * math.pi, flux=flux),
    ]
    problem = Problem("disk", disk, "u", terms)

    def value(channel: Channel, coords: Tensor) -> Tensor:
        return 2 * coords[:, problem.frame.columns.index(channel.order[0])] if channel.order else coords.square().sum(1)

    for term, bound in zip(problem.terms, (3e-3, 1e-12), strict=True):
        points = term.sample(1, torch.Generator().manual_seed(0))
        now = partial(_channel_at, points, value)
        assert float(residual_rows(problem, term, points, now, {}, raw=False).abs().max()) < bound


def _channel_at(points, value, channel: Channel) -> Tensor:
    return value(channel, points[channel.site].coords)


def test_a_grouped_residual_with_a_row_for_every_point_is_refused() -> None:
    points = Points(torch.linspace(0, 1, 8, dtype=torch.float64)[:, None], group=2)
    with pytest.raises(ValueError, match="sum over the points of each group"):
        Problem("rows", LINE, "u", [Equation(lambda u: u, points=points)])
    with pytest.raises(ValueError, match="8 points are no whole number of groups of 3"):
        Equation(lambda u: u, points=points._replace(group=3))
    with pytest.raises(ValueError, match="do not go together"):
        Condition(PointSet(x=[0.5]), lambda u, i: u - i, i=Integral(lambda u: u, x=(0, 1)), points=points)
