"""Steady problems with smooth solutions in two and more coordinates, on boxes, balls and other shapes."""

import math

import torch

from pinnkit import (
    Ball,
    Box,
    Condition,
    Cube,
    Dirichlet,
    Equation,
    Neumann,
    Parameters,
    Periodic,
    PointSet,
    Problem,
    Region,
    Unknown,
    div,
    grad,
    laplacian,
)

from .case import smooth

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
SQUARE = Box(x=(0, 1), y=(0, 1))


@smooth("LeVeque, Finite Difference Methods, section 3.2", exact=dict(u=lambda x, y: sin(PI * x) * sin(2 * PI * y)))
def poisson_square() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 5 * PI**2 * sin(PI * x) * sin(2 * PI * y)),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("poisson", SQUARE, "u", terms)


@smooth("Harmonic function, Evans, PDE, section 2.2", exact=dict(u=lambda x, y: exp(x) * sin(y)))
def laplace_square() -> Problem:
    terms = [Equation(lambda u: u.laplacian), Dirichlet(SQUARE.boundary, u=lambda x, y: exp(x) * sin(y))]
    return Problem("laplace", SQUARE, "u", terms)


@smooth(
    "Mixed conditions, manufactured: Strang & Fix, section 1.3",
    exact=dict(u=lambda x, y: sin(PI * x / 2) * cos(PI * y)),
)
def poisson_mixed_walls() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 1.25 * PI**2 * sin(PI * x / 2) * cos(PI * y)),
        Dirichlet(SQUARE.face(x=0), u=0.0),
        Neumann(SQUARE.face(x=1, y=(0, 1)), u=0.0),
    ]
    return Problem("mixed", SQUARE, "u", terms)


@smooth(
    "Insulated square with one value given: Evans, PDE, section 6.2",
    exact=dict(u=lambda x, y: cos(PI * x) * cos(PI * y) + 1),
)
def neumann_with_a_level() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 2 * PI**2 * cos(PI * x) * cos(PI * y)),
        Neumann(SQUARE.boundary, u=0.0),
        Dirichlet(PointSet(x=0.0, y=0.0), u=2.0),
    ]
    return Problem("pinned", SQUARE, "u", terms)


@smooth("Torsion of a round bar: Timoshenko & Goodier, section 101", exact=dict(u=lambda x, y: 1 - x**2 - y**2))
def poisson_disk() -> Problem:
    disk = Ball(x=0, y=0)
    return Problem("disk", disk, "u", [Equation(lambda u: -u.laplacian - 4), Dirichlet(disk.boundary, u=0.0)])


@smooth("Torsion of an elliptic bar: Timoshenko & Goodier, section 103", exact=dict(u=lambda x, y: 1 - x**2 / 4 - y**2))
def poisson_ellipse() -> Problem:
    ellipse = Region(lambda p: p[:, 0] ** 2 / 4 + p[:, 1] ** 2 - 1, Box(x=(-2.2, 2.2), y=(-1.2, 1.2)))
    return Problem("ellipse", ellipse, "u", [Equation(lambda u: -u.laplacian - 2.5), Dirichlet(ellipse.boundary, u=0)])


@smooth("Flux on a circle: Evans, PDE, section 2.2", exact=dict(u=lambda x, y: x**2 - y**2 + x))
def robin_disk() -> Problem:
    disk = Ball(x=0, y=0)
    terms = [
        Equation(lambda u: u.laplacian),
        Condition(disk.boundary, lambda u, n, x, y: u + (grad(u) * n).sum(1) - 3 * (x**2 - y**2) - 2 * x, name="robin"),
    ]
    return Problem("robin disk", disk, "u", terms)


@smooth(
    "Poisson's equation in a cube, manufactured",
    exact=dict(u=lambda x, y, z: sin(PI * x) * sin(PI * y) * sin(PI * z)),
)
def poisson_cube() -> Problem:
    cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    terms = [
        Equation(lambda u, x, y, z: -u.laplacian - 3 * PI**2 * sin(PI * x) * sin(PI * y) * sin(PI * z)),
        Dirichlet(cube.boundary, u=0.0),
    ]
    return Problem("cube", cube, "u", terms)


@smooth("Source in a ball: Evans, PDE, section 2.2", exact=dict(u=lambda x, y, z: 1 - x**2 - y**2 - z**2))
def poisson_ball() -> Problem:
    ball = Ball(x=0, y=0, z=0)
    return Problem("ball", ball, "u", [Equation(lambda u: -u.laplacian - 6), Dirichlet(ball.boundary, u=0.0)])


def _graded(x, y):
    return sin(PI * x) * y * (1 - y)


