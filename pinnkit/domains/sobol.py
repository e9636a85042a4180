"""Scrambled Sobol points.

The points of a Sobol sequence in base 2 are linear functions, over the field of two elements, of the digits of their
index: with direction numbers v_k, point i is the exclusive or of the v_k over the binary digits k of i ^ (i >> 1) (Gray
code).  Scrambling multiplies the digits of all v_k by a random lower triangular matrix and shifts all points by a
random digit vector.  Direction numbers come from torch, the random digits from a NumPy generator that is seeded as
`scipy.stats.qmc.Sobol` seeds its own, so that the points are those of scipy to the bit; scipy.stats takes a second to
load.

Sources: Joe & Kuo, Constructing Sobol sequences with better two-dimensional projections, SIAM J. Sci. Comput. 30
(2008); Antonov & Saleev, An economic method of computing LP_tau-sequences, USSR Comput. Math. Math. Phys. 19 (1979);
Matousek, On the L2-discrepancy for anchored boxes, J. Complexity 14 (1998).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.quasirandom import SobolEngine

__all__ = ["BITS", "MAX_COLUMNS", "sobol_points"]

BITS = 30
"""Binary digits of a coordinate; at most 2^30 points."""
MAX_COLUMNS: int = SobolEngine.MAXDIM
_BLOCK = 2**21  # numbers in a block of points: 8 MB

Digits = NDArray[np.uint32]


def sobol_points(n: int, columns: int, seed: int) -> Tensor:
    """The first `n` points of a scrambled sequence, `(n, columns)` in [0, 1), float64; multiples of 2^-30.

    Args:
        n: 1 to 2^30 points.
        columns: 1 to `MAX_COLUMNS` columns.
        seed: seed of the scrambling.
    """
    directions, shift = _scrambled(columns, seed)
    block = min(n, 2 ** max(0, (_BLOCK // columns).bit_length() - 1))
    first = _gray_code_points(block, directions, shift)
    points = np.empty((n, columns))
    for start in range(0, n, block):
        stop = min(start + block, n)
        rows = first if start == 0 else first[: stop - start] ^ _offset(start, directions)
        np.multiply(rows, 0.5**BITS, out=points[start:stop])
    return torch.from_numpy(points)


def _scrambled(columns: int, seed: int) -> tuple[Digits, Digits]:
    """Direction numbers `(columns, BITS)` after scrambling, and the shift `(columns,)`."""
    generator = np.random.default_rng(seed).spawn(1)[0]
    plain = SobolEngine(columns).sobolstate.numpy().astype(np.uint32)
    powers = np.uint32(1) << np.arange(BITS, dtype=np.uint32)
    shift = generator.integers(2, size=(columns, BITS), dtype=np.uint32) @ powers
    matrix = np.tril(generator.integers(2, size=(columns, BITS, BITS), dtype=np.uint32), -1)
    matrix += np.eye(BITS, dtype=np.uint32)
    digits = (plain[:, :, None] >> np.arange(BITS - 1, -1, -1, dtype=np.uint32)) & np.uint32(1)  # the first is 1/2
    mixed = np.einsum("cpq,ckq->ckp", matrix, digits) & np.uint32(1)
    return mixed @ powers[::-1], shift


def _gray_code_points(n: int, directions: Digits, shift: Digits) -> Digits:
    """Points 0 to n - 1 as integers: each doubling reflects the points so far and flips one direction number."""
    points = np.empty((n, len(shift)), dtype=np.uint32)
    points[0] = shift
    done = 1
    for k in range((n - 1).bit_length()):
        more = min(done, n - done)
        np.bitwise_xor(points[done - 1 :: -1][:more], directions[:, k], out=points[done : done + more])
        done += more
    return points


def _offset(start: int, directions: Digits) -> Digits:
    """The exclusive or of points `start + r` and `r`, for all r below the largest power of 2 that divides `start`."""
    code = start ^ (start >> 1)
    chosen = [k for k in range(BITS) if code >> k & 1]
    offset: Digits = np.bitwise_xor.reduce(directions[:, chosen], axis=1)
    return offset
