"""Measures of a solution: residuals on fresh points, differences from known solutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["EXACT", "FAR", "FAR_LOCAL", "Comparison", "TermCheck", "number", "percent"]

EXACT = "exact solution"
"""Label of comparisons with the exact solution."""
FAR = 0.05
"""Relative error that counts as wrong."""
FAR_LOCAL = 0.1
"""Error of a single value, relative to its own size and a tenth of the largest value, that prevents a confirmation."""

_OWN_ERROR = 2.0
"""Number of error bars up to which a difference may be mostly the error of the reference."""


@dataclass(frozen=True)
class Comparison:
    """Distance of one unknown from a known solution.

    Args:
        unknown: its name.
        against: label of the known solution v.
        measured_l2: ‖u - v‖₂ / ‖v‖₂ over the points; ‖u - v‖₂ / √n where v vanishes.
        measured_max: largest |u - v|, in the unit of the unknown.
        l2_bar: error bar of v, in the measure of `measured_l2`.
        max_bar: likewise, in the measure of `measured_max`.
        points: number of points.
        measured_local: largest |u - v| / (|v| + 0.1 max |v|): the error of a single value, beside its own size.
        scale: the root mean square of v.
        images: the same distance for mirror images of u, by their description.
    """

    unknown: str
    against: str
    measured_l2: float
    measured_max: float
    l2_bar: float
    max_bar: float
    points: int
    measured_local: float
    scale: float
    images: Mapping[str, float] = field(default_factory=dict)

    @property
    def rel_l2(self) -> float:
        """The relative error that may be claimed: as measured, or measured + bar where the two are alike."""
        return _claim(self.measured_l2, self.l2_bar)

    @property
    def max_error(self) -> float:
        """The largest error that may be claimed, likewise."""
        return _claim(self.measured_max, self.max_bar)

    @property
    def is_bound(self) -> bool:
        """True if `rel_l2` is an upper bound only: the difference may be the error of the known solution."""
        return self.measured_l2 < _OWN_ERROR * self.l2_bar

    @property
    def agrees(self) -> bool:
        """True where the error, the bar included, is below 5 % in L2, and a single value is nowhere off by 10 %."""
        return self.rel_l2 <= FAR and self.measured_l2 + self.l2_bar <= 2 * FAR and self.measured_local <= FAR_LOCAL

    @property
    def disagrees(self) -> bool:
        """True where the difference is above 5 % in L2 and cannot be the error of the known solution."""
        return self.measured_l2 > FAR and not self.is_bound

    @property
    def rel_l2_text(self) -> str:
        """The relative error as text: `4.8e-10`, or `<= 1.5e-07`."""
        return f"{'<= ' if self.is_bound else ''}{number(self.rel_l2)}"

    @property
    def max_text(self) -> str:
        """The largest error as text."""
        return f"{'<= ' if self.measured_max < _OWN_ERROR * self.max_bar else ''}{number(self.max_error)}"


@dataclass(frozen=True)
class TermCheck:
    """Residual of one term on fresh points.

    Args:
        name: of the term.
        kind: of the term: equation, dirichlet, ...
        rms: root mean square of the residual.
        scale: of the parts that cancel in it, so that rms / scale has no unit.
        own_error: of the residual, where the derivatives are those of a table, as a root mean square.
    """

    name: str
    kind: str
    rms: float
    scale: float
    own_error: float = 0.0

    @property
    def relative(self) -> float:
        """The residual as a fraction of the parts that should cancel; 0 where all of them vanish, NaN without them."""
        if math.isnan(self.scale):
            return math.nan
        return self.rms / self.scale if self.scale > 0 else 0.0

    @property
    def own_relative(self) -> float:
        """The residual's own error as a fraction of the same parts."""
        return self.own_error / self.scale if self.scale > 0 else 0.0


def number(value: float | None) -> str:
    """A number as reports print it, three digits."""
    if value is None or not math.isfinite(value):
        return "not finite" if value is None else str(value)
    return "0" if value == 0 else f"{value:.2e}" if not 1e-2 <= abs(value) < 1e4 else f"{value:.3g}"


def percent(fraction: float) -> str:
    """A fraction in per cent, three digits."""
    return f"{100 * fraction:.3g} %"


def _claim(measured: float, bar: float) -> float:
    """The triangle inequality: |u - truth| <= |u - v| + |v - truth|."""
    return measured + bar if measured < _OWN_ERROR * bar else measured
