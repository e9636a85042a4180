"""`pinnkit reconstruct`: a closed mesh from a point cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import progress, require_extra, require_writable, user_errors
from .options import Device, Json, NoFigures, Resume, Seconds, Seed
from .outcome import Result, finish
from .result_folder import result_folder
from .words import at_least, device_word, positive, word_in

if TYPE_CHECKING:
    import trimesh

    from pinnkit.surfaces import Reconstruction

_MESHES = (".ply", ".obj", ".stl", ".off")
_OPEN = 0.02
"""Share of the surface without points near it from which the cloud counts as open."""
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
        int, typer.Option(help="Points of marching cubes along the longest side; more for dense clouds, with --nodes.")
    ] = 128,
    nodes: Annotated[
        int, typer.Option(help="Nodes along each side of the grid that separates inside and outside.")
    ] = 128,
    truth: Annotated[Path | None, typer.Option(help="A mesh to compare with.")] = None,
    normals: Annotated[
        str, typer.Option(help="use: those of the file, if any; ignore: find the orientation from the points alone.")
    ] = "use",
    results: Annotated[Path | None, typer.Option(help="Folder for the report; results/NAME by default.")] = None,
    seed: Seed = 0,
    seconds: Seconds = None,
    device: Device = "auto",
    resume: Resume = False,
    json_: Json = False,
    no_figures: NoFigures = False,
) -> None:
    """Reconstruct the closed surface that the points of CLOUD lie on."""
    console = Console(stderr=json_)
    with user_errors(None):
        require_extra("surfaces", "skimage", "skfmm", "trimesh")
        from pinnkit.surfaces import SURFACE_LOSSES, read_mesh, read_points
        from pinnkit.surfaces import reconstruct as run

        preset = word_in("--field", field, {"grid": None, "neural": None, **SURFACE_LOSSES.words})
        neural = field != "grid"
        trusted = word_in("--normals", normals, _NORMALS)
        if out.suffix.lower() not in _MESHES:  # before the work, not after it
            raise ValueError(f"--out must end in {', '.join(_MESHES)}, got '{out}'")
        at_least("--resolution", resolution, 16)
        at_least("--nodes", nodes, 16)
        at_least("--seed", seed, 0)
        positive("--seconds", seconds)
        place = device_word(device)
        require_writable("--out", out)
        points = read_points(cloud)
        known = None if truth is None else read_mesh(truth)
        if not trusted:
            points = points.without_normals()
        for note in points.notes:
            console.print(Text(note, style="yellow"))
        with result_folder(results or Path("results") / cloud.stem, console, keep=resume) as folder:
            with progress(cloud.stem, console) as callback:
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
            result = _result(made, known, seed, out, folder)
            result.check(figures=not no_figures)
    finish(
        result,
        console,
        json_=json_,
        remarks=_remarks(made, len(points.notes), out, resolution, nodes),
        failed=not (made.mesh_report.closed and made.mesh_report.oriented),
    )


def _result(made: Reconstruction, truth: trimesh.Trimesh | None, seed: int, out: Path, folder: Path) -> Result:
    """Write the solution and the mesh, and measure the mesh; the measures are metrics of the solution."""
    from pinnkit.surfaces import write_mesh

    result = Result(made.with_metrics({}), folder)
    with result.step(str(out)):
        write_mesh(out, made.mesh)
        result.written.append(out)
    with result.step("measures of the mesh"):
        result.solution = made.with_metrics(_scores(made, truth, seed))
    return result


def _remarks(made: Reconstruction, known_notes: int, out: Path, resolution: int, nodes: int) -> list[Text]:
    """Notes, doubts about the mesh, its state, and the seconds of each stage."""
    from pinnkit.surfaces.mesh.thin_walls import thin_wall_warning

    lines = [Text(note, style="yellow") for note in made.cloud.notes[known_notes:]]
    if made.grid is not None:
        lines += [Text(note, style="dim") for note in made.grid.notes]
    if made.share_without_points > _OPEN:
        lines.append(
            Text(
                f"{100 * made.share_without_points:.0f} % of the surface has no points near it: the cloud is open "
                f"there, and the mesh is a guess",
                style="yellow",
            )
        )
    thin = made.mesh.metadata["extraction"]["thinner_than_a_cell"]
    if warning := thin_wall_warning(thin, f"--resolution {2 * resolution} and --nodes {2 * nodes}"):
        lines.append(Text(warning, style="yellow"))
    noise = "" if made.noise is None else f"; estimated noise of the points {made.noise:.3g}"
    stages = ", ".join(f"{name} {used:.1f} s" for name, used in made.seconds.items())
    return [*lines, Text(f"{out}: {made.mesh_report.summary}", style="bold"), Text(f"{stages}{noise}")]


def _scores(made: Reconstruction, truth: trimesh.Trimesh | None, seed: int) -> dict[str, float]:
    """Measures of the mesh: distance from the points, topology, and distance from the true mesh."""
    import numpy as np

    from pinnkit.meshes.nearest import NearestPoint
    from pinnkit.surfaces.mesh.metrics import compare_surfaces

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