@smooth("Variable conductivity in flux form, manufactured", exact=dict(u=_graded))
def variable_conductivity() -> Problem:
    def row(u, x, y):
        k = 1 + x * y
        u_x, u_y = PI * cos(PI * x) * y * (1 - y), sin(PI * x) * (1 - 2 * y)
        source = k * (-(PI**2) * _graded(x, y) - 2 * sin(PI * x)) + y * u_x + x * u_y
        return div((1 + x * y) * grad(u)) - source

    return Problem("graded square", SQUARE, "u", [Equation(row), Dirichlet(SQUARE.boundary, u=0.0)])


@smooth(
    "Clamped plate, manufactured: Timoshenko & Woinowsky-Krieger, Theory of Plates",
    exact=dict(u=lambda x, y: sin(PI * x) ** 2 * sin(PI * y) ** 2),
)
def clamped_plate() -> Problem:
    def load(x, y):
        a, b = cos(2 * PI * x), cos(2 * PI * y)
        return 4 * PI**4 * (4 * a * b - a - b)

    terms = [
        Equation(lambda u, x, y: laplacian(laplacian(u)) - load(x, y)),
        Dirichlet(SQUARE.boundary, u=0.0),
        Neumann(SQUARE.boundary, u=0.0),
    ]
    return Problem("plate", SQUARE, "u", terms)


@smooth("Semilinear, monotone: Evans, PDE, section 9.1", exact=dict(u=lambda x, y: sin(PI * x) * sin(PI * y)))
def semilinear_square() -> Problem:
    def row(u, x, y):
        v = sin(PI * x) * sin(PI * y)
        return -u.laplacian + u**3 - 2 * PI**2 * v - v**3

    return Problem("semilinear", SQUARE, "u", [Equation(row), Dirichlet(SQUARE.boundary, u=0.0)])


@smooth("Helmholtz, k = 5, plane wave; not an eigenvalue of the square", exact=dict(u=lambda x, y: cos(3 * x + 4 * y)))
def helmholtz_plane_wave() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian + 25 * u),
        Dirichlet(SQUARE.boundary, u=lambda x, y: cos(3 * x + 4 * y)),
    ]
    return Problem("plane wave", SQUARE, "u", terms)


@smooth(
    "Poiseuille flow: Batchelor, Introduction to Fluid Dynamics, section 4.2",
    exact=dict(u=lambda y: 4 * y * (1 - y), v=lambda x: 0 * x, p=lambda x: 8 * (1 - x)),
)
def poiseuille() -> Problem:
    terms = [
        Equation(lambda u, v, p: (-u.laplacian + p.x, -v.laplacian + p.y, u.x + v.y)),
        Dirichlet(SQUARE.face(x=0), u=lambda y: 4 * y * (1 - y), v=0.0),
        Dirichlet(SQUARE.face(y=(0, 1)), u=0.0, v=0.0),
        Dirichlet(SQUARE.face(x=1), p=0.0, v=0.0),
    ]
    return Problem("poiseuille", SQUARE, ["u", "v", "p"], terms)


def _kovasznay():
    re = 20.0
    lam = re / 2 - math.sqrt(re**2 / 4 + 4 * PI**2)
    return (
        lambda x, y: 1 - exp(lam * x) * cos(2 * PI * y),
        lambda x, y: lam / (2 * PI) * exp(lam * x) * sin(2 * PI * y),
        lambda x: (1 - exp(2 * lam * x)) / 2,
        1 / re,
    )


_U, _V, _P, _NU = _kovasznay()


@smooth("Kovasznay, Proc. Camb. Phil. Soc. 44 (1948) 58, Re = 20", exact=dict(u=_U, v=_V, p=_P))
def kovasznay() -> Problem:
    box = Box(x=(0, 1), y=(-0.5, 0.5))

    def rows(u, v, p):
        return (
            u * u.x + v * u.y + p.x - _NU * u.laplacian,
            u * v.x + v * v.y + p.y - _NU * v.laplacian,
            u.x + v.y,
        )

    terms = [Equation(rows), Dirichlet(box.boundary, u=_U, v=_V), Dirichlet(PointSet(x=0.0, y=0.0), p=0.0)]
    return Problem("kovasznay", box, ["u", "v", "p"], terms)


@smooth(
    "Darcy flow in mixed form: Brezzi & Fortin, Mixed and Hybrid FEM, section I.2",
    exact=dict(
        p=lambda x, y: sin(PI * x) * sin(PI * y),
        q=lambda x, y: -PI * torch.stack([cos(PI * x) * sin(PI * y), sin(PI * x) * cos(PI * y)], dim=1),
    ),
)
def darcy_mixed() -> Problem:
    terms = [
        Equation(lambda p, q: q + grad(p), name="darcy"),
        Equation(lambda q, x, y: div(q) - 2 * PI**2 * sin(PI * x) * sin(PI * y), name="mass"),
        Dirichlet(SQUARE.boundary, p=0.0),
    ]
    return Problem("darcy", SQUARE, [Unknown("p"), Unknown("q", components=2)], terms)


