"""What anyone would try first, to be measured beside a fit: bicubic, linear interpolation, low frequencies, Poisson."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pixels import Pixels

__all__ = ["bicubic", "bicubic_at", "filled_linearly", "from_gradients", "gradients", "low_pass", "shrunk"]

Array = NDArray[np.float64]


def shrunk(values: NDArray[Any], factor: int) -> Array:
    """The picture ``(height, width, channels)`` with every block of `factor` x `factor` pixels averaged into one.

    Rows and columns that do not fill a block, at the bottom and on the right, are left out.

    Raises:
        ValueError: for a factor below 1, or one that leaves less than 2 x 2 pixels.
    """
    if factor < 1 or min(values.shape[:2]) // factor < 2:
        raise ValueError(
            f"shrunk: `factor` must be at least 1 and leave 2 x 2 pixels of {values.shape[:2]}, got {factor}"
        )
    rows, columns = values.shape[0] // factor, values.shape[1] // factor
    whole = values[: rows * factor, : columns * factor].astype(np.float64)
    return whole.reshape(rows, factor, columns, factor, -1).mean(axis=(1, 3))


def bicubic(values: NDArray[Any], scale: float, *, align_corners: bool = False) -> Array:
    """The picture at the pixels of one `scale` times as fine, by bicubic convolution; see `bicubic_at`."""
    pixels = Pixels(values.shape[0], values.shape[1], align_corners)
    offset = 0.0 if align_corners else 0.5
    xs, ys = pixels.ticks(scale)
    return bicubic_at(values, ys - offset, xs - offset)


def bicubic_at(values: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> Array:
    """The picture at the product of `rows` and `columns`, real numbers in units of pixels, 0 at the first centre.

    Cubic convolution with a = -1/2, one axis after the other; beyond the border the outermost pixels are repeated.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29 (1981), equation 15.
    """
    down, across = _keys(rows, values.shape[0]), _keys(columns, values.shape[1])
    return np.asarray(np.einsum("ri,ijc,sj->rsc", down, values.astype(np.float64), across, optimize=True))


def _keys(at: NDArray[Any], n: int) -> Array:
    """The weight of each of n samples in the value at each position, ``(len(at), n)``."""
    first = np.floor(at).astype(int)
    out = np.zeros((len(at), n))
    for offset in (-1, 0, 1, 2):
        index = first + offset
        s = np.abs(at - index)
        near, far = 1.5 * s**3 - 2.5 * s**2 + 1, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
        np.add.at(out, (np.arange(len(at)), np.clip(index, 0, n - 1)), np.where(s <= 1, near, far))
    return out


def filled_linearly(values: NDArray[Any], known: NDArray[np.bool_]) -> Array:
    """The picture with its hidden pixels interpolated linearly on the Delaunay triangles of the known ones.

    Outside their hull, where there is no triangle, the nearest known pixel is taken; by scipy's griddata.
    """
    from scipy.interpolate import griddata

    given = np.argwhere(known).astype(np.float64)
    asked = np.argwhere(~known).astype(np.float64)
    out = values.astype(np.float64).copy()
    nearest = griddata(given, out[known], asked, method="nearest")
    flat = len(given) < 4 or min(np.ptp(given, axis=0)) == 0  # no triangle
    linear = nearest if flat else griddata(given, out[known], asked, method="linear")
    out[~known] = np.where(np.isfinite(linear), linear, nearest)
    return out


def low_pass(values: NDArray[Any], numbers: int) -> tuple[Array, int]:
    """The picture from its lowest frequencies alone, about `numbers` of them in all channels; and how many they are.

    Cosines of the orthonormal DCT-II whose frequencies (k / height, l / width) lie in the circle that holds so many.
    """
    from scipy.fft import dctn, idctn

    rows, columns, channels = values.shape
    spectrum = dctn(values.astype(np.float64), axes=(0, 1), norm="ortho")
    distance = np.hypot(np.arange(rows)[:, None] / rows, np.arange(columns)[None, :] / columns)
    kept = min(max(numbers // channels, 1), rows * columns)
    inside = distance <= np.partition(distance.ravel(), kept - 1)[kept - 1]
    return idctn(spectrum * inside[..., None], axes=(0, 1), norm="ortho"), int(inside.sum()) * channels


def gradients(values: NDArray[Any]) -> tuple[Array, Array]:
    """Differences of neighbours: along x ``(height, width - 1, c)`` and along y ``(height - 1, width, c)``, per pixel.

    They are the derivatives halfway between the two pixels, to second order.
    """
    whole = values.astype(np.float64)
    return np.diff(whole, axis=1), np.diff(whole, axis=0)


def from_gradients(along_x: NDArray[Any], along_y: NDArray[Any]) -> Array:
    """The picture of mean zero whose neighbours differ by these gradients in least squares: a sparse Poisson equation.

    The normal equations D^T D u = D^T g are the five-point Laplacian with the normal derivative given on the border.
    The constant that they leave open is fixed by u = 0 at the first pixel, then the mean is taken off.

    Source: Pérez, Gangnet, Blake, Poisson image editing, ACM Trans. Graph. 22 (2003), equation 4.

    Raises:
        ValueError: for gradients that do not belong to one picture.
    """
    from scipy.sparse import eye, kron, vstack
    from scipy.sparse.linalg import splu

    rows, columns = along_x.shape[0], along_y.shape[1]
    if along_x.shape[1:2] != (columns - 1,) or along_y.shape[0] != rows - 1 or along_x.shape[2:] != along_y.shape[2:]:
        raise ValueError(
            f"from_gradients: of {rows} x {columns} pixels there must be {rows} x {columns - 1} differences along x "
            f"and {rows - 1} x {columns} along y, got {along_x.shape} and {along_y.shape}"
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
