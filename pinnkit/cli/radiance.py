"""`pinnkit radiance`: a field of density and colour from posed pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import progress, require_writable, user_errors
from .options import Device, Json, NoFigures, Out, Resume, Seed
from .outcome import Result, finish, was_interrupted
from .result_folder import result_folder
from .scene import Around, Poses, Where, box_of, convention_of
from .words import at_least, device_word, word_in

if TYPE_CHECKING:
    from pinnkit.radiance import Recipe

_QUICK_SECONDS = 3.0
_MARGIN = 0.85
"""Planned fraction of the given time: a run that meets its limit misses its finest stage."""


@app.command()
def radiance(
    scene: Annotated[Path, typer.Argument(help="A folder with transforms.json, or the file.", show_default=False)],
    field: Annotated[
        str, typer.Option(help="planes: voxels, then planes and lines; nerf: the classical coarse and fine networks.")
    ] = "planes",
    seconds: Annotated[
        float | None,
        typer.Option(help="Training time on two cores; 30 by default, 60 with surroundings, 300 for nerf."),
    ] = None,
    path: Annotated[
        Path | None, typer.Option(help="Render a camera path around the scene: orbit.gif or orbit.mp4.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Pictures of the camera path.")] = 60,
    width: Annotated[int | None, typer.Option(help="Width of those pictures; that of the scene's by default.")] = None,
    longest: Annotated[
        int, typer.Option(help="Shrink larger pictures to this number of pixels along the longest side.")
    ] = 400,
    convention: Poses = "opengl",
    box: Where = None,
    surroundings: Around = None,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = None,
    quick: Annotated[bool, typer.Option("--quick", help="A trial run: a few seconds of work.")] = False,
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Train a radiance field on the pictures of SCENE and measure it on held-out ones."""
    console = Console(stderr=json_)
    with user_errors(None):
        from pinnkit.radiance import (
            RECIPES,
            Planes,
            check_video_path,
            default_recipe,
            fit_radiance,
            orbit,
            read_scene,
            sampler_of,
            write_video,
        )

        at_least("--seed", seed, 0)
        at_least("--frames", frames, 1)
        if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
            raise ValueError(f"--seconds must be positive, got {seconds:g}")
        place = device_word(device)
        at_least("--longest", longest, 2)
        kind = word_in("--field", field, RECIPES.words)
        if path is not None:
            check_video_path(path)
            require_writable("--path", path)
        views = read_scene(
            scene, convention=convention_of(convention), box=box_of(box), longest=longest, surroundings=surroundings
        )
        recipe = _recipe(default_recipe(views) if kind is Planes else kind, seconds, quick)
        for note in views.notes:
            console.print(Text(note, style="yellow"))
        name = scene.resolve().stem if scene.is_dir() else scene.resolve().parent.stem
        with result_folder(out or Path("results") / name, console, keep=resume) as folder:
            with progress(name, console) as callback:
                solution = fit_radiance(
                    views, recipe, name=name, seed=seed, device=place, seconds=seconds, out=folder, resume=resume,
                    every=10 if quick else 50, callbacks=(callback,),
                )  # fmt: skip
            result = Result(solution, folder)
            if path is not None and not was_interrupted(solution):
                with result.step(str(path)), console.status(f"rendering {frames} pictures ..."):
                    cameras = orbit(views, frames, width=width)
                    background = views.background or (1.0, 1.0, 1.0)
                    write_video(path, solution.fieldset, cameras, sampler_of(solution), background)
                    result.written.append(path)
            result.check(figures=not no_figures)
    finish(result, console, json_=json_)


def _recipe(kind: type[Recipe], seconds: float | None, quick: bool) -> Recipe:
    """Recipe of a kind, with settings for the time that was asked for."""
    return kind.within(_QUICK_SECONDS if quick else kind.default_seconds if seconds is None else _MARGIN * seconds)
