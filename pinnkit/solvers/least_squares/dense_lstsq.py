"""Dense least squares for tall matrices: singular values for few columns, preconditioned iterations for many."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dense_lstsq"]

_DENSE = 1500
"""Number of columns up to which the singular value decomposition takes a second or two."""
_STEPS = 60
_CONVERGED = 1e-8
"""Relative size of the gradient at which the iterations have converged; they continue while it falls."""


def dense_lstsq(a: Tensor, b: Tensor, rcond: float) -> Tensor:
    """x ``(P,)`` that minimises |a x - b|, a ``(N, P)`` in float64 on the CPU with columns of about unit length.

    Up to 1,500 columns by singular values, those below `rcond` times the largest counting as zero.  Beyond, conjugate
    gradients on the normal equations, preconditioned by the Cholesky factor R of A^T A (shifted where it is singular
    to working precision): A R^-1 is nearly orthogonal, so that a few steps reach the accuracy of a QR factorisation at
    half its cost and without a copy of A.  Where the columns are too dependent for that, by pivoted QR.

    Source: Bjorck, Numerical Methods for Least Squares Problems, SIAM 1996, sections 6.6 and 7.4.
    """
    count = a.shape[1]
    if count <= _DENSE:
        solution: Tensor = torch.linalg.lstsq(a, b[:, None], rcond=rcond, driver="gelsd").solution[:, 0]
        return solution
    factor = _factor(a)
    if factor is not None and (found := _conjugate_gradients(a, b, factor)) is not None:
        return found
    pivoted: Tensor = torch.linalg.lstsq(a, b[:, None], rcond=rcond, driver="gelsy").solution[:, 0]
    return pivoted


def _factor(a: Tensor) -> Tensor | None:
    """Lower Cholesky factor of A^T A with the smallest shift of its diagonal at which it exists; None if none helps."""
    array = a.numpy()
    gram = torch.from_numpy(array.T @ array)  # numpy recognises A^T A as symmetric and does half the work
    shift = torch.finfo(a.dtype).eps * a.shape[1] * float(gram.diagonal().max())
    for _ in range(6):
        gram.diagonal().add_(shift)
        lower, info = torch.linalg.cholesky_ex(gram)
        if int(info) == 0:
            return lower
        shift *= 10
    return None


def _conjugate_gradients(a: Tensor, b: Tensor, lower: Tensor) -> Tensor | None:
    """CGLS on A R^-1 with R = `lower`^T; None where it does not converge."""

    def solved(rhs: Tensor, *, transposed: bool) -> Tensor:
        matrix = lower.T if transposed else lower
        return torch.linalg.solve_triangular(matrix, rhs[:, None], upper=transposed)[:, 0]

    x, r = a.new_zeros(a.shape[1]), b.clone()
    z = solved(a.T @ r, transposed=False)
    direction, size = z, float(z @ z)
    first = best = size
    for _ in range(_STEPS):
        if size == 0.0:
            return x
        step = solved(direction, transposed=True)
        image = a @ step
        length = size / float(image @ image)
        x, r = x + length * step, r - length * image
        z = solved(a.T @ r, transposed=False)
        before, size = size, float(z @ z)
        if size >= best and best <= _CONVERGED**2 * first:  # rounding: no further gain
            return x
        best = min(best, size)
        direction = z + size / before * direction
    return x if best <= _CONVERGED**2 * first else None
