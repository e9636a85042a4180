"""Inverse problems that data do not determine, contradictory data, and slips of the pen that change the problem."""

import math
import random

import numpy as np
import torch

from pinnkit import Box, Coefficient, Condition, Data, Dirichlet, Equation, Initial, PointSet, Problem, Unknown
from pinnkit.domains import Points
from pinnkit.problem.penalties import Absolute, Huber

from .case import ill_posed

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
TIME = Box(t=(0, 2))


def _ticks(low: float, high: float, count: int) -> torch.Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


def _bent(x):
    return sin(PI * x)


AT = _ticks(0.05, 0.95, 19)


@ill_posed("Banks & Kunisch, Estimation Techniques, 1989", "only the product a b is determined")
def product_of_coefficients() -> Problem:
    terms = [
        Equation(lambda u, x, a, b: -a * b * u.xx - 6 * PI**2 * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=AT), u=_bent(AT)),
    ]
    sought = [Coefficient("a", 1.0, positive=True), Coefficient("b", 1.0, positive=True)]
    return Problem("product", LINE, "u", terms, coefficients=sought)


@ill_posed("Banks & Kunisch 1989", "only the sum a + b is determined")
def sum_of_coefficients() -> Problem:
    at = _ticks(0.1, 1.9, 12)
    terms = [
        Equation(lambda u, a, b: u.t + (a + b) * u),
        Initial(u=1.0),
        Data(dict(t=at), u=exp(-1.5 * at)),
    ]
    return Problem("sum", TIME, "u", terms, coefficients=[Coefficient("a", 0.3), Coefficient("b", 0.3)])


@ill_posed("Banks & Kunisch 1989", "only the ratio of conductivity and source is determined")
def ratio_of_coefficients() -> Problem:
    terms = [
        Equation(lambda u, x, k, s: -k * u.xx - s * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=AT), u=_bent(AT)),
    ]
    sought = [Coefficient("k", 1.0, positive=True), Coefficient("s", 5.0, positive=True)]
    return Problem("ratio", LINE, "u", terms, coefficients=sought)


@ill_posed("Slip of the pen", "a coefficient that no term uses")
def unused_coefficient() -> Problem:
    terms = [Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("unused", LINE, "u", terms, coefficients=[Coefficient("nu", 0.3)])


@ill_posed("Banks & Kunisch 1989", "a coefficient without data")
def coefficient_without_data() -> Problem:
    terms = [Equation(lambda u, nu: -nu * u.xx + u.x - 1), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("no data", LINE, "u", terms, coefficients=[Coefficient("nu", 0.3, positive=True)])


@ill_posed("Banks & Kunisch 1989", "all data lie on a wall where the value is given anyway")
def data_on_the_wall() -> Problem:
    terms = [
        Equation(lambda u, nu: -nu * u.xx + u.x - 1),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=torch.tensor([0.0, 1.0])), u=torch.zeros(2)),
    ]
    return Problem("wall data", LINE, "u", terms, coefficients=[Coefficient("nu", 0.3, positive=True)])


@ill_posed("Banks & Kunisch 1989", "data at the nodes of the mode that the coefficient moves")
def data_at_the_nodes() -> Problem:
    terms = [
        Equation(lambda u, x, s: -u.xx - PI**2 * sin(PI * x) - s * sin(2 * PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=torch.tensor([0.5])), u=torch.ones(1)),
    ]
    return Problem("nodes", LINE, "u", terms, coefficients=[Coefficient("s", 1.0)])


@ill_posed("Vapnik; under-determined by counting", "two rates from one measurement")
def two_rates_one_datum() -> Problem:
    terms = [
        Equation(lambda u, v, a, b: (u.t + a * u, v.t - a * u + b * v)),
        Initial(u=1.0, v=0.0),
        Data(dict(t=torch.tensor([1.0])), v=torch.tensor([0.23])),
    ]
    sought = [Coefficient("a", 0.5, positive=True), Coefficient("b", 0.8, positive=True)]
    return Problem("one datum", TIME, ["u", "v"], terms, coefficients=sought)


@ill_posed("Metzler, Math. Biosci. 1987: flip-flop of a chain", "two rates whose roles can be exchanged")
def exchanged_rates() -> Problem:
    at = _ticks(0.1, 1.9, 15)
    terms = [
        Equation(lambda u, v, a, b: (u.t + a * u, v.t - u + b * v)),
        Initial(u=1.0, v=0.0),
        Data(dict(t=at), v=exp(-at) - exp(-2 * at)),
    ]
    sought = [Coefficient("a", 1.5, positive=True), Coefficient("b", 1.5, positive=True)]
    return Problem("exchange", TIME, ["u", "v"], terms, coefficients=sought)


