"""Fourier series with exponential Runge-Kutta steps: their order, their bars, their second method, what they refuse."""

import math

import numpy as np
import pytest
import torch

from pinnkit.domains import Box
from pinnkit.jets.operators import laplacian
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.operation_record import record
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Condition, Dirichlet, Equation, Initial, Periodic
from pinnkit.references import FiniteDifferences, Spectral, reference
from pinnkit.references.finite_differences.grid_problem import grid_problem_of
from pinnkit.references.spectral import exponential_rk4 as steps
from pinnkit.references.spectral.run import Look, look, run
from pinnkit.references.spectral.semilinear_form import Modes, read_form, resized
from pinnkit.solutions.solution import exact_values
from tests.references.cases import exact_on, find, rms

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
ring = Box(x=(0, 2), t=(0, 1))
torus = Box(x=(0, 1), y=(0, 2), t=(0, 1))


def at_the_start(function):
    return lambda x: function(x, torch.zeros_like(x))


def evolution(name, box, equation, unknowns="u", periodic=("x",), start=None, **exact):
    begin = start or {u: at_the_start(f) for u, f in exact.items()}
    terms = [Equation(equation), *(Periodic(axis) for axis in periodic), Initial(**begin)]
    return Problem(name, box, unknowns, terms, exact=exact)


def heat(x, t):
    return sin(PI * x) * exp(-0.05 * PI**2 * t) + 0.5 * cos(4 * PI * x) * exp(-0.8 * PI**2 * t)


def solitary(x, t):
    """The soliton of u_t + u u_x + u_xxx = 0 with speed 16, wrapped; its neighbours are below 1e-12 of it."""
    return sum(48 / torch.cosh(2 * (x - 4 - 16 * t + 8 * m)) ** 2 for m in range(-2, 3))


def envelope(x, t):
    """Modulus and phase of the soliton 4 sech(4 x) exp(8 i t) of i h_t + h_xx / 2 + |h|^2 h = 0."""
    return 4 / torch.cosh(4 * x), 8 * t


def decaying(x, t):
    return sin(PI * x) * exp(-t)


def swaying(x, t):
    return torch.stack([sin(PI * x) * cos(PI * t), -cos(PI * x) * sin(PI * t)], dim=-1)


def carried(x, y, t):
    return sin(2 * PI * (x - t)) * cos(PI * y) * exp(-t)


PROBLEMS = {
    "heat": evolution("heat", ring, lambda u: u.t - 0.05 * u.xx, u=heat),
    "advection": evolution("advection", ring, lambda u: u.t + 50 * u.x, u=lambda x, t: sin(PI * (x - 50 * t))),
    "wave": evolution(
        "wave",
        ring,
        lambda u: u.tt - 4 * u.xx,
        start=dict(u=lambda x: sin(PI * x), u_t=3.0),  # its mean grows: no eigenvectors there
        u=lambda x, t: sin(PI * x) * cos(2 * PI * t) + 3 * t,
    ),
    "acoustics": evolution(
        "acoustics",
        ring,
        lambda w: (w[0].t + w[1].x, w[1].t + w[0].x),
        Unknown("w", components=2),
        w=swaying,
    ),
    "kdv soliton": evolution("kdv", Box(x=(0, 8), t=(0, 0.1)), lambda u: u.t + u * u.x + u.xxx, u=solitary),
    "nls soliton": evolution(
        "nls",
        Box(x=(-6, 6), t=(0, 0.5)),
        lambda u, v: (u.t + v.xx / 2 + (u**2 + v**2) * v, v.t - u.xx / 2 - (u**2 + v**2) * u),
        ["u", "v"],
        u=lambda x, t: envelope(x, t)[0] * cos(envelope(x, t)[1]),
        v=lambda x, t: envelope(x, t)[0] * sin(envelope(x, t)[1]),
    ),
    "allen-cahn, driven": evolution(
        "allen_cahn",
        ring,
        lambda u, x, t: (
            u.t - 0.1 * u.xx - u + u**3 - (0.1 * PI**2 - 2) * decaying(x, t) - decaying(x, t) ** 3
        ),
        u=decaying,
    ),
    "variable speed": evolution(
        "variable_speed",
        ring,
        lambda u, x, t: (
            2 * u.t
            + (1 + 0.5 * sin(PI * x)) * u.x
            - 0.1 * u.xx
            - (0.1 * PI**2 - 2) * decaying(x, t)
            - (1 + 0.5 * sin(PI * x)) * PI * cos(PI * x) * exp(-t)
        ),
        u=decaying,
    ),
    "rectangle": evolution(
        "rectangle",
        torus,
        lambda u, x, y, t: (
            u.t - 0.05 * laplacian(u) + u.x + u * u.y - (0.25 * PI**2 - 1) * carried(x, y, t)
            + carried(x, y, t) * PI * sin(2 * PI * (x - t)) * sin(PI * y) * exp(-t)
        ),
        periodic=("x", "y"),
        start=dict(u=lambda x, y: carried(x, y, torch.zeros_like(x))),
        u=carried,
    ),
    "klein-gordon": find("klein_gordon"),
}  # fmt: skip
EXACT = ("heat", "advection", "wave", "acoustics")


