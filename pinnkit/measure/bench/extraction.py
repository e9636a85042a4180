"""Extraction of a torus in a separate process: peak memory, distance of the vertices from the surface, volume."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from .memory import peak

__all__ = ["MAJOR", "MINOR", "ExtractionRow", "extraction_row"]

MAJOR, MINOR = 0.6, 0.25


@dataclass(frozen=True)
class ExtractionRow:
    """Result of one extraction of a torus, of known exact distance.

    Attributes:
        resolution: points of the lattice along a side.
        peak_bytes: highest resident size of the whole process, Python, torch and imports included.
        before_bytes: highest resident size before the extraction.
        farthest_vertex: largest exact distance of a vertex from the torus.
        volume_error: of the mesh, relative to the exact 2 pi^2 R r^2.
        sound: whether the mesh is closed, oriented outward, and has Euler number 0.
        evaluations: number of points at which the field was evaluated.
        seconds: of the extraction.
    """

    resolution: int
    peak_bytes: int
    before_bytes: int
    farthest_vertex: float
    volume_error: float
    sound: bool
    evaluations: int
    seconds: float


def extraction_row(resolution: int = 512, *, neural: bool = False) -> ExtractionRow:
    """Extract the torus in a new process.

    Args:
        resolution: points along a side of [-1, 1]^3.
        neural: add 1e-3 times an untrained Siren in float32 to the distance, for the cost of a network; the vertices
            are then up to this size away from the exact torus.

    Raises:
        RuntimeError: where the process fails.
    """
    command = [sys.executable, "-m", "pinnkit.measure.bench.extraction", str(resolution), str(int(neural))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bench extraction: the process ended with {done.returncode}: {done.stderr[-300:]}")
    return ExtractionRow(**json.loads(done.stdout))


def _torus(points: Tensor) -> Tensor:
    return torch.hypot(torch.hypot(points[:, 0], points[:, 1]) - MAJOR, points[:, 2]) - MINOR


def _measure(resolution: int, neural: bool) -> ExtractionRow:
    from pinnkit.domains import Box
    from pinnkit.fields import Siren
    from pinnkit.surfaces import check_mesh, extract

    field = _torus
    if neural:
        box = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
        made = Siren(width=64, depth=4, omega=30.0).build(
            box.axes, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float32, device=torch.device("cpu")
        )

        def field(points: Tensor) -> Tensor:
            return _torus(points) + 1e-3 * made(points.to(torch.float32))[:, 0].to(torch.float64)

    extract(_torus, resolution=16)  # imports of the first call count as "before"
    before, began = peak(), time.perf_counter()
    mesh = extract(field, resolution=resolution)
    seconds = time.perf_counter() - began
    high, state = peak(), check_mesh(mesh)
    away = float(_torus(torch.from_numpy(np.asarray(mesh.vertices))).abs().max())
    volume = 2 * math.pi**2 * MAJOR * MINOR**2
    return ExtractionRow(
        resolution=resolution,
        peak_bytes=high,
        before_bytes=before,
        farthest_vertex=away,
        volume_error=abs(state.volume / volume - 1),
        sound=state.closed and state.oriented and state.euler == 0 and state.components == 1,
        evaluations=mesh.metadata["extraction"]["evaluations"],
        seconds=seconds,
    )


def _main() -> None:
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(asdict(_measure(int(sys.argv[1]), sys.argv[2] == "1"))))


if __name__ == "__main__":
    _main()
