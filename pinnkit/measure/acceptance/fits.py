"""Rows about images, surfaces, equations inside surfaces, and radiance."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .row import Figure, Measure, Measured, Row

__all__ = ["SCAN", "rows"]

SCAN = "PINNKIT_SCAN"
"""The environment variable that names a closed mesh of a real scan, such as the Stanford bunny."""
_SMOOTH = {"sphere", "torus"}
_FIELDS = ("grid", "hash", "siren", "fourier", "positional", "gauss", "wire")


def _fit(function: str, target: float | None, *arguments: Any, rival: bool = False, least: bool = False) -> Measure:
    """A function of bench/images.py that gives the PSNR, that of a rival if there is one, and seconds last.

    Args:
        function: its name.
        target: for the PSNR in dB.
        arguments: before the seed.
        rival: whether the second number is the PSNR of something else.
        least: whether the rival's PSNR is the target.
    """

    def measure(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.measure.bench import images

        found = getattr(images, function)(*arguments, seed)
        figures = {"PSNR, dB": Figure(found[0], found[1] if least else target, at_least=True)}
        if rival:
            figures["PSNR of what stands beside it, dB"] = Figure(found[1])
        return Measured.of(figures, found[-1])

    return measure


def _shape(name: str) -> Any:
    from pinnkit.measure.bench.surface_grids import bunny, exact_shapes

    if name != "scan":
        return exact_shapes()[name]
    path = os.environ.get(SCAN)
    if not path:
        raise ValueError(f"set {SCAN} to a closed mesh of a scan, such as the bunny that bench/surface_grids.py names")
    return bunny(path)


def _surface(name: str, noise: float, road: str) -> Measure:
    """A reconstruction from 10,000 points; with a target for each figure, but for the pure neural road."""

    def measure(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.measure.bench.surface_grids import grid_row
        from pinnkit.measure.bench.surfaces import igr_row, neural_row

        shape = _shape(name)
        if road == "igr":
            found = igr_row(shape, seed)
        else:
            found = (grid_row if road == "grid" else neural_row)(shape, noise, seed)
        targets = _targets(name, noise) if road != "igr" else {}
        right = bool(found["closed"]) and bool(found["euler_ok"])
        figures = {
            "closed, oriented, Euler number exact": Figure(float(right), None if road == "igr" else 1.0, at_least=True)
        }
        words = {
            "chamfer": "Chamfer, % of the diagonal",
            "distance_mean": "distance error, mean, %",
            "distance_p99": "distance error, 99th percentile, %",
            "hausdorff": "Hausdorff, %",
        }
        figures |= {text: Figure(float(found[key]), targets.get(key)) for key, text in words.items()}
        return Measured.of(figures, float(found["seconds"]), dict(found))

    return measure


def _targets(name: str, noise: float) -> Mapping[str, float]:
    if noise:
        return {"chamfer": 0.11 if name in _SMOOTH else 0.22, "distance_mean": 0.4}
    return {"chamfer": 0.02 if name in _SMOOTH else 0.07, "distance_mean": 0.2, "distance_p99": 1.05}


def _extraction(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    from pinnkit.measure.bench.extraction import extraction_row

    found = extraction_row(512)
    figures = {
        "farthest vertex from the zero set": Figure(found.farthest_vertex, 1e-6),
        "volume error, relative": Figure(found.volume_error, 5e-3),
        "peak memory of the process, GiB": Figure(found.peak_bytes / 2**30, 2.0),
        "closed, oriented, Euler number exact": Figure(float(found.sound), 1.0, at_least=True),
    }
    return Measured.of(figures, found.seconds)


def _inside(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    from pinnkit.solvers import solve
    from pinnkit.validate import validate

    solution = solve(problem, seed=seed)
    report = validate(solution)
    (differences,) = report.discretised
    figures = {
        "relative L2 to the solution inside the exact torus": Figure(report.metrics["difference_to_exact_torus"], 0.01),
        "relative L2 to the closed form": Figure(report.metrics["difference_to_closed_form"]),
        "relative L2 to finite differences in the same region": Figure(differences.measured_l2),
        "error bar of those": Figure(differences.l2_bar),
    }
    return Measured.of(figures, solution.seconds, {"choice": solution.choice})


def _planes(seconds: float, target: float | None, samples: int = 3) -> Measure:
    """The default on a generated scene, stopped after so many seconds; seed 0 is that on which it was developed."""

    def measure(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
        from pinnkit.measure.bench.radiance import default_row

        found = default_row(seed + 1, seconds, samples=samples)
        figures = {
            "PSNR of held-out views, dB": Figure(found[f"psnr_{seconds:g}"], target, at_least=True),
            "depth error, mean, % of the scene": Figure(
                found[f"depth_mean_{seconds:g}"], None if target is None else 1.5
            ),
            "depth error, median, % of the scene": Figure(
                found[f"depth_median_{seconds:g}"], None if target is None else 0.6
            ),
        }
        return Measured.of(figures, found[f"used_{seconds:g}"], found)

    return measure


def _classical(row: Row, problem: Any, seed: int) -> Measured:  # noqa: ARG001  (the signature of a measure)
    from pinnkit.measure.bench.radiance import nerf_row

    found = nerf_row(seed + 1)
    figures = {"PSNR of held-out views, dB": Figure(found["psnr"], 20.0, at_least=True)}
    return Measured.of(figures, found["used"], found)


def rows() -> Iterable[Row]:
    """The rows."""
    one: Callable[..., Row] = lambda table, problem, what, measure, limit=None, **more: Row(  # noqa: E731
        "3", table, problem, what, "worst share of a target", 1.0, measure, limit, file_needed=False, **more
    )
    yield one("images", "astronaut 256 x 256", "fit, default", _fit("astronaut", 38.4), 5.0)
    yield one("images", "astronaut 256 x 256", "siren of 264,707 numbers", _fit("siren", 38.4), 60.0)
    budget = _fit("honest_budget", 33.1, rival=True)
    yield one("images", "astronaut 256 x 256", "hash grid of 65,536 numbers, beside as many cosines", budget)
    for field in _FIELDS:
        measure = _fit("odd_pixels", None, field, rival=True)
        yield one("images", "astronaut 256 x 256", f"odd pixels after even ones, {field} beside bicubic", measure)
    for field in _FIELDS:
        fills = _fit("inpainting", None, field, rival=True, least=True)
        what = f"nine pixels of ten filled in, {field} beside linear interpolation"
        yield one("images", "camera 256 x 256", what, fills)
    what = "from gradients, beside the sparse equation"
    yield one("images", "camera 128 x 128", what, _fit("gradients", 30.0, rival=True))
    for name in ("sphere", "torus", "box minus cylinder", "gyroid shell", "scan"):
        for noise, table in ((0.0, "surfaces"), (0.005, "noisy")):
            yield one(table, name, "grid", _surface(name, noise, "grid"), 20.0)
            yield one(table, name, "neural", _surface(name, noise, "neural"), 90.0)
    for name in ("torus", "gyroid shell"):
        yield one("igr", name, "igr", _surface(name, 0.0, "igr"))
    yield one("extraction", "torus", "extraction at 512^3", _extraction, seeded=False)
    yield Row("3", "inside", "heat_in_reconstruction", "least squares", "worst share of a target", 1.0, _inside)
    for seconds, target in ((30.0, 29.0), (60.0, 30.0), (300.0, 32.0)):
        what = f"planes and lines, {seconds:g} s"
        yield one("radiance", "generated scene", what, _planes(seconds, target), seconds + 1)
    what = "planes and lines, 60 s, one ray a pixel"
    yield one("radiance", "generated scene", what, _planes(60.0, None, samples=1), 61.0)
    yield one("radiance", "generated scene", "classical coarse and fine, 300 s", _classical, 301.0)
