"""Radiance fields on generated scenes: held-out PSNR and errors of depth after so many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["SECONDS", "default_row", "nerf_row"]

SECONDS = (30.0, 60.0, 300.0)


def default_row(
    seed: int, seconds: float | Sequence[float] = SECONDS, *, samples: int = 3, size: int = 100
) -> dict[str, Any]:
    """The default of `pinnkit radiance` on a generated scene of 40 views, 10 held out, for each of some times.

    Each time is a run of its own, planned for so many seconds on two cores and cut off then.  The reference and the
    model are sampled alike: with `samples` = s both are means of s x s rays a pixel in the held-out views; 1, edges
    without any smoothing, is several dB harder.

    Args:
        seed: of the scene and of the run.
        seconds: of each run.
        samples: see above.
        size: pixels along each side of the views.

    Returns:
        For each time S ``psnr_S``, ``used_S`` (seconds), ``depth_mean_S`` and ``depth_median_S`` (percent of the
        scene's size), and what was run.
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
    """The classical coarse and fine networks (4 x 64, 32 + 32 samples) on the same scene, sampled as there."""
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
