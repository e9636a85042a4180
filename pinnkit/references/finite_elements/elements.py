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
        skfem = scikit_fem()
        bases = {degree: skfem.Basis(self._mesh, self._of(degree), intorder=_DEGREE) for degree in (2, 1)}
        x = np.moveaxis(np.asarray(bases[2].global_coordinates()), 0, -1)
        m, q, d = x.shape
        value, gradient = {}, {}
        for degree, basis in bases.items():
            functions = [f[0] for f in basis.basis]
            value[degree] = np.stack([np.broadcast_to(np.asarray(f), (m, q)) for f in functions])
            gradient[degree] = np.stack([np.moveaxis(np.broadcast_to(f.grad, (d, m, q)), 0, -1) for f in functions])
        return Quadrature(x, np.asarray(bases[2].dx), None, {2: self.dofs, 1: self.mesh.cells}, value, gradient)

    def on_piece(self, piece: int) -> Quadrature:
        """Quadrature of the facets on a piece of the boundary."""
        mesh, d = self.mesh, self.mesh.dim
        facets = mesh.facets[mesh.pieces == piece]
        owners = self._owners[mesh.pieces == piece]
        rule, weights = scikit_fem().quadrature.get_quadrature(self._side, _DEGREE)
        rule, weights = np.asarray(rule), np.asarray(weights)
        m, q = len(facets), len(weights)
        # Reference coordinates of the rule in each cell: the corners of the cell that the facet has, in its order.
        corner = (mesh.cells[owners][:, None, :] == facets[:, :, None]).argmax(axis=2)
        places = np.concatenate([np.zeros((1, d)), np.eye(d)])[corner]  # (m, d, d)
        share = np.concatenate([1 - rule.sum(axis=0, keepdims=True), rule])  # (d, q)
        inner = np.einsum("kq,mkd->mqd", share, places).reshape(-1, d)
        nodes = np.repeat(self.nodes[self.dofs[owners]], q, axis=0)  # (m q, b, d)
        shapes = {degree: self._shapes(degree, inner) for degree in (2, 1)}
        x = np.einsum("nb,nbd->nd", shapes[2][0], nodes)
        slope = np.einsum("nbe,nbd->nde", shapes[2][1], nodes)
        along = np.einsum("nde,ntse->ntsd", slope, np.repeat((places[:, 1:] - places[:, :1])[:, None], q, axis=0))[:, 0]
        area = np.stack([along[:, 0, 1], -along[:, 0, 0]], axis=1) if d == 2 else np.cross(along[:, 0], along[:, 1])
        size = np.linalg.norm(area, axis=1)
        normal = area / size[:, None]
        away = x - np.repeat(mesh.points[mesh.cells[owners]].mean(axis=1), q, axis=0)
        normal *= np.sign((normal * away).sum(axis=1))[:, None]
        inverse = np.linalg.inv(slope)
        value, gradient = {}, {}
        for degree, (v, g) in shapes.items():
            value[degree] = v.T.reshape(-1, m, q)
            whole = np.einsum("nbe,ned->nbd", g, inverse)
            gradient[degree] = np.moveaxis(whole, 1, 0).reshape(-1, m, q, d)
        dofs = {2: self.dofs[owners], 1: mesh.cells[owners]}
        weight = size.reshape(m, q) * weights
        return Quadrature(x.reshape(m, q, d), weight, normal.reshape(m, q, d), dofs, value, gradient)

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
        inner: Array = np.asarray(np.linalg.solve(sides, (points - corners[:, 0])[..., None])[..., 0], dtype=np.float64)
        rows = np.flatnonzero(self._curved[cells])
        if len(rows):
            nodes = self.nodes[self.dofs[cells[rows]]]  # (k, b, d)
            guess: Array = inner[rows].copy()
            for _ in range(_NEWTON):
                value, gradient = self._shapes(2, guess)
                gap = np.einsum("kb,kbd->kd", value, nodes) - points[rows]
                slope = np.einsum("kbe,kbd->kde", gradient, nodes)
                step = np.asarray(np.linalg.solve(slope, gap[..., None])[..., 0], dtype=np.float64)
                guess = np.clip(guess - step, -_BEYOND, 1 + _BEYOND)
            inner[rows] = guess
        return inner

    @cached_property
    def _curved(self) -> Array:
        """For each cell, True if it has an edge that is not straight."""
        edges, of_cell = self.mesh.edges
        straight = self.mesh.points[edges].mean(axis=1)
        bent = np.abs(self.mesh.edge_middles - straight).max(axis=1) > 1e-14 * np.abs(self.nodes).max()
        return bent[of_cell].any(axis=1)

    @cached_property
    def _owners(self) -> Index:
        """The cell of each facet on a wall."""
        mesh = self.mesh
        d = mesh.dim
        sides = [[k for k in range(d + 1) if k != left] for left in range(d + 1)]
        every = np.sort(np.concatenate([mesh.cells[:, side] for side in sides]), axis=1)
        mine = np.sort(mesh.facets, axis=1)
        _, label = np.unique(np.concatenate([every, mine]), axis=0, return_inverse=True)
        label = label.ravel()
        owner = np.full(label.max() + 1, -1)
        owner[label[: len(every)]] = np.tile(np.arange(len(mesh.cells)), d + 1)
        return owner[label[len(every) :]]

    @property
    def _side(self) -> object:
        """Reference element of a facet."""
        skfem = scikit_fem()
        return skfem.element.ElementLineP1.refdom if self.mesh.dim == 2 else skfem.element.ElementTriP1.refdom