def errors(problem, found):
    """Greatest errors of each unknown on the grid and at 300 points between, and the relative one on the grid."""
    true = exact_on(problem, found.grid)
    coords = problem.domain.sample(300, torch.Generator().manual_seed(3)).coords
    between = found.at(**{c: coords[:, i].numpy() for i, c in enumerate(problem.frame.columns)})
    there = exact_values(problem, coords, {})
    out = {}
    for name in problem.names:
        gap = found.values[name] - true[name]
        far = max(np.abs(gap).max(), np.abs(between[name] - there[name].numpy()).max())
        out[name] = rms(gap) / rms(true[name]), float(far)
    return out


# bars ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PROBLEMS)
def test_true_error_lies_inside_twice_the_bar_on_the_grid_and_between(name):
    problem = PROBLEMS[name]
    found = reference(problem, budget=0.4)
    assert found.kind.startswith("Fourier series")
    for unknown, (relative, greatest) in errors(problem, found).items():
        bar, bar_max = found.bars(unknown)
        assert 0 < bar < 0.05
        assert relative <= 2 * bar
        assert greatest <= 2 * bar_max


@pytest.mark.parametrize("name", EXACT)
def test_linear_problems_with_constant_coefficients_are_exact_to_rounding(name):
    problem = PROBLEMS[name]
    found = reference(problem, budget=0.4)
    for unknown, (relative, greatest) in errors(problem, found).items():
        assert relative < 1e-12
        assert greatest < 1e-12
        assert found.error_bar[unknown] < 1e-12


def test_a_larger_budget_gives_a_smaller_bar():
    problem = PROBLEMS["kdv soliton"]
    small, large = reference(problem, budget=0.3), reference(problem, budget=1.2)
    assert large.error_bar["u"] < small.error_bar["u"] / 4


def test_the_reference_follows_from_problem_and_budget_alone():
    problem = PROBLEMS["allen-cahn, driven"]
    first, second = reference(problem, budget=0.1), reference(problem, budget=0.1)
    np.testing.assert_array_equal(first.values["u"], second.values["u"])
    assert first.error_bar == second.error_bar


def test_a_kink_of_the_periodic_extension_is_covered_by_the_bar_at_all_times():
    def kinked(x, t):  # |x| as a cosine series, each mode damped: the greatest error is at the kink at the start
        m = torch.arange(1, 40_000, 2, dtype=torch.float64)
        rows = [
            (torch.cos(PI * m * a) * exp(-0.01 * (PI * m) ** 2 * b) / m**2).sum() for a, b in zip(x, t, strict=True)
        ]
        return 0.5 - 4 / PI**2 * torch.stack(rows)

    box = Box(x=(-1, 1), t=(0, 1))
    terms = [Equation(lambda u: u.t - 0.01 * u.xx), Periodic("x"), Initial(u=lambda x: x.abs())]
    found = reference(Problem("kink", box, "u", terms), budget=0.4)
    x = torch.tensor([0.0, 1e-4, 1e-3, 0.01, 0.999, 1.0, 0.3, 0.0, 1.0], dtype=torch.float64)
    for t in (0.0, 1e-6, 1e-4, 1e-2, 0.7):
        times = torch.full_like(x, t)
        gap = found.at(x=x.numpy(), t=t)["u"] - kinked(x, times).numpy()
        assert np.abs(gap).max() <= 2 * found.max_error_bar["u"] + 1e-5, t  # 1e-5: the series above ends
    assert found.error_bar["u"] < 1e-5


