"""Surface through points as the zero set of a network f: |grad f| = 1 in the box, f = 0 on the points.

SURFACE_POINTS=scan.ply python problems/surface_from_points.py takes a file (PLY, OBJ, STL, OFF, XYZ, NPY) in any unit;
without one, 3,000 points of a box with a round hole are sampled.  A distance on a grid (screened Poisson: Kazhdan &
Hoppe, ACM Trans. Graph. 32 (2013) 29, section 4; then fast marching) determines the inside; the network is trained on
it (Park et al., DeepSDF, CVPR 2019, section 4).  `pinnkit reconstruct scan.ply --out mesh.ply` also writes the mesh.

Dimensionless, in units of the normalised cube.  Expected: points within 0.1 % of the diagonal in about a minute.
"""

import os

import torch

from pinnkit import main
from pinnkit.surfaces import BoxMinusCylinder, PointCloud, grid_distance, read_points, surface_problem

path = os.environ.get("SURFACE_POINTS")
generator = torch.Generator().manual_seed(0)
cloud = read_points(path) if path else PointCloud.of(BoxMinusCylinder().sample(3_000, generator).numpy())
normalisation = cloud.normalisation
points = torch.as_tensor(normalisation.apply(cloud.points))
normals = None if cloud.normals is None else torch.as_tensor(cloud.normals)
rough = grid_distance(points, normals, generator=generator, resolution=128 if path else 48)

problem = surface_problem(
    points,
    guide=rough,
    noise=rough.noise,
    name="surface_from_points",
    facts=dict(normalisation=normalisation.facts, source=cloud.source),
)

if __name__ == "__main__":
    main(problem)
