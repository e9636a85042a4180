"""Signed distance of Koch's snowflake from points: |grad f| = 1 in the square, f = 0 on the points.

The snowflake after four divisions has 768 straight sides, so that its distance is known exactly.  Its corners are hard
for reconstruction by smooth functions (a test of Ben-Shabat, Koneputugodage & Gould, DiGS: Divergence guided shape
implicit neural representation, CVPR 2022, section 4).  The input has points only, no normals.

Dimensionless.  Expected: a mean error of 0.2 % of the diagonal in about a minute on two cores.
"""

import math

import torch

from pinnkit import main
from pinnkit.surfaces import grid_distance, surface_problem


def snowflake(divisions):
    """Corners (m, 2), counter-clockwise."""
    z = 0.7 * torch.exp(2j * math.pi * torch.arange(3, dtype=torch.float64) / 3)
    turn = torch.exp(torch.tensor(-1j * math.pi / 3, dtype=torch.complex128))
    for _ in range(divisions):
        side = (z.roll(-1) - z) / 3
        z = torch.stack([z, z + side, z + side + side * turn, z + 2 * side], dim=1).reshape(-1)
    return torch.view_as_real(z)


def distance(at, corners):
    """To the nearest side, negative where a ray to the right crosses an odd number of sides."""
    a, b = corners, corners.roll(-1, 0)
    ab, ap = b - a, at[:, None] - a
    along = ((ap * ab).sum(-1) / (ab * ab).sum(-1)).clamp(0, 1)
    nearest = (ap - along[..., None] * ab).norm(dim=-1).amin(1)
    spans = (a[:, 1] <= at[:, 1:]) != (b[:, 1] <= at[:, 1:])
    right = a[:, 0] + (at[:, 1:] - a[:, 1]) * ab[:, 0] / torch.where(ab[:, 1] == 0, 1.0, ab[:, 1]) > at[:, :1]
    return torch.where((spans & right).sum(1) % 2 == 1, -nearest, nearest)


def mean_error(solution):
    """Over the diagonal, at points uniform in the square."""
    at = 1.8 * torch.rand(4_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.9
    found = torch.as_tensor(solution(x=at[:, 0], y=at[:, 1])["f"])
    return float((found - distance(at, corners)).abs().mean() / (corners.amax(0) - corners.amin(0)).norm())


corners = snowflake(4)
share = torch.linspace(0, 1, 5, dtype=torch.float64)[:-1, None, None]
points = (corners + share * (corners.roll(-1, 0) - corners)).reshape(-1, 2)
rough = grid_distance(points, generator=torch.Generator().manual_seed(0), resolution=256)

problem = surface_problem(points, guide=rough, name="curve_koch", metrics=dict(mean_distance_error=mean_error))

if __name__ == "__main__":
    main(problem)
