"""What should vanish for f to be the signed distance of the surface that points lie on: presets of weighted terms.

A signed distance solves the eikonal equation |grad f| = 1 with f = 0 on the surface; the presets differ in what they
add to single out the right one of its many solutions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.jets import Jet
from pinnkit.problem.penalties import Absolute, Energy, Penalty
from pinnkit.problem.terms import Condition, Equation, Term

from .supervision import Around, Guide, Scattered

__all__ = ["IGR", "Samples", "SirenLosses", "Supervised", "SurfaceLosses", "slope"]

_TINY = 1e-12
"""Added to |grad f|^2 under the root, whose derivative at zero is infinite."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What a preset makes its terms of.

    Args:
        domain: the box.
        points: ``(m, d)`` on the surface.
        normals: ``(m, d)`` outward unit normals, or None.
        spacing: typical distance of neighbouring points.
        reach: how far from the surface "near" reaches.
        guide: a signed distance that is known already, or None.
        seed: of samples that are drawn once.
    """

    domain: Box
    points: Tensor
    normals: Tensor | None
    spacing: float
    reach: float
    guide: Guide | None = None
    seed: int = 0

    @property
    def around(self) -> Around:
        """Samples near the points and in the box, fresh at every draw."""
        return Around(self.domain, self.points, (self.spacing, self.reach))

    @property
    def on_surface(self) -> Scattered:
        """The points, with the column ``normal`` where there are normals."""
        return Scattered(self.domain, self.points, {} if self.normals is None else {"normal": self.normals})

    def guided(self, count: int, near: float) -> Scattered:
        """`count` samples, a part `near` of them near, with what the guide says of them in the column ``distance``.

        Raises:
            ValueError: where there is no guide.
        """
        if self.guide is None:
            raise ValueError("Supervised: there is no distance to learn from; give a `guide`, or take IGR()")
        drawn = replace(self.around, near=near).sample(count, torch.Generator().manual_seed(self.seed)).coords
        with torch.no_grad():
            return Scattered(self.domain, drawn, {"distance": self.guide(drawn)})


class SurfaceLosses(Protocol):
    """A preset: which terms, how they are weighed, at how many points a step."""

    def terms(self, samples: Samples) -> Sequence[Term]:
        """The terms, for the unknown ``f``."""
        ...


def slope(f: Jet) -> Jet:
    """|grad f|, which is 1 for a distance, ``(n,)``."""
    grad = f.grad
    return torch.sqrt((grad * grad).sum(-1) + _TINY)  # type: ignore[return-value]


def _eikonal(f: Jet) -> Jet:
    return slope(f) - 1


def _zero(f: Jet) -> Jet:
    return f


@dataclass(frozen=True)
class IGR:
    """mean |f(x_i)| + normal mean |grad f(x_i) - n_i| + eikonal E (|grad f| - 1)^2.

    The second term is there where the points have normals.  E is over samples near the points and in the box.  Made for
    a softplus network that begins as a sphere (`GeometricMLP`), without which it has other minima.

    Args:
        eikonal: lambda of the paper.
        normal: tau of the paper.
        points: of the cloud at each step.
        samples: of E at each step.

    Source: Gropp, Yariv, Haim, Atzmon & Lipman, Implicit Geometric Regularization for Learning Shapes, ICML 2020,
    eq. 2 and section 5.
    """

    eikonal: float = 0.1
    normal: float = 1.0
    points: int = 1024
    samples: int = 1024

    def __post_init__(self) -> None:
        _check(self)

    def terms(self, samples: Samples) -> Sequence[Term]:
        """Two terms, or three with normals."""
        found = [
            Condition(samples.on_surface, _zero, name="surface", penalty=Absolute(), points=self.points),
            Equation(_eikonal, on=samples.around, name="eikonal", weight=self.eikonal, points=self.samples),
        ]
        if samples.normals is not None:
            options = dict(penalty=Absolute(), weight=self.normal, points=self.points)
            found.append(Condition(samples.on_surface, _apart, name="normals", **options))
        return found


def _apart(f: Jet, normal: Jet) -> Jet:
    """|grad f - n|."""
    difference = f.grad - normal
    return torch.sqrt((difference * difference).sum(-1) + _TINY)  # type: ignore[return-value]


@dataclass(frozen=True)
class SirenLosses:
    """3000 mean |f(x_i)| + 100 mean (1 - cos(grad f(x_i), n_i)) + 50 E | |grad f| - 1 | + 100 E exp(-100 |f|).

    The second term is there where the points have normals; the last keeps f away from zero off the surface.

    Args:
        surface: weight of |f| on the points.
        normal: weight of 1 - cos.
        eikonal: weight of the deviation of the slope from one.
        off_surface: weight of exp(-sharpness |f|).
        sharpness: alpha of the paper.
        points: of the cloud at each step.
        samples: of E at each step.

    Source: Sitzmann, Martel, Bergman, Lindell & Wetzstein, Implicit Neural Representations with Periodic Activation
    Functions, NeurIPS 2020, eq. 6; the weights are those of the authors' code (vsitzmann/siren, loss_functions.py),
    which differ from the paper's.
    """

    surface: float = 3e3
    normal: float = 1e2
    eikonal: float = 5e1
    off_surface: float = 1e2
    sharpness: float = 100.0
    points: int = 1024
    samples: int = 1024

    def __post_init__(self) -> None:
        _check(self)

    def terms(self, samples: Samples) -> Sequence[Term]:
        """Three terms, or four with normals."""

        def kept_away(f: Jet) -> Jet:
            return torch.exp(-self.sharpness * abs(f))  # type: ignore[arg-type, return-value]

        around = samples.around
        # Adam does not mind the unit of a loss; relative to the weight of the surface it stays near one.
        unit = self.surface
        found = [
            Condition(samples.on_surface, _zero, name="surface", penalty=Absolute(), points=self.points),
            Equation(
                _eikonal, on=around, name="eikonal", penalty=Absolute(), weight=self.eikonal / unit,
                points=self.samples,
            ),
            Condition(
                around, kept_away, name="off_surface", penalty=Energy(), weight=self.off_surface / unit,
                points=self.samples,
            ),
        ]  # fmt: skip
        if samples.normals is not None:
            options = dict(penalty=Energy(), weight=self.normal / unit, points=self.points)
            found.append(Condition(samples.on_surface, _askew, name="normals", **options))
        return found


def _askew(f: Jet, normal: Jet) -> Jet:
    """1 - cos of the angle between grad f and n."""
    return 1 - (f.grad * normal).sum(-1) / slope(f)


@dataclass(frozen=True)
class Supervised:
    """E |f - d| + surface mean |f(x_i)| + eikonal E (|grad f| - 1)^2, d a distance that is known already.

    E is over samples near the points and in the box, drawn once since d may be dear, and a random choice at each step.

    Args:
        surface: weight of |f| on the points.
        eikonal: weight of the eikonal equation; 0 leaves it out, as d is a distance anyway.
        points: of the cloud at each step.
        samples: of E at each step.
        pool: samples that d is evaluated at.
        near: the part of them that lies near the points.
        penalty: of f - d.

    Source: the regression of Park et al., DeepSDF, CVPR 2019, eq. 4, without its clamp.
    """

    surface: float = 0.3
    eikonal: float = 0.0
    points: int = 1024
    samples: int = 3072
    pool: int = 2**18
    near: float = 0.35
    penalty: Penalty = field(default_factory=Absolute)
    guided: ClassVar[bool] = True
    """It needs a distance that is known already."""

    def __post_init__(self) -> None:
        _check(self, may_vanish=("surface", "eikonal"))

    def terms(self, samples: Samples) -> Sequence[Term]:
        """One to three terms.

        Raises:
            ValueError: where there is no distance to learn from.
        """
        known = samples.guided(self.pool, self.near)
        found = [Condition(known, _error, name="distance", penalty=self.penalty, points=self.samples)]
        if self.surface:
            options = dict(penalty=Absolute(), weight=self.surface, points=self.points)
            found.append(Condition(samples.on_surface, _zero, name="surface", **options))
        if self.eikonal:
            found.append(Equation(_eikonal, on=samples.around, name="eikonal", weight=self.eikonal, points=self.points))
        return found


def _error(f: Jet, distance: Jet) -> Jet:
    return f - distance


def _check(preset: Any, *, may_vanish: Sequence[str] = ()) -> None:
    owner = type(preset).__name__
    for name in ("surface", "normal", "eikonal", "off_surface", "sharpness"):
        value = getattr(preset, name, 1.0)
        if (
            not (isinstance(value, (int, float)) and math.isfinite(value))
            or value < 0
            or (value == 0 and name not in may_vanish)
        ):
            raise ValueError(f"{owner}: `{name}` must be positive and finite, got {value!r}")
    for name in ("points", "samples", "pool"):
        value = getattr(preset, name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` must be a whole number of at least 1, got {value!r}")