# order --------------------------------------------------------------------------------------------------------------
def error_at_the_end(problem, form, seen, cells, count):
    found = run(form, seen, (cells,), count).series
    assert found is not None
    upper = problem.axes[1].upper
    x = np.linspace(problem.axes[0].lower, problem.axes[0].upper, 201)
    coords = torch.from_numpy(np.stack([x, np.full_like(x, upper)], axis=1))
    true = exact_values(problem, coords, {})
    values = found.on_grid([x, np.array([upper])])
    return max(rms(values[n][:, 0] - true[n].numpy()) / rms(true[n].numpy()) for n in problem.names)


ORDERS = {
    "kdv soliton": (128, 128),
    "nls soliton": (256, 64),
    "allen-cahn, driven": (32, 32),
    "variable speed": (32, 32),
    "klein-gordon": (32, 32),
}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *((name, steps.Exponential) for name in ORDERS),
        ("nls soliton", steps.Rotating),
        ("klein-gordon", steps.Rotating),
    ],
)
def test_error_falls_with_the_fourth_power_of_the_step(name, rule):
    problem, (cells, count) = PROBLEMS[name], ORDERS[name]
    form = read_form(grid_problem_of(problem))
    seen = Look(rough=False, damped=False, rule=rule)
    if rule is steps.Rotating and name == "nls soliton":
        count *= 4  # until then modes that make up the soliton count as rapid
    coarse, fine = (error_at_the_end(problem, form, seen, cells, n) for n in (2 * count, 4 * count))
    assert fine < 1e-3
    assert abs(math.log2(coarse / fine) - steps.ORDER) < 0.4


def test_a_wrong_stage_is_caught_by_the_order(monkeypatch):
    problem = PROBLEMS["allen-cahn, driven"]
    form = read_form(grid_problem_of(problem))
    right = steps.functions

    def wrong(operator, found, h):
        whole, half, q, f1, f2, f3 = right(operator, found, h)
        return [whole, half, q * (1 + h), f1, f2, f3]

    monkeypatch.setattr(steps, "functions", wrong)
    seen = Look(rough=False, damped=False, rule=steps.Exponential)
    coarse, fine = (error_at_the_end(problem, form, seen, 32, n) for n in (64, 128))
    assert abs(math.log2(coarse / fine) - steps.ORDER) > 0.4


# the second method ----------------------------------------------------------------------------------------------------
SOFT = [Equation(lambda u: u.t - 0.01 * u.xx - 5 * (u - u**3)), Periodic("x")]
AGREE = {
    "heat": PROBLEMS["heat"],
    "advection": evolution("slow", ring, lambda u: u.t + u.x, u=lambda x, t: sin(PI * (x - t))),
    "allen-cahn": Problem("p", Box(x=(-1, 1), t=(0, 1)), "u", [*SOFT, Initial(u=lambda x: x**2 * cos(PI * x))]),
    "kdv": Problem(
        "p",
        Box(x=(-1, 1), t=(0, 0.25)),
        "u",
        [Equation(lambda u: u.t + u * u.x + 0.01 * u.xxx), Periodic("x"), Initial(u=lambda x: cos(PI * x))],
    ),
    "klein-gordon": PROBLEMS["klein-gordon"],
}


@pytest.mark.parametrize("name", AGREE)
def test_finite_differences_agree_within_both_bars(name):
    problem = AGREE[name]
    series = reference(problem, budget=0.4)
    differences = reference(problem, budget=0.4, method=FiniteDifferences())
    assert series.kind != differences.kind
    assert series.error_bar["u"] < differences.error_bar["u"] / 5, "the better method is chosen"
    there = series.on_grid(**differences.grid)["u"]
    gap = rms(there - differences.values["u"]) / rms(there)
    assert gap <= series.error_bar["u"] + differences.error_bar["u"]
    assert np.abs(there - differences.values["u"]).max() <= sum(r.max_error_bar["u"] for r in (series, differences))


