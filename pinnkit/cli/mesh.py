"""`pinnkit mesh`: the zero set of a saved solution as a triangle mesh."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from .application import app
from .console import DONE, FAILED, require_extra, user_errors
from .options import Json
from .words import at_least

if TYPE_CHECKING:
    from pinnkit.solutions.solution import Solution


@app.command()
def mesh(
    result: Annotated[Path, typer.Argument(help="A solution.h5, or the folder that holds it.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The mesh to write: .ply, .obj, .stl or .off.", show_default=False)],
    resolution: Annotated[int, typer.Option(help="Points of the lattice along the longest side.")] = 256,
    level: Annotated[float, typer.Option(help="Value of the level set.")] = 0.0,
    json_: Json = False,
) -> None:
    """Extract the surface on which a saved solution is zero, in the coordinates of its points or mesh."""
    console = Console(stderr=json_)
    with user_errors(None):
        require_extra("surfaces", "skimage", "trimesh")
        from pinnkit.measure.bench.memory import peak
        from pinnkit.surfaces import Normalisation, check_mesh, distance_function, extract, write_mesh
        from pinnkit.surfaces.mesh.thin_walls import thin_wall_warning

        at_least("--resolution", resolution, 4)
        if out.suffix.lower() not in (".ply", ".obj", ".stl", ".off"):
            raise ValueError(f"--out: '{out}' must end in .ply, .obj, .stl or .off")
        solution = _solution(result)
        facts = solution.problem.facts.get("normalisation")
        normalisation = None if facts is None else Normalisation.from_facts(facts)
        axes = solution.problem.axes
        began = time.perf_counter()
        with console.status(f"extracting at {resolution} points along a side ..."):
            made = extract(
                distance_function(solution),
                ([a.lower for a in axes], [a.upper for a in axes]),
                resolution,
                level=level,
                normalisation=normalisation,
            )
            write_mesh(out, made)
        state, seconds = check_mesh(made), time.perf_counter() - began
    extraction = made.metadata["extraction"]
    summary = {
        "mesh": str(out),
        "closed": state.closed,
        "oriented": state.oriented,
        "euler": state.euler,
        "components": state.components,
        "volume": state.volume,
        "area": state.area,
        "triangles": state.triangles,
        **extraction,
        "seconds": seconds,
        "peak_memory_bytes": peak(),
    }
    console.print(Text(f"{out}: {state.summary}", style="bold"))
    console.print(
        Text(
            f"{seconds:.1f} s, {extraction['evaluations']:,} evaluations, peak memory {peak() / 2**30:.2f} GiB, "
            f"vertices within {extraction['largest_distance']:.1e} of the surface in normalised units"
        )
    )
    if warning := thin_wall_warning(extraction["thinner_than_a_cell"], f"--resolution {2 * resolution}"):
        console.print(Text(warning, style="yellow"))
    if json_:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    raise typer.Exit(DONE if state.closed and state.oriented else FAILED)


def _solution(result: Path) -> Solution:
    """Load a field over three axes of space.

    Raises:
        ValueError: for a solution that has other axes, or that cannot be evaluated without its problem.
    """
    from pinnkit.domains import Role
    from pinnkit.solutions.storage import load

    saved = load(result)
    if saved.evaluator is None:
        raise ValueError(f"'{saved.path}' cannot be evaluated by itself: {saved.needs_problem}; use extract in Python")
    axes = saved.evaluator.problem.axes
    if len(axes) != 3 or any(a.role is not Role.SPACE or a.dim != 1 for a in axes):
        names = ", ".join(a.name for a in axes)
        raise ValueError(f"a mesh needs a field over three axes of space; '{saved.name}' is one over {names}")
    return saved.evaluator
