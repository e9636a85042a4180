"""Marching in time: walls of every kind, stretched modes, periodic domains, dense output."""

import math
import signal
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    Condition,
    Dirichlet,
    Equation,
    Initial,
    March,
    Neumann,
    Periodic,
    Problem,
    Robin,
    Status,
    Unknown,
    solve,
)
from pinnkit.solutions.solution import exact_values
from pinnkit.solvers import ExponentialRK, Radau
from pinnkit.solvers.method_of_lines.coordinate_maps import fit_map, modes_needed
from pinnkit.solvers.method_of_lines.exponential import why_not_semilinear
from pinnkit.solvers.method_of_lines.implicit import MarchStep
from pinnkit.solvers.method_of_lines.march import MarchResult, march
from pinnkit.solvers.method_of_lines.semidiscretization import Rates, WallConstraints
from pinnkit.solvers.method_of_lines.spatial_basis import IDENTITY, chebyshev
from pinnkit.solvers.method_of_lines.state_layout import StateLayout

PI = math.pi
ROD = Box(x=(0, 1), t=(0, 1))
RING = Box(x=(0, 2 * PI), t=(0, 1))


def errors(problem: Problem, solver: March, n: int = 512) -> tuple[MarchResult, float]:
    """The march, and its largest error over the unknowns' largest values at points drawn from the whole domain."""
    found = march(problem, solver)
    coords = problem.domain.sample(n, torch.Generator().manual_seed(5)).coords
    values = found.modules[problem.names](coords)
    exact = torch.stack([exact_values(problem, coords, {})[name] for name in problem.names], dim=1)
    return found, float(((values - exact).abs().amax(0) / exact.abs().amax(0)).max())


def problem_of(*terms, exact, domain=ROD, unknowns="u"):
    return Problem("case", domain, unknowns, list(terms), exact=exact)


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
    assert "highest derivative" in why_not_semilinear(StateLayout(problem), Rates(StateLayout(problem)))
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
    from pinnkit.solvers.method_of_lines.projection import ProjectedSystem

    found = StateLayout(BURGERS)
    walls = WallConstraints(found)
    numbers = np.array([0.0, 0.5, 0.5 / math.asinh(1 / 0.1), 0.0, 0.1])
    system = ProjectedSystem(Rates(found), walls, chebyshev(found, walls, 20, numbers), np.ones(1))
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
    assert "16385 Fourier modes (as its spectrum asks for to 1e-06; one for each wavenumber)" in found.reason
    field = found.modules[("u",)]
    assert len(field.spec.pieces) > 1  # fewer modes are kept once the kink is gone
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)
    t = torch.full_like(x, 0.15)
    gap = field(torch.stack([x, t], dim=1))[:, 0] - problem.exact["u"](x, t)
    assert float(gap.abs().max()) < 1e-6


# the result of it -----------------------------------------------------------------------------------------------------
def test_the_same_march_gives_the_same_field() -> None:
    one, two = (march(BURGERS, March(tolerance=1e-4)).modules[("u",)].state_dict() for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_report_may_stop_the_march() -> None:
    seen: list[MarchStep] = []

    def report(at: MarchStep) -> bool:
        seen.append(at)
        return len(seen) == 3

    found = march(BURGERS, March(tolerance=1e-5), report=report)
    assert found.status is Status.INTERRUPTED
    assert found.steps == 3
    assert found.reached == seen[-1].time < 1


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [lambda: signal.raise_signal(signal.SIGINT), interrupt])
def test_an_interrupt_ends_the_march_after_a_step_with_its_state_so_far(end: Callable[[], object]) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = solve(BURGERS, solvers=March(tolerance=1e-4), callbacks=[lambda r: end() if r.step == 3 else None])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.status is Status.INTERRUPTED
    assert found.steps == 3
    whole = solve(BURGERS, solvers=March(tolerance=1e-4))
    axis = BURGERS.axes[0]
    start = dict(x=np.linspace(axis.lower, axis.upper, 9), t=0.0)
    assert np.array_equal(found(**start)["u"], whole(**start)["u"])


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


@pytest.mark.parametrize(
    ("method", "counted", "kept"),
    [
        (Radau(), "33 Fourier modes (as its spectrum asks for to 1e-08; cosines and sines are counted singly)", 17),
        (ExponentialRK(), "65 Fourier modes (as its spectrum asks for to 1e-08; one for each wavenumber)", 32),
    ],
)
def test_the_reason_and_the_field_say_what_they_count(method: Radau | ExponentialRK, counted: str, kept: int) -> None:
    def start(x):
        return torch.exp(3 * torch.sin(2 * math.pi * x))

    terms = [Equation(lambda u: u.t - 0.05 * u.xx), Periodic("x"), Initial(u=start)]
    found = march(Problem("ring", Box(x=(0, 1), t=(0, 0.1)), "u", terms), March(method=method))
    assert counted in found.reason
    assert repr(found.modules[("u",)].spec).startswith(f"<{kept} Fourier wavenumbers kept, marched over")
