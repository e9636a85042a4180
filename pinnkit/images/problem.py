"""Image fitting as a problem: a data term on the known pixels and an optional curvature penalty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pinnkit.fields import FieldSpec
from pinnkit.images.presets import image_preset, super_resolution_preset
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Data, Term
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Plan

from .baselines import bicubic, inpaint_linear
from .curvature import curvature_term
from .figures import draw_derivatives, draw_panels, with_holes
from .inpainting import CURVATURE_STEP, default_curvature_weight
from .picture import Picture, check_mask
from .pixel_integrals import POINTS_PER_SIDE, pixel_mean_term
from .pixels import Pixels
from .quality import psnr, ssim
from .rendering import RenderCache, render

__all__ = ["image_problem"]

Metrics = Mapping[str, Callable[[Solution], float]]


@runtime_checkable
class BatchedSolver(Protocol):
    """Solver that draws a given number of points at each step."""

    @property
    def batch(self) -> int | None:
        """Points per step; None for all."""
        ...


def image_problem(
    picture: Picture,
    *,
    mask: ArrayLike | None = None,
    truth: Picture | None = None,
    align_corners: bool = False,
    name: str | None = None,
    plan: Plan | None = None,
    curvature_weight: float | None = None,
    means: bool = False,
) -> Problem:
    """Fit a function of the plane to the colours of a picture.

    The unknown is named "grey" ``(n,)``, "rgb" ``(n, 3)`` or "rgba" ``(n, 4)``; values lie in [0, 1], coordinates are
    in pixels (see `Pixels`).  Metrics (PSNR in dB, SSIM dimensionless):

    - `psnr`, `ssim`: on the fitted pixels;
    - `psnr_hidden`, `ssim_hidden`, `psnr_hidden_linear`: on the hidden pixels, the last for linear interpolation, if
      the picture or `truth` contains them (a picture whose hidden pixels have one colour does not);
    - `psnr_finer`, `ssim_finer`, `psnr_finer_bicubic`: at the pixels of a finer `truth`, the last for bicubic
      convolution.

    Pictures with fewer than three rows or columns have no `ssim`.

    Args:
        picture: picture to fit.
        mask: ``(height, width)`` booleans, True for known pixels; only those are fitted.
        truth: reference for the metrics: a picture of the same size without holes, or a finer one of the same scene.
            Solvers do not see it.
        align_corners: whether pixels are points with the outermost ones on the border, instead of squares.
        name: problem name; None takes the name of the picture.
        plan: field and solver; None takes the grid preset, the Siren preset for inpainting, or the super-resolution
            preset if `means` is set.
        curvature_weight: weight of the curvature term relative to the mean square error; 0 omits the term.  None takes
            `default_curvature_weight` for inpainting or `means`, and else 0: with all pixels known at their centres the
            term was measured to reduce the PSNR.
        means: whether a pixel is the mean of the field over its square (`pixel_mean_term`) instead of its value at the
            centre.  `psnr` and `ssim` then compare means.

    Raises:
        ValueError: if mask or truth do not fit the picture, the curvature weight is negative, or `means` is combined
            with `align_corners`.
    """
    if means and align_corners:
        raise ValueError("image_problem: with `align_corners` pixels are points, which have no `means`; leave one out")
    pixels = Pixels(picture.height, picture.width, align_corners)
    known = None if mask is None else check_mask(mask, picture)
    unknown = Unknown(picture.kind, components=None if picture.channels == 1 else picture.channels)
    if plan is None and known is not None:
        plan = image_preset("siren", picture.width, picture.height, int(known.sum()))
    elif plan is None and means:
        plan = super_resolution_preset(picture.width, picture.height)
    elif plan is None:
        plan = image_preset("grid", picture.width, picture.height)
    share = 1.0 if known is None else float(known.mean())
    spec = plan.first.field if isinstance(plan.first.field, FieldSpec) else None
    default = default_curvature_weight(spec, share) if means or known is not None else 0.0
    weight = default if curvature_weight is None else curvature_weight
    if not (weight >= 0 and math.isfinite(weight)):
        raise ValueError(
            f"image_problem: `curvature_weight` must be a weight of at least 0, such as 0.1, got {curvature_weight}"
        )
    seen = RenderCache(pixels, POINTS_PER_SIDE if means else 1)
    data = _means(picture, known, plan) if means else _data(picture, pixels, known)
    return Problem(
        name=_name(picture) if name is None else name,
        domain=pixels.box,
        unknowns=unknown,
        terms=[data, *_curvature(picture, pixels, share, plan, weight)],
        metrics=_metrics(picture, pixels, known, truth, seen),
        dtype=torch.float32,
        plan=plan,
        figures=_figures(picture, pixels, known, truth, seen),
        facts={"image": {"name": picture.name, **pixels.facts}, "pixel": "mean" if means else "centre"},
    )


def _data(picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None) -> Term:
    """Data term with the colours of the known pixels at their centres."""
    where = np.ones((picture.height, picture.width), dtype=bool) if known is None else known
    x, y = pixels.centres()
    colours = picture.values[where]
    values: dict[str, Any] = {picture.kind: colours[:, 0] if picture.channels == 1 else colours}
    return Data(dict(x=x[where], y=y[where]), **values)


def _means(picture: Picture, known: NDArray[np.bool_] | None, plan: Plan) -> Term:
    """Data term with the colours of the known pixels as means over their squares."""
    return pixel_mean_term(picture, known, _batch(plan) or 4096)


def _curvature(picture: Picture, pixels: Pixels, share: float, plan: Plan, weight: float) -> list[Term]:
    """Curvature term with a step of half the spacing of the known pixels; none if the weight is zero."""
    if not weight:
        return []
    points = max((_batch(plan) or 2048) // 2, 256)
    return [curvature_term(picture.kind, pixels.box, step=CURVATURE_STEP * share**-0.5, weight=weight, points=points)]


def _batch(plan: Plan) -> int | None:
    """Points per step of the last solver; None if it takes all points."""
    solver = plan.first.solvers[-1]
    return solver.batch if isinstance(solver, BatchedSolver) else None


def _metrics(
    picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None, truth: Picture | None, seen: RenderCache
) -> Metrics:
    values = picture.values
    out: dict[str, Callable[[Solution], float]] = {
        "psnr": lambda s: psnr(seen(s), values, known),
        "ssim": lambda s: ssim(seen(s), values, known),
    }
    if truth is not None and truth.channels != picture.channels:
        raise ValueError(f"image_problem: `truth` must be {picture.kind} as the picture is, got {truth.kind}")
    finer = truth is not None and truth.values.shape != values.shape
    if known is not None and not finer:
        whole = values if truth is None else truth.values
        hidden = ~known
        if truth is not None or np.ptp(whole[hidden], axis=0).max() > 0:
            out |= {
                "psnr_hidden": lambda s: psnr(seen(s), whole, hidden),
                "ssim_hidden": lambda s: ssim(seen(s), whole, hidden),
                "psnr_hidden_linear": lambda s: psnr(inpaint_linear(values, known), whole, hidden),  # noqa: ARG005
            }
    elif finer:
        assert truth is not None
        scale = _scale(pixels, truth)
        start = values if known is None else inpaint_linear(values, known)
        out |= {
            "psnr_finer": lambda s: psnr(render(s, pixels, scale), truth.values),
            "ssim_finer": lambda s: ssim(render(s, pixels, scale), truth.values),
            "psnr_finer_bicubic": lambda s: psnr(  # noqa: ARG005
                bicubic(start, scale, align_corners=pixels.align_corners), truth.values
            ),
        }
    if min(values.shape[:2]) < 3:  # too small for the window of SSIM
        out = {name: metric for name, metric in out.items() if not name.startswith("ssim")}
    return out


def _figures(
    picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None, truth: Picture | None, seen: RenderCache
) -> Mapping[str, Callable[[Solution], Any]]:
    def fit(solution: Solution) -> Any:
        found = seen(solution)
        if known is None:
            return draw_panels({"picture": picture.values, "fit": found}, difference=("picture", "fit"))
        filled = np.where(known[..., None], picture.values, found)
        panels = {"known": with_holes(picture.values, known), "filled": filled}
        panels["linear interpolation"] = inpaint_linear(picture.values, known)
        if truth is None or truth.values.shape != picture.values.shape:
            return draw_panels(panels)
        return draw_panels({**panels, "truth": truth.values}, difference=("filled", "truth"))

    def finer(solution: Solution) -> Any:
        assert truth is not None
        scale = _scale(pixels, truth)
        panels = {"finer": render(solution, pixels, scale), "truth": truth.values}
        panels["bicubic"] = bicubic(picture.values, scale, align_corners=pixels.align_corners)
        return draw_panels({"given": picture.values, **panels}, difference=("finer", "truth"))

    out = {"fit": fit, "derivatives": lambda solution: draw_derivatives(solution, pixels)}
    if truth is not None and truth.values.shape != picture.values.shape:
        out["finer"] = finer
    return out


def _scale(pixels: Pixels, truth: Picture) -> float:
    scale = truth.height / pixels.height
    if pixels.size(scale) != (truth.height, truth.width):
        raise ValueError(
            f"image_problem: `truth` must have the picture's {pixels.width} x {pixels.height} pixels, or the same "
            f"multiple of both, got {truth.width} x {truth.height}"
        )
    return scale


def _name(picture: Picture) -> str:
    """Name of the picture, restricted to characters that are valid in folder names."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in picture.name).strip(".") or "picture"
