"""Which field for which task on a picture, and how it is trained: by static rules from the number of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from pinnkit.fields import FieldSpec, FourierMLP, Gauss, HashGrid, MultilevelGrid, PositionalMLP, Siren, Wire
from pinnkit.solvers import Adam, Cosine, Muon, Plan

from .filling import across, filling

__all__ = ["WAYS", "way"]

_BATCH = 4096
"""Pixels of a step: few enough for the cache of a core."""
_VISITS = 20
"""How often a pixel is seen, in pictures that are small enough for that."""
_FEWEST = 2
"""And in large ones: a third look at 12 megapixels gave 0.7 dB for half as much time again."""
_SAMPLES = 2**24
"""Pixels looked up in one fit of a large picture: a minute or two of one core."""
_NODES = 2**22
"""Of the last level of a grid: with more, steps on a photograph of 12 megapixels take longer than looking at it."""
_STEPS = 700
"""Of networks without a table by Adam, about 0.1 s of one core each."""
_MUON_STEPS = 450
"""Of a Siren by Muon, 0.15 s of one core each: 700 gave 45.8 dB where 38.4 were asked for within a minute."""


def way(word: str, width: int, height: int, known: int | None = None) -> Plan:
    """The field of a word for a picture, with the solver that suits it.

    Args:
        word: one of `WAYS`.
        width: columns of the picture.
        height: rows.
        known: how many of its pixels are fitted; None for all.  Fewer are fitted to fill in the others, see `filling`.

    Raises:
        ValueError: for another word.
    """
    if word not in WAYS:
        raise ValueError(f"`field` must be one of {', '.join(WAYS)}, got '{word}'")
    if known is not None and known < width * height:
        return filling(width, height, known, word)
    return WAYS[word](width, height, width * height)


def _grid(width: int, height: int, known: int) -> Plan:
    finest = _cells(width, height, known, 2)
    coarsest = max(2, min(16, max(finest) // 4))
    levels = max(1, round(math.log2(max(finest) / coarsest)) + 1)
    spec = MultilevelGrid(levels=levels, coarsest=coarsest, finest=finest)
    per = "one node a pixel" if known <= _NODES else f"{finest[0]} x {finest[1]} nodes"
    return _by_adam(spec, known, f"Grids from coarse to {per} before a small network, by Adam.")


def _hash(width: int, height: int, known: int) -> Plan:
    finest = _cells(width, height, known, 4)
    coarsest = max(2, min(16, max(finest) // 4))
    levels = max(2, round(2 * math.log2(max(finest) / coarsest)))
    rows = 2 ** min(max(math.ceil(math.log2(known / 2)), 8), 19)
    spec = HashGrid(levels=levels, rows=rows, coarsest=coarsest, finest=finest)
    return _by_adam(spec, known, "A multiresolution hash grid before a small network, by Adam.")


def _siren(width: int, height: int, known: int) -> Plan:
    reason = "A Siren of 256 sines in 5 layers, by Muon (Adam for its first layer, biases and read-out)."
    solver = Muon(steps=_MUON_STEPS, lr=1e-3, adam_lr=1e-3, batch=_batch(known), schedule=Cosine(warmup=20))
    first = _along(_scaled(90.0, width, height, known), width, height)
    return Plan.single(Siren(256, 5, omega=30.0, first_omega=first), (solver,), reason, balance=False)


def _fourier(width: int, height: int, known: int) -> Plan:
    sigma = _along(_scaled(8.0, width, height, known), width, height)
    spec = FourierMLP(features=128, sigma=sigma, width=256, depth=3, activation="relu")
    return _network(spec, known, "Random Fourier features before a network of rectifiers, by Adam.")


def _positional(width: int, height: int, known: int) -> Plan:
    waves = max(2, round(math.log2(across(width, height, known))))  # the fastest has two pixels to a period
    spec = PositionalMLP(frequencies=waves, width=256, depth=4)
    return _network(spec, known, "Waves of doubling frequency before a network of rectifiers, by Adam.")


def _gauss(width: int, height: int, known: int) -> Plan:  # noqa: ARG001  (as all ways)
    return _network(Gauss(256, 3, scale=15.0), known, "Gaussian bumps in three layers, by Adam.")


def _wire(width: int, height: int, known: int) -> Plan:  # noqa: ARG001  (as all ways)
    return _network(Wire(256, 3, omega=20.0, scale=10.0), known, "Gabor wavelets in three layers, by Adam.")


def _network(spec: FieldSpec, known: int, reason: str) -> Plan:
    solver = Adam(steps=_STEPS, batch=_batch(known), betas=(0.9, 0.99), schedule=Cosine(warmup=20))
    return Plan.single(spec, (solver,), reason, balance=False)


def _by_adam(spec: FieldSpec, known: int, reason: str) -> Plan:
    samples = min(_VISITS * known, max(_SAMPLES, _FEWEST * known))
    batch = min(max(known // 32, _BATCH), 2**16)  # of large pictures more: a step touches every number of a grid
    solver = Adam(steps=max(samples // batch, 200), batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=10))
    return Plan.single(spec, (solver,), reason, balance=False)


def _batch(known: int) -> int:
    """Pixels of a step of a network without a table, which costs as much as it has pixels."""
    return min(max(known // 32, _BATCH), 2 * _BATCH)


def _cells(width: int, height: int, known: int, least: int) -> tuple[int, int]:
    """As many cells as there are known pixels: others would learn nothing; of large pictures fewer."""
    share = math.sqrt(min(known, _NODES) / (width * height))
    return max(least, round(width * share)), max(least, round(height * share))


def _scaled(at_256: float, width: int, height: int, known: int) -> float:
    """A frequency that suits 256 pixels along the longer side, for this picture; no lower than an eighth."""
    return round(at_256 * min(max(across(width, height, known) / 256, 0.125), 2.0), 2)


def _along(longer: float, width: int, height: int) -> float | tuple[float, float]:
    """A frequency per extent of the longer side as one of each side, the same per pixel."""
    most = max(width, height)
    return longer if width == height else (round(longer * width / most, 2), round(longer * height / most, 2))


WAYS: Mapping[str, Callable[[int, int, int], Plan]] = MappingProxyType(
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
"""The words of `pinnkit fit --field`: (width, height, pixels that are fitted) -> field and solver."""
