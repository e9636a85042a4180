"""Fourier coefficients of a periodic state, in the eigenvectors of the linear part of the equations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from .semidiscretization import Rates, first_scale, initial_values
from .state_layout import StateLayout

__all__ = ["Spectrum"]

Array = NDArray[np.float64]
Complex = NDArray[Any]

_OVERSAMPLING = 1.5
FINE = 2**15  # nodes for the spectrum of the initial state
_CONDITION = 1e3  # of eigenvectors; beyond, a mode's linear part counts to the rest


class Spectrum:
    """u = Re sum_n u_n exp(i kappa_n (x - lower)), n = 0 .. N - 1, and u_n' = L_n u_n + rest.

    L_n (R, R) has the mean over space of the partial derivatives of the rates at the start, so the rest varies slowly;
    u_n = V_n w_n with the eigenvectors V_n, and w_n' = lambda_n w_n + V_n^-1 rest.

    Args:
        layout: of the state.
        rates: of the equations.
        modes: N.
    """

    def __init__(self, layout: StateLayout, rates: Rates, modes: int) -> None:
        self.layout, self.rates, self.modes = layout, rates, modes
        self.count = int(scipy.fft.next_fast_len(2 * math.ceil(_OVERSAMPLING * modes), real=True))
        axis = layout.space
        self.kappa = 2 * math.pi * np.arange(modes) / axis.extent
        self.places = torch.from_numpy(axis.lower + axis.extent * np.arange(self.count) / self.count)
        self._inputs = rates.inputs
        self._factor = {k: (1j * self.kappa) ** k for _, k in self._inputs}
        fine = axis.lower + axis.extent * np.arange(FINE) / FINE
        start = initial_values(layout, fine)
        self.start = _transform(start, modes)
        self.linear = self._linear_part()
        self.values, self.vectors, self.inverse = _eigen(self.linear)
        w = self.eigen(self.start)
        rate = self.values * w + self.rest(np.array([layout.time.lower]), w[None])[0]
        size, change = (np.sqrt(self._squares(self.physical(part))) for part in (w, rate))
        self.scale = first_scale(size, change, layout.time.extent)

    def eigen(self, u: Complex) -> Complex:
        """Transform coefficients of the rows, (..., R, N), to the eigenvectors."""
        found: Complex = np.einsum("nij,...jn->...in", self.inverse, u)
        return found

    def physical(self, w: Complex) -> Complex:
        """Transform coefficients in the eigenvectors, (..., R, N), to the rows."""
        found: Complex = np.einsum("nij,...jn->...in", self.vectors, w)
        return found

    def rest(self, times: Array, w: Complex) -> Complex:
        """Evaluate the rates without the linear part, in the eigenvectors: (S,), (S, R, N) -> (S, R, N)."""
        u = self.physical(w) if self.linear.shape[1] > 1 else w
        count = len(times)
        jets = {}
        for row, k in self._inputs:
            part = u[:, row] if k == 0 else u[:, row] * self._factor[k]
            jets[row, k] = torch.from_numpy(self._nodes(part).ravel())
        f = self.rates(self.places.repeat(count), torch.from_numpy(np.repeat(times, self.count)), jets).numpy()
        found = _transform(f.reshape(-1, count, self.count), self.modes).transpose(1, 0, 2)
        if self.linear.shape[1] == 1:
            only: Complex = found - self.linear[:, 0, 0] * u
            return only
        return self.eigen(found - np.einsum("nij,sjn->sin", self.linear, u))

    def size(self, w: Complex) -> float:
        """Compute the root mean square over space and rows, in units of `scale`; w (R, N)."""
        return float(np.sqrt((self._squares(self.physical(w)) / self.scale**2).mean()))

    def grow(self, w: Complex) -> None:
        """Enlarge the units where the state has grown."""
        now = np.sqrt(self._squares(self.physical(w)))
        self.scale = np.maximum(self.scale, np.maximum(now, 1e-3 * now.max()))

    def tail(self, w: Complex) -> float:
        """Compute the root mean square of the last tenth of the modes in units of `scale`, the largest of the rows."""
        late = self.physical(w)[:, int(0.9 * self.modes) :]
        return float((np.sqrt(0.5 * (np.abs(late) ** 2).sum(axis=1)) / self.scale).max())

    def _squares(self, u: Complex) -> Array:
        found: Array = np.abs(u[:, 0]) ** 2 + 0.5 * (np.abs(u[:, 1:]) ** 2).sum(axis=1)
        return found

    def _nodes(self, u: Complex) -> Array:
        full = u * (0.5 * self.count)
        full[..., 0] *= 2
        found: Array = scipy.fft.irfft(full, n=self.count, axis=-1)
        return found

    def _linear_part(self) -> Complex:
        """Compute L_n, (N, R, R)."""
        jets = {(row, k): torch.from_numpy(self._nodes(self.start[row] * self._factor[k])) for row, k in self._inputs}
        at = torch.full_like(self.places, self.layout.time.lower)
        rows = len(self.layout.rows)
        found = np.zeros((self.modes, rows, rows), dtype=np.complex128)
        for (row, (source, k)), slope in self.rates.slopes(self.places, at, jets).items():
            found[:, row, source] += float(slope.mean()) * (1j * self.kappa) ** k
        return found


def _transform(values: Array, modes: int) -> Complex:
    """Compute coefficients u_n of values (..., M) on evenly spaced nodes, n = 0 .. modes - 1."""
    count = values.shape[-1]
    found: Complex = scipy.fft.rfft(values, axis=-1)[..., :modes] * (2 / count)
    found[..., 0] *= 0.5
    return found


def _eigen(linear: Complex) -> tuple[Complex, Complex, Complex]:
    """Compute eigenvalues (R, N), eigenvectors and their inverses (N, R, R).

    The linear part of modes whose eigenvectors are ill-conditioned is set to zero.
    """
    rows = linear.shape[1]
    if rows == 1:
        ones = np.ones_like(linear)
        return linear[:, :, 0].T.copy(), ones, ones
    values, vectors = np.linalg.eig(linear)
    good = np.linalg.cond(vectors) < _CONDITION
    linear[~good] = 0.0
    values[~good] = 0.0
    vectors[~good] = np.eye(rows)
    return values.T.copy(), vectors, np.linalg.inv(vectors)
