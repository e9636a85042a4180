"""Marching in time: orders of the integrators, walls of every kind, stretched modes, dense output, refusals."""

import math

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    CannotMarch,
    Coefficient,
    Condition,
    Data,
    Dirichlet,
    Equation,
    ExponentialRK,
    Initial,
    March,
    Neumann,
    Periodic,
    Problem,
    Radau,
    Robin,
    Status,
    Unknown,
)
from pinnkit.solution import exact_values
from pinnkit.solvers.march import Marched, can_march, march
from pinnkit.solvers.march_exponential import semilinear
from pinnkit.solvers.march_implicit import Advance
from pinnkit.solvers.march_maps import fit_map, modes_needed
from pinnkit.solvers.march_phi import collocation_weights, lobatto_nodes, phi
from pinnkit.solvers.march_radau import radau_step, radau_tableau
from pinnkit.solvers.march_space import IDENTITY, chebyshev
from pinnkit.solvers.march_survey import survey
from pinnkit.solvers.march_system import Rates, Walls

PI = math.pi
ROD = Box(x=(0, 1), t=(0, 1))
RING = Box(x=(0, 2 * PI), t=(0, 1))


def errors(problem: Problem, solver: March, n: int = 512) -> tuple[Marched, float]:
    """The march, and its largest error over the unknowns' largest values at points drawn from the whole domain."""
    found = march(problem, solver)
    coords = problem.domain.sample(n, torch.Generator().manual_seed(5)).coords
    values = found.modules[problem.names](coords)
    exact = torch.stack([exact_values(problem, coords, {})[name] for name in problem.names], dim=1)
    return found, float(((values - exact).abs().amax(0) / exact.abs().amax(0)).max())


def problem_of(*terms, exact, domain=ROD, unknowns="u"):
    return Problem("case", domain, unknowns, list(terms), exact=exact)


# integrators --------------------------------------------------------------------------------------------------------
class Pendulum:
    """A pendulum's angle and speed beside a stiff component that follows sin t."""

    def rates(self, times, q):
        return np.stack([q[:, 1], -np.sin(q[:, 0]), -50 * (q[:, 2] - np.sin(times)) + np.cos(times)], axis=1)

    def jacobian(self, time, q):
        del time
        return np.array([[0.0, 1.0, 0.0], [-np.cos(q[0]), 0.0, 0.0], [0.0, 0.0, -50.0]])

    def size(self, e):
        return float(np.abs(e).max())


def radau_end(stages: int, steps: int) -> np.ndarray:
    q = np.array([1.0, 0.0, 0.0])
    for i in range(steps):
        found = radau_step(Pendulum(), radau_tableau(stages), 2 * i / steps, q, 2 / steps, None, tolerance=1e-12)
        assert found.converged
        q = found.stages[-1]
    return q


@pytest.mark.parametrize(("stages", "coarse"), [(3, 8), (5, 2)])
def test_radau_has_order_two_s_minus_one(stages: int, coarse: int) -> None:
    end = radau_end(7, 12)
    one, two = (np.abs(radau_end(stages, n) - end)[:2].max() for n in (coarse, 2 * coarse))
    assert math.log2(one / two) == pytest.approx(2 * stages - 1, abs=0.8)
    assert np.abs(end[2] - math.sin(2)) < 1e-9  # the stiff component, without a restriction of the step


def test_the_error_of_a_radau_step_has_order_s_plus_one_and_bounds_the_true_one() -> None:
    q = np.array([1.0, 0.3, 0.1])
    tableau = radau_tableau(3)
    small, large = (radau_step(Pendulum(), tableau, 0.1, q, h, None, tolerance=1e-12) for h in (0.005, 0.01))
    assert 2.5 < math.log2(large.error / small.error) < 4.5
    q2 = q
    for i in range(8):
        q2 = radau_step(Pendulum(), tableau, 0.1 + i * 0.01 / 8, q2, 0.01 / 8, None, tolerance=1e-13).stages[-1]
    assert np.abs(large.stages[-1] - q2).max() < large.error


def test_phi_functions_keep_their_digits_for_small_and_large_arguments() -> None:
    z = np.array([1e-9, -2.9, 3.1j, -40.0, 2 - 2j, 500j])
    found = phi(z, 6)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    s = (nodes + 1) / 2
    for k in range(1, 7):  # phi_k(z) = int_0^1 exp((1 - s) z) s^(k-1) / (k-1)! ds
        integral = (0.5 * weights * np.exp((1 - s) * z[:, None]) * s ** (k - 1) / math.factorial(k - 1)).sum(axis=1)
        assert np.abs(found[k] - integral).max() < 1e-13


