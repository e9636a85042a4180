"""`pinnkit scene`: generate posed pictures, and inspect a scene before training on it."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import DONE, FAILED, print_error, user_errors
from .options import Json
from .words import at_least, word_in

if TYPE_CHECKING:
    from pinnkit.domains import Box
    from pinnkit.radiance import Convention, Scene

scene = typer.Typer(help="Posed pictures: generate or inspect a scene.", no_args_is_help=True)
app.add_typer(scene, name="scene")

Poses = Annotated[
    str,
    typer.Option(
        "--pose-convention",
        help="Axes of the camera in the poses: opengl (Blender, nerfstudio: y up, looks along -z) or opencv "
        "(COLMAP: y down, looks along +z).",
    ),
]


Where = Annotated[
    str | None,
    typer.Option("--box", help="Bounds of the scene in the units of the poses: x0,y0,z0,x1,y1,z1.", metavar="NUMBERS"),
]


Around = Annotated[
    bool | None,
    typer.Option(
        help="The pictures show surroundings, at any distance; by default for opaque pictures whose background is not "
        "uniform, if no box is given.",
        show_default=False,
    ),
]


def box_of(words: str | None) -> Box | None:
    """The box of six numbers joined by commas; None without them.

    Raises:
        ValueError: for anything but six finite numbers, and where a lower bound is not below its upper bound.
    """
    if words is None:
        return None
    try:
        numbers = [float(word) for word in words.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not all(math.isfinite(n) for n in numbers):
        raise ValueError(f"--box must be six numbers, x0,y0,z0,x1,y1,z1, got '{words}'")
    from pinnkit.domains import Box

    low, high = numbers[:3], numbers[3:]
    return Box(**{axis: (a, b) for axis, a, b in zip("xyz", low, high, strict=True)})


def convention_of(word: str) -> Convention:
    """The pose convention of a word."""
    from pinnkit.radiance import Convention

    known = {"opengl": Convention.OPENGL, "blender": Convention.OPENGL, "opencv": Convention.OPENCV}
    chosen: Convention = word_in("--pose-convention", word.lower(), {**known, "colmap": Convention.OPENCV})
    return chosen


@scene.command()
def make(
    out: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
    views: Annotated[int, typer.Option(help="Pictures to train on.")] = 40,
    test: Annotated[int, typer.Option(help="Pictures held out.")] = 10,
    size: Annotated[int, typer.Option(help="Pixels along each side.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the solids, their colours and the cameras.")] = 0,
    samples: Annotated[int, typer.Option(help="Rays of a pixel along each side; their mean is its colour.")] = 3,
    inside: Annotated[
        str | None,
        typer.Option(
            help="room or landscape: opaque hand-held photographs of a table in these surroundings, from one side, "
            "with a distorting lens, written like a capture."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Balls and a box on a checkered floor, traced exactly: RGBA, depth and normals, transforms.json as of Blender."""
    console = Console(stderr=json_)
    with user_errors(None):
        from pinnkit.radiance import SURROUNDINGS, capture, make_scene, read_scene, write_capture, write_scene

        for option, value in {"--views": views, "--test": test, "--samples": samples}.items():
            at_least(option, value, 1)
        at_least("--size", size, 2)
        around = None if inside is None else word_in("--inside", inside, SURROUNDINGS.words)
        at_least("--seed", seed, 0)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(f"'{out}' is there already; choose a new folder or empty this one")
        began = time.perf_counter()
        with console.status(f"tracing {views + test} pictures of {size} x {size} ..."):
            if around is None:
                made = make_scene(views=views, test=test, size=size, seed=seed, samples=samples)
                write_scene(made, out)
            else:
                sides = {"width": max(2, round(0.5625 * size)), "height": size}
                taken = capture(around, views=views + test, seed=seed, samples=samples, **sides)
                made = read_scene(write_capture(taken, out), longest=None, most_test=None)
            drawn = _draw(made, out)
        seconds = time.perf_counter() - began
        _print_facts(made, out if drawn else None, console, json_, {"seconds": round(seconds, 2), "seed": seed})
    raise typer.Exit(DONE if drawn else FAILED)


@scene.command()
def show(
    path: Annotated[Path, typer.Argument(help="A folder with transforms.json, or the file.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="A folder for cameras.png and views.png.")] = None,
    convention: Poses = "opengl",
    box: Where = None,
    surroundings: Around = None,
    json_: Json = False,
) -> None:
    """Print the content of a scene and the assumptions made in reading it; with --out, draw its cameras and views."""
    console = Console(stderr=json_)
    with user_errors(None):
        from pinnkit.radiance import read_scene

        read = read_scene(
            path, convention=convention_of(convention), box=box_of(box), surroundings=surroundings, most_test=None
        )
        drawn = True
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            drawn = _draw(read, out)
        _print_facts(read, out if drawn else None, console, json_, {})
    raise typer.Exit(DONE if drawn else FAILED)


def _draw(read: Scene, folder: Path) -> bool:
    """Draw cameras and views; False, with one line on stderr, where that fails."""
    from pinnkit.radiance import draw_cameras, draw_views
    from pinnkit.reports.failure_text import reason_of

    try:
        draw_cameras(read).savefig(folder / "cameras.png", dpi=120)
        draw_views(read).savefig(folder / "views.png", dpi=120)
    except Exception as error:  # the scene counts, whatever fails
        print_error(f"failed: figures: {reason_of(error)}")
        return False
    return True


def _print_facts(read: Scene, folder: Path | None, console: Console, json_: bool, more: dict[str, object]) -> None:
    camera = read.train[0].camera
    facts = {
        "scene": read.name,
        "train": len(read.train),
        "test": len(read.test),
        "width": camera.width,
        "height": camera.height,
        "alpha": read.has_alpha,
        "box": [[axis.lower for axis in read.box.axes], [axis.upper for axis in read.box.axes]],
        "notes": list(read.notes),
        **more,
    }
    if json_:
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
        return
    kind = "with transparency" if read.has_alpha else "opaque"
    spans = ", ".join(f"{a.name} {a.lower:.3g} to {a.upper:.3g}" for a in read.box.axes)
    lines = [
        f"{read.name}: {len(read.train)} views to train on, {len(read.test)} held out, "
        f"{camera.width} x {camera.height}, {kind}; box {spans}",
        *read.notes,
    ]
    if folder is not None:
        lines.append(f"pictures of cameras and views: {folder / 'cameras.png'}, {folder / 'views.png'}")
    for line in lines:
        console.print(Text(line))
