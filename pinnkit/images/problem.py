"""Fitting a picture as a problem: one term of data on its known pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pinnkit.images.presets.filling import STEP, bending, filling
from pinnkit.images.presets.finer import finer
from pinnkit.images.presets.fitting import way
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Data, Term
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Plan

from .baselines import bicubic, filled_linearly
from .curvature import curvature
from .drawings import draw_derivatives, draw_panels, shown
from .picture import Picture, checked_mask
from .pixel_integrals import SIDE, areas
from .pixels import Pixels
from .quality import psnr, ssim
from .render import Rendered, render

__all__ = ["image_problem"]

Metrics = Mapping[str, Callable[[Solution], float]]


def image_problem(
    picture: Picture,
    *,
    mask: ArrayLike | None = None,
    truth: Picture | None = None,
    align_corners: bool = False,
    name: str | None = None,
    plan: Plan | None = None,
    bend: float | None = None,
    means: bool = False,
) -> Problem:
    """A function of the plane that has the picture's colours at its pixels.

    The unknown is called "grey" ``(n,)``, "rgb" ``(n, 3)`` or "rgba" ``(n, 4)``, its values lie between 0 and 1, and
    its coordinates are in pixels; see `Pixels`.  Scores, in dB and dimensionless:

    - `psnr`, `ssim`: on the pixels that were fitted;
    - `psnr_hidden`, `ssim_hidden`, `psnr_hidden_linear`: on the others, the last of linear interpolation, where the
      picture or `truth` shows what they are (a picture whose hidden pixels all have one colour does not);
    - `psnr_finer`, `ssim_finer`, `psnr_finer_bicubic`: of the field at the pixels of a finer `truth`, the last of
      bicubic convolution.

    Pictures of less than three rows or columns have no `ssim`.

    Args:
        picture: to be fitted.
        mask: ``(height, width)`` booleans, true where a pixel is known; only those enter the fit.
        truth: what to score against: a picture of the same size without holes, or a finer one of the same scene.  No
            solver sees it.
        align_corners: whether pixels are points of which the outermost lie on the border; else their centres count.
        name: of the problem; None takes the picture's.
        plan: field and solver; None takes a grid, or for hidden pixels a smooth network.
        bend: weight of a second term, the `curvature` of the field anywhere in the picture, against the mean square
            error; 0 leaves it out.  None takes 0.01 over the share of known pixels for a field on grids that fills
            hidden ones, for `means` what `finer` goes with, and else 0: between pixels that are all known at their
            centres it was measured to do harm.
        means: whether a pixel is the mean of the field over its square, see `areas`, and not its colour at the centre;
            the field is to be looked at between pixels then, and `psnr`, `ssim` compare means.

    Raises:
        ValueError: for a mask or a truth that does not fit the picture, a negative `bend`, or `means` of pixels that
            are points.
    """
    if means and align_corners:
        raise ValueError("image_problem: with `align_corners` pixels are points, which have no `means`; leave one out")
    pixels = Pixels(picture.height, picture.width, align_corners)
    known = None if mask is None else checked_mask(mask, picture)
    unknown = Unknown(picture.kind, components=None if picture.channels == 1 else picture.channels)
    if plan is None and known is not None:
        plan = filling(picture.width, picture.height, int(known.sum()))
    elif plan is None and means:
        plan = finer(picture.width, picture.height)
    elif plan is None:
        plan = way("grid", picture.width, picture.height)
    share = 1.0 if known is None else float(known.mean())
    given = bending(plan.first.field, share) if means or known is not None else 0.0  # type: ignore[arg-type]
    weight = given if bend is None else bend
    if not (weight >= 0 and math.isfinite(weight)):
        raise ValueError(f"image_problem: `bend` must be a weight of at least 0, such as 0.1, got {bend}")
    seen = Rendered(pixels, SIDE if means else 1)
    data = _means(picture, known, plan) if means else _data(picture, pixels, known)
    return Problem(
        name=_name(picture) if name is None else name,
        domain=pixels.box,
        unknowns=unknown,
        terms=[data, *_smooth(picture, pixels, share, plan, weight)],
        metrics=_metrics(picture, pixels, known, truth, seen),
        dtype=torch.float32,
        plan=plan,
        figures=_figures(picture, pixels, known, truth, seen),
        facts={"image": {"name": picture.name, **pixels.facts}, "pixel": "mean" if means else "centre"},
    )


def _data(picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None) -> Term:
    """The colours of the known pixels, at their centres."""
    where = np.ones((picture.height, picture.width), dtype=bool) if known is None else known
    x, y = pixels.centres()
    colours = picture.values[where]
    values: dict[str, Any] = {picture.kind: colours[:, 0] if picture.channels == 1 else colours}
    return Data(dict(x=x[where], y=y[where]), **values)


def _means(picture: Picture, known: NDArray[np.bool_] | None, plan: Plan) -> Term:
    """The colours of the known pixels as means over their squares."""
    return areas(picture, known, plan.first.batch or 4096)


def _smooth(picture: Picture, pixels: Pixels, share: float, plan: Plan, weight: float) -> list[Term]:
    """The curvature of the field, over half the distance between known pixels; nothing where it has no weight."""
    if not weight:
        return []
    points = max((plan.first.batch or 2048) // 2, 256)
    return [curvature(picture.kind, pixels.box, step=STEP * share**-0.5, weight=weight, points=points)]


def _metrics(
    picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None, truth: Picture | None, seen: Rendered
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
                "psnr_hidden_linear": lambda s: psnr(filled_linearly(values, known), whole, hidden),  # noqa: ARG005
            }
    elif finer:
        assert truth is not None
        scale = _scale(pixels, truth)
        start = values if known is None else filled_linearly(values, known)
        out |= {
            "psnr_finer": lambda s: psnr(render(s, pixels, scale), truth.values),
            "ssim_finer": lambda s: ssim(render(s, pixels, scale), truth.values),
            "psnr_finer_bicubic": lambda s: psnr(  # noqa: ARG005
                bicubic(start, scale, align_corners=pixels.align_corners), truth.values
            ),
        }
    if min(values.shape[:2]) < 3:  # no window of structural similarity fits in
        out = {name: metric for name, metric in out.items() if not name.startswith("ssim")}
    return out


def _figures(
    picture: Picture, pixels: Pixels, known: NDArray[np.bool_] | None, truth: Picture | None, seen: Rendered
) -> Mapping[str, Callable[[Solution], Any]]:
    def fit(solution: Solution) -> Any:
        found = seen(solution)
        if known is None:
            return draw_panels({"picture": picture.values, "fit": found}, difference=("picture", "fit"))
        filled = np.where(known[..., None], picture.values, found)
        panels = {"known": shown(picture.values, known), "filled": filled}
        panels["linear interpolation"] = filled_linearly(picture.values, known)
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
    """The picture's name as one that can name a folder."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in picture.name).strip(".") or "picture"