@ill_posed("Richter, SIAM J. Numer. Anal. 18 (1981) 210", "conductivity k(x) from (k u')' = 0 without a level of k")
def conductivity_without_level() -> Problem:
    terms = [
        Equation(lambda u, k: k * u.xx + k.x * u.x),
        Dirichlet(LINE.face(x=0), u=0.0),
        Dirichlet(LINE.face(x=1), u=math.log(2)),
        Data(dict(x=_ticks(0.0, 1.0, 41)), u=torch.log1p(_ticks(0.0, 1.0, 41))),
    ]
    return Problem("level of k", LINE, ["u", Unknown("k", axes=("x",))], terms)


@ill_posed("Isakov, Inverse Source Problems, 1990", "source f(x, y) from wall values alone")
def source_from_the_walls() -> Problem:
    x = _ticks(0.0, 1.0, 21)
    terms = [
        Equation(lambda u, f: -u.laplacian - f),
        Dirichlet(SQUARE.boundary, u=0.0),
        Data(dict(x=x, y=torch.zeros(21)), u=torch.zeros(21)),
    ]
    return Problem("source", SQUARE, ["u", "f"], terms)


@ill_posed("Contradictory measurements", "two exact data at one point that differ by 1")
def contradictory_data() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=torch.tensor([0.5, 0.5])), u=torch.tensor([0.5, 1.5])),
    ]
    return Problem("contradiction", LINE, "u", terms)


@ill_posed("Contradictory measurements", "data with sigma = 0.001 that the equation misses by 0.3")
def data_against_the_equation() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=AT), u=_bent(AT) + 0.3 * sin(2 * PI * AT), sigma=1e-3),
    ]
    return Problem("biased data", LINE, "u", terms)


@ill_posed("Contradictory measurements", "value on a wall and a datum at the same place, one apart")
def datum_against_the_wall() -> Problem:
    terms = [
        Equation(lambda u: u.xx),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=torch.tensor([0.0])), u=torch.tensor([1.0])),
    ]
    return Problem("wall datum", LINE, "u", terms)


@ill_posed("Wrong model: Box & Draper", "a coefficient fitted to data of another law: exponential through a hyperbola")
def wrong_model() -> Problem:
    at = _ticks(0.1, 1.9, 30)
    terms = [
        Equation(lambda u, k: u.t + k * u),
        Initial(u=1.0),
        Data(dict(t=at), u=1 / (1 + 2 * at), sigma=1e-3),
    ]
    return Problem("wrong model", TIME, "u", terms, coefficients=[Coefficient("k", 1.0, positive=True)])


@ill_posed(
    "Slip of the pen: 48 % off",
    "default argument x = 3 that the coordinate x replaces: meant is u'' = 9, solved u'' = x^2",
    exact=dict(u=lambda x: 4.5 * x * (x - 1)),
)
def default_argument() -> Problem:
    terms = [Equation(lambda u, x=3.0: u.xx - x**2), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("default", LINE, "u", terms)


@ill_posed("Slip of the pen", "equation that draws random numbers")
def random_equation() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x) + 0.5 * torch.randn_like(x.value)),
        Dirichlet(LINE.boundary, u=0.0),
    ]
    return Problem("random", LINE, "u", terms)


@ill_posed("Slip of the pen", "source whose strength changes from call to call")
def equation_with_a_state() -> Problem:
    source = random.Random(0)
    terms = [
        Equation(lambda u, x: -u.xx - (1 + source.random()) * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
    ]
    return Problem("state", LINE, "u", terms)


@ill_posed("Slip of the pen: masked measurements", "a masked array whose hidden value is 999", exact=dict(u=_bent))
def masked_array() -> Problem:
    values = np.ma.masked_greater(np.where(np.arange(19) == 7, 999.0, np.sin(PI * AT.numpy())), 100)
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=AT), u=values),
    ]
    return Problem("masked", LINE, "u", terms)


@ill_posed("Slip of the pen", "complex residual of which the imaginary part is lost")
def complex_residual() -> Problem:
    terms = [Equation(lambda u: u.xx * 1j + u.x - 1), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("complex", LINE, "u", terms)


@ill_posed("Slip of the pen", "equation that cancels: u_xx - u_xx = 0 holds for everything")
def empty_equation() -> Problem:
    return Problem("empty", LINE, "u", [Equation(lambda u: u.xx - u.xx), Dirichlet(LINE.boundary, u=0.0)])


@ill_posed("Slip of the pen", "source that is NaN in half of the domain: sqrt of a negative number")
def source_not_a_number() -> Problem:
    terms = [Equation(lambda u, x: -u.xx - torch.sqrt(x - 0.5)), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("nan source", LINE, "u", terms)


@ill_posed("Slip of the pen: NaN at 99 % of the points", "logarithm of a negative coordinate")
def nearly_all_not_a_number() -> Problem:
    terms = [Equation(lambda u, x: -u.xx - torch.log(x - 0.99)), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("mostly nan", LINE, "u", terms)


@ill_posed("Slip of the pen", "second unknown that only its wall values mention")
def unknown_without_equation() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0, v=1.0),
    ]
    return Problem("lonely", LINE, ["u", "v"], terms)


@ill_posed("Non-squared penalty; Huber 1964", "absolute value as penalty, a wall missing")
def robust_penalty_wall_missing() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x), penalty=Absolute()),
        Dirichlet(LINE.face(x=0), u=0.0),
    ]
    return Problem("absolute", LINE, "u", terms)


