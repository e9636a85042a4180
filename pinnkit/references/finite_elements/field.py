"""Values of a finite-element solution at points, for references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pinnkit.domains import Box, Shape
from pinnkit.references.grid import Array
from pinnkit.references.interpolation import mesh_of

from .elements import Elements
from .mesh import ElementMesh

__all__ = ["ElementField", "inside_of"]


@dataclass(frozen=True, eq=False)
class ElementField:
    """Unknowns as functions of first or second degree on a mesh, evaluated by their own shape functions.

    Args:
        mesh: the mesh.
        parts: degree and coefficients of each component.
        numbers: for each unknown the numbers of its components.
        scalars: unknowns that have no axis of components.
        shape: the domain in space; outside of it values are NaN.
    """

    mesh: ElementMesh
    parts: tuple[tuple[int, Array], ...]
    numbers: Mapping[str, tuple[int, ...]]
    scalars: frozenset[str]
    shape: Shape | Box

    @cached_property
    def elements(self) -> Elements:
        """The elements on the mesh."""
        return Elements(self.mesh)

    def at(self, points: Array) -> dict[str, Array]:
        """The unknowns at points ``(n, d)``; those outside the domain are NaN."""
        within = inside_of(self.shape, points)
        found = np.full((len(self.parts), len(points)), np.nan)
        if within.any():
            found[:, within] = self.everywhere(points[within])
        return self.named(found)

    def on_grid(self, ticks: Sequence[Array]) -> dict[str, Array]:
        """The unknowns on the product of coordinates, NaN outside the domain."""
        shape = tuple(len(t) for t in ticks)
        return {name: v.reshape(*shape, *v.shape[1:]) for name, v in self.at(mesh_of(list(ticks))).items()}

    def everywhere(self, points: Array) -> Array:
        """Values ``(C, n)`` at points, continued beyond the mesh."""
        return self.elements.interpolate(points, list(self.parts))

    def named(self, values: Array) -> dict[str, Array]:
        """Values ``(C, n)`` of all components by unknown, ``(n,)`` or ``(n, c)``."""
        return {
            name: values[rows[0]] if name in self.scalars else np.ascontiguousarray(values[list(rows)].T)
            for name, rows in self.numbers.items()
        }


def inside_of(shape: Shape | Box, points: Array) -> Array:
    """True ``(n,)`` for points in the closed domain in space."""
    return np.asarray(shape.contains(torch.from_numpy(np.ascontiguousarray(points))).numpy())
