"""`pinnkit fit`: a picture as a function, to store it, to make it finer, to fill its holes."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from pinnkit.reports.report import SUMMARY_NAME
from pinnkit.reports.validation import validate
from pinnkit.solutions.status import Status

from .app import app
from .console import exit_code, needs, result_folder, run_solve, user_errors
from .options import Device, Json, NoFigures, Out, Quick, Resume, Seconds, Seed
from .words import at_least, device_word

if TYPE_CHECKING:
    from pinnkit.problem.problem import Problem
    from pinnkit.solutions.solution import Solution
    from pinnkit.solvers import Plan

_WORDS = "grid, hash, siren, fourier, positional, gauss or wire"
_QUICK_SECONDS = 3.0


_MOST = 2**28
"""Pixels of the picture that is written: 3 GiB of colours."""


@app.command()
def fit(
    image: Annotated[Path, typer.Argument(help="A picture: PNG, JPEG, TIFF, WebP ...", show_default=False)],
    field: Annotated[str | None, typer.Option(help=f"{_WORDS}; a grid by default, for holes a Siren.")] = None,
    scale: Annotated[float, typer.Option(help="Write a picture with so many times the pixels each way.")] = 1.0,
    mask: Annotated[
        Path | None, typer.Option(help="A picture of the same size: white known, black to fill in.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Score against this one: without holes, or finer.")] = None,
    align_corners: Annotated[
        bool, typer.Option("--align-corners", help="Pixels are points, the outermost on the border; else squares.")
    ] = False,
    means: Annotated[
        bool | None,
        typer.Option("--means/--centres", help="What a pixel is of the field; means with --scale above 1 and a grid."),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(help="Which picture of an animation or of several pages, from 0.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of the solver.")] = None,
    seconds: Seconds = None,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = None,
    quick: Quick = False,
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Fit a function to IMAGE; write it as picture.png, finer with --scale, filled with --mask."""
    from pinnkit.images import Pixels, image_problem, read_mask, read_picture, render, watch, way, write_picture
    from pinnkit.images.presets.filling import REACH, guessed
    from pinnkit.images.quick import brief, stride_of, thinned, thinned_mask

    say = Console(stderr=json_)
    with user_errors(None):
        needs("images", "skimage", "PIL")
        at_least("--seed", seed, 0)
        if seconds is not None and not seconds > 0:
            raise ValueError(f"--seconds must be positive, got {seconds:g}")
        place = device_word(device)
        picture = read_picture(image, frame=frame)
        known = None if mask is None else read_mask(mask, picture)
        against = None if truth is None else read_picture(truth)
        if quick and (stride := stride_of(picture)) > 1:
            against = None if against is None else thinned(against, stride, picture)
            known = None if known is None else thinned_mask(known, stride)
            picture = thinned(picture, stride) or picture
            say.print(Text(f"--quick: one pixel of {stride} x {stride} is fitted, by a small setting", style="dim"))
        if known is not None and (share := guessed(known)) > 0.01:
            say.print(Text(f"{share:.0%} of the hidden pixels are over {REACH:g} pixels from a known one: a guess"))
        pixels = Pixels(picture.height, picture.width, align_corners)
        rows, columns = pixels.size(scale)
        if rows * columns > _MOST:
            raise ValueError(f"--scale {scale:g} asks for {columns} x {rows} pixels; at most {_MOST:,} are written")
        count = None if known is None else int(known.sum())
        on_grid = known is None and field in (None, "grid")
        if means is None:
            means = scale > 1 and on_grid and not align_corners
        finer = means and on_grid
        plan = None if finer or field is None else way(field, picture.width, picture.height, count)
        problem = image_problem(
            picture,
            mask=known,
            truth=against,
            align_corners=align_corners,
            plan=plan,
            means=means,
        )
        problem = _with_steps(replace(problem, plan=brief(problem.plan)) if quick else problem, steps)
        folder = result_folder(out or Path("results") / problem.name, say, keep=resume)
        solution = run_solve(
            problem, None, None, say,
            seed=seed, device=place, out=folder, resume=resume, monitor=watch(problem),
            seconds=min(seconds or math.inf, _QUICK_SECONDS) if quick else seconds,
        )  # fmt: skip
        report = validate(solution, budget=0)
        written = report.save(folder, figures=not (no_figures or solution.status is Status.INTERRUPTED))
        found = render(solution, pixels, scale)
        if known is not None and found.shape == picture.values.shape:
            found = np.where(known[..., None], picture.values, found)
        target = folder / "picture.png"
        written.append(write_picture(target, found, bits=picture.bits, profile=picture.profile))
    say.print(report)
    say.print(Text(f"In {folder}: {', '.join(p.name for p in written)}; picture.png has {_by(found)} pixels"))
    say.print(Text(_kept(solution, (picture.values if known is None else picture.values[known]).size)))
    if json_:
        sys.stdout.write((folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    raise typer.Exit(exit_code(solution, report, False))


def _with_steps(problem: Problem, steps: int | None) -> Problem:
    """The problem with so many steps of its road's solver."""
    if steps is None:
        return problem
    at_least("--steps", steps, 1)
    plan: Plan = problem.plan
    solver: Any = plan.first.solvers[-1]
    return replace(problem, plan=plan.with_first(solvers=(*plan.first.solvers[:-1], replace(solver, steps=steps))))


def _kept(solution: Solution, values: int) -> str:
    """How much is kept of a picture, and what that shows."""
    numbers = sum(p.numel() for module in solution.modules.values() for p in module.parameters())
    text = f"{numbers:,} numbers hold {values:,} values of the pixels, {numbers / values:.2g} for each"
    return f"{text}: any picture can be fitted with so many" if numbers >= values else text


def _by(values: Any) -> str:
    return f"{values.shape[1]} x {values.shape[0]}"
