"""Smooth patches of a mesh: triangles that are joined without a sharp edge between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["face_patches", "open_edges"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def face_patches(vertices: Floats, faces: Indices, sharp: float) -> Indices:
    """Number of the patch of each triangle, `(f,)`, from 0, by decreasing area.

    Two triangles with a common edge are of one patch where their normals differ by less than `sharp`.

    Args:
        vertices: (v, 3).
        faces: (f, 3), oriented alike.
        sharp: angle in radians.
    """
    a, b, c = vertices[faces].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(size, 1e-300)[:, None]
    first, second = _neighbours(faces)
    cosine = np.einsum("ij,ij->i", normal[first], normal[second])
    smooth = (cosine > np.cos(sharp)) | (size[first] == 0) | (size[second] == 0)
    links = coo_array((np.ones(int(smooth.sum())), (first[smooth], second[smooth])), shape=(len(faces), len(faces)))
    labels = connected_components(links, directed=False)[1]
    order = np.argsort(-np.bincount(labels, weights=size), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[labels])


def open_edges(faces: Indices) -> tuple[Indices, Indices]:
    """Edges `(k, 2)` with one triangle, and edges with more than two."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    return found[count == 1], found[count > 2]


def _neighbours(faces: Indices) -> tuple[Indices, Indices]:
    """Pairs of triangles with a common edge."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = (edges[order[1:]] == edges[order[:-1]]).all(axis=1)
    return owner[order[:-1]][same], owner[order[1:]][same]
