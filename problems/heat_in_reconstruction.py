"""Steady heat inside a torus known only by 10,000 points on it, -laplacian(u) = f inside, u = 0 on the wall.

The points, without normals, are reconstructed as a signed distance on a grid, and the domain is where it is negative.
With f = 6 - 2 R / rho, rho the distance from the axis, the solution inside the exact torus is known,
u = r^2 - (rho - R)^2 - z^2.  The same problem is solved inside the exact torus, and the two are compared at points
inside both; finite differences, inside the reconstructed wall too, stand beside them.  A made-up solution, as in
Roache, Code verification by the method of manufactured solutions, J. Fluids Eng. 124 (2002) 4, section 2.

Dimensionless.  Expected: 0.7 % between the two solutions, in a few seconds on two cores.  Finite differences inside the
reconstructed wall are 0.5 % from the closed form, which is the wall's share, and as far from the random sines.
"""

import torch

from pinnkit import Box, Dirichlet, Equation, LeastSquares, Plan, Problem, RandomFourier, Region, main, solve
from pinnkit.references import FiniteDifferences
from pinnkit.surfaces import Torus, grid_distance

torus = Torus(major=0.55, minor=0.23)
box = Box(x=(-0.85, 0.85), y=(-0.85, 0.85), z=(-0.3, 0.3))
field, solvers = RandomFourier(features=1300, bandwidth=(10.0, 10.0, 4.0)), [LeastSquares()]


def u_exact(x, y, z):
    return torus.minor**2 - (torch.sqrt(x**2 + y**2) - torus.major) ** 2 - z**2


def inside(wall, **options):
    """The problem in the region where `wall` is negative."""
    region = Region(wall, box)
    heat = Equation(lambda u, x, y: -u.laplacian - 6 + 2 * torus.major / torch.sqrt(x**2 + y**2))
    return Problem("heat_in_reconstruction", region, "u", [heat, Dirichlet(region.boundary, u=0.0)], **options)


def difference(solution, other=None):
    """Relative L2 to the solution inside the exact torus, or to a function, at points inside both."""
    at = solution.problem.domain.sample(4096, torch.Generator().manual_seed(1)).coords
    x, y, z = at[torus.distance(at) < 0].T
    other = other or solve(inside(torus.distance), field, solvers, seed=solution.seed)
    expected = torch.as_tensor(other(x=x, y=y, z=z)["u"])
    return float(torch.linalg.norm(torch.as_tensor(solution(x=x, y=y, z=z)["u"]) - expected) / expected.norm())


generator = torch.Generator().manual_seed(0)
problem = inside(
    grid_distance(torus.sample(10_000, generator), generator=generator, resolution=64),
    reference_solver=FiniteDifferences().refer,  # inside the reconstructed wall, as the field is
    plan=Plan.single(field, solvers, "Random sines by least squares: the equation is linear, and the torus smooth."),
    metrics=dict(
        difference_to_exact_torus=difference,
        difference_to_closed_form=lambda solution: difference(solution, lambda **at: {"u": u_exact(**at)}),
    ),
)

if __name__ == "__main__":
    main(problem)
