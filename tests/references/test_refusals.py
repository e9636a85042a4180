import pytest
import torch

from pinnkit.domains import Box, Cube, Parameters, PointSet
from pinnkit.jets.operators import laplacian
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Coefficient, Problem, Unknown
from pinnkit.problem.terms import Condition, Data, Dirichlet, Equation, Initial, Neumann, Periodic
from pinnkit.references import reference

line = Box(x=(0, 1))
square = Box(x=(0, 1), y=(0, 1))
rod = Box(x=(0, 1), t=(0, 1))
many = Box(x=Cube(0, 1, dim=4))
family = line * Parameters(nu=(0.1, 1))
clock = Box(t=(0, 1))


class Disc:
    """A domain that is no box and does not say how far its wall is."""

    axes = square.axes
    columns = square.columns
    boundary = square.boundary
    measure = 1.0
    face = square.face
    sample = square.sample
    contains = square.contains


def poisson(box, *conditions, **options):
    return Problem("p", box, "u", [Equation(lambda u: laplacian(u) + 1), *conditions], **options)


def heat(*conditions):
    return Problem("p", rod, "u", [Equation(lambda u: u.t - u.xx), *conditions])


def eikonal(*conditions):
    return Problem("p", square, "T", [Equation(lambda T: T.x**2 + T.y**2 - 1), *conditions])


walls = Dirichlet(square.boundary, u=0.0)
ends = Dirichlet(rod.boundary, u=0.0)
start = Initial(u=0.0)

