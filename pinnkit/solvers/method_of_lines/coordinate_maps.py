"""Stretched coordinates in which given functions need few Chebyshev modes, chosen by their spectra."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from .spatial_basis import IDENTITY, nodes_of

__all__ = ["Fit", "fit_map", "modes_needed"]

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
"""Values (R, p) of all rows at scaled places (p,) in [-1, 1]."""

_WIDTHS = (0.3, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
_SHARES = (0.4, 0.7, 0.9)
_LAYERS = 3
_NODES = 600


class Fit(NamedTuple):
    """A coordinate map and the number of modes that the functions need in it."""

    numbers: Array
    needed: int


def modes_needed(numbers: Array, functions: Sequence[tuple[Function, float]], count: int = _NODES) -> int:
    """Count the Chebyshev modes of the map that represent each function to its relative tolerance, at most `count`.

    The functions are sampled on `count` nodes; an unresolved function shows as a spectrum that does not fall.
    """
    s = nodes_of(numbers, count)
    most = 1
    for function, tolerance in functions:
        values = function(s)
        coefficients = scipy.fft.dct(values, type=2, axis=1) / count
        size = np.sqrt((values**2).mean(axis=1))
        size = np.maximum(size, 1e-3 * size.max())
        rest = np.sqrt(np.cumsum(coefficients[:, ::-1] ** 2, axis=1))[:, ::-1]
        above = (rest > tolerance * size[:, None]).any(axis=0)
        most = max(most, int(above.nonzero()[0].max(initial=0)) + 1)
    return most


def fit_map(functions: Sequence[tuple[Function, float]], *, start: Array = IDENTITY) -> Fit:
    """Search the map in which the functions need the fewest modes, over places, widths and shares of layers.

    Layers are placed where the last function is steepest; a second and third one are added while they save a fifth of
    the modes. The search uses the spectra of the functions alone.
    """
    best = Fit(IDENTITY, modes_needed(IDENTITY, functions))
    if len(start) > 2:
        kept = Fit(start, modes_needed(start, functions))
        best = min(best, kept, key=lambda fit: fit.needed)
    if best.needed <= 40:
        return best
    found = Fit(IDENTITY, best.needed if len(best.numbers) == 2 else modes_needed(IDENTITY, functions))
    layers: list[tuple[float, float, float]] = []
    for place in _steepest(functions[-1][0], _LAYERS):
        trial = found
        chosen = layers
        for share in _SHARES:
            for width in _WIDTHS:
                own = [*layers, (share, place, width)]
                numbers = _numbers(own)
                fit = Fit(numbers, modes_needed(numbers, functions))
                if fit.needed < trial.needed:
                    trial, chosen = fit, own
        if trial.needed <= 0.8 * found.needed:
            found, layers = trial, chosen
        elif layers:
            break
    return found if found.needed < best.needed else best


def _numbers(layers: Sequence[tuple[float, float, float]]) -> Array:
    """Compute the numbers of a map, see `pinnkit.fields.modes.mapped`, from shares, places and widths."""
    total = sum(share for share, _, _ in layers)
    scale = min(1.0, 0.95 / total)
    rows, offset = [], 0.0
    for share, place, width in layers:
        low, high = (math.asinh((end - place) / width) for end in (-1.0, 1.0))
        weight = 2 * scale * share / (high - low)
        rows += [weight, place, width]
        offset -= weight * (low + high) / 2
    return np.array([offset, 1.0 - scale * total, *rows])


def _steepest(function: Function, count: int) -> list[float]:
    """Find the places of the steepest slopes, at least a twentieth of the axis apart."""
    s = np.linspace(-1.0, 1.0, 4001)
    values = function(s)
    spread = np.ptp(values, axis=1)
    spread = np.maximum(spread, 1e-3 * max(spread.max(), 1e-300))
    slope = (np.abs(np.gradient(values, s, axis=1)) / spread[:, None]).max(axis=0)
    found: list[float] = []
    for i in np.argsort(-slope):
        if all(abs(s[i] - other) > 0.1 for other in found):
            found.append(float(s[i]))
        if len(found) == count:
            break
    # A front sits between the two sides of its steepest slope; the mean over the top of the slope is steadier.
    return [_centre(s, slope, place) for place in found]


def _centre(s: Array, slope: Array, place: float) -> float:
    near = np.abs(s - place) < 0.05
    top = near & (slope > 0.5 * slope[near].max())
    return float((s[top] * slope[top]).sum() / slope[top].sum())
