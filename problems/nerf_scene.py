"""Radiance field from posed pictures: sum_i T_i (1 - exp(-sigma_i delta_i)) c_i = the pixel, over its ray.

T_i = exp(-sum_{j<i} sigma_j delta_j); density sigma and colour c are unknown: Mildenhall et al., NeRF, ECCV 2020,
section 4, eq. 3.  The field is a sum of planes times lines: Chen et al., TensoRF, ECCV 2022.
RADIANCE_SCENE=folder python problems/nerf_scene.py takes a folder with transforms.json; without one, balls and a box on
a checkered floor are traced.  `pinnkit radiance folder` also removes empty space during the fit, which is faster and
more accurate.

Colours in [0, 1], lengths in units of the poses.  Expected: above 25 dB on the held-out views in one or two minutes on
two cores.
"""

import os

from pinnkit import main
from pinnkit.radiance import make_scene, radiance_problem, read_scene

path = os.environ.get("RADIANCE_SCENE")
scene = read_scene(path) if path else make_scene(views=24, test=4, size=64, samples=2)

problem = radiance_problem(scene, name="nerf_scene")

if __name__ == "__main__":
    main(problem)
