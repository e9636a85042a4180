"""Acceptance rows on images, surfaces, equations inside surfaces, and radiance fields."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .row import Measure, Measurement, Metric, Row

__all__ = ["SCAN", "rows"]

SCAN = "PINNKIT_SCAN"
"""Environment variable with the path of a closed mesh of a real scan, such as the Stanford bunny."""
_UNIT = "largest ratio to a target"
_SMOOTH = {"sphere", "torus"}
_FIELDS = ("grid", "hash", "siren", "fourier", "positional", "gauss", "wire")


def _fit(
    function: str, target: float | None, *arguments: Any, baseline: bool = False, beat_baseline: bool = False
) -> Measure:
    """Measure by a function of bench/images.py that returns the PSNR, that of a baseline if any, and seconds last.

    Args:
        function: its name.
        target: least PSNR in dB; None for no target.
        arguments: of the function, before the seed.
        baseline: whether the second number is the PSNR of a baseline.
        beat_baseline: whether the PSNR of the baseline is the target.
    """

    def measure(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.measure.bench import images

        found = getattr(images, function)(*arguments, seed)
        metrics = {"PSNR, dB": Metric(found[0], found[1] if beat_baseline else target, at_least=True)}
        if baseline:
            metrics["PSNR of the baseline, dB"] = Metric(found[1])
        return Measurement.of(metrics, found[-1])

    return measure


def _shape(name: str) -> Any:
    from pinnkit.measure.bench.surface_grids import bunny, exact_shapes

    if name != "scan":
        return exact_shapes()[name]
    path = os.environ.get(SCAN)
    if not path:
        raise ValueError(f"set {SCAN} to a closed mesh of a scan, such as the bunny that bench/surface_grids.py names")
    return bunny(path)


def _missing_scan() -> str:
    return "" if os.environ.get(SCAN) else f"{SCAN} is not set; it names a closed mesh of a scan"


def _surface(name: str, noise: float, method: str) -> Measure:
    """Measure of a reconstruction from 10,000 points; the method "igr" has no targets."""

    def measure(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.measure.bench.surface_grids import grid_row
        from pinnkit.measure.bench.surfaces import igr_row, neural_row

        shape = _shape(name)
        if method == "igr":
            found = igr_row(shape, seed)
        else:
            found = (grid_row if method == "grid" else neural_row)(shape, noise, seed)
        targets = _targets(name, noise) if method != "igr" else {}
        valid = bool(found["closed"]) and bool(found["euler_ok"])
        metrics = {
            "closed, oriented, Euler number exact": Metric(
                float(valid), None if method == "igr" else 1.0, at_least=True
            )
        }
        words = {
            "chamfer": "Chamfer, % of the diagonal",
            "distance_mean": "distance error, mean, %",
            "distance_p99": "distance error, 99th percentile, %",
            "hausdorff": "Hausdorff, %",
        }
        metrics |= {text: Metric(float(found[key]), targets.get(key)) for key, text in words.items()}
        return Measurement.of(metrics, float(found["seconds"]), dict(found))

    return measure


def _targets(name: str, noise: float) -> Mapping[str, float]:
    if noise:
        return {"chamfer": 0.11 if name in _SMOOTH else 0.22, "distance_mean": 0.4}
    return {"chamfer": 0.02 if name in _SMOOTH else 0.07, "distance_mean": 0.2, "distance_p99": 1.05}


def _extraction(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    from pinnkit.measure.bench.extraction import extraction_row

    found = extraction_row(512)
    metrics = {
        "farthest vertex from the zero set": Metric(found.farthest_vertex, 1e-6),
        "volume error, relative": Metric(found.volume_error, 5e-3),
        "peak memory of the process, GiB": Metric(found.peak_bytes / 2**30, 2.0),
        "closed, oriented, Euler number exact": Metric(float(found.sound), 1.0, at_least=True),
    }
    return Measurement.of(metrics, found.seconds)


def _inside(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    from pinnkit.reports.validation import validate
    from pinnkit.solvers import solve

    solution = solve(problem, seed=seed)
    report = validate(solution)
    (differences,) = report.discretised
    metrics = {
        "relative L2 to the solution inside the exact torus": Metric(report.metrics["difference_to_exact_torus"], 0.01),
        "relative L2 to the closed form": Metric(report.metrics["difference_to_closed_form"]),
        "relative L2 to finite differences in the same region": Metric(differences.measured_l2),
        "error bar of the finite differences": Metric(differences.l2_bar),
    }
    return Measurement.of(metrics, solution.seconds, {"choice": solution.choice})


def _planes(seconds: float, target: float | None, samples: int = 3) -> Measure:
    """Measure of the default method on a generated scene after `seconds`; scene 0 served development, so not used."""

    def measure(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
        from pinnkit.measure.bench.radiance import default_row

        found = default_row(seed + 1, seconds, samples=samples)
        metrics = {
            "PSNR of held-out views, dB": Metric(found[f"psnr_{seconds:g}"], target, at_least=True),
            "depth error, mean, % of the scene": Metric(
                found[f"depth_mean_{seconds:g}"], None if target is None else 1.5
            ),
            "depth error, median, % of the scene": Metric(
                found[f"depth_median_{seconds:g}"], None if target is None else 0.6
            ),
        }
        return Measurement.of(metrics, found[f"used_{seconds:g}"], found)

    return measure


def _classical(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    from pinnkit.measure.bench.radiance import nerf_row

    found = nerf_row(seed + 1)
    metrics = {"PSNR of held-out views, dB": Metric(found["psnr"], 20.0, at_least=True)}
    return Measurement.of(metrics, found["used"], found)


def rows() -> Iterable[Row]:
    """Acceptance rows on images, surfaces and radiance fields."""
    one: Callable[..., Row] = lambda table, problem, method, measure, limit=None, **more: Row(  # noqa: E731
        "3", table, problem, method, _UNIT, 1.0, measure, limit, from_file=False, **more
    )
    yield one("images", "astronaut 256 x 256", "fit, default", _fit("astronaut", 38.4), 5.0)
    yield one("images", "astronaut 256 x 256", "siren with 264,707 parameters", _fit("siren", 38.4), 60.0)
    method, measure = (
        "hash grid with 65,536 parameters; baseline: as many cosines",
        _fit("compressed", 33.1, baseline=True),
    )
    yield one("images", "astronaut 256 x 256", method, measure)
    for field in _FIELDS:
        measure = _fit("odd_pixels", None, field, baseline=True)
        yield one("images", "astronaut 256 x 256", f"odd pixels from even pixels, {field}; baseline: bicubic", measure)
    for field in _FIELDS:
        measure = _fit("inpainting", None, field, baseline=True, beat_baseline=True)
        method = f"90 % of the pixels hidden, {field}; baseline: linear interpolation"
        yield one("images", "camera 256 x 256", method, measure)
    method = "from gradients; baseline: sparse Poisson equation"
    yield one("images", "camera 128 x 128", method, _fit("gradients", 30.0, baseline=True))
    for name in ("sphere", "torus", "box minus cylinder", "gyroid shell", "scan"):
        needs = {"missing": _missing_scan} if name == "scan" else {}
        for noise, table in ((0.0, "surfaces"), (0.005, "noisy")):
            yield one(table, name, "grid", _surface(name, noise, "grid"), 20.0, **needs)
            yield one(table, name, "neural", _surface(name, noise, "neural"), 90.0, **needs)
    for name in ("torus", "gyroid shell"):
        yield one("igr", name, "igr", _surface(name, 0.0, "igr"))
    yield one("extraction", "torus", "extraction on 512 x 512 x 512 points", _extraction, seeded=False)
    yield Row("3", "inside", "heat_in_reconstruction", "least squares", _UNIT, 1.0, _inside)
    for seconds, target in ((30.0, 29.0), (60.0, 30.0), (300.0, 32.0)):
        method = f"planes and lines, {seconds:g} s"
        yield one("radiance", "generated scene", method, _planes(seconds, target), seconds + 1)
    method = "planes and lines, 60 s, one ray per pixel"
    yield one("radiance", "generated scene", method, _planes(60.0, None, samples=1), 61.0)
    yield one("radiance", "generated scene", "coarse and fine networks, 300 s", _classical, 301.0)