def test_exponential_collocation_is_exact_for_polynomial_forcing_whatever_the_stiffness() -> None:
    z = np.array([-1e6, -3.0, 0.0, 20j])
    nodes = lobatto_nodes(6)
    weights = collocation_weights(nodes, z)
    forcing = np.repeat((1 + nodes**4)[:, None], 4, axis=1)
    found = weights.growth[-1] * 1.0 + np.einsum("jz,jz->z", weights.stage[-1], forcing)
    p = phi(z, 5)
    assert np.allclose(found, p[0] + p[1] + 24 * p[5], rtol=1e-12)


@pytest.mark.parametrize("stages", [3, 4])
def test_the_exponential_march_has_order_stages_plus_one(stages: int) -> None:
    def end(steps: int) -> np.ndarray:
        from pinnkit.solvers.march_exponential import _March
        from pinnkit.solvers.march_spectrum import Spectrum

        problem = Problem(
            "burgers",
            RING,
            "u",
            [Equation(lambda u: u.t + u * u.x - 0.1 * u.xx), Periodic("x"), Initial(u=lambda x: torch.sin(x))],
        )
        found = survey(problem)
        run = _March(found, Spectrum(found, Rates(found), 33), ExponentialRK(stages), 1e-13)
        w = run.spectrum.eigen(run.spectrum.start)
        for i in range(steps):
            rest = run.spectrum.rest(np.array([0.5 * i / steps]), w[None])[0]
            states, *_ = run._step(0.5 * i / steps, w, rest, 0.5 / steps, None)
            w = states[-1]
        return w

    best = end(64)
    one, two = (np.abs(end(n) - best).max() for n in (4, 8))
    assert math.log2(one / two) > stages + 0.7  # superconvergence may add to it


# walls --------------------------------------------------------------------------------------------------------------
def decay(x, t):
    return torch.exp(-t) * torch.sin(2 * x) + x * torch.cos(t)


def source(x, t):  # u_t - u_xx of `decay`
    return 3 * torch.exp(-t) * torch.sin(2 * x) - x * torch.sin(t)


LEFT, RIGHT = ROD.face(x=0), ROD.face(x=1)
HEAT = Equation(lambda u, x, t: u.t - u.xx - source(x, t))


def slope(x, t):
    return 2 * torch.exp(-t) * torch.cos(2 * x) + torch.cos(t)


WALLS = {
    "dirichlet": [Dirichlet(ROD.boundary, u=decay)],
    "neumann": [Neumann(LEFT, u=lambda x, t: -slope(x, t)), Neumann(RIGHT, u=slope)],
    "robin": [
        Robin(LEFT, u=(2.0, 1.0, lambda x, t: 2 * decay(x, t) - slope(x, t))),
        Condition(RIGHT, lambda u, x, t: u + 3 * u.x - decay(x, t) - 3 * slope(x, t)),
    ],
}


@pytest.mark.parametrize("kind", WALLS)
def test_heat_with_walls_whose_data_change_in_time(kind: str) -> None:
    problem = problem_of(HEAT, *WALLS[kind], Initial(u=lambda x: torch.sin(2 * x) + x), exact=dict(u=decay))
    found, error = errors(problem, March())
    assert found.status is Status.CONVERGED
    assert error < 1e-7


@pytest.mark.parametrize("kind", WALLS)
def test_conditions_on_walls_hold_at_the_steps_to_rounding(kind: str) -> None:
    problem = problem_of(HEAT, *WALLS[kind], Initial(u=lambda x: torch.sin(2 * x) + x), exact=dict(u=decay))
    field = march(problem, March(tolerance=1e-5)).modules[problem.names]
    times = torch.cat([getattr(field, f"times_{i}")[1:] for i in range(len(field.spec.pieces))])
    coords = torch.stack([torch.ones_like(times), times], dim=1)
    value, along = (field.derivative(coords, order)[:, 0] for order in ((), (0,)))
    exact, rate = decay(coords[:, 0], times), slope(coords[:, 0], times)
    gap = {"dirichlet": value - exact, "neumann": along - rate, "robin": value + 3 * along - exact - 3 * rate}[kind]
    assert float(gap.abs().max()) < 1e-11