# what it is made of -------------------------------------------------------------------------------------------------
def test_the_linear_part_is_found_by_probing():
    form = read_form(grid_problem_of(PROBLEMS["allen-cahn, driven"]))
    assert [(e.factor, e.orders) for e in form.entries] == [(pytest.approx(0.1), (2,))]
    assert [c.order for c, _ in form.channels] == [()]
    assert not form.homogeneous
    assert read_form(grid_problem_of(PROBLEMS["advection"])).homogeneous
    halved = read_form(grid_problem_of(PROBLEMS["variable speed"]))  # 2 u_t: everything is divided by two
    assert [(e.factor, e.orders) for e in halved.entries] == [(pytest.approx(0.05), (2,))]


def test_a_rough_initial_state_is_noticed():
    smooth = look(read_form(grid_problem_of(PROBLEMS["heat"])))
    rough = look(read_form(grid_problem_of(AGREE["allen-cahn"])))
    assert (smooth.rough, rough.rough) == (False, True)
    assert rough.damped
    waves = Problem("p", ring, "u", [Equation(lambda u: u.t + u.xxx), Periodic("x"), Initial(u=lambda x: x.abs())])
    assert look(read_form(grid_problem_of(waves))).rule is steps.Rotating


@pytest.mark.parametrize("h", [1e-3, 0.3, 40.0])
def test_weights_of_a_defective_matrix_are_the_limit_of_those_with_eigenvectors(h):
    def operator(a):
        return np.array([[0, 1], [a, 0]], dtype=np.complex128).reshape(2, 2, 1)

    found = steps.eigen(operator(0.0))
    assert found.defective.all()
    exact = steps.functions(operator(0.0), found, h)
    # Both are analytic in a, so the mean over a small circle is the value at its centre.
    around = [1e-2 / h**2 * np.exp(2j * np.pi * (j + 0.5) / 16) for j in range(16)]
    means = [
        sum(f) / 16
        for f in zip(*(steps.functions(operator(a), steps.eigen(operator(a)), h) for a in around), strict=True)
    ]
    for one, two in zip(exact, means, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-11 * max(1.0, h) ** 2)


def test_more_modes_give_the_same_function_and_fewer_the_same_modes(generator):
    for cells, wanted in (((16,), (40,)), ((8, 12), (20, 16))):
        modes = Modes((2.0,) * len(cells), cells)
        values = torch.randn(1, *cells, generator=generator, dtype=torch.float64).numpy()
        spectrum = modes.forward(values) * modes.kept
        wide = resized(spectrum, cells, wanted)
        assert wide.shape[1:] == Modes((2.0,) * len(cells), wanted).shape
        np.testing.assert_allclose(resized(wide, wanted, cells), spectrum, atol=1e-15)
        fine = modes.back(spectrum, tuple(2 * n for n in cells))
        every = (slice(None), *(slice(None, None, 2) for _ in cells))
        np.testing.assert_allclose(fine[every], modes.back(spectrum), atol=1e-13)


def test_a_recorded_residual_is_the_residual(generator):
    def function(a, b):
        c = torch.stack([a, torch.where(a > 0, a * b, a)], dim=1)
        return torch.cat([c[:, 1:], (2 * torch.ones(5, dtype=torch.float64))[:, None] * c], dim=1)

    inputs, others, third = ([torch.randn(5, generator=generator, dtype=torch.float64) for _ in "ab"] for _ in range(3))
    played = record(function, inputs, others)
    assert played is not function
    assert torch.equal(played(*third), function(*third))


def test_a_residual_that_looks_at_values_is_not_recorded(generator):
    def branching(a):
        return a if float(a.sum()) > 0 else 2 * a

    inputs, others = ([torch.randn(5, generator=generator, dtype=torch.float64)] for _ in range(2))
    assert record(branching, inputs, others) is branching