@smooth("PINNacle benchmark PNd, Hao et al. 2024", exact=dict(u=lambda x: sin(PI / 2 * x).sum(dim=1)))
def poisson_5d() -> Problem:
    cube = Box(x=Cube(0, 1, dim=5))

    def exact(x):
        return sin(PI / 2 * x).sum(dim=1)

    terms = [
        Equation(lambda u, x: -u.laplacian - PI**2 / 4 * exact(x)),
        Dirichlet(cube.boundary, u=exact),
    ]
    return Problem("poisson5", cube, "u", terms)


@smooth("Quadratic function in 20 dimensions: E & Yu, deep Ritz, 2018", exact=dict(u=lambda x: (x**2).sum(dim=1)))
def poisson_20d() -> Problem:
    cube = Box(x=Cube(0, 1, dim=20))
    terms = [Equation(lambda u: u.laplacian - 40), Dirichlet(cube.boundary, u=lambda x: (x**2).sum(dim=1))]
    return Problem("poisson20", cube, "u", terms)


@smooth(
    "Linear elasticity, manufactured with mu = lambda = 1: Brenner & Scott, chapter 11",
    exact=dict(u=lambda x, y: sin(PI * x) * sin(PI * y), v=lambda x, y: x * (1 - x) * y * (1 - y)),
)
def elastic_square() -> Problem:
    def rows(u, v, x, y):
        s, c = sin(PI * x) * sin(PI * y), cos(PI * x) * cos(PI * y)
        v_xx, v_yy, v_xy = -2 * y * (1 - y), -2 * x * (1 - x), (1 - 2 * x) * (1 - 2 * y)
        f = 3 * (-(PI**2) * s) - PI**2 * s + 2 * v_xy
        g = 3 * v_yy + v_xx + 2 * PI**2 * c
        return (
            3 * u.xx + u.yy + 2 * v.d("x", "y") - f,
            3 * v.yy + v.xx + 2 * u.d("x", "y") - g,
        )

    return Problem("elastic", SQUARE, ["u", "v"], [Equation(rows), Dirichlet(SQUARE.boundary, u=0.0, v=0.0)])


@smooth(
    "Family over the diffusion: -nu u'' + u' = 1, Roos, Stynes & Tobiska, chapter 1",
    exact=dict(u=lambda x, nu: x - (exp((x - 1) / nu) - exp(-1 / nu)) / (1 - exp(-1 / nu))),
)
def convection_over_a_parameter() -> Problem:
    family = Box(x=(0, 1)) * Parameters(nu=(0.2, 1.0))
    terms = [Equation(lambda u, nu: -nu * u.xx + u.x - 1), Dirichlet(family.boundary, u=0.0)]
    return Problem("family", family, "u", terms)


@smooth("Anisotropic diffusion with a mixed derivative, manufactured", exact=dict(u=lambda x, y: exp(x) * cos(y)))
def anisotropic() -> Problem:
    def row(u, x, y):
        return 2 * u.xx + u.d("x", "y") + u.yy - exp(x) * (cos(y) - sin(y))

    terms = [Equation(row), Dirichlet(SQUARE.boundary, u=lambda x, y: exp(x) * cos(y))]
    return Problem("anisotropic", SQUARE, "u", terms)


@smooth(
    "Screened Poisson equation on a torus: Evans, PDE, section 6.2",
    exact=dict(u=lambda x, y: exp(sin(x) + cos(y))),
)
def screened_torus() -> Problem:
    torus = Box(x=(0, 2 * PI), y=(0, 2 * PI))

    def row(u, x, y):
        v = exp(sin(x) + cos(y))
        return -u.laplacian + u + v * (cos(x) ** 2 - sin(x) + sin(y) ** 2 - cos(y)) - v

    return Problem("torus", torus, "u", [Equation(row), Periodic("x"), Periodic("y")])


@smooth(
    "Steady heat in the wall of a pipe: Carslaw & Jaeger, section 7.2",
    exact=dict(u=lambda x, y: torch.log(x**2 + y**2) / 2),
)
def pipe_wall() -> Problem:
    def inside(p):
        r = torch.sqrt((p**2).sum(dim=1))
        return torch.maximum(r - 2, 1 - r)

    ring = Region(inside, Box(x=(-2.2, 2.2), y=(-2.2, 2.2)))
    wall = Dirichlet(ring.boundary, u=lambda x, y: torch.log(x**2 + y**2) / 2)
    return Problem("pipe", ring, "u", [Equation(lambda u: u.laplacian), wall])


@smooth("Units far from one: the equation times 1e-9", exact=dict(u=lambda x, y: sin(PI * x) * sin(PI * y)))
def tiny_equation() -> Problem:
    terms = [
        Equation(lambda u, x, y: 1e-9 * (-u.laplacian - 2 * PI**2 * sin(PI * x) * sin(PI * y))),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("tiny", SQUARE, "u", terms)
