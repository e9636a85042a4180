"""`pinnkit fit`: a field fitted to a picture, to store it, refine it or fill its holes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import progress, require_extra, user_errors
from .options import Device, Json, NoFigures, Out, Quick, Resume, Seconds, Seed
from .outcome import Result, finish
from .result_folder import result_folder
from .words import at_least, device_word, positive, with_steps

if TYPE_CHECKING:
    from pinnkit.problem.problem import Problem
    from pinnkit.solutions.solution import Solution
    from pinnkit.solvers import Plan

_WORDS = "grid, hash, siren, fourier, positional, gauss or wire"
_QUICK_SECONDS = 3.0
_MAX_PIXELS = 2**28
"""Largest picture that is written: 3 GiB of colours."""


@app.command()
def fit(
    image: Annotated[Path, typer.Argument(help="A picture: PNG, JPEG, TIFF, WebP ...", show_default=False)],
    field: Annotated[
        str | None, typer.Option(help=f"{_WORDS}; by default a grid, and a Siren where holes are filled.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Write a picture with this multiple of the pixels each way.")] = 1.0,
    mask: Annotated[
        Path | None, typer.Option(help="A picture of the same size: white known, black to fill in.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Measure errors against this picture: complete, or of higher resolution.")
    ] = None,
    align_corners: Annotated[
        bool, typer.Option("--align-corners", help="Pixels are points, the outermost on the border; else squares.")
    ] = False,
    means: Annotated[
        bool | None,
        typer.Option(
            "--means/--centres",
            help="A pixel is the mean of the field over its square, or the value at its centre; means by default with "
            "--scale above 1 and a grid.",
        ),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(help="Number of the picture in an animation or among several pages, from 0.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the solver.")] = None,
    seconds: Seconds = None,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Fit a field to IMAGE and write it as picture.png: finer with --scale, filled with --mask."""
    console = Console(stderr=json_)
    with user_errors(None):
        require_extra("images", "skimage", "PIL")
        import numpy as np

        from pinnkit.images import (
            Pixels,
            image_preset,
            image_problem,
            psnr_monitor,
            read_mask,
            read_picture,
            render,
            write_picture,
        )
        from pinnkit.images.inpainting import RELIABLE_DISTANCE, share_beyond_reach
        from pinnkit.images.quick import quick_plan, subsample, subsample_mask, subsample_stride
        from pinnkit.solvers import solve

        at_least("--seed", seed, 0)
        positive("--seconds", seconds)
        place = device_word(device)
        picture = read_picture(image, frame=frame)
        known = None if mask is None else read_mask(mask, picture)
        target = None if truth is None else read_picture(truth)
        if quick and (stride := subsample_stride(picture)) > 1:
            target = None if target is None else subsample(target, stride, picture)
            known = None if known is None else subsample_mask(known, stride)
            picture = subsample(picture, stride) or picture
            console.print(Text(f"--quick: one pixel of {stride} x {stride} is fitted, by a small setting", style="dim"))
        if known is not None and (share := share_beyond_reach(known)) > 0.01:
            console.print(
                Text(
                    f"{share:.0%} of the hidden pixels are over {RELIABLE_DISTANCE:g} pixels from a known one: a guess"
                )
            )
        pixels = Pixels(picture.height, picture.width, align_corners)
        rows, columns = pixels.size(scale)
        if rows * columns > _MAX_PIXELS:
            raise ValueError(
                f"--scale {scale:g} asks for {columns} x {rows} pixels; at most {_MAX_PIXELS:,} are written"
            )
        count = None if known is None else int(known.sum())
        on_grid = known is None and field in (None, "grid")
        if means is None:
            means = scale > 1 and on_grid and not align_corners
        word = None if means and on_grid else field
        problem = image_problem(
            picture,
            mask=known,
            truth=target,
            align_corners=align_corners,
            plan=None if word is None else image_preset(word, picture.width, picture.height, count),
            means=means,
        )
        problem = _with_steps(replace(problem, plan=quick_plan(problem.plan)) if quick else problem, steps)
        with result_folder(out or Path("results") / problem.name, console, keep=resume) as folder:
            with progress(problem.name, console) as callback:
                solution = solve(
                    problem,
                    seed=seed, device=place, out=folder, resume=resume, monitor=psnr_monitor(problem),
                    callbacks=(callback,),
                    seconds=min(seconds or math.inf, _QUICK_SECONDS) if quick else seconds,
                )  # fmt: skip
            result = Result(solution, folder)
            with result.step("picture.png"):
                values = render(solution, pixels, scale)
                if known is not None and values.shape == picture.values.shape:
                    values = np.where(known[..., None], picture.values, values)
                result.written.append(
                    write_picture(folder / "picture.png", values, bits=picture.bits, profile=picture.profile)
                )
            result.check(figures=not no_figures)
        fitted = (picture.values if known is None else picture.values[known]).size
    size = Text(f"picture.png has {columns} x {rows} pixels")
    finish(result, console, json_=json_, remarks=(size, Text(_compression(solution, fitted))))


def _with_steps(problem: Problem, steps: int | None) -> Problem:
    """The problem with another number of steps of its last solver."""
    if steps is None:
        return problem
    at_least("--steps", steps, 1)
    plan: Plan = problem.plan
    return replace(
        problem, plan=plan.with_first(solvers=(*plan.first.solvers[:-1], with_steps(plan.first.solvers[-1], steps)))
    )


def _compression(solution: Solution, values: int) -> str:
    """The number of fitted parameters beside the number of fitted values."""
    numbers = sum(p.numel() for module in solution.modules.values() for p in module.parameters())
    text = f"{numbers:,} numbers hold {values:,} values of the pixels, {numbers / values:.2g} for each"
    return f"{text}: enough to fit any picture" if numbers >= values else text