def test_values_on_uneven_coordinates_are_those_at_points():
    for name in ("heat", "kdv soliton", "acoustics", "rectangle"):
        problem = PROBLEMS[name]
        found = reference(problem, budget=0.05)
        ticks = {a.name: a.lower + (a.upper - a.lower) * np.array([0.0, 0.13, 0.7, 1.0]) for a in problem.axes}
        mesh = dict(zip(ticks, np.meshgrid(*ticks.values(), indexing="ij"), strict=True))
        grid = found.on_grid(**ticks)
        for unknown, values in found.at(**mesh).items():
            np.testing.assert_allclose(grid[unknown], values, atol=1e-12)


def test_at_the_nodes_the_values_come_back():
    found = reference(PROBLEMS["kdv soliton"], budget=0.4)
    i, j = 77, 113
    there = found.at(x=found.grid["x"][i], t=found.grid["t"][j])["u"]
    assert there == pytest.approx(found.values["u"][i, j], abs=1e-10)


# refusals -----------------------------------------------------------------------------------------------------------
walls = Dirichlet(ring.boundary, u=0.0)
start = Initial(u=lambda x: sin(PI * x))


def one(equation, *terms, box=ring):
    return Problem("p", box, "u", [Equation(equation), *terms])


REFUSED = {
    "walls": (lambda: one(lambda u: u.t - u.xx, walls, start), "`x` is not periodic; add Periodic('x')"),
    "no time": (
        lambda: one(lambda u: u.xx - u, Periodic("x"), box=Box(x=(0, 1))),
        "there is no time axis",
    ),
    "no space": (lambda: one(lambda u: u.t + u, Initial(u=1.0), box=Box(t=(0, 1))), "there is no space axis"),
    "three dimensions": (
        lambda: one(
            lambda u: u.t - laplacian(u),
            *(Periodic(a) for a in "xyz"),
            Initial(u=1.0),
            box=Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1)),
        ),
        "3 space dimensions, more than 2",
    ),
    "no start": (lambda: one(lambda u: u.t - u.xx, Periodic("x")), "no initial state of `u`"),
    "nonlinear in the rate": (
        lambda: one(lambda u: u.t**2 + u.t - u.xx, Periodic("x"), start),
        "`u_t` has no constant factor",
    ),
    "rate differentiated": (
        lambda: one(lambda u: u.t - u.d("t", "x", "x") - u.xx, Periodic("x"), start),
        "`u_t` is differentiated along `x` as well",
    ),
    "variable diffusion": (
        lambda: one(lambda u: u.t - (1 + u**2) * u.xx, Periodic("x"), start),
        "`u.xx` has no constant factor and no higher derivative",
    ),
    "constraint": (
        lambda: Problem(
            "p",
            ring,
            ["u", "v"],
            [Equation(lambda u, v: (u.t - v.xx, v - u)), Periodic("x"), Initial(u=lambda x: sin(PI * x))],
        ),
        "`v` has no time derivative",
    ),
    "blow-up": (lambda: one(lambda u: u.t - 10 * u**2, Periodic("x"), Initial(u=1.0)), "does not stay finite"),
    "end of time": (
        lambda: one(lambda u: u.t - u.xx, Periodic("x"), start, Condition(ring.face(t=1), lambda u: u)),
        "condition at the end of time",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_periodic_evolution_is_refused_by_name(name):
    make, words = REFUSED[name]
    problem = make()
    with pytest.raises(Unsupported) as caught:
        reference(problem, budget=0.1, method=Spectral())
    message = str(caught.value)
    assert words in message
    assert message.startswith("problem 'p'")
    assert "\n" not in message


def test_what_fourier_series_do_not_cover_goes_to_finite_differences():
    problem = one(lambda u: u.t - (1 + u**2) * u.xx, Periodic("x"), start)
    assert reference(problem, budget=0.2).kind == "Crank-Nicolson finite differences"


def test_a_method_must_be_one():
    with pytest.raises(TypeError, match=r"`method` must be Spectral\(\), .*, got 'spectral'"):
        reference(PROBLEMS["heat"], method="spectral")