@ill_posed(
    "Non-squared penalty; Huber 1964",
    "Huber's penalty on data alone: nothing between the points",
    exact=dict(u=lambda x: sin(9 * x)),
)
def robust_data_alone() -> Problem:
    at = torch.tensor([0.1, 0.5, 0.9])
    return Problem("three data", LINE, "u", [Data(dict(x=at), u=sin(9 * at), penalty=Huber(0.1))])


@ill_posed(
    "Interpolation: Shannon",
    "data of a wave with less than one point in each half wave, nothing else",
    exact=dict(u=lambda x: sin(40 * PI * x + 0.3)),
)
def aliased_data() -> Problem:
    at = _ticks(0.0, 1.0, 9)
    return Problem("aliased", LINE, "u", [Data(dict(x=at), u=sin(40 * PI * at + 0.3))])


@ill_posed("Calderon 1980; one experiment", "conductivity k(x, y) from one field and wall values")
def conductivity_of_a_square() -> Problem:
    x = _ticks(0.0, 1.0, 11)
    terms = [
        Equation(lambda u, k: k * u.laplacian + k.x * u.x + k.y * u.y),
        Dirichlet(SQUARE.boundary, u=lambda x, y: x + 0.0 * y),
        Data(dict(x=x, y=torch.full((11,), 0.5)), u=x),
    ]
    return Problem("calderon", SQUARE, ["u", "k"], terms)


@ill_posed(
    "Initial state as unknown; Isakov",
    "start of the heat equation from its end: data at t = 1 alone",
)
def start_from_data_at_the_end() -> Problem:
    rod = Box(x=(0, 1), t=(0, 1))
    at = _ticks(0.0, 1.0, 21)
    terms = [
        Equation(lambda u: u.t - u.xx / 5),
        Dirichlet(rod.boundary, u=0.0),
        Data(dict(x=at, t=torch.ones(21)), u=0.2 * sin(PI * at) + 0.01 * sin(2 * PI * at)),
    ]
    return Problem("from the end", rod, "u", terms)


@ill_posed("Slip of the pen", "one value for two constants of integration")
def one_value_for_two_constants() -> Problem:
    terms = [Equation(lambda u: u.xx - 2), Dirichlet(PointSet(x=0.3), u=0.09)]
    return Problem("two constants", LINE, "u", terms)


@ill_posed("Slip of the pen", "condition that holds for everything: u - u on the wall")
def empty_condition() -> Problem:
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)),
        Condition(LINE.boundary, lambda u: u - u, name="empty"),
    ]
    return Problem("empty condition", LINE, "u", terms)


@ill_posed("Groetsch, Inverse Problems: first kind", "smoothing kernel: high modes are not seen")
def fredholm_first_kind() -> Problem:
    """Integral of exp(-(x - y)^2 / 0.1) u(y) over y equals that of sin(pi y)."""
    z, w = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(32))
    y, weight = (z + 1) / 2, w / 2
    at = _ticks(0.0, 1.0, 20)
    kernel = weight * exp(-((at[:, None] - y) ** 2) / 0.1)
    right = (kernel * sin(PI * y)).sum(dim=1)
    columns = {"share": kernel.reshape(-1), "right": right}
    points = Points(y.repeat(20).reshape(-1, 1), columns=columns, group=32)
    row = Condition(
        LINE,
        lambda u, share, right: (u * share).value.reshape(-1, 32).sum(dim=1) - right.value,
        name="first kind",
        points=points,
    )
    return Problem("fredholm", LINE, "u", [row])


@ill_posed("Natterer, Tomography, section II.1", "integrals along x alone: u(x, y) + g(x) with no mean")
def one_projection() -> Problem:
    z, w = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(16))
    heights = _ticks(0.0, 1.0, 15)
    coords = torch.stack([((z + 1) / 2).repeat(15), heights.repeat_interleave(16)], dim=1)
    points = Points(coords, columns={"share": (w / 2).repeat(15), "right": heights**2}, group=16)
    row = Condition(
        SQUARE,
        lambda u, share, right: (u * share).value.reshape(-1, 16).sum(dim=1) - right.value,
        name="rays",
        points=points,
    )
    return Problem("one projection", SQUARE, "u", [row])


@ill_posed("Scatter beyond sigma: Taylor, Error Analysis, section 12.1", "noise fifty times the sigma that was given")
def noise_beyond_sigma() -> Problem:
    at = _ticks(0.1, 1.9, 40)
    noise = torch.as_tensor(np.random.default_rng(5).normal(0, 0.05, 40))
    terms = [
        Equation(lambda u, k: u.t + k * u),
        Initial(u=1.0),
        Data(dict(t=at), u=exp(-at) + noise, sigma=1e-3),
    ]
    return Problem("noise", TIME, "u", terms, coefficients=[Coefficient("k", 0.5, positive=True)])
