"""Functions of values alone, without a derivative: comparisons, rounding, and questions about the shape."""

from __future__ import annotations

from pinnkit.jets.dispatch import add_rules

from .kinds import ValuesOnly

__all__: list[str] = []

_NAMES = (
    "lt le gt ge eq ne less less_equal greater greater_equal not_equal isnan isinf isfinite isclose allclose floor "
    "ceil round trunc sign sgn heaviside detach zeros_like ones_like full_like empty_like rand_like randn_like size "
    "dim numel logical_not logical_and logical_or is_floating_point is_complex"
)
add_rules(dict.fromkeys(_NAMES.split(), ValuesOnly()))
