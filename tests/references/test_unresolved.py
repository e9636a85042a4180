"""Grids that do not resolve the solution are refined or damped; nothing rests on rounding."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch

from pinnkit.domains import Box
from pinnkit.jets.operators import laplacian
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial, Neumann, Periodic
from pinnkit.references import FiniteDifferences
from pinnkit.references.cost_model import Work, WorkCounter
from pinnkit.references.errors import Unresolved
from pinnkit.references.finite_differences import crank_nicolson, sdirk
from pinnkit.references.finite_differences.artificial_diffusion import artificial_diffusion
from pinnkit.references.finite_differences.assembly import System
from pinnkit.references.finite_differences.evolution import Evolution
from pinnkit.references.finite_differences.grid_problem import grid_problem_of
from pinnkit.references.finite_differences.resolution import Defect, Resolution, zigzags_in_space
from pinnkit.references.grid import refined
from pinnkit.references.grid_convergence import measure
from pinnkit.references.grid_methods import discretise
from pinnkit.references.grid_selection import choose
from pinnkit.references.ode import Ordinary
from pinnkit.references.protocols import Solved
from tests.references.cases import CASES, errors, find, rms

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
NU = 0.01 / PI


def noise(size, seed):
    """A function of x that stands for rounding: `size` times sines of high frequency."""
    rng = np.random.default_rng(seed)
    waves = [(float(k), float(p)) for k, p in zip(rng.integers(50, 3000, 6), rng.uniform(0, 6, 6), strict=True)]
    return lambda x: size / 6 * sum(sin(k * x + p) for k, p in waves)


def burgers(size=0.0, seed=0):
    line, rough = Box(x=(-1, 1), t=(0, 1)), noise(size, seed)
    terms = [
        Equation(lambda u: u.t + u * u.x - NU * u.xx),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: -sin(PI * x) + rough(x)),
    ]
    return Problem("burgers", line, "u", terms)


def kuramoto_sivashinsky(size=0.0, seed=0):
    box, rough = Box(x=(0, 32 * PI), t=(0, 50)), noise(size, seed)
    terms = [
        Equation(lambda u: u.t + u * u.x + u.xx + u.xxxx),
        Periodic("x"),
        Initial(u=lambda x: cos(x / 16) * (1 + sin(x / 16)) + rough(x)),
    ]
    return Problem("ks", box, "u", terms)


def burgers_2d():
    box = Box(x=(0, 1), y=(0, 1), t=(0, 0.5))
    terms = [
        Equation(
            lambda u, v: (
                u.t + u * u.x + v * u.y - 0.01 * laplacian(u),
                v.t + u * v.x + v * v.y - 0.01 * laplacian(v),
            )
        ),
        Dirichlet(box.boundary, u=0.0, v=0.0),
        Initial(u=lambda x, y: sin(PI * x) * sin(PI * y), v=lambda x, y: sin(PI * x) * sin(2 * PI * y)),
    ]
    return Problem("burgers_2d", box, ["u", "v"], terms)


def gray_scott():
    box = Box(x=(-1, 1), t=(0, 500))
    terms = [
        Equation(
            lambda u, v: (
                u.t - 8e-5 * u.xx + u * v**2 - 0.04 * (1 - u),
                v.t - 4e-5 * v.xx - u * v**2 + 0.1 * v,
            )
        ),
        Neumann(box.boundary, u=0.0, v=0.0),
        Initial(u=lambda x: 1 - 0.5 * exp(-80 * (x + 0.05) ** 2), v=lambda x: 0.25 * exp(-80 * (x + 0.05) ** 2)),
    ]
    return Problem("gray_scott", box, ["u", "v"], terms)


def stiff_reaction(rate=1e4):
    rod = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - 0.01 * u.xx - rate * u * (1 - u) * (u - 0.4)),
        Neumann(rod.boundary, u=0.0),
        Initial(u=lambda x: 0.5 * (1 + torch.tanh((x - 0.5) * 20))),
    ]
    return Problem("stiff", rod, "u", terms)


def lorenz(end=15.0):
    terms = [
        Equation(lambda x, y, z: (x.t - 10 * (y - x), y.t - x * (28 - z) + y, z.t - x * y + 8 / 3 * z)),
        Initial(x=1.0, y=1.0, z=1.0),
    ]
    return Problem("lorenz", Box(t=(0, end)), ["x", "y", "z"], terms)


def solved(name, cells):
    return Evolution(grid_problem_of(name)).solve(cells)


# Nothing rests on rounding -------------------------------------------------------------------------------------------
PERTURBED = [(1e-13, 1), (1e-10, 2), (1e-6, 3)]
SEVERAL = [
    pytest.param(*PERTURBED[0], marks=pytest.mark.slow),
    PERTURBED[1],
    pytest.param(*PERTURBED[2], marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("size", "seed"), SEVERAL)
def test_a_front_has_a_reference_whatever_the_rounding(size, seed):
    """The coarse grids of this problem once wandered, and rounding decided whether there was a reference."""
    first, other = (FiniteDifferences().refer(burgers(*noise), 0.2) for noise in ((0.0, 0), (size, seed)))
    assert {n: len(t) for n, t in other.grid.items()} == {n: len(t) for n, t in first.grid.items()}
    assert other.error_bar["u"] == pytest.approx(first.error_bar["u"], rel=0.02)
    assert rms(other.values["u"] - first.values["u"]) < 1e-4


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_noise_in_every_linear_solve_changes_nothing(seed, monkeypatch):
    """Other instruction sets and numbers of threads change the last digits of linear solves; so does this noise."""
    plain = FiniteDifferences().refer(burgers(), 0.2)
    rng, original = np.random.default_rng(seed), crank_nicolson.inverse

    def noisy(*args, **options):
        solve = original(*args, **options)
        return lambda right: (x := solve(right)) * (1 + 1e-14 * rng.standard_normal(len(x)))

    monkeypatch.setattr(crank_nicolson, "inverse", noisy)
    found = FiniteDifferences().refer(burgers(), 0.2)
    assert found.kind == plain.kind
    np.testing.assert_allclose(found.values["u"], plain.values["u"], atol=1e-8)
    assert found.error_bar["u"] == pytest.approx(plain.error_bar["u"], rel=1e-5)


def test_noise_grows_where_a_grid_wanders_so_that_the_tests_above_mean_something(monkeypatch):
    """The midpoint rule alone, without a look at the state, on a grid that does not resolve the front."""

    monkeypatch.setattr(Resolution, "look", lambda *_args: None)

    def last(size, seed):
        system = System(grid_problem_of(burgers()), refined(grid_problem_of(burgers()).lines, (64,)))
        steps = crank_nicolson.March(system, np.linspace(0, 1, 33), rough=False, counter=WorkCounter("burgers"))
        u = -np.sin(PI * system.grid.coords[:, 0])
        u = u + size * np.random.default_rng(seed).standard_normal(len(u))
        try:
            return list(steps.states(u, np.zeros_like(u)))[-1]
        except Unresolved:
            return None

    states = [last(1e-10, seed) for seed in range(4)]
    known = [s for s in states if s is not None]
    assert len(known) < len(states) or max(rms(s - known[0]) for s in known) > 1e-3


def test_pilot_grids_choose_the_same_cells_whatever_the_rounding():
    chosen = {choose(discretise(burgers(size, seed)), 5.0) for size, seed in [(0.0, 0), *PERTURBED[:2]]}
    assert len(chosen) == 1
    x, t = chosen.pop()
    assert x > 4 * t, "a front of 1 / 300 asks for cells along x"


@pytest.mark.parametrize(
    ("make", "budget"),
    [
        (burgers, 0.2),
        (burgers, 2.0),
        pytest.param(kuramoto_sivashinsky, 1.0, marks=pytest.mark.slow),
        (gray_scott, 0.5),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_problems_with_fronts_stiffness_or_chaos_have_a_reference(make, budget):
    found = FiniteDifferences().refer(make(), budget)
    for name, values in found.values.items():
        assert np.isfinite(values).all()
        assert found.bars(name)[0] > 0
        assert (found.bars(name)[0] > 0.05) is (f"`{name}`" in found.remark)


@pytest.mark.slow  # the next test is its fast sibling
def test_a_front_of_a_stiff_reaction_travels_and_its_error_bar_holds():
    """On a coarse grid the front rests, so that grids agree on a wrong solution."""
    found = FiniteDifferences().refer(stiff_reaction(1e3), 3.0)
    finer = solved(stiff_reaction(1e3), (800, 800))
    at = tuple(np.ix_(*(np.searchsorted(finer.grid[n], found.grid[n] - 1e-9) for n in ("x", "t"))))
    near = [np.abs(finer.grid[n][i.ravel()] - found.grid[n]).max() for n, i in zip(("x", "t"), at, strict=True)]
    error = rms(finer.values["u"][at] - found.values["u"]) / rms(finer.values["u"])
    assert max(near) < 2e-3
    assert 0 < error <= 1.5 * found.error_bar["u"]


def test_a_front_of_a_reaction_that_no_grid_of_the_budget_resolves_asks_for_a_larger_budget():
    with pytest.raises(Unresolved, match=r"has fronts that the finest grid .* does not resolve; give a larger budget"):
        FiniteDifferences().refer(stiff_reaction(), 0.5)


@pytest.mark.slow
def test_two_fronts_in_two_dimensions_end_in_a_reference_or_in_a_request_for_a_larger_budget():
    try:
        found = FiniteDifferences().refer(burgers_2d(), 0.5)
    except Unresolved as error:
        assert "give a larger budget than 0.5" in str(error)  # noqa: PT017
    else:
        assert found.error_bar["u"] < 0.5


def test_chaos_gets_a_bar_that_says_so():
    found = FiniteDifferences().refer(lorenz(), 0.2)
    assert found.error_bar["x"] > 0.5
    assert "the grids do not resolve `x`" in found.remark


def test_before_chaos_sets_in_there_is_nothing_to_remark():
    found = FiniteDifferences().refer(lorenz(1.0), 0.2)
    assert found.remark == ""
    assert found.error_bar["x"] < 1e-3


def test_a_solution_that_blows_up_is_refused_on_the_finest_grid():
    rod = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.xx - 10 * u**3),
        Dirichlet(rod.boundary, u=0.0),
        Initial(u=lambda x: 10 * sin(PI * x)),
    ]
    with pytest.raises(
        Unresolved, match=r"^problem 'blow-up': .* on the finest grid that the budget affords, 128 x 128"
    ):
        FiniteDifferences().refer(Problem("blow-up", rod, "u", terms), 0.2)


# Damped steps --------------------------------------------------------------------------------------------------------
def failing(*_args, **_options):
    raise Unresolved("finite differences", "planted")


@pytest.mark.parametrize("name", ["fisher", "klein_gordon", "steep"])
def test_damped_steps_are_of_second_order(name, monkeypatch):
    if name == "steep":  # of first order in time with a condition that changes
        box = Box(x=(0, 1), t=(0, 1))
        terms = [
            Equation(lambda u, x, t: u.t - u.xx + u**2 - exp(2 * (x - t)) + 2 * exp(x - t)),
            Dirichlet(box.face(x=0), u=lambda t: exp(-t)),
            Neumann(box.face(x=1), u=lambda t: exp(1 - t)),
            Initial(u=lambda x: exp(x)),
        ]
        problem = Problem("steep", box, "u", terms, exact=dict(u=lambda x, t: exp(x - t)))
    else:
        problem = find(name)
    monkeypatch.setattr(crank_nicolson.March, "states", failing)
    grids = [solved(problem, (n, n)) for n in (16, 32, 64)]
    assert {g.kind for g in grids} == {"SDIRK2 finite differences"}
    found = [errors(problem, g)["u"] for g in grids]
    assert math.log2(found[1] / found[2]) == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 0.2])
def test_a_wrong_coefficient_of_the_damped_steps_is_caught_by_their_order(gamma, monkeypatch):
    monkeypatch.setattr(crank_nicolson.March, "states", failing)
    monkeypatch.setattr(sdirk, "_GAMMA", gamma)
    problem = find("klein_gordon")
    found = [errors(problem, solved(problem, (n, n)))["u"] for n in (32, 64)]
    assert abs(math.log2(found[0] / found[1]) - 2.0) > 0.15


def test_steps_that_are_too_long_for_newtons_method_are_divided(monkeypatch):
    problem, lengths = find("fisher"), []
    original = sdirk.DampedMarch._step

    def short_only(self, time, dt, u, v):
        if dt > 0.02:
            return None
        lengths.append(dt)
        return original(self, time, dt, u, v)

    monkeypatch.setattr(crank_nicolson.March, "states", failing)
    monkeypatch.setattr(sdirk.DampedMarch, "_step", short_only)
    grid = solved(problem, (32, 16))
    assert len(lengths) == 64
    assert sum(lengths) == pytest.approx(1.0)
    assert errors(problem, grid)["u"] < 1e-3


def test_stiff_reactions_are_damped_where_the_midpoint_rule_zigzags_in_time():
    grid = solved(stiff_reaction(), (32, 32))
    assert grid.kind == "SDIRK2 finite differences"
    assert not grid.peclet, "there is no transport"
    u = grid.values["u"]
    assert u.min() > -0.01
    assert u.max() < 1.01
    np.testing.assert_allclose(u[:, -1] * (1 - u[:, -1]), 0.0, atol=0.25)
    assert np.abs(np.diff(u[:, -5:], axis=1)).max() < 1e-3, "at rest, not alternating"


def test_a_front_on_a_coarse_grid_is_monotone_by_artificial_diffusion():
    grid = solved(burgers(), (32, 32))
    assert grid.peclet["x"] == pytest.approx(1 / 16 / (2 * NU), rel=0.05)
    u = grid.values["u"]
    assert np.abs(u).max() <= 1 + 1e-9
    slopes = np.diff(u[:, -1])
    assert np.abs(np.diff(np.sign(slopes[np.abs(slopes) > 1e-9]))).sum() == 4, "up, down the front, and up"


def test_a_front_that_the_grid_resolves_needs_no_artificial_diffusion():
    grid = solved(burgers(), (512, 64))
    assert grid.kind is None, "that of the scheme"
    assert not grid.peclet


def test_a_grid_is_given_up_when_it_takes_far_more_work_than_foreseen(monkeypatch):
    cost = Evolution(grid_problem_of(find("fisher"))).cost((32, 32))
    monkeypatch.setattr(Evolution, "_patience", lambda *_args: 0.5 * cost)
    with pytest.raises(Unresolved, match=r"more than .* nominal seconds of work") as caught:
        solved(find("fisher"), (32, 32))
    assert 0.5 * cost < caught.value.spent < cost


# Artificial diffusion ------------------------------------------------------------------------------------------------
def transport(speed, diffusion, *, box=None):
    box = Box(x=(0, 1), t=(0, 1)) if box is None else box
    terms = [
        Equation(lambda u: 3 * u.t + 3 * speed * u.x - 3 * diffusion * u.xx),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("transport", box, "u", terms)


def added(problem, cells):
    system = System(grid_problem_of(problem), refined(grid_problem_of(problem).lines, cells))
    return system, artificial_diffusion(system, np.zeros(system.size), 0.0)


@pytest.mark.parametrize("speed", [1.0, -1.0])
def test_artificial_diffusion_makes_the_cell_peclet_number_one(speed):
    system, (matrix, peclet) = added(transport(speed, 0.01), (10,))
    assert peclet == {"x": pytest.approx(5.0)}
    x = system.grid.coords[:, 0]
    expected = -3 * (0.1 / 2 - 0.01) * 2.0  # of u = x^2 at inner nodes
    np.testing.assert_allclose((matrix @ x**2)[1:-1], expected)
    np.testing.assert_allclose((matrix @ x**2)[[0, -1]], 0.0, err_msg="conditions stay as they are")


def test_no_artificial_diffusion_where_the_cell_peclet_number_is_below_one():
    _, (matrix, peclet) = added(transport(1.0, 0.01), (51,))
    assert matrix is None
    assert peclet == {}


def test_derivatives_of_higher_order_get_no_artificial_diffusion():
    _, (matrix, _) = added(kuramoto_sivashinsky(), (16,))
    assert matrix is None


# Zigzags -------------------------------------------------------------------------------------------------------------
X = np.linspace(0.0, 1.0, 33)


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        (np.sin(7 * X), False),
        (np.where(X > 0.5, 1.0, 0.0), False),  # a jump, not a zigzag
        (np.sin(2 * PI * 4 * X), False),  # eight nodes a wave
        (np.tanh(200 * (X - 0.5)) + 0.04 * (-1.0) ** np.arange(33), False),
        (np.tanh(200 * (X - 0.5)) + 0.1 * (-1.0) ** np.arange(33), True),
        ((-1.0) ** np.arange(33) * (np.abs(X - 0.5) < 0.07), True),
        (np.zeros(33), False),
    ],
)
def test_zigzags_from_node_to_node_are_seen(values, seen):
    assert zigzags_in_space(values[None]) is seen
    assert zigzags_in_space(np.stack([np.zeros((5, 33)), np.tile(values, (5, 1))])) is seen


def steps_seen(states):
    system = System(grid_problem_of(find("fisher")), refined(grid_problem_of(find("fisher")).lines, (32,)))
    watch = Resolution(system, states[0], 0.0)
    return {watch.look(a, b, float(i)) for i, (a, b) in enumerate(itertools.pairwise(states))}


def test_zigzags_from_step_to_step_are_seen():
    u = np.sin(PI * X)
    assert Defect.TIME in steps_seen([u * (1 + 0.01 * (-1) ** i) for i in range(6)])


@pytest.mark.parametrize(
    "factor",
    [
        lambda i: math.cos(0.5 * i),  # twelve steps a period
        lambda i: 1 + 1e-4 * (-1) ** i,  # too small to matter
        lambda i: 1 + 0.1 * (-0.2) ** i,  # dies out
        lambda i: 0.9**i,
    ],
)
def test_motions_that_the_steps_resolve_are_no_zigzags(factor):
    assert steps_seen([np.sin(PI * X) * factor(i) for i in range(40)]) == {None}


@pytest.mark.parametrize(("cells", "seen"), [(32, True), (180, True), (512, False)])
def test_a_front_that_forms_is_seen_where_it_is_narrower_than_two_cells(cells, seen):
    system = System(grid_problem_of(burgers()), refined(grid_problem_of(burgers()).lines, (cells,)))
    x = system.grid.coords[:, 0]
    smooth, front = -np.sin(PI * x), -np.tanh(x / (2 * NU))
    watch = Resolution(system, smooth, 0.0)
    assert watch.look(smooth, smooth, 0.0) is None
    assert (watch.look(smooth, front, 0.0) is Defect.FRONT) is seen
    assert Resolution(system, front, 0.0).look(front, front, 0.0) is None, "it did not form"


# Error bars ----------------------------------------------------------------------------------------------------------
def three(offsets):
    made = []
    for n, offset in zip((16, 32, 64), offsets, strict=True):
        x = np.linspace(0.0, 1.0, n + 1)
        made.append(Solved({"x": x}, {"u": 1 + x + offset}))
    return made


def test_without_a_coarse_grid_the_bar_is_the_whole_difference():
    _, middle, fine = three((0.0, 0.04, 0.01))
    bar = measure("u", None, middle, fine, 2.0)
    assert bar.greatest == pytest.approx(0.03)
    assert math.isnan(bar.order)


def test_an_order_that_rests_on_a_coarse_grid_far_off_is_not_believed():
    bar = measure("u", *three((10.0, 2.0, 0.0)), 2.0)
    assert bar.order == pytest.approx(2.0)
    assert bar.greatest == pytest.approx(2.0), "not 1.25 / 3 of it"
    near = measure("u", *three((0.1, 0.02, 0.0)), 2.0)
    assert near.greatest == pytest.approx(0.02 * 1.25 / 3)


# Ordinary differential equations -------------------------------------------------------------------------------------
def test_a_path_that_newtons_method_does_not_find_as_a_whole_is_solved_part_by_part(monkeypatch):
    problem = find("ode")
    whole = Ordinary(grid_problem_of(problem)).solve((256,)).values["u"]
    original = Ordinary._path

    def short_only(self, times, first, start, counter, **options):
        return original(self, times, first, start, counter, **options) if len(times) <= 20 else None

    monkeypatch.setattr(Ordinary, "_path", short_only)
    np.testing.assert_allclose(Ordinary(grid_problem_of(problem)).solve((256,)).values["u"], whole, atol=1e-9)


def test_parts_that_newtons_method_does_not_find_are_stepped_through(monkeypatch):
    problem = find("ode")
    monkeypatch.setattr(Ordinary, "_path", lambda *_args, **_options: None)
    monkeypatch.setattr(sys.modules[Ordinary.__module__], "_PATIENCE", 1e9)
    grids = [Ordinary(grid_problem_of(problem)).solve((n,)) for n in (132, 264)]
    found = [errors(problem, g)["u"] for g in grids]
    assert math.log2(found[0] / found[1]) == pytest.approx(2.0, abs=0.15)


# The model of the work -----------------------------------------------------------------------------------------------
def test_work_adds_up_to_nominal_seconds():
    work = 2 * (Work(operations=1e9) + Work(traffic=4e9)) + Work(calls=2.5e5)
    assert work.seconds == pytest.approx(5.0)


def test_a_work_counter_gives_up_at_its_limit():
    counter = WorkCounter("p", 1.0)
    counter.add(Work(operations=9e8))
    with pytest.raises(Unresolved, match="problem 'p': the iterations on one grid take more than 1 nominal seconds"):
        counter.add(Work(operations=2e8))
    assert counter.spent == pytest.approx(1.1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_costs_and_memory_grow_with_the_cells_and_default_grids_hold_less_than_two_gibibytes(case):
    scheme = discretise(case.problem)
    doubled = tuple(2 * n for n in case.cells)
    assert scheme.cost(case.cells) < scheme.cost(doubled)
    assert scheme.memory(case.cells) < scheme.memory(doubled)
    chosen = choose(scheme, 5.0)
    assert sum(scheme.cost(tuple(n // k for n in chosen)) for k in (1, 2, 4)) <= 2.5
    assert scheme.memory(chosen) < 2**31
