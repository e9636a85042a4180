"""Pinhole cameras with lens distortion, and the rays through their pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

__all__ = ["Camera", "Convention", "RayBundle", "look_at", "nearest_point_to_axes"]


class Convention(Enum):
    """Axes convention of camera-to-world poses; x points right in all of them."""

    OPENGL = "y up, looks along -z (OpenGL, Blender, NeRF, instant-ngp, nerfstudio)"
    OPENCV = "y down, looks along +z (OpenCV, COLMAP)"

    @property
    def signs(self) -> tuple[float, float]:
        """Signs of the y and z axes of the camera relative to those of OpenCV (down, forward)."""
        return (-1.0, -1.0) if self is Convention.OPENGL else (1.0, 1.0)


class RayBundle(NamedTuple):
    """Rays o + t d: origins and directions `(n, 3)`.

    Directions of cameras are not unit vectors: t is the depth along the optical axis.  The distance along the ray, and
    every quadrature step, is t times the length of d.
    """

    origins: Tensor
    directions: Tensor


@dataclass(frozen=True, eq=False)
class Camera:
    """Pinhole camera with radial (k1, k2) and tangential (p1, p2) distortion.

    A point (X, Y, Z) in the OpenCV frame of the camera (right, down, forward) has (x, y) = (X, Y) / Z, is distorted to

        x' = x (1 + k1 r^2 + k2 r^4) + 2 p1 x y + p2 (r^2 + 2 x^2),
        y' = y (1 + k1 r^2 + k2 r^4) + p1 (r^2 + 2 y^2) + 2 p2 x y,        r^2 = x^2 + y^2,

    and has the pixel coordinates (fx x' + cx, fy y' + cy).  The pixel in column i and row j covers [i, i+1] x [j, j+1];
    its centre is (i + 1/2, j + 1/2).

    Args:
        width, height: pixels.
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels; None is the centre of the picture.
        pose: `(4, 4)` camera-to-world matrix; a uniform scale of the rotation is removed.
        convention: axes convention of `pose`.
        k1, k2, p1, p2: distortion, dimensionless.

    Raises:
        ValueError: for sizes or focal lengths that are not positive, a pose that is no rigid motion, numbers that are
            not finite, or a distortion that is not injective on the picture.

    Source: Brown, Decentering distortion of lenses, Photogrammetric Engineering 32 (1966); signs as in OpenCV.
    """

    width: int
    height: int
    fx: float
    fy: float
    pose: Tensor
    cx: float | None = None
    cy: float | None = None
    convention: Convention = Convention.OPENGL
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            size = getattr(self, name)
            if int(size) != size or size < 1:
                raise ValueError(f"Camera: `{name}` must be a whole number of pixels >= 1, got {size!r}")
            object.__setattr__(self, name, int(size))
        for name in ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"):
            if getattr(self, name) is None:
                continue
            number = float(getattr(self, name))
            if not math.isfinite(number) or (name in ("fx", "fy") and number <= 0):
                kind = "a positive number of pixels" if name in ("fx", "fy") else "finite"
                raise ValueError(f"Camera: `{name}` must be {kind}, got {number!r}")
            object.__setattr__(self, name, number)
        object.__setattr__(self, "pose", _rigid(self.pose))
        if self.distorted:
            self._check_distortion()

    @property
    def distorted(self) -> bool:
        """True if any of k1, k2, p1, p2 is not zero."""
        return any((self.k1, self.k2, self.p1, self.p2))

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (cx, cy) in pixels."""
        return self.width / 2 if self.cx is None else self.cx, self.height / 2 if self.cy is None else self.cy

    @property
    def position(self) -> Tensor:
        """Position of the camera, `(3,)` float64."""
        return self.pose[:3, 3]

    @property
    def right_down_forward(self) -> Tensor:
        """World directions right, down and forward of the picture as columns, `(3, 3)` float64."""
        y, z = self.convention.signs
        return self.pose[:3, :3] * torch.tensor([1.0, y, z], dtype=torch.float64)

    @property
    def forward(self) -> Tensor:
        """Optical axis, unit vector `(3,)` float64."""
        return self.right_down_forward[:, 2]

    def pixels(self, samples: int = 1) -> Tensor:
        """Pixel coordinates `(height * width * samples^2, 2)` as (column, row), row by row.

        Args:
            samples: s x s points per pixel, at the centres of s x s equal squares, consecutive for each pixel.
        """
        inside = (torch.arange(samples, dtype=torch.float64) + 0.5) / samples
        rows, columns = torch.arange(self.height, dtype=torch.float64), torch.arange(self.width, dtype=torch.float64)
        v = rows[:, None, None, None] + inside[None, None, :, None]
        u = columns[None, :, None, None] + inside[None, None, None, :]
        return torch.stack(torch.broadcast_tensors(u, v), dim=-1).reshape(-1, 2)

    def rays(self, pixels: Tensor | None = None) -> RayBundle:
        """Rays through pixel coordinates `(n, 2)` (column, row); by default the centres of all pixels, row by row.

        Origins and directions are `(n, 3)` float64 in world coordinates; directions have unit length along the optical
        axis.
        """
        if pixels is None:
            pixels = self.pixels()
        pixels = pixels.to(torch.float64)
        cx, cy = self.centre
        distorted = torch.stack([(pixels[:, 0] - cx) / self.fx, (pixels[:, 1] - cy) / self.fy], dim=1)
        plane = self._undistorted(distorted) if self.distorted else distorted
        directions = torch.cat([plane, torch.ones_like(plane[:, :1])], dim=1) @ self.right_down_forward.T
        return RayBundle(self.position.expand_as(directions), directions)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Project world points `(n, 3)` to pixel coordinates `(n, 2)` (column, row) and depth `(n,)`.

        Depth is along the optical axis; for points behind the camera it is not positive, and the pixel is nan.
        """
        frame = self.right_down_forward.to(points)
        own = (points - self.position.to(points)) @ frame
        depth = own[:, 2]
        plane = own[:, :2] / torch.where(depth > 0, depth, torch.nan)[:, None]
        if self.distorted:
            plane = self._distort(plane)
        cx, cy = self.centre
        return torch.stack([plane[:, 0] * self.fx + cx, plane[:, 1] * self.fy + cy], dim=1), depth

    def resized(self, width: int, height: int) -> Camera:
        """The camera at another resolution: focal lengths and principal point are scaled."""
        x, y = width / self.width, height / self.height
        cx, cy = self.centre
        return replace(self, width=width, height=height, fx=self.fx * x, fy=self.fy * y, cx=cx * x, cy=cy * y)

    def _distort(self, plane: Tensor) -> Tensor:
        x, y = plane.unbind(dim=1)
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + self.k2 * r2)
        return torch.stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x),
                y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y,
            ],
            dim=1,
        )

    def _jacobian(self, plane: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Entries dx'/dx, dx'/dy = dy'/dx, dy'/dy of the distortion, and the determinant, each `(n,)`."""
        x, y = plane.unbind(dim=1)
        r2 = x * x + y * y
        radial, slope = 1 + r2 * (self.k1 + self.k2 * r2), 2 * (self.k1 + 2 * self.k2 * r2)
        xx = radial + x * x * slope + 2 * self.p1 * y + 6 * self.p2 * x
        yy = radial + y * y * slope + 6 * self.p1 * y + 2 * self.p2 * x
        xy = x * y * slope + 2 * self.p1 * x + 2 * self.p2 * y
        return xx, xy, yy, xx * yy - xy * xy

    def _undistorted(self, distorted: Tensor) -> Tensor:
        """Invert the distortion by Newton steps, at most 20, to rounding."""
        plane = distorted.clone()
        for _ in range(20):
            error = self._distort(plane) - distorted
            xx, xy, yy, determinant = self._jacobian(plane)
            step = torch.stack([yy * error[:, 0] - xy * error[:, 1], xx * error[:, 1] - xy * error[:, 0]], dim=1)
            step = step / determinant[:, None]
            plane = plane - step
            if not bool((step.abs() > 1e-14).any()):
                break
        return plane

    def _check_distortion(self) -> None:
        """Check that the distortion is invertible on the border of the picture and not folded inside."""
        n = 65
        along = torch.linspace(0, 1, n, dtype=torch.float64)
        zero, one = torch.zeros(n, dtype=torch.float64), torch.ones(n, dtype=torch.float64)
        sides = [(along, zero), (along, one), (zero, along), (one, along)]
        border = torch.cat([torch.stack(side, dim=1) for side in sides])
        pixels = border * torch.tensor([self.width, self.height], dtype=torch.float64)
        focal = torch.tensor([self.fx, self.fy], dtype=torch.float64)
        given = (pixels - torch.tensor(self.centre, dtype=torch.float64)) / focal
        plane = self._undistorted(given)
        # The determinant must stay positive from the centre to the border, else two directions share a pixel.
        path = (plane[:, None, :] * torch.linspace(0, 1, 33, dtype=torch.float64)[None, :, None]).reshape(-1, 2)
        error = (self._distort(plane) - given).abs().max()
        if not (bool(error < 1e-9) and bool((self._jacobian(path)[3] > 0).all())):
            raise ValueError(
                f"Camera: the distortion k1={self.k1:g}, k2={self.k2:g}, p1={self.p1:g}, p2={self.p2:g} folds the "
                "picture over itself: check its signs and order, or undistort the pictures first and leave it out"
            )


