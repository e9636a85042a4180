"""`pinnkit mesh`: the zero set of a saved solution as a mesh."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.domains import Role
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.storage import load

from .app import app
from .console import DONE, FAILED, needs, user_errors
from .options import Json
from .words import at_least


@app.command()
def mesh(
    result: Annotated[Path, typer.Argument(help="A solution.h5, or the folder that holds it.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The mesh to write: .ply, .obj, .stl or .off.", show_default=False)],
    resolution: Annotated[int, typer.Option(help="Points of the lattice along the longest side.")] = 256,
    level: Annotated[float, typer.Option(help="Which level set.")] = 0.0,
    json_: Json = False,
) -> None:
    """Extract the surface on which a saved solution is zero, in the coordinates of what it was fitted to."""
    from pinnkit.measure.bench.memory import peak
    from pinnkit.surfaces import Normalisation, distance_of, examine, extract, write_mesh
    from pinnkit.surfaces.mesh.thin_walls import THIN

    say = Console(stderr=json_)
    with user_errors(None):
        needs("surfaces", "skimage", "trimesh")
        at_least("--resolution", resolution, 4)
        if out.suffix.lower() not in (".ply", ".obj", ".stl", ".off"):
            raise ValueError(f"--out: '{out}' must end in .ply, .obj, .stl or .off")
        solution = _solution(result)
        facts = solution.problem.facts.get("normalisation")
        normalisation = None if facts is None else Normalisation.from_facts(facts)
        axes = solution.problem.axes
        began = time.perf_counter()
        with say.status(f"extracting at {resolution} points along a side ..."):
            made = extract(
                distance_of(solution),
                ([a.lower for a in axes], [a.upper for a in axes]),
                resolution,
                level=level,
                normalisation=normalisation,
            )
            write_mesh(out, made)
        state, seconds = examine(made), time.perf_counter() - began
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
    say.print(Text(f"{out}: {state.sentence}", style="bold"))
    say.print(
        Text(
            f"{seconds:.1f} s, {extraction['evaluations']:,} evaluations, peak memory {peak() / 2**30:.2f} GiB, "
            f"vertices within {extraction['largest_distance']:.1e} of the surface in normalised units"
        )
    )
    if extraction["thinner_than_a_cell"] > THIN:
        say.print(
            Text(
                f"{100 * extraction['thinner_than_a_cell']:.0f} % of the surface bounds a wall or a gap thinner than a "
                f"cell, where the mesh may be torn or parts of it missing: try --resolution {2 * resolution}",
                style="yellow",
            )
        )
    if json_:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    raise typer.Exit(DONE if state.closed and state.oriented else FAILED)


def _solution(result: Path) -> Solution:
    """The solution in a file, if it is a field over three axes of space."""
    saved = load(result)
    if saved.evaluator is None:
        raise ValueError(f"'{saved.path}' cannot be evaluated by itself: {saved.needs_problem}; use extract in Python")
    axes = saved.evaluator.problem.axes
    if len(axes) != 3 or any(a.role is not Role.SPACE or a.dim != 1 for a in axes):
        names = ", ".join(a.name for a in axes)
        raise ValueError(f"a mesh needs a field over three axes of space; '{saved.name}' is one over {names}")
    return saved.evaluator