def test_inflow_on_one_wall_only() -> None:
    def exact(x, t):
        return torch.sin(4 * (x - t)) + 0.0 * x

    problem = problem_of(
        Equation(lambda u: u.t + u.x),
        Dirichlet(LEFT, u=exact),
        Initial(u=lambda x: torch.sin(4 * x)),
        exact=dict(u=exact),
    )
    assert errors(problem, March())[1] < 1e-7


def test_second_order_in_time_becomes_a_system() -> None:
    def exact(x, t):
        return torch.sin(PI * x) * torch.cos(2 * PI * t) + x * t**2

    problem = problem_of(
        Equation(lambda u, x: u.tt - 4 * u.xx - 2 * x),
        Dirichlet(LEFT, u=0.0),
        Dirichlet(RIGHT, u=lambda t: t**2),
        Initial(u=lambda x: torch.sin(PI * x), u_t=0.0),
        exact=dict(u=exact),
    )
    assert errors(problem, March())[1] < 1e-8


def test_rates_with_coefficients_of_space_time_and_state_and_two_unknowns() -> None:
    def u(x, t):
        return torch.exp(-t) * torch.cos(x)

    def v(x, t):
        return torch.exp(-2 * t) * torch.sin(x) + 2.0

    def equations(u, v, x, t):
        own = torch.exp(-t) * torch.cos(x)
        two = torch.exp(-2 * t) * torch.sin(x)
        first = (2 + torch.sin(x) + u**2) * (u.t - u.xx) + v.t + 2 * two
        second = v * v.t - u.t + 2 * (two + 2.0) * two - own - (v.xx + two)
        return first, second

    problem = Problem(
        "pair",
        RING,
        ["u", "v"],
        [Equation(equations), Periodic("x"), Initial(u=lambda x: torch.cos(x), v=lambda x: torch.sin(x) + 2.0)],
        exact=dict(u=u, v=v),
    )
    assert "highest derivative" in semilinear(survey(problem), Rates(survey(problem)))
    assert errors(problem, March())[1] < 1e-7


def test_components_of_a_vector_unknown_are_marched_side_by_side() -> None:
    def exact(x, t):
        return torch.stack([torch.cos(x - t), torch.sin(x - t)], dim=1)

    problem = Problem(
        "turning",
        RING,
        [Unknown("w", components=2)],
        [
            Equation(lambda w: w.t + w.x),
            Periodic("x"),
            Initial(w=lambda x: torch.stack([torch.cos(x), torch.sin(x)], dim=-1)),
        ],
    )
    coords = RING.sample(100, torch.Generator().manual_seed(0)).coords
    found = march(problem, March()).modules[("w",)](coords)
    assert float((found - exact(*coords.T)).abs().max()) < 1e-7


# modes ----------------------------------------------------------------------------------------------------------------
def front(x, t):
    """A travelling wave of Burgers' equation with nu = 0.02."""
    return 0.5 - 0.5 * torch.tanh((x - 0.5 * t - 0.2) / 0.08)


BURGERS = problem_of(
    Equation(lambda u: u.t + u * u.x - 0.02 * u.xx),
    Dirichlet(ROD.boundary, u=front),
    Initial(u=lambda x: front(x, torch.zeros(()).to(x.dtype) if isinstance(x, torch.Tensor) else 0.0)),
    exact=dict(u=front),
)


def test_a_front_is_followed_by_stretched_modes() -> None:
    found, error = errors(BURGERS, March(tolerance=1e-4))
    assert found.status is Status.CONVERGED
    assert error < 1e-3
    assert "stretched" in found.reason


@pytest.mark.slow
def test_a_front_to_many_digits() -> None:
    found, error = errors(BURGERS, March(tolerance=1e-8))
    assert found.status is Status.CONVERGED
    assert error < 1e-7


def test_too_few_modes_are_said_so() -> None:
    found, error = errors(BURGERS, March(tolerance=1e-4, modes=12))
    assert found.status is Status.BUDGET
    assert error > 1e-5
    assert "do not resolve" in found.reason


def test_a_stretched_coordinate_needs_far_fewer_modes_of_a_front() -> None:
    def sharp(s):
        return np.tanh((s[None] - 0.3) / 0.01)

    plain = modes_needed(IDENTITY, [(sharp, 1e-8)], 4000)
    fit = fit_map([(sharp, 1e-8)])
    assert plain > 600
    assert fit.needed < 120


