"""MeshRegion: the inside of a closed mesh of triangles, such as a part from a CAD program or a scan."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnkit.domains.axes import Axis, check_coords, check_name, is_finite
from pinnkit.domains.combination import Operand, Side, Solid
from pinnkit.domains.moved import Moved
from pinnkit.domains.product import SHAPES, Plain
from pinnkit.domains.shapes.motion import Motion
from pinnkit.domains.shapes.patches import SpaceSide, Triangles

if TYPE_CHECKING:
    import trimesh

    from pinnkit.meshes.mesh_distance import MeshDistance

__all__ = ["MeshRegion"]

_MOST_WALLS = 200
"""Smooth patches beyond which a mesh counts as one wall: then its triangles are coarser than its shape."""

_CORNERS: tuple[tuple[float, ...], ...] = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_FACES: tuple[tuple[int, ...], ...] = ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@SHAPES.register(examples=lambda: {"tetrahedron": MeshRegion(vertices=_CORNERS, triangles=_FACES)})
@dataclass(frozen=True, init=False, repr=False, eq=False)
class MeshRegion(Solid):
    """The inside of a closed mesh: `MeshRegion("part.stl")`, or with `vertices` and `triangles`.

    Points are inside where the winding number of the mesh is not 0, and distances are exact ones to the triangles.
    Its walls are smooth patches, which sharp edges divide: `patch 0` is the largest.  A mesh that turns inside out is
    turned round.  Needs trimesh (`pip install 'pinnkit[geometry]'`).

    Two regions are equal when their axes, vertices, triangles and walls are.

    Args:
        source: a file (PLY, OBJ, STL, OFF), or a mesh of trimesh, in the unit of the axes.
        vertices: (v, 3), in place of `source`.
        triangles: (f, 3) numbers of vertices, with `vertices`.
        names: of the three axes.
        mended: whether to close holes and turn triangles where the mesh needs it, by `repair_mesh`.
        sharp: angle between the normals of two triangles, in degrees, from which their common edge divides walls.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is no mesh.
        ValueError: for a mesh that is open, has edges of more than two triangles, or is not oriented alike, with the
            place and the repair; for one that encloses nothing; for other arguments that are not as above.
        ImportError: without trimesh.

    Source: Barill et al., Fast winding numbers for soups and clouds, ACM Trans. Graph. 37 (2018), for the sign.
    """

    names: tuple[str, str, str]
    points: Floats
    faces: Indices
    sharp: float
    digest: str

    def __init__(
        self,
        source: str | Path | trimesh.Trimesh | None = None,
        *,
        vertices: ArrayLike | None = None,
        triangles: ArrayLike | None = None,
        names: Sequence[str] = ("x", "y", "z"),
        mended: bool = False,
        sharp: float = 40.0,
    ) -> None:
        if isinstance(names, str) or len(names) != 3 or len(set(names)) < 3:
            raise ValueError(f"MeshRegion: `names` must be three names of axes, got {names!r}")
        for name in names:
            check_name("MeshRegion", name)
        if not is_finite(sharp) or not 0 < sharp <= 180:
            raise ValueError(f"MeshRegion: `sharp` must be an angle above 0, up to 180 degrees, got {sharp!r}")
        if (source is None) == (vertices is None) or (vertices is None) != (triangles is None):
            raise ValueError("MeshRegion: give either a file or mesh, or `vertices` with `triangles`")
        label, points, faces = _arrays(source, vertices, triangles)
        points, faces = _closed(label, points, faces, mended)
        points = points + 0.0
        digest = hashlib.sha256(points.tobytes() + faces.tobytes() + repr((tuple(names), float(sharp))).encode())
        made = dict(names=tuple(names), sharp=float(sharp), digest=digest.hexdigest(), points=points, faces=faces)
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box."""
        lower, upper = self.points.min(axis=0).tolist(), self.points.max(axis=0).tolist()
        return tuple(Axis(name, a, b) for name, a, b in zip(self.names, lower, upper, strict=True))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The smooth patches, by decreasing area."""
        corners = torch.from_numpy(self.points[self.faces])
        labels = torch.from_numpy(self._labels)
        if not bool(labels.any()):
            return (SpaceSide("", Triangles(corners)),)
        count = int(labels.max()) + 1
        return tuple(SpaceSide(f"patch {k}", Triangles(corners[labels == k])) for k in range(count))

    @property
    def word(self) -> str:
        """The word for it in names of walls."""
        return "mesh"

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal region, for files."""
        return {
            "vertices": tuple(map(tuple, self.points.tolist())),
            "triangles": tuple(map(tuple, self.faces.tolist())),
            "names": self.names,
            "sharp": self.sharp,
        }

    def side_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the patches on which points `(n, 3)` of the boundary lie."""
        found = self._distance.nearest(coords.detach().double().cpu().numpy())
        return torch.from_numpy(self._labels[found.triangle])

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 3)` to the triangles, negative inside; without derivatives."""
        check_coords("MeshRegion.signed_distance", coords, self.columns)
        return self._distance(coords.double()).to(coords)

    def level(self, coords: Tensor) -> Tensor:
        """The distance `(n,)`; outside the bounding box that to the box, which takes less time."""
        lower, upper = (torch.tensor(bound, dtype=coords.dtype, device=coords.device) for bound in self.limits)
        beyond = torch.maximum(lower - coords, coords - upper).amax(dim=1)
        near = torch.nonzero(beyond <= 0)[:, 0]
        beyond[near] = self.signed_distance(coords[near])
        return beyond

    def inside(self, coords: Tensor) -> Tensor:
        """True for each point `(n, 3)` around which the mesh winds, `(n,)`."""
        return self._distance.contains(coords.double())

    def moved(self, motion: Motion) -> Operand:
        """The region after a rotation, scaling and translation."""
        return Moved.by(motion, self)

    @cached_property
    def _distance(self) -> MeshDistance:
        from pinnkit.meshes.mesh_distance import MeshDistance
        from pinnkit.meshes.trimesh_backend import import_trimesh

        return MeshDistance.of(import_trimesh().Trimesh(self.points, self.faces, process=False))

    @cached_property
    def _labels(self) -> Indices:
        """Number of the patch of each triangle."""
        from pinnkit.meshes.face_patches import face_patches

        labels = face_patches(self.points, self.faces, math.radians(self.sharp))
        return labels if labels.max() < _MOST_WALLS else np.zeros_like(labels)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, MeshRegion) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"MeshRegion({len(self.faces)} triangles, names={self.names})"


