"""Potential in a square with four round holes: laplacian(u) = 0, u = 1 on the outer walls and 0 on the holes.

The problem Poisson2d-C of the PINNacle benchmark (Hao et al., NeurIPS 2024), where published networks are wrong by one
per cent and more.  There is no closed form; the error is bounded by the maximum principle: the functions of the
solution satisfy the equation exactly, so that the error is largest on the boundary, where it is known (Gopal &
Trefethen, SIAM J. Numer. Anal. 57 (2019) 2074).

Dimensionless.  Expected: a proved error below 1e-10 in a few seconds on two cores.
"""

from pinnkit import Box, Dirichlet, Disk, Equation, Problem, main

square = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
holes = [Disk(x=x, y=y, radius=0.1) for x in (-0.3, 0.3) for y in (-0.3, 0.3)]
plate = square - holes[0] - holes[1] - holes[2] - holes[3]

problem = Problem(
    name="plate_four_holes",
    domain=plate,
    unknowns="u",
    terms=[
        Equation(lambda u: -u.laplacian),
        Dirichlet(plate.boundary_of(square), u=1.0, name="outer walls"),
        *(Dirichlet(plate.boundary_of(hole), u=0.0, name=f"hole {i}") for i, hole in enumerate(holes, start=1)),
    ],
)

if __name__ == "__main__":
    main(problem)
