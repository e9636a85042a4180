"""Metrics between surfaces (Chamfer, Hausdorff, F-score), solids (IoU) and signed distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from pinnkit.meshes.nearest import NearestPoint
from pinnkit.meshes.trimesh_backend import is_mesh
from pinnkit.surfaces.points.cloud import PointCloud

from .sampling import sample_mesh

if TYPE_CHECKING:
    import trimesh

__all__ = ["DistanceError", "SurfaceScores", "compare_surfaces", "distance_error", "iou"]

SAMPLES = 100_000
_THRESHOLD = 1e-3  # of the diagonal

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceScores:
    """Comparison of two surfaces, `found` A and `truth` B, by points sampled uniformly on each.

    Lengths are in the unit of the surfaces; `percent` has them relative to the diagonal of the bounding box of B.

    Attributes:
        chamfer: 0.5 (mean d(A, B) + mean d(B, A)), from points to triangles where a mesh is given; distances, not
            squares.
        hausdorff: largest of all these distances.
        f_score: 2 P R / (P + R), P the share of A's points within `threshold` of B, R of B's points within it of A.
        normal_consistency: mean cosine between the normal at a point and at the nearest point of the counterpart, both
            ways; 1 is perfect, -1 is inside out, NaN where a cloud has no normals.
        accuracy: mean d(A, B).
        completeness: mean d(B, A).
        threshold: distance threshold of the F-score.
        diagonal: of the bounding box of B.
        samples: points sampled on each mesh.

    Source: Knapitsch et al., Tanks and Temples, ACM TOG 36 (2017) 78, §4 (F-score); Mescheder et al., Occupancy
    Networks, CVPR 2019, §4 (normal consistency, there without the sign).
    """

    chamfer: float
    hausdorff: float
    f_score: float
    normal_consistency: float
    accuracy: float
    completeness: float
    threshold: float
    diagonal: float
    samples: int

    @property
    def percent(self) -> dict[str, float]:
        """Metrics by descriptive names, lengths in % of the diagonal."""
        per = 100 / self.diagonal
        return {
            "chamfer_percent_of_diagonal": self.chamfer * per,
            "hausdorff_percent_of_diagonal": self.hausdorff * per,
            f"f_score_at_{self.threshold * per:.3g}_percent": self.f_score,
            "normal_consistency": self.normal_consistency,
        }


@dataclass(frozen=True)
class DistanceError:
    """|f - d| at points uniform in a box: `mean` and 99th percentile `p99`, in units of the coordinates."""

    mean: float
    p99: float
    points: int


def compare_surfaces(
    found: trimesh.Trimesh | PointCloud,
    truth: trimesh.Trimesh | PointCloud,
    *,
    generator: np.random.Generator,
    samples: int = SAMPLES,
    threshold: float | None = None,
) -> SurfaceScores:
    """Chamfer and Hausdorff distance, F-score and normal consistency of `found` against `truth`.

    Args:
        found: a mesh, or a cloud, whose points are used unchanged.
        truth: a mesh or a cloud.
        generator: source of randomness.
        samples: points sampled on each mesh.
        threshold: of the F-score, in the unit of the surfaces; None is 0.1 % of the diagonal.

    Raises:
        TypeError: for arguments that are neither a mesh nor a cloud.
        ValueError: for a threshold that is not positive.
    """
    ours, ours_normals, to_ours = _sample_surface(found, samples, generator, "found")
    theirs, theirs_normals, to_theirs = _sample_surface(truth, samples, generator, "truth")
    corners = truth.points if isinstance(truth, PointCloud) else np.asarray(truth.vertices)[np.unique(truth.faces)]
    diagonal = float(np.linalg.norm(corners.max(axis=0) - corners.min(axis=0)))
    limit = _THRESHOLD * diagonal if threshold is None else threshold
    if not limit > 0:
        raise ValueError(f"compare_surfaces: `threshold` must be positive, got {threshold}")
    forth, normals_there = to_theirs(ours)
    back, normals_here = to_ours(theirs)
    precision, recall = float((forth <= limit).mean()), float((back <= limit).mean())
    cosines = (_cosine(ours_normals, normals_there) + _cosine(theirs_normals, normals_here)) / 2
    return SurfaceScores(
        chamfer=float(forth.mean() + back.mean()) / 2,
        hausdorff=float(max(forth.max(), back.max())),
        f_score=2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0,
        normal_consistency=cosines,
        accuracy=float(forth.mean()),
        completeness=float(back.mean()),
        threshold=limit,
        diagonal=diagonal,
        samples=samples,
    )


def iou(
    found: Callable[[Tensor], Tensor],
    truth: Callable[[Tensor], Tensor],
    bounds: tuple[ArrayLike, ArrayLike],
    *,
    generator: torch.Generator,
    points: int = SAMPLES,
) -> float:
    """Intersection over union of two solids, estimated from uniform points in a box.

    Args:
        found: points ``(n, 3)`` float64 to whether each is inside, ``(n,)`` bool.
        truth: the reference, with the same signature.
        bounds: (lower, upper) of a box that contains both.
        generator: source of randomness.
        points: number of points; the standard error is about sqrt(iou (1 - iou) / number in the union).

    Raises:
        ValueError: where no point is inside either solid.
    """
    at = _uniform(bounds, points, generator)
    with torch.no_grad():
        a, b = found(at).bool(), truth(at).bool()
    union = int((a | b).sum())
    if not union:
        raise ValueError(f"iou: none of {points:,} points is inside either solid; choose `bounds` that hold them")
    return int((a & b).sum()) / union


def distance_error(
    found: Callable[[Tensor], Tensor],
    truth: Callable[[Tensor], Tensor],
    bounds: tuple[ArrayLike, ArrayLike],
    *,
    generator: torch.Generator,
    points: int = 10_000,
) -> DistanceError:
    """Error of a signed distance away from the surface, at uniform points in a box.

    Args:
        found: points ``(n, 3)`` float64 to distances ``(n,)``.
        truth: the exact distance, with the same signature.
        bounds: (lower, upper); 1.15 x the bounding box of the surface is usual.
        generator: source of randomness.
        points: number of points.
    """
    at = _uniform(bounds, points, generator)
    with torch.no_grad():
        error = (found(at).to(torch.float64) - truth(at).to(torch.float64)).abs()
    return DistanceError(float(error.mean()), float(error.quantile(0.99)), points)


Query = Callable[[Floats], tuple[Floats, Floats | None]]


def _sample_surface(
    surface: trimesh.Trimesh | PointCloud, samples: int, generator: np.random.Generator, name: str
) -> tuple[Floats, Floats | None, Query]:
    """Points of a surface, their normals, and a function for distance and normal at its nearest point."""
    if isinstance(surface, PointCloud):
        cloud, tree = surface, cKDTree(surface.points)

        def to_points(points: Floats) -> tuple[Floats, Floats | None]:
            distance, row = tree.query(points)
            return distance, None if cloud.normals is None else cloud.normals[row]

        return cloud.points, cloud.normals, to_points
    if not is_mesh(surface):
        raise TypeError(f"compare_surfaces: `{name}` must be a mesh or a PointCloud, got {type(surface).__name__}")
    corners = np.asarray(surface.vertices, np.float64)[np.asarray(surface.faces)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.where(length > 0, length, 1.0)
    points, triangle = sample_mesh(surface, samples, generator)
    nearest = NearestPoint.of(surface)

    def to_triangles(points: Floats) -> tuple[Floats, Floats | None]:
        found = nearest(points)
        return found.distance, normals[found.triangle]

    return points, normals[triangle], to_triangles


def _cosine(a: Floats | None, b: Floats | None) -> float:
    return float("nan") if a is None or b is None else float(np.einsum("ij,ij->i", a, b).mean())


def _uniform(bounds: tuple[ArrayLike, ArrayLike], points: int, generator: torch.Generator) -> Tensor:
    lower, upper = (torch.as_tensor(np.asarray(b, dtype=np.float64)).expand(3) for b in bounds)
    return lower + (upper - lower) * torch.rand(points, 3, generator=generator, dtype=torch.float64)