def _arrays(
    source: str | Path | trimesh.Trimesh | None, vertices: ArrayLike | None, triangles: ArrayLike | None
) -> tuple[str, Floats, Indices]:
    """A name for messages, vertices (v, 3) and triangles (f, 3)."""
    from pinnkit.meshes.mesh_reading import read_mesh
    from pinnkit.meshes.trimesh_backend import is_mesh

    if isinstance(source, str | Path):
        mesh = read_mesh(source)
        return str(source), np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    if source is not None:
        if not is_mesh(source):
            raise ValueError(f"MeshRegion: `source` must be a file or a mesh of trimesh, got {source!r}")
        return "the mesh", np.array(source.vertices, np.float64), np.array(source.faces, np.int64)
    points, faces = np.array(vertices, dtype=np.float64), np.array(triangles)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(f"MeshRegion: `vertices` must be finite, (v, 3), got shape {points.shape}")
    whole = np.issubdtype(faces.dtype, np.integer)
    if faces.ndim != 2 or faces.shape[1] != 3 or not whole or not ((faces >= 0) & (faces < len(points))).all():
        raise ValueError(f"MeshRegion: `triangles` must be whole numbers below {len(points)}, (f, 3), got {faces!r}")
    return "the mesh", points, faces.astype(np.int64)


def _closed(label: str, points: Floats, faces: Indices, mended: bool) -> tuple[Floats, Indices]:
    """Triangles that enclose a volume and are oriented outward.

    Raises:
        ValueError: for a mesh that is open, branches, is not oriented alike or encloses nothing.
    """
    from pinnkit.meshes.face_patches import open_edges
    from pinnkit.meshes.mesh_checks import check_mesh
    from pinnkit.meshes.repair import repair_mesh
    from pinnkit.meshes.trimesh_backend import import_trimesh

    mesh = import_trimesh().Trimesh(points, faces, process=False)
    repair = "give MeshRegion(..., mended=True), or repair it where it was made"
    if mended:
        mesh = repair_mesh(mesh).mesh
        points, faces = np.array(mesh.vertices, np.float64), np.array(mesh.faces, np.int64)
        repair = "it could not be mended: repair it where it was made"
    state = check_mesh(mesh)
    single, many = open_edges(faces)
    for edges, what in (
        (single, "have one triangle only"),
        (many, "have more than two triangles"),
    ):
        if len(edges):
            x, y, z = points[edges[0]].mean(axis=0).tolist()
            where = f"one of them near ({x:.4g}, {y:.4g}, {z:.4g})"
            raise ValueError(f"MeshRegion: {label} is not closed: {len(edges)} edges {what}, {where}; {repair}")
    if not state.oriented:
        raise ValueError(f"MeshRegion: the triangles of {label} are not oriented alike; {repair}")
    size = float(np.ptp(points, axis=0).max())
    if not abs(state.volume) > 1e-12 * size**3:
        raise ValueError(f"MeshRegion: {label} encloses no volume: {state.summary}; repair it where it was made")
    return points, np.ascontiguousarray(faces if state.volume > 0 else faces[:, ::-1])
