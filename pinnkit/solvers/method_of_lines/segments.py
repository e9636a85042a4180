"""Field of a finished march: its segments as the pieces of an `EvolvedModesField`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.fields.evolved_modes import EvolvedModes, EvolvedModesField, Piece
from pinnkit.problem.errors import Unsupported

from .implicit import Result, Segment
from .state_layout import METHOD, StateLayout

__all__ = ["field_of"]

Array = NDArray[np.float64]

_FEWEST = 32  # modes of a piece


def field_of(layout: StateLayout, result: Result, negligible: float) -> EvolvedModesField:
    """Build the field of all segments that hold a step.

    Args:
        layout: of the state.
        result: of the march.
        negligible: relative size of Fourier coefficients that the field need not keep.

    Raises:
        Unsupported: where not a single step was taken.
    """
    taken = [s for s in result.segments if s.powers]
    if not taken:
        raise Unsupported(
            METHOD,
            f"{layout.label}: not a single step could be taken; are the initial and wall values finite?",
        )
    segments = [part for s in taken for part in (_trimmed(s, negligible) if s.numbers is None else [s])]
    blocks = [np.stack(s.powers) for s in segments]
    waves = [np.stack(s.waves) if s.waves else None for s in segments]
    pieces = tuple(
        Piece(
            steps=len(block),
            terms=block.shape[1],
            modes=block.shape[3],
            waves=0 if wave is None else wave.shape[2],
            sites=-1 if segment.numbers is None else (len(segment.numbers) - 2) // 3,
        )
        for segment, block, wave in zip(segments, blocks, waves, strict=True)
    )
    axes = list(layout.problem.axes)
    spec = EvolvedModes(time=axes.index(layout.time), pieces=pieces)
    field = spec.build(axes, len(layout.components), generator=torch.Generator(), dtype=torch.float64, device="cpu")
    for i, (segment, block, wave) in enumerate(zip(segments, blocks, waves, strict=True)):
        filled = {
            "times": np.array(segment.times),
            "powers": block,
            "waves": wave,
            "rates": segment.rates,
            "map": segment.numbers,
        }
        for name, values in filled.items():
            if values is not None:
                getattr(field, f"{name}_{i}").copy_(torch.from_numpy(np.ascontiguousarray(values)))
    return field


def _trimmed(segment: Segment, negligible: float) -> list[Segment]:
    """Divide a segment of Fourier modes where far fewer of them matter, as after a rough start."""
    needed = [_needed(segment, k, negligible) for k in range(len(segment.powers))]
    cuts, kept = [0], [_rounded(needed[0], segment.modes)]
    for k, count in enumerate(needed[1:], start=1):
        rounded = _rounded(count, segment.modes)
        if rounded > kept[-1] or 4 * rounded <= kept[-1]:
            cuts.append(k)
            kept.append(rounded)
    found = []
    for first, last, modes in zip(cuts, [*cuts[1:], len(needed)], kept, strict=True):
        part = replace(
            segment,
            modes=modes,
            times=segment.times[first : last + 1],
            powers=[p[..., :modes, :] for p in segment.powers[first:last]],
            waves=[w[..., :modes, :] for w in segment.waves[first:last]],
            rates=None if segment.rates is None else segment.rates[..., :modes, :],
        )
        found.append(part)
    return found


def _needed(segment: Segment, step: int, negligible: float) -> int:
    """Count the modes that matter in a step."""
    sizes = np.abs(segment.powers[step]).max(axis=(0, 1, 3))
    if segment.waves:
        sizes = np.maximum(sizes, np.abs(segment.waves[step]).max(axis=(0, 1, 3)))
    rest = np.sqrt(np.cumsum(sizes[::-1] ** 2)[::-1])
    return int((rest > negligible * sizes.max()).sum())


def _rounded(count: int, modes: int) -> int:
    """Round up to the next power of two times 32, or to all modes."""
    rounded = _FEWEST
    while rounded < count:
        rounded *= 2
    return min(rounded, modes)
