"""`pinnkit radiance`: from posed pictures to a field of density and colour."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.reports.report import SUMMARY_NAME
from pinnkit.reports.validation import validate
from pinnkit.solutions.status import Status

from .app import app
from .console import exit_code, progress, result_folder, user_errors
from .options import Device, Json, NoFigures, Out, Resume, Seed
from .scene import Around, Poses, Where, box_of, convention_of
from .words import at_least, device_word, word_in

if TYPE_CHECKING:
    from pinnkit.radiance import Recipe

_QUICK_SECONDS = 3.0
_MARGIN = 0.85
"""Of the time that was asked for, what is planned with: a run that is cut off misses its finest stage."""


@app.command()
def radiance(
    scene: Annotated[Path, typer.Argument(help="A folder with transforms.json, or the file.", show_default=False)],
    field: Annotated[
        str, typer.Option(help="planes: voxels, then planes and lines; nerf: the classical coarse and fine networks.")
    ] = "planes",
    seconds: Annotated[
        float | None,
        typer.Option(help="How long to train, on two cores; 30 by default, 60 with surroundings, 300 for nerf."),
    ] = None,
    path: Annotated[Path | None, typer.Option(help="Render a way around it: orbit.gif or orbit.mp4.")] = None,
    frames: Annotated[int, typer.Option(help="Pictures of that way.")] = 60,
    width: Annotated[int | None, typer.Option(help="Of those pictures; by default as the scene's.")] = None,
    longest: Annotated[
        int, typer.Option(help="Shrink larger pictures to so many pixels along the longest side.")
    ] = 400,
    convention: Poses = "opengl",
    box: Where = None,
    surroundings: Around = None,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few seconds of work: does it run?")] = False,
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Train a radiance field on the pictures of SCENE, score it on the held-out ones, render a way around it."""
    from pinnkit.radiance import (
        RECIPES,
        Planes,
        check_video_path,
        default_recipe,
        fit_radiance,
        orbit,
        read_scene,
        write_video,
    )

    say = Console(stderr=json_)
    with user_errors(None):
        at_least("--seed", seed, 0)
        at_least("--frames", frames, 1)
        if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
            raise ValueError(f"--seconds must be positive, got {seconds:g}")
        place = device_word(device)
        at_least("--longest", longest, 2)
        kind = word_in("--field", field, RECIPES.words)
        if path is not None:
            check_video_path(path)
        read = read_scene(
            scene, convention=convention_of(convention), box=box_of(box), longest=longest, surroundings=surroundings
        )
        recipe = _recipe(default_recipe(read) if kind is Planes else kind, seconds, quick)
        for note in read.notes:
            say.print(Text(note, style="yellow"))
        name = scene.resolve().stem if scene.is_dir() else scene.resolve().parent.stem
        folder = result_folder(out or Path("results") / name, say, keep=resume)
        with progress(name, say) as callback:
            solution = fit_radiance(
                read, recipe, name=name, seed=seed, device=place, seconds=seconds, out=folder, resume=resume,
                every=10 if quick else 50, callbacks=(callback,),
            )  # fmt: skip
        stopped = solution.status is Status.INTERRUPTED
        report = validate(solution, budget=0)
        written = report.save(folder, figures=not (no_figures or stopped))
        if path is not None and not stopped:
            with say.status(f"rendering {frames} pictures ..."):
                from pinnkit.radiance import sampler_of

                cameras = orbit(read, frames, width=width)
                background = read.background or (1.0, 1.0, 1.0)
                write_video(path, solution.fieldset, cameras, sampler_of(solution), background)
    say.print(report)
    say.print(Text(f"In {folder}: {', '.join(p.name for p in written)}{'' if path is None else f'; {path}'}"))
    if json_:
        sys.stdout.write((folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    raise typer.Exit(exit_code(solution, report, False))


def _recipe(kind: type[Recipe], seconds: float | None, quick: bool) -> Recipe:
    """Recipe of a kind, with settings for the time that was asked for."""
    return kind.within(_QUICK_SECONDS if quick else kind.default_seconds if seconds is None else _MARGIN * seconds)
