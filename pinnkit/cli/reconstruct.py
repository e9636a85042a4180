"""`pinnkit reconstruct`: from a cloud of points to a closed mesh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from pinnkit.reports.report import SUMMARY_NAME
from pinnkit.reports.validation import validate

from .app import app
from .console import DONE, FAILED, exit_code, needs, progress, result_folder, user_errors
from .options import Device, Json, NoFigures, Resume, Seed
from .words import at_least, device_word, word_in

if TYPE_CHECKING:
    from pinnkit.surfaces import Reconstruction

_MESHES = (".ply", ".obj", ".stl", ".off")
_OPEN = 0.02
_NORMALS = {"use": True, "ignore": False}


@app.command()
def reconstruct(
    cloud: Annotated[
        Path, typer.Argument(help="PLY, OBJ, STL, OFF, XYZ, NPY or NPZ, in any unit.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The mesh to write: .ply, .obj, .stl or .off.", show_default=False)],
    field: Annotated[
        str,
        typer.Option(
            help="neural: a network that learns from a distance on a grid; grid: that alone, in seconds; igr, siren: a "
            "network that learns from the points alone."
        ),
    ] = "neural",
    resolution: Annotated[
        int, typer.Option(help="Of marching cubes, points along the longest side; more for dense clouds, with --nodes.")
    ] = 128,
    nodes: Annotated[int, typer.Option(help="Of the grid that says which side is inside, along each side.")] = 128,
    truth: Annotated[Path | None, typer.Option(help="A mesh to compare with.")] = None,
    normals: Annotated[str, typer.Option(help="ignore: find the orientation from the points alone.")] = "use",
    results: Annotated[Path | None, typer.Option(help="Folder for the report; results/NAME by default.")] = None,
    seed: Seed = 0,
    seconds: Annotated[float | None, typer.Option(help="Stop training after so long, with what there is.")] = None,
    device: Device = "auto",
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Reconstruct the closed surface that the points of CLOUD lie on."""
    from pinnkit.surfaces import SURFACE_LOSSES, read_mesh, read_points, write_mesh
    from pinnkit.surfaces import reconstruct as run
    from pinnkit.surfaces.mesh.thin_walls import thin_wall_warning

    say = Console(stderr=json_)
    with user_errors(None):
        needs("surfaces", "skimage", "skfmm", "trimesh")
        preset = word_in("--field", field, {"grid": None, "neural": None, **SURFACE_LOSSES.words})
        neural = field != "grid"
        trusted = word_in("--normals", normals, _NORMALS)
        if out.suffix.lower() not in _MESHES:  # said now, not after a minute of work
            raise ValueError(f"--out must end in {', '.join(_MESHES)}, got '{out}'")
        at_least("--resolution", resolution, 16)
        at_least("--nodes", nodes, 16)
        at_least("--seed", seed, 0)
        if seconds is not None and not seconds > 0:
            raise ValueError(f"--seconds must be positive, got {seconds:g}")
        place = device_word(device)
        _can_write(out)
        points = read_points(cloud)
        known = None if truth is None else read_mesh(truth)
        if not trusted:
            points = points.without_normals()
        for note in points.notes:
            say.print(Text(note, style="yellow"))
        folder = result_folder(results or Path("results") / cloud.stem, say, keep=resume)
        with progress(cloud.stem, say) as callback:
            made = run(
                points,
                neural=neural,
                losses=None if preset is None else preset(),
                resolution=resolution,
                nodes=nodes,
                name=cloud.stem,
                seed=seed,
                device=place,
                seconds=seconds,
                out=folder if neural else None,
                resume=resume,
                callbacks=(callback,),
            )
        write_mesh(out, made.mesh)
        scores = _scores(made, known, seed)
        code = DONE if made.mesh_report.closed and made.mesh_report.oriented else FAILED
        solution = made.with_metrics(scores)
        report = validate(solution, budget=0)
        report.save(folder, figures=not no_figures)
        say.print(report)
        code = exit_code(solution, report, strict=False) or code
    for note in made.cloud.notes[len(points.notes) :]:
        say.print(Text(note, style="yellow"))
    if made.grid is not None:
        for note in made.grid.notes:
            say.print(Text(note, style="dim"))
    if made.share_without_points > _OPEN:
        say.print(
            Text(
                f"{100 * made.share_without_points:.0f} % of the surface has no points near it: the cloud is open "
                f"there, and the mesh is a guess",
                style="yellow",
            )
        )
    thin = made.mesh.metadata["extraction"]["thinner_than_a_cell"]
    if warning := thin_wall_warning(thin, f"--resolution {2 * resolution} and --nodes {2 * nodes}"):
        say.print(Text(warning, style="yellow"))
    noise = "" if made.noise is None else f"; estimated noise of the points {made.noise:.3g}"
    stages = ", ".join(f"{name} {used:.1f} s" for name, used in made.seconds.items())
    say.print(Text(f"{out}: {made.mesh_report.summary}", style="bold"))
    say.print(Text(f"{stages}{noise}; report in {folder}"))
    if json_:
        sys.stdout.write((folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    raise typer.Exit(code)


def _can_write(out: Path) -> None:
    """Said now, not after a minute of work."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ValueError(f"--out: the folder '{out.parent}' cannot be made ({why}); choose another place") from None


def _scores(made: Reconstruction, truth: Any, seed: int) -> dict[str, float]:
    """Of the mesh: how far the points are from it, what it is, and how far it is from the true one."""
    from pinnkit.surfaces.mesh.metrics import compare_surfaces
    from pinnkit.surfaces.mesh.nearest import NearestPoint

    away = NearestPoint.of(made.mesh)(made.cloud.points).distance
    found = {
        "points_to_mesh_percent_of_diagonal": 100 * float(away.mean()) / made.cloud.diagonal,
        "euler_number": float(made.mesh_report.euler),
        "components": float(made.mesh_report.components),
        "surface_without_points_percent": 100 * made.share_without_points,
        "closed_and_oriented": float(made.mesh_report.closed and made.mesh_report.oriented),
        **{f"{stage}_seconds": used for stage, used in made.seconds.items()},
    }
    if truth is not None:
        found |= compare_surfaces(made.mesh, truth, generator=np.random.default_rng(seed)).percent
    return found
