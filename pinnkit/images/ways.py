"""Which field for which task on a picture, and how it is trained: by static rules from the number of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from pinnkit.fields import FieldSpec, FourierMLP, Gauss, HashGrid, MultilevelGrid, PositionalMLP, Siren, Wire
from pinnkit.solvers import Adam, Cosine, Muon
from pinnkit.solvers.automatic import Choice

__all__ = ["WAYS", "filling", "way"]

_BATCH = 4096
"""Pixels of a step: few enough for the cache of a core."""
_VISITS = 25
"""How often a pixel is seen, in pictures that are small enough for that."""
_FEWEST = 3
"""And in large ones."""
_SAMPLES = 2**24
"""Pixels looked up in one fit of a large picture: a minute or two of one core."""
_STEPS = 700
"""Of networks without a table, about 0.1 s of one core each."""


def way(word: str, width: int, height: int, known: int | None = None) -> Choice:
    """The field of a word for a picture, with the solver that suits it.

    Args:
        word: one of `WAYS`.
        width: columns of the picture.
        height: rows.
        known: how many of its pixels are fitted; None for all.

    Raises:
        ValueError: for another word.
    """
    if word not in WAYS:
        raise ValueError(f"`field` must be one of {', '.join(WAYS)}, got '{word}'")
    return WAYS[word](width, height, width * height if known is None else known)


def filling(width: int, height: int, known: int) -> Choice:
    """A smooth network that fills hidden pixels: it begins with the frequencies that the known pixels can tell.

    `known` pixels of width x height leave one in a square of side sqrt(width height / known); omega is a quarter of the
    number of those along the longer side, between 4 and 60.
    """
    across = max(width, height) / math.sqrt(width * height / known)
    omega = round(min(max(across / 4, 4.0), 60.0), 1)
    steps = min(max(known // 4, 400), 1500)
    reason = f"A Siren by Adam, omega = {omega:g}: waves that {known} known pixels can tell apart."
    return Choice(Siren(128, 3, omega=omega), (Adam(steps=steps, lr=1e-3, batch=2048),), reason, balance=False)


def _grid(width: int, height: int, known: int) -> Choice:
    longest = max(width, height)
    coarsest = max(2, min(16, longest // 4))
    levels = max(1, round(math.log2(longest / coarsest)) + 1)
    spec = MultilevelGrid(levels=levels, coarsest=coarsest, finest=(width, height))
    return _by_adam(spec, known, "Grids from coarse to one node a pixel before a small network, by Adam.")


def _hash(width: int, height: int, known: int) -> Choice:
    longest = max(width, height)
    coarsest = max(2, min(16, longest // 4))
    levels = max(1, round(math.log2(longest / coarsest) * 2))
    rows = 2 ** min(max(math.ceil(math.log2(width * height / 2)), 8), 19)
    spec = HashGrid(levels=levels, rows=rows, coarsest=coarsest, finest=longest)
    return _by_adam(spec, known, "A multiresolution hash grid before a small network, by Adam.")


def _siren(width: int, height: int, known: int) -> Choice:  # noqa: ARG001  (as all ways)
    reason = "A Siren of 256 sines in 5 layers, by Muon (Adam for its first layer, biases and read-out)."
    solver = Muon(steps=_STEPS, lr=1e-3, adam_lr=1e-3, batch=_batch(known), schedule=Cosine(warmup=20))
    return Choice(Siren(256, 5, omega=30.0, first_omega=90.0), (solver,), reason, balance=False)


def _network(spec: FieldSpec, words: str) -> Callable[[int, int, int], Choice]:
    def chosen(width: int, height: int, known: int) -> Choice:  # noqa: ARG001  (as all ways)
        solver = Adam(steps=_STEPS, batch=_batch(known), betas=(0.9, 0.99), schedule=Cosine(warmup=20))
        return Choice(spec, (solver,), f"{words}, by Adam.", balance=False)

    return chosen


def _by_adam(spec: FieldSpec, known: int, reason: str) -> Choice:
    samples = min(_VISITS * known, max(_SAMPLES, _FEWEST * known))
    batch = _batch(known)
    solver = Adam(steps=max(samples // batch, 200), batch=batch, betas=(0.9, 0.99), schedule=Cosine(warmup=10))
    return Choice(spec, (solver,), reason, balance=False)


def _batch(known: int) -> int:
    """As many pixels a step, of large pictures more: a step also touches every number of a grid."""
    return min(max(known // 32, _BATCH), 2**16)


WAYS: Mapping[str, Callable[[int, int, int], Choice]] = MappingProxyType(
    {
        "grid": _grid,
        "hash": _hash,
        "siren": _siren,
        "fourier": _network(
            FourierMLP(features=128, sigma=8.0, width=256, depth=3, activation="relu"),
            "Random Fourier features before a network of rectifiers",
        ),
        "positional": _network(
            PositionalMLP(frequencies=8, width=256, depth=4),
            "Waves of doubling frequency before a network of rectifiers",
        ),
        "gauss": _network(Gauss(256, 3, scale=15.0), "Gaussian bumps in three layers"),
        "wire": _network(Wire(256, 3, omega=20.0, scale=10.0), "Gabor wavelets in three layers"),
    }
)
"""The words of `pinnkit fit --field`: (width, height, pixels that are fitted) -> field and solver."""
