"""Evaluation of radiance fields on held-out views."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnkit.radiance.data.scene import Scene, View
from pinnkit.radiance.rendering.ray_marching import RaySampler
from pinnkit.radiance.rendering.views import RenderedView, render_rays, render_view
from pinnkit.radiance.rendering.volume_rendering import over
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.solution import Solution

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Evaluation", "EvaluationFigure", "psnr"]

_WHITE = (1.0, 1.0, 1.0)


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]: -10 log10 of the mean squared difference."""
    return -10 * math.log10(max(float((one.double() - other.double()).square().mean()), 1e-12))


class Evaluation:
    """Held-out views of a scene compared with the rendered field; training views if none are held out.

    Both are over the background of the scene, or white; rays pass through the pixel centres.

    Args:
        scene: scene with the held-out views.
        sampler: sampler of the rays.
        samples: samples x samples rays per pixel.
    """

    def __init__(self, scene: Scene, sampler: RaySampler, *, samples: int = 1) -> None:
        self.scene = scene
        self.sampler = sampler
        self.samples = samples
        self.views: tuple[View, ...] = scene.test or scene.train[:8]
        self.background = scene.background or _WHITE
        self._last: tuple[Solution, list[RenderedView]] | None = None

    def rendered_views(self, solution: Solution) -> list[RenderedView]:
        """Rendered views of a solution; those of the last solution are cached."""
        if self._last is None or self._last[0] is not solution:
            fields = solution.fieldset
            taken = [
                render_view(fields, view.camera, self.sampler, self.background, samples=self.samples)
                for view in self.views
            ]
            self._last = (solution, taken)
        return self._last[1]

    def metrics(self) -> Mapping[str, Callable[[Solution], float]]:
        """Metrics of a problem: PSNR and SSIM of the views, and depth errors where depth is known.

        Depth errors are over pixels with alpha above 1/2, relative to the diagonal of the box, or to the true depth in
        contracted space.
        """
        prefix = "" if self.scene.test else "train_"
        found: dict[str, Callable[[Solution], float]] = {f"{prefix}psnr": self._psnr}
        smallest = min(min(v.camera.width, v.camera.height) for v in self.views)
        if smallest >= 7 and find_spec("skimage") is not None:  # SSIM uses a window of 7 pixels
            found[f"{prefix}ssim"] = self._ssim
        if all(view.depth is not None for view in self.views):
            found["depth_error_mean"] = lambda solution: float(self._depth_errors(solution).mean())
            found["depth_error_median"] = lambda solution: float(self._depth_errors(solution).median())
        return found

    def subset_psnr(self, most: int = 5_000) -> Callable[[FieldSet], float]:
        """Return a function for the PSNR on a fixed subset of about `most` pixels, cheap enough for monitoring."""
        total = sum(view.camera.width * view.camera.height for view in self.views)
        share = min(1.0, most / total)
        generator = torch.Generator().manual_seed(0)  # a lattice would repeat its columns in every row
        origins, directions, truth = [], [], []
        for view in self.views:
            rays = view.camera.rays()
            count = rays.origins.shape[0]
            chosen = torch.randperm(count, generator=generator)[: max(1, round(share * count))]
            origins.append(rays.origins[chosen])
            directions.append(rays.directions[chosen])
            truth.append(view.over(self.background).view(-1, 3)[chosen])
        o, d, wanted = torch.cat(origins), torch.cat(directions), torch.cat(truth)
        behind = torch.tensor(self.background)

        def measure(fields: FieldSet) -> float:
            colour, opacity, _ = render_rays(fields, o, d, self.sampler)
            shown = over(colour.cpu(), opacity.cpu(), behind).clamp(0, 1)
            return psnr(shown, wanted)

        return measure

    def figures(self) -> Mapping[str, Callable[[Solution], Figure]]:
        """`fit`: some views beside the rendered field, their difference and the depth."""
        return {"fit": EvaluationFigure(self)}

    def _psnr(self, solution: Solution) -> float:
        errors = [
            (taken.rgb.cpu().double() - view.over(self.background)).square().mean()
            for view, taken in zip(self.views, self.rendered_views(solution), strict=True)
        ]
        return -10 * math.log10(max(float(torch.stack(errors).mean()), 1e-12))

    def _ssim(self, solution: Solution) -> float:
        from skimage.metrics import structural_similarity

        values = [
            structural_similarity(
                view.over(self.background).numpy(), taken.rgb.cpu().numpy(), channel_axis=2, data_range=1.0
            )
            for view, taken in zip(self.views, self.rendered_views(solution), strict=True)
        ]
        return float(sum(values) / len(values))

    def _depth_errors(self, solution: Solution) -> Tensor:
        errors = []
        for view, taken in zip(self.views, self.rendered_views(solution), strict=True):
            assert view.depth is not None
            solid = (view.alpha > 0.5) & view.depth.isfinite()
            # Where the field is empty the error is the diagonal.
            unit = torch.full_like(view.depth, self.scene.diagonal) if self.scene.contraction is None else view.depth
            error = ((taken.depth.cpu() - view.depth).abs() / unit).nan_to_num(nan=1.0)
            errors.append(error[solid])
        return torch.cat(errors)

    def draw(self, solution: Solution) -> Figure:
        """Draw some views beside the rendered field, their difference and the depth."""
        from matplotlib.figure import Figure

        count = min(4, len(self.views))
        chosen = [i * len(self.views) // count for i in range(count)]
        taken = self.rendered_views(solution)
        titles = ("held out" if self.scene.test else "training view", "the field", "difference", "its depth")
        figure = Figure(figsize=(2.3 * len(titles), 2.3 * count), layout="constrained")
        spread = [t.depth[t.alpha > 0.5].cpu() for t in (taken[i] for i in chosen)]
        seen = torch.cat(spread)
        low, high = (0.0, 1.0) if len(seen) == 0 else (float(seen.min()), float(seen.max()))
        if self.scene.contraction is not None:  # far surroundings would dominate the colour range
            high = min(high, 3 * float(seen.median())) if len(seen) else high
        placed = figure.subplots(count, len(titles), squeeze=False)
        for row, number in enumerate(chosen):
            truth, shown = self.views[number].over(self.background), taken[number].rgb.cpu()
            depth = torch.where(taken[number].alpha > 0.5, taken[number].depth, torch.nan).cpu()
            pictures: list[tuple[Tensor, dict[str, Any]]] = [
                (truth, {}),
                (shown, {}),
                ((truth - shown).abs().amax(dim=2), {"cmap": "magma", "vmin": 0.0, "vmax": 0.25}),
                (depth, {"cmap": "viridis", "vmin": low, "vmax": high}),
            ]
            for column, (picture, how) in enumerate(pictures):
                axes = placed[row, column]
                image = axes.imshow(picture.numpy(), interpolation="nearest", **how)
                axes.set_axis_off()
                if row == 0:
                    axes.set_title(titles[column], fontsize=9)
                if column == 1:
                    axes.text(
                        0.02, 0.02, f"{psnr(truth, shown):.1f} dB", transform=axes.transAxes, fontsize=8,
                        bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
                    )  # fmt: skip
                if how and row == count - 1:
                    beside = list(placed[:, column])
                    figure.colorbar(image, ax=beside, orientation="horizontal", shrink=0.9, pad=0.02)
        return figure


@dataclass(frozen=True, eq=False)
class EvaluationFigure:
    """Figure of an evaluation, as a report calls it.

    Args:
        evaluation: views and sampler.
    """

    evaluation: Evaluation

    def __call__(self, solution: Solution) -> Figure:
        """Draw the figure of a solution."""
        return self.evaluation.draw(solution)
