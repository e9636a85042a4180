"""Classical methods to compare fits with: bicubic and linear interpolation, low-pass, Poisson reconstruction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pixels import Pixels

__all__ = ["bicubic", "bicubic_at", "downsample", "gradients", "inpaint_linear", "integrate_gradients", "low_pass"]

Array = NDArray[np.float64]


def downsample(values: NDArray[Any], factor: int) -> Array:
    """Average every block of `factor` x `factor` pixels of a picture ``(height, width, channels)``.

    Incomplete blocks at the bottom and on the right are dropped.

    Raises:
        ValueError: if the factor is below 1 or leaves fewer than 2 x 2 pixels.
    """
    if factor < 1 or min(values.shape[:2]) // factor < 2:
        raise ValueError(
            f"downsample: `factor` must be at least 1 and leave 2 x 2 pixels of {values.shape[:2]}, got {factor}"
        )
    rows, columns = values.shape[0] // factor, values.shape[1] // factor
    whole = values[: rows * factor, : columns * factor].astype(np.float64)
    return whole.reshape(rows, factor, columns, factor, -1).mean(axis=(1, 3))


def bicubic(values: NDArray[Any], scale: float, *, align_corners: bool = False) -> Array:
    """Resample a picture to `scale` times the resolution by bicubic convolution; see `bicubic_at`."""
    pixels = Pixels(values.shape[0], values.shape[1], align_corners)
    offset = 0.0 if align_corners else 0.5
    xs, ys = pixels.ticks(scale)
    return bicubic_at(values, ys - offset, xs - offset)


def bicubic_at(values: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> Array:
    """Interpolate a picture at the product of `rows` and `columns`, in units of pixels, 0 at the first pixel centre.

    Cubic convolution with a = -1/2, one axis after the other; border pixels are repeated outside the picture.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29 (1981), equation 15.
    """
    down, across = _keys(rows, values.shape[0]), _keys(columns, values.shape[1])
    return np.asarray(np.einsum("ri,ijc,sj->rsc", down, values.astype(np.float64), across, optimize=True))


def _keys(at: NDArray[Any], n: int) -> Array:
    """Weights ``(len(at), n)`` of n samples in the interpolated value at each position."""
    first = np.floor(at).astype(int)
    out = np.zeros((len(at), n))
    for offset in (-1, 0, 1, 2):
        index = first + offset
        s = np.abs(at - index)
        near, far = 1.5 * s**3 - 2.5 * s**2 + 1, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
        np.add.at(out, (np.arange(len(at)), np.clip(index, 0, n - 1)), np.where(s <= 1, near, far))
    return out


def inpaint_linear(values: NDArray[Any], known: NDArray[np.bool_]) -> Array:
    """Fill hidden pixels by linear interpolation on the Delaunay triangles of the known pixels.

    Outside the convex hull of the known pixels the nearest known pixel is used.  Uses scipy's griddata.
    """
    from scipy.interpolate import griddata

    given = np.argwhere(known).astype(np.float64)
    asked = np.argwhere(~known).astype(np.float64)
    out = values.astype(np.float64).copy()
    nearest = griddata(given, out[known], asked, method="nearest")
    flat = len(given) < 4 or min(np.ptp(given, axis=0)) == 0  # the points span no triangle
    linear = nearest if flat else griddata(given, out[known], asked, method="linear")
    out[~known] = np.where(np.isfinite(linear), linear, nearest)
    return out


def low_pass(values: NDArray[Any], numbers: int) -> tuple[Array, int]:
    """Reconstruct a picture from its lowest frequencies.

    The basis is the orthonormal DCT-II.  Kept are the frequencies (k / height, l / width) inside the circle that holds
    about `numbers` coefficients over all channels.

    Returns:
        The picture, and the number of coefficients kept.
    """
    from scipy.fft import dctn, idctn

    rows, columns, channels = values.shape
    spectrum = dctn(values.astype(np.float64), axes=(0, 1), norm="ortho")
    distance = np.hypot(np.arange(rows)[:, None] / rows, np.arange(columns)[None, :] / columns)
    kept = min(max(numbers // channels, 1), rows * columns)
    inside = distance <= np.partition(distance.ravel(), kept - 1)[kept - 1]
    return idctn(spectrum * inside[..., None], axes=(0, 1), norm="ortho"), int(inside.sum()) * channels


def gradients(values: NDArray[Any]) -> tuple[Array, Array]:
    """Differences of neighbouring pixels: along x ``(height, width - 1, c)`` and along y ``(height - 1, width, c)``.

    They approximate the derivative per pixel halfway between the two pixels, to second order.
    """
    whole = values.astype(np.float64)
    return np.diff(whole, axis=1), np.diff(whole, axis=0)


def integrate_gradients(along_x: NDArray[Any], along_y: NDArray[Any]) -> Array:
    """Reconstruct the zero-mean picture whose pixel differences match given gradients in the least-squares sense.

    The normal equations D^T D u = D^T g are the five-point Poisson equation with Neumann conditions on the border.
    They determine u up to a constant, which is fixed by u = 0 at the first pixel; the mean is subtracted afterwards.

    Args:
        along_x: differences along x, ``(height, width - 1, channels)``.
        along_y: differences along y, ``(height - 1, width, channels)``.

    Source: Pérez, Gangnet, Blake, Poisson image editing, ACM Trans. Graph. 22 (2003), equation 4.

    Raises:
        ValueError: if the shapes do not belong to one picture.
    """
    from scipy.sparse import eye, kron, vstack
    from scipy.sparse.linalg import splu

    rows, columns = along_x.shape[0], along_y.shape[1]
    if along_x.shape[1:2] != (columns - 1,) or along_y.shape[0] != rows - 1 or along_x.shape[2:] != along_y.shape[2:]:
        raise ValueError(
            f"integrate_gradients: of {rows} x {columns} pixels there must be {rows} x {columns - 1} differences along "
            f"x and {rows - 1} x {columns} along y, got {along_x.shape} and {along_y.shape}"
        )
    steps = vstack([kron(eye(rows), _difference(columns)), kron(_difference(rows), eye(columns))]).tocsc()
    given = np.concatenate([g.reshape(g.shape[0] * g.shape[1], -1) for g in (along_x, along_y)])
    free = steps[:, 1:]  # u = 0 at the first pixel
    found = splu((free.T @ free).tocsc()).solve(np.asarray(free.T @ given))
    whole = np.concatenate([np.zeros((1, found.shape[1])), found]).reshape(rows, columns, -1)
    return np.asarray(whole - whole.mean(axis=(0, 1)))


def _difference(n: int) -> Any:
    from scipy.sparse import diags

    return diags([-np.ones(n - 1), np.ones(n - 1)], [0, 1], shape=(n - 1, n))