REFUSED = {
    "no box": (lambda: poisson(Disc(), walls), "not a box but Disc, which has no `signed_distance`"),
    "many dimensions": (lambda: poisson(many, Dirichlet(many.boundary, u=0.0)), "4 space dimensions, more than 3"),
    "parameter": (
        lambda: Problem("p", family, "u", [Equation(lambda u, nu: nu * u.xx), Dirichlet(family.boundary, u=0.0)]),
        "parameter axis `nu`",
    ),
    "coefficient": (
        lambda: Problem(
            "p", square, "u", [Equation(lambda u, k: k * u.xx + u.yy), walls], coefficients=[Coefficient("k", 1.0)]
        ),
        "`k` is an unknown coefficient",
    ),
    "data": (lambda: poisson(square, walls, Data(dict(x=[0.5], y=[0.5]), u=[1.0])), "`data` is a Data term"),
    "fewer axes": (
        lambda: Problem(
            "p",
            square,
            ["u", Unknown("k", axes=("x",))],
            [Equation(lambda u, k: (laplacian(u) + k, k.xx)), walls],
        ),
        "`k` is an unknown on fewer axes",
    ),
    "third order in time": (
        lambda: Problem("p", rod, "u", [Equation(lambda u: u.ttt - u.xx), ends, start]),
        "time derivative of order 3",
    ),
    "a state that is open": (
        lambda: Problem("p", clock, "u", [Equation(lambda u: u.ttt + u), Initial(u=1.0, u_t=0.0)]),
        "no initial state of `u_tt`; add Initial(u_tt=",
    ),
    "fifth order in time": (
        lambda: Problem("p", clock, "u", [Equation(lambda u: u.d(*"ttttt") + u), Initial(u=1.0, u_t=0.0)]),
        "time derivative of order 5",
    ),
    "no initial state": (lambda: heat(ends), "no initial state of `u`"),
    "no initial rate": (
        lambda: Problem("p", rod, "u", [Equation(lambda u: u.tt - u.xx), ends, start]),
        "no initial state of `u_t`",
    ),
    "end of time": (lambda: heat(ends, Dirichlet(rod.face(t=1), u=0.0)), "condition at the end of time"),
    "odd start": (
        lambda: heat(ends, Condition(rod.face(t=0), lambda u: u.x)),
        "not the value of one unknown or of its rate",
    ),
    "no time derivative": (
        lambda: Problem("p", clock, ["u", "v"], [Equation(lambda u, v: (u.t - v, v - u)), Initial(u=1.0, v=1.0)]),
        "`v` has no time derivative",
    ),
    "missing wall": (
        lambda: poisson(square, Dirichlet(square.face(x=(0, 1), y=0), u=0.0)),
        "no condition for `u` on the wall y = 1",
    ),
    "hard conditions alone": (
        lambda: poisson(square, ansatz=dict(u=lambda u, x, y: x * (1 - x) * y * (1 - y) * u)),
        "give it as a term, even where an ansatz makes it hold",
    ),
    "one of two": (
        lambda: Problem("p", line, "u", [Equation(lambda u: u.xxxx - 1), Dirichlet(line.boundary, u=0.0)]),
        "only 1 condition for `u` on the wall x = 0",
    ),
    "no inflow": (
        lambda: Problem("p", rod, "u", [Equation(lambda u: u.t + u.x), start]),
        "0 conditions for `u` on the walls of `x`",
    ),
    "two conditions on one wall": (
        lambda: poisson(square, walls, Neumann(square.face(x=0), u=0.0)),
        "2 conditions on the wall x = 0, where the equation takes 1",
    ),
    "periodic and held": (
        lambda: poisson(square, walls, Periodic("x")),
        "sets a condition on the wall x = 0, which is periodic",
    ),
    "single points": (
        lambda: poisson(square, walls, Dirichlet(PointSet(x=0.5, y=0.5), u=0.0)),
        "at single points, which lie on no grid",
    ),
    "undetermined": (
        lambda: poisson(square, Neumann(square.boundary, u=0.25)),
        "singular",
    ),
    "undetermined in three dimensions": (
        lambda: Problem(
            "p",
            Box(x=(0, 1), y=(0, 1), z=(0, 1)),
            "u",
            [
                Equation(lambda u: laplacian(u) + 1),
                Neumann(Box(x=(0, 1), y=(0, 1), z=(0, 1)).boundary, u=0.25),
            ],
        ),
        "singular",
    ),
    "rows": (
        lambda: Problem("p", square, ["u", "v"], [Equation(lambda u, v: laplacian(u) + v), walls]),
        "1 rows for 2 components",
    ),
    "no equation of its own": (
        lambda: Problem("p", line, ["u", "v"], [Equation(lambda u: (u.xx, u.xx + u)), Dirichlet(line.boundary, v=0.0)]),
        "an equation of its own",
    ),
    "no solution": (
        lambda: Problem("p", line, "u", [Equation(lambda u: u.xx + u**2 + 50), Dirichlet(line.boundary, u=0.0)]),
        "found no solution",
    ),
    "eikonal without source": (lambda: eikonal(Neumann(square.face(x=0), T=0.0)), "from point sources only"),
    "no slowness": (
        lambda: Problem(
            "p",
            square,
            "T",
            [Equation(lambda T: T.x**2 + T.y**2 + 1), Dirichlet(PointSet(x=0.5, y=0.5), T=0.0)],
        ),
        "no length of the gradient",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_discretised_is_refused_by_name(name):
    make, words = REFUSED[name]
    problem = make()
    with pytest.raises(Unsupported) as caught:
        reference(problem, budget=0.2)
    message = str(caught.value)
    assert caught.value.method in (
        "finite differences",
        "factored eikonal equation",
        "initial-value problem",
        "finite elements",
    )
    assert caught.value.reason == message
    assert words in message
    assert message.startswith("problem 'p'")
    assert "\n" not in message


def test_columns_of_data_are_refused(generator):
    from pinnkit.domains import Points

    coords = square.sample(5, generator).coords
    measured = Points(coords, columns={"f": torch.ones(5, dtype=torch.float64)})
    problem = Problem("p", square, "u", [Equation(lambda u, f: laplacian(u) - f, points=measured), walls])
    with pytest.raises(Unsupported, match="uses data columns"):
        reference(problem)


@pytest.mark.parametrize("budget", [0, -1.0, float("nan")])
def test_budget_must_be_positive(budget):
    with pytest.raises(ValueError, match="`budget` must be a positive number of nominal seconds"):
        reference(poisson(square, walls), budget=budget)