def look_at(
    position: ArrayLike, target: ArrayLike, *, up: ArrayLike = (0.0, 0.0, 1.0), convention: Convention
) -> Tensor:
    """Camera-to-world pose `(4, 4)` float64 of a camera at `position` with `target` in its centre.

    Args:
        position: of the camera, `(3,)`.
        target: point to look at, `(3,)`.
        up: upward direction, `(3,)`.
        convention: axes convention of the pose.

    Raises:
        ValueError: when both points coincide, or the camera looks along `up`.
    """
    eye, at, above = (torch.as_tensor(vector, dtype=torch.float64) for vector in (position, target, up))
    forward = at - eye
    right = torch.linalg.cross(forward, above)
    if not bool(right.norm() > 1e-9 * forward.norm() * above.norm()):
        raise ValueError(
            f"look_at: `position` {eye.tolist()}, `target` {at.tolist()} and `up` {above.tolist()} must not lie on a "
            "line; choose another `up`"
        )
    forward, right = forward / forward.norm(), right / right.norm()
    down = torch.linalg.cross(forward, right)
    y, z = convention.signs
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.stack([right, y * down, z * forward, eye], dim=1)
    return pose


def nearest_point_to_axes(cameras: Sequence[Camera]) -> Tensor:
    """Point `(3,)` with the least sum of squared distances to the optical axes, float64.

    Sum_i (I - f_i f_i^T) (x - o_i) = 0.  In directions that the axes leave undetermined (all parallel), the solution is
    nearest to the mean camera position.
    """
    centre = torch.stack([camera.position for camera in cameras]).mean(dim=0)
    matrix, right = torch.zeros(3, 3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for camera in cameras:
        across = torch.eye(3, dtype=torch.float64) - torch.outer(camera.forward, camera.forward)
        matrix += across
        right += across @ (camera.position - centre)
    return centre + torch.linalg.pinv(matrix, rtol=1e-6, hermitian=True) @ right


def _rigid(pose: ArrayLike | Tensor) -> Tensor:
    try:
        matrix = torch.as_tensor(pose, dtype=torch.float64).detach().cpu().clone()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"Camera: `pose` must be a 4 x 4 matrix of numbers, got {repr(pose)[:200]}") from None
    if matrix.shape == (3, 4):
        matrix = torch.cat([matrix, torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)])
    if matrix.shape != (4, 4):
        raise ValueError(f"Camera: `pose` must be a 4 x 4 camera-to-world matrix, got shape {tuple(matrix.shape)}")
    if not bool(matrix.isfinite().all()):
        raise ValueError("Camera: `pose` must be finite, got nan or inf")
    turn = matrix[:3, :3]
    scale = torch.linalg.det(turn).abs() ** (1 / 3)
    turned = turn / scale if bool(scale > 0) else turn
    error = (turned @ turned.T - torch.eye(3, dtype=torch.float64)).abs().max()
    bottom = (matrix[3] - torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)).abs().max()
    if not bool(error < 1e-3) or bool(torch.linalg.det(turn) < 0) or bool(bottom > 1e-6):
        raise ValueError(
            "Camera: `pose` must be camera-to-world, a rotation with a position in its last column and (0, 0, 0, 1) "
            f"below, got rows {[[round(x, 4) for x in row] for row in matrix.tolist()]}"
        )
    u, _, vh = torch.linalg.svd(turned)  # nearest rotation, since files have few digits
    matrix[:3, :3] = u @ vh
    return matrix
