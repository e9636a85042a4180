"""Presets for coordinate networks: Siren, Fourier features, positional encoding, Gaussian and Gabor activations.

The initial frequencies of a network decide its values between the pixels.  For inpainting they are limited to what the
spacing of the known pixels can resolve, which is lower than for a fit of all pixels.
"""

from __future__ import annotations

import math

from pinnkit.fields import FieldSpec, FourierMLP, Gauss, PositionalMLP, Siren, Wire
from pinnkit.solvers import Adam, Cosine, Muon, Plan

from .registry import IMAGE_PRESETS
from .rules import adam_plan, known_along_longer_side, per_axis

__all__ = ["FourierPreset", "GaussPreset", "PositionalPreset", "SirenPreset", "WirePreset"]

_BATCH = 4096
"""Pixels per step of a full fit."""
_STEPS = 700
"""Steps of Adam for a full fit, about 0.1 s each on one core."""
_MUON_STEPS = 450
"""Steps of Muon for a Siren, 0.15 s each on one core; 700 steps reach 45.8 dB (target: 38.4 dB within a minute)."""
_INPAINT_BATCH = 1024
_INPAINT_STEPS, _INPAINT_MORE_STEPS = 600, 900
_MANY = 5_000
"""Known pixels above which inpainting uses width 256 instead of 128, and more steps."""


@IMAGE_PRESETS.register("siren")
class SirenPreset:
    """Network of sines (SIREN)."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known."""
        reason = "A Siren of 256 sines in 5 layers, by Muon (Adam for its first layer, biases and read-out)."
        solver = Muon(steps=_MUON_STEPS, lr=1e-3, adam_lr=1e-3, batch=_batch(known), schedule=Cosine(warmup=20))
        first = per_axis(_scaled(90.0, width, height, known), width, height)
        return Plan.single(Siren(256, 5, omega=30.0, first_omega=first), (solver,), reason, balance=False)

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels.

        omega is a fifth of the number of known pixels along the longer side, between 4 and 60.
        """
        omega = round(min(max(known_along_longer_side(width, height, known) / 5, 4.0), 60.0), 1)
        steps = min(max(known // 13, 400), 1500)  # more steps overfit the known pixels
        reason = f"A Siren by Adam, omega = {omega:g}: frequencies that {known} known pixels resolve."
        first = None if width == height else per_axis(omega, width, height)  # equal frequencies per pixel, not per side
        spec = Siren(128, 3, omega=omega, first_omega=first)
        return Plan.single(spec, (Adam(steps=steps, lr=1e-3, batch=2048),), reason, balance=False)


@IMAGE_PRESETS.register("fourier")
class FourierPreset:
    """Random Fourier features before a ReLU network."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known."""
        sigma = per_axis(_scaled(8.0, width, height, known), width, height)
        spec = FourierMLP(features=128, sigma=sigma, width=256, depth=3, activation="relu")
        return _fit(spec, known, "Random Fourier features before a ReLU network, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels."""
        sigma = round(max(known_along_longer_side(width, height, known) / 36, 0.5), 2)
        wide = _width(known)
        spec = FourierMLP(features=wide // 2, sigma=sigma, width=wide, depth=3, activation="relu")
        reason = f"Random Fourier features of low frequency, sigma = {sigma:g}, before a ReLU network, by Adam."
        return _inpaint(spec, known, reason)


@IMAGE_PRESETS.register("positional")
class PositionalPreset:
    """Positional encoding (sines of doubling frequency) before a ReLU network."""

    def fit(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver for a picture whose pixels are all known.

        The highest frequency has two pixels per period.
        """
        frequencies = max(2, round(math.log2(known_along_longer_side(width, height, known))))
        spec = PositionalMLP(frequencies=frequencies, width=256, depth=4)
        return _fit(spec, known, "Positional encoding before a ReLU network, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels.

        The highest frequency has eight known pixels per period.
        """
        frequencies = max(2, round(math.log2(known_along_longer_side(width, height, known))) - 2)
        spec = PositionalMLP(frequencies=frequencies, width=_width(known), depth=4)
        reason = "Positional encoding up to eight known pixels per period, before a ReLU network, by Adam."
        return _inpaint(spec, known, reason)


@IMAGE_PRESETS.register("gauss")
class GaussPreset:
    """Network with Gaussian activations."""

    def fit(self, width: int, height: int, known: int) -> Plan:  # noqa: ARG002  (the signature of all presets)
        """Return field and solver for a picture whose pixels are all known."""
        return _fit(Gauss(256, 3, scale=15.0), known, "Gaussian activations in three layers, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels."""
        scale = round(max(0.8 * math.sqrt(known_along_longer_side(width, height, known)), 2.0), 2)
        return _inpaint(
            Gauss(_width(known), 3, scale=scale), known, "Wide Gaussian activations in three layers, by Adam."
        )


@IMAGE_PRESETS.register("wire")
class WirePreset:
    """Network with Gabor wavelet activations (WIRE)."""

    def fit(self, width: int, height: int, known: int) -> Plan:  # noqa: ARG002  (the signature of all presets)
        """Return field and solver for a picture whose pixels are all known."""
        return _fit(Wire(256, 3, omega=20.0, scale=10.0), known, "Gabor wavelets in three layers, by Adam.")

    def inpaint(self, width: int, height: int, known: int) -> Plan:
        """Return field and solver that fill hidden pixels."""
        omega = round(max(0.67 * math.sqrt(known_along_longer_side(width, height, known)), 2.0), 2)
        spec = Wire(128 if known < _MANY else 192, 3, omega=omega, scale=omega)
        return _inpaint(spec, known, "Gabor wavelets of low frequency in three layers, by Adam.")


def _fit(spec: FieldSpec, known: int, reason: str) -> Plan:
    return adam_plan(spec, _STEPS, _batch(known), reason)


def _inpaint(spec: FieldSpec, known: int, reason: str) -> Plan:
    return adam_plan(spec, _INPAINT_STEPS if known < _MANY else _INPAINT_MORE_STEPS, _INPAINT_BATCH, reason)


def _batch(known: int) -> int:
    """Pixels per step; the cost of a step grows with them, so they are bounded."""
    return min(max(known // 32, _BATCH), 2 * _BATCH)


def _width(known: int) -> int:
    return 128 if known < _MANY else 256


def _scaled(at_256: float, width: int, height: int, known: int) -> float:
    """Scale a frequency that suits 256 pixels along the longer side to this picture; at least an eighth of it."""
    return round(at_256 * min(max(known_along_longer_side(width, height, known) / 256, 0.125), 2.0), 2)
