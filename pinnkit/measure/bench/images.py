"""Accuracy of image fits on pictures of scikit-image: one function for each kind of fit, with one seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pinnkit.fields import HashGrid
from pinnkit.images import (
    Picture,
    Pixels,
    bicubic_at,
    downsample,
    gradient_problem,
    image_preset,
    image_problem,
    low_pass,
    psnr,
    render,
)
from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Adam, Cosine, Plan, solve

__all__ = ["BUDGET", "astronaut", "compressed", "gradients", "inpainting", "odd_pixels", "picture", "siren"]

BUDGET = 65_536
"""Parameters of the compressed fit: a third of the 196,608 values of the picture."""


def picture(name: str = "astronaut", size: int = 256) -> Picture:
    """Square picture of scikit-image with `size` pixels along a side, each the mean of a block of the original."""
    from skimage import data

    values = np.atleast_3d(getattr(data, name)()) / 255
    return Picture(downsample(values, values.shape[0] // size), name)


def astronaut(seed: int) -> tuple[float, float]:
    """Default fit of `pinnkit fit`: PSNR in dB, and seconds of the solve."""
    found = solve(problem := image_problem(picture()), seed=seed)
    return _score(problem, found, "psnr"), found.seconds


def siren(seed: int) -> tuple[float, float]:
    """Fit by a Siren with 264,707 parameters: PSNR in dB, and seconds of the solve."""
    problem = image_problem(picture(), plan=image_preset("siren", 256, 256))
    found = solve(problem, seed=seed)
    if found.parameters != 264_707:
        raise AssertionError(f"siren: the network should have 264,707 parameters, it has {found.parameters:,}")
    return _score(problem, found, "psnr"), found.seconds


def compressed(seed: int) -> tuple[float, float, int, float]:
    """Fit by a hash grid with at most `BUDGET` parameters.

    Returns:
        PSNR in dB, PSNR of as many cosines in dB, number of parameters, and seconds of the solve.
    """
    spec = HashGrid(levels=8, rows=2**12, coarsest=16, finest=256)
    solver = Adam(steps=1000, batch=4096, betas=(0.9, 0.99), schedule=Cosine(warmup=10))
    plan = Plan.single(spec, (solver,), "A hash grid with less than a third of the picture's values.", balance=False)
    problem = image_problem(given := picture(), plan=plan)
    found = solve(problem, seed=seed)
    if found.parameters > BUDGET:
        raise AssertionError(f"compressed: {found.parameters:,} parameters are more than {BUDGET:,}")
    cosines, _ = low_pass(given.values, found.parameters)
    return _score(problem, found, "psnr"), psnr(cosines, given.values), found.parameters, found.seconds


def odd_pixels(field: str, seed: int) -> tuple[float, float, float]:
    """Fit to the pixels of even rows and columns, evaluated on those of odd rows and columns.

    Returns:
        PSNR in dB, PSNR of bicubic interpolation in dB, and seconds of the solve.
    """
    given = picture()
    even, odd = np.zeros((2, given.height, given.width), dtype=bool)
    even[::2, ::2], odd[1::2, 1::2] = True, True
    problem = image_problem(given, mask=even, plan=image_preset(field, given.width, given.height, int(even.sum())))
    found = solve(problem, seed=seed)
    between = bicubic_at(given.values[::2, ::2], np.arange(given.height // 2) + 0.5, np.arange(given.width // 2) + 0.5)
    bicubic = psnr(between, given.values[1::2, 1::2].astype(np.float64))
    return psnr(_rendered(found, given), given.values, odd), bicubic, found.seconds


def inpainting(field: str | None, seed: int, name: str = "camera", size: int = 256) -> tuple[float, float, float]:
    """Fit to a tenth of the pixels, drawn at random, evaluated on the hidden ones.

    Args:
        field: as `pinnkit fit --field` takes it; None for the default.
        seed: of the mask and of the solve.
        name: of the picture.
        size: pixels along a side.

    Returns:
        PSNR in dB, PSNR of linear interpolation in dB, and seconds of the solve.
    """
    given = picture(name, size)
    known = np.random.default_rng(seed).random((given.height, given.width)) < 0.1
    plan = None if field is None else image_preset(field, given.width, given.height, int(known.sum()))
    problem = image_problem(given, mask=known, plan=plan)
    found = solve(problem, seed=seed)
    return _score(problem, found, "psnr_hidden"), _score(problem, found, "psnr_hidden_linear"), found.seconds


def gradients(seed: int) -> tuple[float, float, float]:
    """Reconstruction of a picture from its gradients.

    Returns:
        PSNR up to a constant in dB, the same for the sparse Poisson equation, and seconds of the solve.
    """
    problem = gradient_problem(picture("camera", 128))
    found = solve(problem, seed=seed)
    scores = (_score(problem, found, f"psnr_{kind}up_to_constant") for kind in ("", "poisson_"))
    return next(scores), next(scores), found.seconds


def _score(problem: Problem, found: Solution, name: str) -> float:
    return float(problem.metrics[name](found))


def _rendered(found: Solution, given: Picture) -> NDArray[np.float64]:
    return render(found, Pixels(given.height, given.width)).astype(np.float64)