def test_the_jacobian_is_the_derivative_of_the_rates() -> None:
    from pinnkit.solvers.march_dense import DenseSystem

    found = survey(BURGERS)
    walls = Walls(found)
    numbers = np.array([0.0, 0.5, 0.5 / math.asinh(1 / 0.1), 0.0, 0.1])
    system = DenseSystem(Rates(found), walls, chebyshev(found, walls, 20, numbers), np.ones(1))
    generator = np.random.default_rng(0)
    q, way = generator.standard_normal((2, 18))
    jacobian = system.jacobian(0.3, q)
    two = system.rates(np.array([0.3, 0.3]), np.stack([q + 1e-6 * way, q - 1e-6 * way]))
    assert np.allclose(jacobian @ way, (two[0] - two[1]) / 2e-6, rtol=1e-6, atol=1e-4)


# periodic -------------------------------------------------------------------------------------------------------------
def test_fast_advection_is_exact_on_a_ring() -> None:
    problem = problem_of(
        Equation(lambda u: u.t + 50 * u.x),
        Periodic("x"),
        Initial(u=lambda x: torch.sin(x)),
        exact=dict(u=lambda x, t: torch.sin(x - 50 * t)),
        domain=RING,
    )
    found, error = errors(problem, March())
    assert "ExponentialRK" in found.reason
    assert error < 1e-9
    assert errors(problem, March(Radau(), tolerance=1e-7))[1] < 1e-6


def test_a_soliton_by_two_methods() -> None:
    ring = Box(x=(-12, 12), t=(0, 1))

    def soliton(x, t):
        return 2 / torch.cosh(x - 4 * t + 2) ** 2

    def start(x):
        return 2 / torch.cosh(x + 2) ** 2

    problem = problem_of(
        Equation(lambda u: u.t + 6 * u * u.x + u.xxx),
        Periodic("x"),
        Initial(u=start),
        exact=dict(u=soliton),
        domain=ring,
    )
    for method in (ExponentialRK(), Radau()):
        assert errors(problem, March(method, tolerance=1e-7))[1] < 1e-6


def test_reaction_and_diffusion_by_two_methods_agree() -> None:
    problem = Problem(
        "front",
        Box(x=(-1, 1), t=(0, 0.5)),
        "u",
        [
            Equation(lambda u: u.t - 1e-2 * u.xx - 5 * (u - u**3)),
            Periodic("x"),
            Initial(u=lambda x: torch.cos(PI * x) + 0.3),
        ],
    )
    coords = problem.domain.sample(300, torch.Generator().manual_seed(1)).coords
    one, two = (march(problem, March(m)).modules[("u",)](coords) for m in (ExponentialRK(), Radau()))
    assert float((one - two).abs().max()) < 1e-7


def test_a_kink_at_the_start_that_is_smoothed_out_has_many_modes_until_it_is_gone() -> None:
    def exact(x, t):
        modes = (4 * (-1) ** k / (PI * k) ** 2 * torch.cos(PI * k * x) * torch.exp(-0.1 * (PI * k) ** 2 * t)
                 for k in range(1, 200))  # fmt: skip
        return 1 / 3 + sum(modes)

    problem = Problem(
        "kink",
        Box(x=(-1, 1), t=(0, 0.2)),
        "u",
        [Equation(lambda u: u.t - 0.1 * u.xx), Periodic("x"), Initial(u=lambda x: x**2)],
        exact=dict(u=exact),
    )
    found = march(problem, March(tolerance=1e-6))
    assert "16385 Fourier modes" in found.reason
    field = found.modules[("u",)]
    assert len(field.spec.pieces) > 1  # fewer modes are kept once the kink is gone
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)
    t = torch.full_like(x, 0.15)
    gap = field(torch.stack([x, t], dim=1))[:, 0] - problem.exact["u"](x, t)
    assert float(gap.abs().max()) < 1e-6


