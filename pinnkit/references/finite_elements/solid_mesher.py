"""Tetrahedra inside solids, by gmsh.

Gmsh has all primitives and their combinations in its geometry kernel (Open CASCADE), finds the closest points on their
exact surfaces and curves, and comes as one wheel for all versions of Python; Netgen, which is under a more permissive
licence (LGPL in place of GPL), lacks the closest points, so that refined meshes would leave curved walls.  It is
imported where a solid is meshed and nowhere else.  Options are fixed and one thread is used: one solid gives one mesh.

Source: Geuzaine & Remacle, Int. J. Numer. Meth. Eng. 79 (2009) 1309.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import torch

from pinnkit.domains import Ball, Box, Halfspace, Shape
from pinnkit.domains.combination import Composite, Difference, Union
from pinnkit.domains.moved import Moved
from pinnkit.domains.primitives.capsule import Capsule
from pinnkit.domains.primitives.cone import Cone
from pinnkit.domains.primitives.cylinder import Cylinder
from pinnkit.domains.primitives.torus import Torus
from pinnkit.domains.shapes.motion import Motion
from pinnkit.problem.errors import Unsupported
from pinnkit.references.grid import Array, Index

from .mesh import ElementMesh
from .plane_mesher import MeshingFailed
from .weak_form import METHOD

__all__ = ["SolidMesher", "solid_mesher"]

_TURN = 6.0
"""Elements along a full turn of a curved wall."""


class SolidMesher:
    """Meshes of one solid; it holds the geometry until it is closed.

    Args:
        gmsh: the module, initialised.
        surfaces: its surfaces, whose positions are the pieces of meshes.
        owners: number of the piece of the shape's boundary that each surface lies on.
        names: name of the wall of each surface.
        size: of the solid.
    """

    def __init__(
        self, gmsh: ModuleType, surfaces: list[int], owners: tuple[int, ...], names: tuple[str, ...], size: float
    ) -> None:
        self._gmsh = gmsh
        self._surfaces = surfaces
        self.owners = owners
        self.names = names
        self.size = size

    def mesh(self, largest: float, relaxed: bool = False) -> ElementMesh:
        """A mesh of tetrahedra of a largest size.

        Raises:
            MeshingFailed: where gmsh finds none.
        """
        gmsh = self._gmsh
        gmsh.model.mesh.clear()
        gmsh.option.setNumber("Mesh.MeshSizeMax", largest)
        gmsh.model.mesh.setSize(gmsh.model.getEntities(0), largest)
        gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", _TURN / (1.6 if relaxed else 1.0))
        try:
            gmsh.model.mesh.generate(3)
        except Exception as error:
            raise MeshingFailed(f"gmsh: {error}") from None
        tags, x, _ = gmsh.model.mesh.getNodes()
        place = np.zeros(int(tags.max()) + 1, dtype=np.int64)
        place[tags] = np.arange(len(tags))
        points = x.reshape(-1, 3)
        cells = place[gmsh.model.mesh.getElementsByType(4)[1]].reshape(-1, 4)
        facets, pieces = [], []
        for k, tag in enumerate(self._surfaces):
            found = place[gmsh.model.mesh.getElementsByType(2, tag)[1]].reshape(-1, 3)
            facets.append(found)
            pieces.append(np.full(len(found), k))
        every = np.concatenate(facets)
        kept, where = np.unique(np.concatenate([cells.ravel(), every.ravel()]), return_inverse=True)
        where = where.ravel()
        cells, every = where[: cells.size].reshape(-1, 4), where[cells.size :].reshape(-1, 3)
        return ElementMesh.of(points[kept], cells, every, np.concatenate(pieces), self)

    def onto(self, points: Array, pieces: Index) -> Array:
        """The points ``(n, 3)`` moved to the closest points of surfaces."""
        out = points.copy()
        for k in np.unique(pieces):
            rows = pieces == k
            tag = self._surfaces[int(k)]
            if self._gmsh.model.getType(2, tag) == "Plane":
                continue
            found, _ = self._gmsh.model.getClosestPoint(2, tag, points[rows].ravel())
            out[rows] = np.reshape(found, (-1, 3))
        return out

    def __getstate__(self) -> dict[str, object]:
        """Nothing: a stored mesh has its points, and is not refined any more."""
        return {}


@contextmanager
def solid_mesher(shape: Shape | Box, label: str) -> Iterator[SolidMesher]:
    """The meshes of a solid, while its geometry is open.

    Raises:
        ImportError: without gmsh, with the command that installs it.
        Unsupported: for a shape that is not made of primitives.
    """
    try:
        gmsh = importlib.import_module("gmsh")
    except (ImportError, OSError) as missing:
        raise ImportError(
            "solids are meshed by gmsh, which is not installed or lacks a library of the system "
            f"({missing}); pip install 'pinnkit[geometry]'"
        ) from missing
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Verbosity", 0)
        gmsh.option.setNumber("General.NumThreads", 1)
        gmsh.option.setNumber("Mesh.RandomSeed", 1)
        gmsh.option.setNumber("Mesh.Algorithm3D", 1)
        gmsh.model.add("solid")
        extent = max(axis.extent for axis in shape.axes)
        middle = [(axis.lower + axis.upper) / 2 for axis in shape.axes]
        made = _built(gmsh, shape, label, middle, extent)
        gmsh.model.occ.synchronize()
        tags = sorted(tag for _, tag in gmsh.model.getBoundary(made, oriented=False))
        try:
            owners, names = _owners(gmsh, shape, tags)
        except MeshingFailed as error:
            raise Unsupported(METHOD, f"{label}: no mesh follows the walls of the domain: {error}") from None
        yield SolidMesher(gmsh, tags, owners, names, extent)
    finally:
        gmsh.finalize()


Made = list[tuple[int, int]]
"""Volumes of gmsh: pairs (3, tag)."""


def _built(gmsh: ModuleType, shape: object, label: str, middle: list[float], extent: float) -> Made:
    """A shape in the geometry kernel.

    Raises:
        Unsupported: for one that is not made of primitives.
    """
    occ = gmsh.model.occ
    if isinstance(shape, Composite):
        left, right = (_built(gmsh, part, label, middle, extent) for part in (shape.left, shape.right))
        combine = occ.fuse if isinstance(shape, Union) else occ.cut if isinstance(shape, Difference) else occ.intersect
        return [pair for pair in combine(left, right)[0] if pair[0] == 3]
    if isinstance(shape, Moved):
        made = _built(gmsh, shape.original, label, [0.0] * 3, 4 * extent)
        return _moved(gmsh, made, shape.motion)
    if isinstance(shape, Box):
        lower, upper = shape.limits
        return [(3, occ.addBox(*lower, *(b - a for a, b in zip(lower, upper, strict=True))))]
    if isinstance(shape, Ball):
        lower, upper = shape.limits
        center = [(a + b) / 2 for a, b in zip(lower, upper, strict=True)]
        return [(3, occ.addSphere(*center, shape.radius))]
    if isinstance(shape, Cylinder):
        return _moved(gmsh, [(3, occ.addCylinder(0, 0, 0, 0, 0, shape.height, shape.radius))], shape.motion_from_axis)
    if isinstance(shape, Cone):
        made = [(3, occ.addCone(0, 0, 0, 0, 0, shape.height, shape.radius, shape.top))]
        return _moved(gmsh, made, shape.motion_from_axis)
    if isinstance(shape, Torus):
        return _moved(gmsh, [(3, occ.addTorus(0, 0, 0, shape.radius, shape.tube))], shape.motion_from_axis)
    if isinstance(shape, Capsule):
        r, h = shape.radius, shape.height
        side = [(3, occ.addCylinder(0, 0, 0, 0, 0, h, r))]
        ends = [(3, occ.addSphere(0, 0, z, r)) for z in (0.0, h)]
        return _moved(gmsh, occ.fuse(side, ends)[0], shape.motion_from_axis)
    if isinstance(shape, Halfspace):
        return _halfspace(gmsh, shape, middle, extent)
    raise Unsupported(
        METHOD, f"{label}: solids are meshed where they are made of primitives, got {type(shape).__name__}"
    )


def _halfspace(gmsh: ModuleType, shape: Halfspace, middle: list[float], extent: float) -> Made:
    """A cube whose face lies in the plane, larger than the solid."""
    normal = np.array(shape.direction) / np.linalg.norm(shape.direction)
    offset = shape.at_most / float(np.linalg.norm(shape.direction))
    foot = np.array(middle) + (offset - normal @ middle) * normal
    across = np.linalg.svd(normal[None])[2][1:]
    across[1] *= np.sign(np.linalg.det(np.stack([*across, normal])))
    side = 8 * extent + 2 * abs(offset - float(normal @ middle))
    cube = gmsh.model.occ.addBox(-side / 2, -side / 2, -side, side, side, side)
    columns = np.stack([*across, normal], axis=1)
    rotation = tuple(tuple(float(z) for z in row) for row in columns)
    return _moved(gmsh, [(3, cube)], Motion(rotation, 1.0, tuple(float(z) for z in foot)))


def _moved(gmsh: ModuleType, made: Made, motion: Motion) -> Made:
    rows = [
        [*(motion.factor * z for z in row), shift] for row, shift in zip(motion.rotation, motion.shift, strict=True)
    ]
    gmsh.model.occ.affineTransform(made, [*rows[0], *rows[1], *rows[2], 0.0, 0.0, 0.0, 1.0])
    return made


def _owners(gmsh: ModuleType, shape: Shape | Box, tags: list[int]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """For each surface the piece of the shape's boundary that it lies on, and the name of its wall."""
    extent = max(axis.extent for axis in shape.axes)
    gmsh.model.mesh.setSize(gmsh.model.getEntities(0), extent / 6)
    try:
        gmsh.model.mesh.generate(2)
    except Exception as error:
        raise MeshingFailed(f"gmsh: {error}") from None
    places = []
    for tag in tags:
        at = {int(k): x for k, x in zip(*_nodes(gmsh, tag), strict=True)}
        corners = gmsh.model.mesh.getElementsByType(2, tag)[1].reshape(-1, 3)
        middles = np.array([np.mean([at[int(k)] for k in triple], axis=0) for triple in corners])
        found = np.reshape(gmsh.model.getClosestPoint(2, tag, middles.ravel())[0], (-1, 3))
        places.append(found)
    gmsh.model.mesh.clear()
    if isinstance(shape, Box):
        lower, upper = (np.array(bound) for bound in shape.limits)
        owners = []
        for x in places:
            gaps = np.stack([np.abs(x - lower).max(axis=0), np.abs(x - upper).max(axis=0)], axis=1)
            owners.append(int(gaps.ravel().argmin()))
        return tuple(owners), tuple(f"{shape.columns[k // 2]} = {(lower, upper)[k % 2][k // 2]:g}" for k in owners)
    owners = [int(shape.piece_at(torch.from_numpy(x)).mode().values) for x in places]
    return tuple(owners), tuple(shape.piece_names[k] for k in owners)


def _nodes(gmsh: ModuleType, tag: int) -> tuple[Index, Array]:
    """Tags and places ``(n, 3)`` of the nodes of a surface, those of its edges included."""
    tags, x, _ = gmsh.model.mesh.getNodes(2, tag, includeBoundary=True)
    return tags, np.reshape(x, (-1, 3))
