"""Content of a solution's file, read and checked; nothing of it is built yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pinnkit.domains import Axis, Role
from pinnkit.files.hdf5 import Group, read_hdf5
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Unknown

from .history import History
from .metadata import checked_metadata
from .sealed import check_seal
from .status import Status

__all__ = ["FORMAT", "VERSION", "Content", "read_solution"]

FORMAT = "pinnkit solution"
VERSION = 2
"""Version 1 kept the metadata in an attribute, had no checksum of the whole file, and no domains but boxes."""


@dataclass(frozen=True)
class Content:
    """Content of a file.

    Attributes:
        metadata: plain values, of the types that `save` writes.
        axes: of the domain.
        unknowns: of the problem.
        status: end of the solve.
        history: of the solve.
        grid: coordinates and values by name.
        states: state of the module of each group.
        text: of the problem file, or None.
    """

    metadata: Mapping[str, Any]
    axes: tuple[Axis, ...]
    unknowns: list[Unknown]
    status: Status
    history: History
    grid: Mapping[str, NDArray[Any]]
    states: list[dict[str, NDArray[Any]]]
    text: str | None


def read_solution(path: Path, *, unsealed: bool) -> Content:
    """Read a file.

    Args:
        path: the file.
        unsealed: whether a file of version 1, which has no checksum, is read.

    Raises:
        UnreadableFile: for a file of another program or of a newer version, and for one without a checksum.
        Exception: of h5py and of Python, for a damaged file; the message does not name it.
    """
    sealed = check_seal(path, FORMAT)
    if not sealed and not unsealed:
        raise UnreadableFile(
            path,
            "has no checksum: it is no solution that pinnkit wrote, or one of its first version; where you trust it, "
            "use load(..., unsealed=True), and save it again",
            "load",
        )
    tree = read_hdf5(path, variable_text=not sealed)
    _check_version(tree, path, sealed=sealed)
    arrays = tree.flat()
    metadata = checked_metadata(_metadata_text(tree))
    text = arrays["problem_file"].tobytes().decode() if "problem_file" in arrays else None
    if text is not None and hashlib.sha256(text.encode()).hexdigest() != metadata["problem_hash"]:
        raise ValueError("the text of its problem file does not match its hash")
    if not any(name.startswith("state/") for name in arrays):
        raise ValueError("it holds no state of the fields")
    grid = _below(arrays, "grid/")
    _check_grid(grid, metadata)
    return Content(
        metadata=metadata,
        axes=_axes(metadata),
        unknowns=_unknowns(metadata),
        status=Status[metadata["status"]],
        history=_history(_below(arrays, "history/"), metadata),
        grid=grid,
        states=[_below(arrays, f"state/{i}/") for i in range(len(metadata["groups"]))],
        text=text,
    )


def _check_version(tree: Group, path: Path, *, sealed: bool) -> None:
    if not sealed and tree.attributes.get("format") != FORMAT:  # the header of a sealed file says so
        raise UnreadableFile(path, "is an HDF5 file, but no solution that pinnkit wrote", "load")
    version = tree.attributes["format_version"]
    if not isinstance(version, int) or version < 1:
        raise ValueError("its version is no number")
    if version > VERSION:
        raise UnreadableFile(path, "was written by a newer pinnkit; upgrade to read it", "load")
    if not sealed and version > 1:
        raise ValueError("its checksum is missing")


def _metadata_text(tree: Group) -> str:
    if "metadata" in tree.arrays:
        return tree.arrays["metadata"].tobytes().decode()
    return str(tree.attributes["metadata"])  # version 1


def _check_grid(grid: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Check that the stored sample has the names and the shapes of the problem."""
    dims = {axis["name"]: axis["dim"] for axis in metadata["axes"]}
    if sorted(grid) != sorted([*dims, *metadata["unknowns"]]):
        raise ValueError(f"its grid holds {sorted(grid)}, and not {sorted([*dims, *metadata['unknowns']])}")
    if any(a.dtype.kind != "f" or a.dtype.itemsize < 4 or not a.dtype.isnative or not a.ndim for a in grid.values()):
        raise ValueError("its grid does not hold floating-point arrays")
    counts = [len(grid[name]) for name in dims]
    points = tuple(counts[:1] if metadata.get("scattered", False) else counts)
    wanted: dict[str, tuple[int, ...]] = {
        name: (len(grid[name]),) if dim == 1 else (len(grid[name]), dim) for name, dim in dims.items()
    }
    for name, unknown in metadata["unknowns"].items():
        wanted[name] = points if unknown["components"] is None else (*points, unknown["components"])
    for name, shape in wanted.items():
        if grid[name].shape != shape:
            raise ValueError(f"`{name}` of its grid has the shape {grid[name].shape}, not {shape}")


def _unknowns(metadata: Mapping[str, Any]) -> list[Unknown]:
    return [
        Unknown(name, u["components"], None if u["axes"] is None else tuple(u["axes"]))
        for name, u in metadata["unknowns"].items()
    ]


def _axes(metadata: Mapping[str, Any]) -> tuple[Axis, ...]:
    return tuple(
        Axis(a["name"], a["lower"], a["upper"], Role(a["role"]), a["dim"], a.get("periodic", False))
        for a in metadata["axes"]
    )


def _below(arrays: Mapping[str, NDArray[Any]], start: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _history(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> History:
    named = {
        what: dict(zip(metadata.get(f"history_{what}", ()), arrays.get(what, ()), strict=True))
        for what in ("terms", "measures")
    }
    solvers = metadata["history_solvers"]
    history = History(
        arrays["step"],
        arrays["seconds"],
        tuple(_word(solvers, int(i)) for i in arrays["solver"]),
        arrays["loss"],
        named["terms"],
        named["measures"],
    )
    columns: list[Sized] = [
        history.seconds,
        history.solver,
        history.loss,
        *history.terms.values(),
        *history.measures.values(),
    ]
    if {len(column) for column in columns} != {len(history.step)}:
        raise ValueError("the columns of its history differ in length")
    return history


def _word(words: list[str], i: int) -> str:
    if not 0 <= i < len(words):
        raise ValueError(f"its history names solver {i} of {len(words)}")
    return words[i]
