"""Accuracy of radiance fields on generated scenes: held-out PSNR and depth errors after a given time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["SECONDS", "default_row", "nerf_row"]

SECONDS = (30.0, 60.0, 300.0)


def default_row(
    seed: int, seconds: float | Sequence[float] = SECONDS, *, samples: int = 3, size: int = 100
) -> dict[str, Any]:
    """Default method of `pinnkit radiance` on a generated scene with 40 training views and 10 held out.

    Each time limit has a separate run, planned for this time on two cores and stopped then.  Reference and model are
    sampled alike: each pixel of a held-out view is the mean of `samples` x `samples` rays.  With 1, edges are not
    smoothed, and the PSNR is several dB lower.

    Args:
        seed: of the scene and of the run.
        seconds: time limit of each run.
        samples: rays along each side of a pixel.
        size: pixels along each side of the views.

    Returns:
        For each time S ``psnr_S`` (dB), ``used_S`` (seconds), ``depth_mean_S`` and ``depth_median_S`` (percent of the
        size of the scene), and the recipe.
    """
    from pinnkit.radiance import Evaluation, Planes, fit_radiance, make_scene, sampler_of

    scene = make_scene(views=40, test=10, size=size, seed=seed, samples=samples)
    row: dict[str, Any] = {"seed": seed, "samples": samples}
    for limit in (seconds,) if isinstance(seconds, (int, float)) else seconds:
        recipe = Planes(effort=limit / SECONDS[0])
        solution = fit_radiance(scene, recipe, seed=seed, seconds=limit, every=10**6)
        evaluation = Evaluation(scene, sampler_of(solution), samples=samples)
        found = {name: metric(solution) for name, metric in evaluation.metrics().items()}
        row |= {
            f"psnr_{limit:g}": found["psnr"],
            f"used_{limit:g}": solution.seconds,
            f"depth_mean_{limit:g}": 100 * found["depth_error_mean"],
            f"depth_median_{limit:g}": 100 * found["depth_error_median"],
            "recipe": repr(recipe),
            "parameters": solution.parameters,
        }
    return row


def nerf_row(seed: int, seconds: float = 300.0) -> dict[str, Any]:
    """Coarse and fine networks (4 x 64, 32 + 32 samples) on the scene of `default_row`, sampled as there.

    Source: Mildenhall et al., NeRF, ECCV 2020.
    """
    from pinnkit.radiance import ClassicalNerf, Evaluation, fit_radiance, make_scene, sampler_of

    scene = make_scene(views=40, test=10, size=100, seed=seed)
    recipe = ClassicalNerf()
    solution = fit_radiance(scene, recipe, seed=seed, seconds=seconds, every=10**6)
    evaluation = Evaluation(scene, sampler_of(solution), samples=3)
    found = {name: metric(solution) for name, metric in evaluation.metrics().items()}
    return {
        "seed": seed,
        "psnr": found["psnr"],
        "used": solution.seconds,
        "depth_mean": 100 * found["depth_error_mean"],
        "depth_median": 100 * found["depth_error_median"],
        "recipe": repr(recipe),
        "parameters": solution.parameters,
    }
