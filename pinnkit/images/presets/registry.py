"""Registry of image presets, and the choice of one by its word."""

from __future__ import annotations

from typing import Protocol

from pinnkit.registry import Registry
from pinnkit.solvers import Plan

__all__ = ["IMAGE_PRESETS", "ImagePreset", "image_preset"]


class ImagePreset(Protocol):
    """Field and solver of one kind, from the size of the picture and the number of known pixels."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known.

        Args:
            width: columns of the picture.
            height: rows.
            known: number of fitted pixels.
        """
        ...

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels; arguments as for `fit`."""
        ...


IMAGE_PRESETS: Registry[ImagePreset] = Registry("image preset")
"""Presets by the word of `pinnkit fit --field`."""


def image_preset(word: str, width: int, height: int, known: int | None = None) -> Plan:
    """Return field and solver of the preset `word` for a picture.

    Args:
        word: one of ``IMAGE_PRESETS.words``: grid, hash, siren, fourier, positional, gauss, wire.
        width: columns of the picture.
        height: rows of the picture.
        known: number of fitted pixels; None means all.  If it is below `width` x `height`, the preset for inpainting
            is returned.

    Raises:
        ValueError: if the word is unknown.
    """
    if word not in IMAGE_PRESETS.words:
        raise ValueError(f"`field` must be one of {', '.join(IMAGE_PRESETS.words)}, got '{word}'")
    preset = IMAGE_PRESETS.words[word]()
    if known is not None and known < width * height:
        return preset.inpaint(width, height, known)
    return preset.fit(width, height, width * height)