# what comes of it -----------------------------------------------------------------------------------------------------
def test_the_same_march_gives_the_same_field() -> None:
    one, two = (march(BURGERS, March(tolerance=1e-4)).modules[("u",)].state_dict() for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_report_may_stop_the_march() -> None:
    seen: list[Advance] = []

    def report(at: Advance) -> bool:
        seen.append(at)
        return len(seen) == 3

    found = march(BURGERS, March(tolerance=1e-5), report=report)
    assert found.status is Status.INTERRUPTED
    assert found.steps == 3
    assert found.reached == seen[-1].time < 1


def test_growth_without_end_is_reported_as_divergence() -> None:
    problem = Problem(
        "blow-up",
        Box(x=(0, 1), t=(0, 2)),
        "u",
        [
            Equation(lambda u: u.t - u**2 - 0.01 * u.xx),
            Neumann(Box(x=(0, 1), t=(0, 2)).boundary, u=0.0),
            Initial(u=1.0),
        ],
    )
    found = march(problem, March(tolerance=1e-3, modes=8))
    assert found.status is Status.DIVERGED
    assert found.reached == pytest.approx(1.0, abs=1e-3)


BOX2 = Box(x=(0, 1), y=(0, 1), t=(0, 1))
START = Initial(u=0.0)
ZERO = Dirichlet(ROD.boundary, u=0.0)
REFUSED = {
    "2 space dimensions": (BOX2, [Equation(lambda u: u.t - u.laplacian), Dirichlet(BOX2.boundary, u=0.0), START]),
    "no time axis": (Box(x=(0, 1)), [Equation(lambda u: u.xx), Dirichlet(Box(x=(0, 1)).boundary, u=0.0)]),
    "no equation has a time derivative": (ROD, [Equation(lambda u: u.xx), ZERO, START]),
    "not affine in the highest time derivatives": (ROD, [Equation(lambda u: u.t**2 - u.xx), ZERO, START]),
    "differentiated in space as well": (ROD, [Equation(lambda u: u.t - u.d("x", "x", "t") - u.xx), ZERO, START]),
    "no condition on the walls": (ROD, [Equation(lambda u: u.t - u.xx), START]),
    "is not affine in the unknowns": (
        ROD,
        [Equation(lambda u: u.t - u.xx), Condition(ROD.boundary, lambda u: u**2), START],
    ),
    "change in time": (ROD, [Equation(lambda u: u.t - u.xx), Condition(LEFT, lambda u, t: (1 + t) * u + u.x), START]),
    "holds a time derivative": (ROD, [Equation(lambda u: u.t - u.xx), Condition(LEFT, lambda u: u.t + u.x), START]),
    "no initial state of `u`": (ROD, [Equation(lambda u: u.t - u.xx), ZERO]),
    "no initial state of `u_t`": (ROD, [Equation(lambda u: u.tt - u.xx), ZERO, START]),
    "a Data term": (
        ROD,
        [Equation(lambda u: u.t - u.xx), ZERO, START, Data({"x": [0.5], "t": [0.5]}, u=[0.1])],
    ),
    "condition at the end of time": (
        ROD,
        [Equation(lambda u: u.t - u.xx), ZERO, START, Condition(ROD.face(t=1), lambda u: u)],
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_marched_is_refused_with_the_reason(words: str) -> None:
    domain, terms = REFUSED[words]
    problem = Problem("refused", domain, "u", terms)
    assert words in can_march(problem)
    with pytest.raises(CannotMarch, match="problem 'refused'"):
        march(problem, March())


def test_more_that_is_refused() -> None:
    unknown = Problem(
        "found",
        ROD,
        "u",
        [Equation(lambda u, nu: u.t - nu * u.xx), ZERO, START],
        coefficients=[Coefficient("nu", 0.1)],
    )
    assert "unknown coefficient" in can_march(unknown)
    constraint = Problem(
        "constraint",
        RING,
        ["u", "v"],
        [Equation(lambda u, v: (u.t + v.t, u.t + v.t + u.xx)), Periodic("x"), Initial(u=0.0, v=0.0)],
    )
    assert "constraint" in can_march(constraint)
    heat = Problem("heat", ROD, "u", [Equation(lambda u: u.t - u.xx), ZERO, START])
    assert can_march(heat) is None
    with pytest.raises(CannotMarch, match="not periodic"):
        march(heat, March(ExponentialRK()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(method="radau"), "`method` must be"),
        (dict(tolerance=0.5), "`tolerance` must be"),
        (dict(modes=3), "`modes` must be"),
        (dict(most=True), "`most` must be"),
        (dict(modes=50, most=20), "must not exceed"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        March(**arguments)
    for method in (Radau, ExponentialRK):
        with pytest.raises(ValueError, match="stages"):
            method(stages=2)
