"""Isoparametric elements of second degree on a mesh, by scikit-fem: shape functions, quadrature, evaluation."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from pinnkit.references.grid import Array, Index

from .mesh import ElementMesh
from .weak_form import Jets

__all__ = ["Elements", "Quadrature", "scikit_fem"]

_DEGREE = 4
"""Degree up to which quadrature is exact on straight elements."""
_NEWTON = 8
_BEYOND = 0.5
"""Reference coordinates to which a point outside of its element is cut off, as an extrapolation."""


def scikit_fem() -> ModuleType:
    """The package scikit-fem.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        return importlib.import_module("skfem")
    except ImportError as missing:
        raise ImportError(
            "finite elements are assembled by scikit-fem, which is not installed; pip install 'pinnkit[geometry]'"
        ) from missing


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Quadrature points of all cells, or of the facets of one piece, with the shape functions there.

    Args:
        x: points ``(m, q, d)``.
        weight: ``(m, q)``.
        normal: outward unit normals ``(m, q, d)`` on facets.
        dofs: for each degree the numbers of the functions of each cell, ``(m, b)``.
        value: for each degree ``(b, m or 1, q)``.
        gradient: for each degree ``(b, m, q, d)``.
    """

    x: Array
    weight: Array
    normal: Array | None
    dofs: dict[int, Index]
    value: dict[int, Array]
    gradient: dict[int, Array]

    def jets(self, parts: list[tuple[int, Array]]) -> Jets:
        """Values and gradients of functions (degree, coefficients) at all points."""
        m, q, d = self.x.shape
        out = Jets.zero(len(parts), m * q, d)
        for i, (degree, coefficients) in enumerate(parts):
            local = coefficients[self.dofs[degree]].T[:, :, None]  # (b, m, 1)
            out.value[i] = (local * self.value[degree]).sum(axis=0).ravel()
            out.gradient[i] = np.einsum("bm,bmqd->mqd", local[..., 0], self.gradient[degree]).reshape(-1, d)
        return out


class Elements:
    """Elements of first and second degree on one mesh.

    Args:
        mesh: the mesh.

    Attributes:
        nodes: places ``(n, d)`` of the values of second degree, vertices first, then the middles of the edges.
    """

    def __init__(self, mesh: ElementMesh) -> None:
        skfem = scikit_fem()
        self.mesh = mesh
        self.nodes = np.concatenate([mesh.points, mesh.edge_middles])
        plane = mesh.dim == 2
        self._quadratic = skfem.ElementTriP2() if plane else skfem.ElementTetP2()
        self._linear = skfem.ElementTriP1() if plane else skfem.ElementTetP1()
        kind = skfem.MeshTri2 if plane else skfem.MeshTet2
        self._mesh = kind(np.ascontiguousarray(self.nodes.T), np.ascontiguousarray(mesh.cells.T))

    def size(self, degree: int) -> int:
        """Number of functions of a degree."""
        return len(self.nodes) if degree == 2 else len(self.mesh.points)

    @cached_property
    def dofs(self) -> Index:
        """Numbers of the functions of second degree of each cell, ``(m, 6 or 10)``."""
        return np.asarray(self._mesh.dofs.element_dofs.T, dtype=np.int64)

    @cached_property
    def inside(self) -> Quadrature:
        """Quadrature of the cells."""
        bases = {degree: scikit_fem().Basis(self._mesh, self._of(degree), intorder=_DEGREE) for degree in (2, 1)}
        return self._quadrature(bases)

    def on_piece(self, piece: int) -> Quadrature:
        """Quadrature of the facets on a piece of the boundary."""
        facets = self._facets[self.mesh.pieces == piece]
        bases = {
            degree: scikit_fem().FacetBasis(self._mesh, self._of(degree), facets=facets, intorder=_DEGREE)
            for degree in (2, 1)
        }
        return self._quadrature(bases)

    def nodes_on(self, piece: int, degree: int) -> Index:
        """Numbers of the functions of a degree whose nodes lie on a piece."""
        mesh = self.mesh
        facets = mesh.facets[mesh.pieces == piece]
        found = [np.unique(facets)]
        if degree == 2:
            ends = [facets[:, [i, j]] for i in range(mesh.dim) for j in range(i + 1, mesh.dim)]
            pairs = np.unique(np.sort(np.concatenate(ends), axis=1), axis=0)
            found.append(len(mesh.points) + mesh.numbers_of(pairs))
        return np.concatenate(found)

    def normals_at(self, piece: int, nodes: Index) -> Array:
        """Outward unit normals ``(n, d)`` at nodes of a piece: means of those of the facets there."""
        mesh = self.mesh
        total = np.zeros((len(self.nodes), mesh.dim))
        facets = mesh.facets[mesh.pieces == piece]
        x = mesh.points[facets]
        if mesh.dim == 2:
            step = x[:, 1] - x[:, 0]
            normal = np.stack([step[:, 1], -step[:, 0]], axis=1)
        else:
            normal = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        for i in range(mesh.dim):
            np.add.at(total, facets[:, i], normal)
            for j in range(i + 1, mesh.dim):
                pairs = np.sort(facets[:, [i, j]], axis=1)
                np.add.at(total, len(mesh.points) + mesh.numbers_of(pairs), normal)
        found = total[nodes]
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def interpolate(self, points: Array, parts: list[tuple[int, Array]]) -> Array:
        """Values ``(C, n)`` of functions (degree, coefficients) at points ``(n, d)``, extrapolated beside walls."""
        cells = self.mesh.locate(points)
        inner = self._inverse(points, cells)
        out = np.empty((len(parts), len(points)))
        for i, (degree, coefficients) in enumerate(parts):
            dofs = (self.dofs if degree == 2 else self.mesh.cells)[cells]
            out[i] = (coefficients[dofs] * self._shapes(degree, inner)[0]).sum(axis=1)
        return out

    def matrix_at(self, points: Array, degree: int) -> tuple[Index, Array]:
        """Numbers and values ``(n, b)`` of the functions of a degree that do not vanish at points."""
        cells = self.mesh.locate(points)
        dofs = (self.dofs if degree == 2 else self.mesh.cells)[cells]
        return dofs, self._shapes(degree, self._inverse(points, cells))[0]

    def _of(self, degree: int) -> object:
        return self._quadratic if degree == 2 else self._linear

    def _shapes(self, degree: int, inner: Array) -> tuple[Array, Array]:
        """Values ``(n, b)`` and gradients ``(n, b, d)`` of the shape functions at reference coordinates ``(n, d)``."""
        element = self._quadratic if degree == 2 else self._linear
        count = (6 if self.mesh.dim == 2 else 10) if degree == 2 else self.mesh.dim + 1
        found = [element.lbasis(inner.T, i) for i in range(count)]
        n, d = inner.shape
        values = np.stack([np.broadcast_to(v, (n,)) for v, _ in found], axis=1)
        gradients = np.stack([np.broadcast_to(np.reshape(g, (d, -1)), (d, n)).T for _, g in found], axis=1)
        return values, gradients

    def _inverse(self, points: Array, cells: Index) -> Array:
        """Reference coordinates ``(n, d)`` of points in cells, by Newton's method where edges are curved."""
        mesh = self.mesh
        corners = mesh.points[mesh.cells[cells]]
        sides = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
        inner = np.linalg.solve(sides, (points - corners[:, 0])[..., None])[..., 0]
        rows = np.flatnonzero(self._curved[cells])
        if len(rows):
            nodes = self.nodes[self.dofs[cells[rows]]]  # (k, b, d)
            guess = inner[rows].copy()
            for _ in range(_NEWTON):
                value, gradient = self._shapes(2, guess)
                gap = np.einsum("kb,kbd->kd", value, nodes) - points[rows]
                slope = np.einsum("kbe,kbd->kde", gradient, nodes)
                guess = np.clip(guess - np.linalg.solve(slope, gap[..., None])[..., 0], -_BEYOND, 1 + _BEYOND)
            inner[rows] = guess
        return inner

    @cached_property
    def _curved(self) -> Array:
        """Whether each cell has an edge that is not straight."""
        edges, of_cell = self.mesh.edges
        straight = self.mesh.points[edges].mean(axis=1)
        bent = np.abs(self.mesh.edge_middles - straight).max(axis=1) > 1e-14 * np.abs(self.nodes).max()
        return bent[of_cell].any(axis=1)

    @cached_property
    def _facets(self) -> Index:
        """Number in scikit-fem of each facet on a wall."""
        mine = np.sort(self.mesh.facets, axis=1)
        theirs = np.sort(self._mesh.facets.T, axis=1)
        n = len(self.mesh.points)
        powers = n ** np.arange(self.mesh.dim - 1, -1, -1, dtype=object)
        if n**self.mesh.dim < 2**62:
            powers = powers.astype(np.int64)
            keys, wanted = theirs @ powers, mine @ powers
        else:
            keys, wanted = theirs.astype(object) @ powers, mine.astype(object) @ powers
        order = np.argsort(keys)
        return order[np.searchsorted(keys[order], wanted)]

    def _quadrature(self, bases: dict[int, object]) -> Quadrature:
        first = bases[2]
        x = np.moveaxis(np.asarray(first.global_coordinates()), 0, -1)  # type: ignore[attr-defined]
        weight = np.asarray(first.dx)  # type: ignore[attr-defined]
        m, q, d = x.shape
        normal = getattr_normals(first)
        dofs, value, gradient = {}, {}, {}
        for degree, basis in bases.items():
            functions = [f[0] for f in basis.basis]  # type: ignore[attr-defined]
            dofs[degree] = np.asarray(basis.element_dofs.T, dtype=np.int64)  # type: ignore[attr-defined]
            value[degree] = np.stack([np.broadcast_to(f.value, (m, q)) for f in functions])
            gradient[degree] = np.stack([np.moveaxis(np.broadcast_to(f.grad, (d, m, q)), 0, -1) for f in functions])
        return Quadrature(x, weight, normal, dofs, value, gradient)


def getattr_normals(basis: object) -> Array | None:
    """The normals ``(m, q, d)`` of a basis on facets; None inside."""
    normals = getattr(basis, "normals", None)
    return None if normals is None else np.moveaxis(np.asarray(normals), 0, -1)
