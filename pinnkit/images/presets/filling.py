"""Which field fills in hidden pixels, and how it is trained: by static rules from how many pixels are known.

What a field shows between its pixels is decided by the frequencies that it begins with, and by how much it can bend.
Networks take frequencies that the known pixels can tell apart, lower ones than a fit of all pixels does;
fields on grids have one node to a known pixel, and are told to bend little (`bending`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pinnkit.fields import FieldSpec, FourierMLP, Gauss, HashGrid, MultilevelGrid, PositionalMLP, Siren, Wire
from pinnkit.solvers import Adam, Cosine, Plan

__all__ = ["FILLINGS", "REACH", "STEP", "across", "bending", "filling", "guessed"]

STEP = 0.5
"""Of the differences that measure curvature, in distances between known pixels."""
REACH = 8.0
"""Pixels: of one known pixel in ten, drawn at random, hardly any hidden one is further away."""
_BENDING = 0.01
"""Weight of the curvature of a field on grids where all pixels are known; differences grow with the square of the step.

On photographs with 10 % of 128 x 128 pixels known, hidden ones against linear interpolation: weight 0.03 +0.1 dB, 0.1
+0.6, 0.3 +0.3; without -1.7.
"""
_MANY = 5_000
"""Known pixels from which a network is 256 wide and not 128."""
_STEPS, _MORE_STEPS = 600, 900
_BATCH = 1024
_NODES = 2**22
"""Of the last level of a grid at most."""


def filling(width: int, height: int, known: int, word: str = "siren") -> Plan:
    """The field of a word that fills hidden pixels, with the solver that suits it.

    Args:
        width: columns of the picture.
        height: rows.
        known: how many of its pixels are known.
        word: one of `FILLINGS`; of the networks a Siren is the fastest.

    Raises:
        ValueError: for another word.
    """
    if word not in FILLINGS:
        raise ValueError(f"`field` must be one of {', '.join(FILLINGS)}, got '{word}'")
    return FILLINGS[word](width, height, known)


def bending(field: FieldSpec | None, share: float) -> float:
    """What the curvature of a field counts where this share of pixels is known; 0 for a network, which bends little."""
    return min(_BENDING / share, 0.15) if isinstance(field, MultilevelGrid | HashGrid) else 0.0


def guessed(known: NDArray[np.bool_]) -> float:
    """The share of the hidden pixels that are further than `REACH` from any known one: what fills them is a guess.

    Networks go on there with the waves that they have learnt elsewhere; no field knows what a hole hides.
    """
    from scipy.ndimage import distance_transform_edt

    return float((distance_transform_edt(~known)[~known] > REACH).mean()) if not known.all() else 0.0


def across(width: int, height: int, known: int) -> float:
    """How many known pixels stand along the longer side, were they spread evenly."""
    return max(width, height) * math.sqrt(known / (width * height))


def _siren(width: int, height: int, known: int) -> Plan:
    """Omega is a fifth of the known pixels along the longer side, between 4 and 60."""
    omega = round(min(max(across(width, height, known) / 5, 4.0), 60.0), 1)
    steps = min(max(known // 13, 400), 1500)  # more of them learn the known pixels by heart
    reason = f"A Siren by Adam, omega = {omega:g}: waves that {known} known pixels can tell apart."
    most = max(width, height)  # along the shorter side as many waves to a pixel, not as many in all
    first = None if width == height else (round(omega * width / most, 2), round(omega * height / most, 2))
    spec = Siren(128, 3, omega=omega, first_omega=first)
    return Plan.single(spec, (Adam(steps=steps, lr=1e-3, batch=2048),), reason, balance=False)


def _fourier(width: int, height: int, known: int) -> Plan:
    sigma = round(max(across(width, height, known) / 36, 0.5), 2)
    wide = _wide(known)
    spec = FourierMLP(features=wide // 2, sigma=sigma, width=wide, depth=3, activation="relu")
    reason = f"Random Fourier features of low frequency, sigma = {sigma:g}, before rectifiers, by Adam."
    return _by_adam(spec, known, reason)


def _positional(width: int, height: int, known: int) -> Plan:
    waves = max(2, round(math.log2(across(width, height, known))) - 2)
    spec = PositionalMLP(frequencies=waves, width=_wide(known), depth=4)
    return _by_adam(
        spec, known, "Waves of doubling frequency, the fastest of eight known pixels, before rectifiers, by Adam."
    )


def _gauss(width: int, height: int, known: int) -> Plan:
    scale = round(max(0.8 * math.sqrt(across(width, height, known)), 2.0), 2)
    return _by_adam(Gauss(_wide(known), 3, scale=scale), known, "Wide Gaussian bumps in three layers, by Adam.")


def _wire(width: int, height: int, known: int) -> Plan:
    omega = round(max(0.67 * math.sqrt(across(width, height, known)), 2.0), 2)
    spec = Wire(128 if known < _MANY else 192, 3, omega=omega, scale=omega)
    return _by_adam(spec, known, "Gabor wavelets of low frequency in three layers, by Adam.")


def _grid(width: int, height: int, known: int) -> Plan:
    finest = _cells(width, height, known)
    coarsest = min(4, *finest)
    levels = max(1, round(math.log2(max(finest) / coarsest)) + 1)
    spec = MultilevelGrid(levels=levels, coarsest=coarsest, finest=finest)
    return _on_grids(spec, known, "Grids from coarse to one node a known pixel that bend little, by Adam.")


def _hash(width: int, height: int, known: int) -> Plan:
    finest = _cells(width, height, known)
    coarsest = min(4, *finest)
    levels = max(2, round(2 * math.log2(max(finest) / coarsest)))
    rows = 2 ** min(max(math.ceil(math.log2(1.2 * known)), 8), 19)
    spec = HashGrid(levels=levels, rows=rows, coarsest=coarsest, finest=finest)
    return _on_grids(spec, known, "A multiresolution hash grid that bends little, by Adam.")


def _by_adam(spec: FieldSpec, known: int, reason: str) -> Plan:
    steps = _STEPS if known < _MANY else _MORE_STEPS
    solver = Adam(steps=steps, batch=_BATCH, betas=(0.9, 0.99), schedule=Cosine(warmup=20))
    return Plan.single(spec, (solver,), reason, balance=False)


def _on_grids(spec: FieldSpec, known: int, reason: str) -> Plan:
    batch = min(max(known // 8, 1024), 2**14)
    solver = Adam(steps=400, batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=20))
    return Plan.single(spec, (solver,), reason, balance=False)


def _wide(known: int) -> int:
    return 128 if known < _MANY else 256


def _cells(width: int, height: int, known: int) -> tuple[int, int]:
    """One node to a known pixel: on others only the curvature would say anything."""
    share = math.sqrt(min(known, _NODES) / (width * height))
    return max(2, round(width * share)), max(2, round(height * share))


FILLINGS: Mapping[str, Callable[[int, int, int], Plan]] = MappingProxyType(
    {
        "grid": _grid,
        "hash": _hash,
        "siren": _siren,
        "fourier": _fourier,
        "positional": _positional,
        "gauss": _gauss,
        "wire": _wire,
    }
)
"""The words of `pinnkit fit --field` with `--mask`: (width, height, known pixels) -> field and solver."""
