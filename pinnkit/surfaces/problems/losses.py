"""Loss presets for signed distances: weighted terms that vanish for the distance of the surface through the points.

A signed distance solves the eikonal equation |grad f| = 1 with f = 0 on the surface.  The presets differ in the terms
that select one of its many solutions.  A new preset is a class that registers itself in `SURFACE_LOSSES`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.fields import GeometricMLP, Siren
from pinnkit.jets import Jet
from pinnkit.problem.penalties import Absolute, Energy, Penalty
from pinnkit.problem.terms import Condition, Equation, Term
from pinnkit.registry import Registry
from pinnkit.solvers import Adam, Cosine, Plan

from .supervision import FixedSamples, Guide, NearSurface

__all__ = ["IGR", "SURFACE_LOSSES", "SirenLosses", "Supervised", "SurfaceLosses", "SurfaceSamples", "gradient_norm"]

_TINY = 1e-12
"""Added to |grad f|^2 under the root, whose derivative is infinite at zero."""


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Data from which a preset makes its terms.

    Args:
        domain: the box.
        points: ``(m, d)`` on the surface.
        normals: ``(m, d)`` outward unit normals, or None.
        spacing: typical distance of neighbouring points.
        reach: larger standard deviation of the near samples.
        guide: known signed distance, or None.
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
    def near_surface(self) -> NearSurface:
        """Fresh samples near the points and in the box."""
        return NearSurface(self.domain, self.points, (self.spacing, self.reach))

    @property
    def on_surface(self) -> FixedSamples:
        """The points, with the column ``normal`` if there are normals."""
        return FixedSamples(self.domain, self.points, {} if self.normals is None else {"normal": self.normals})

    def distance_samples(self, count: int, near: float) -> FixedSamples:
        """Draw `count` samples, a fraction `near` of them near the points, with the guide in the column ``distance``.

        Raises:
            ValueError: where there is no guide.
        """
        if self.guide is None:
            raise ValueError("Supervised: there is no distance to learn from; give a `guide`, or take IGR()")
        drawn = replace(self.near_surface, near=near).sample(count, torch.Generator().manual_seed(self.seed)).coords
        with torch.no_grad():
            return FixedSamples(self.domain, drawn, {"distance": self.guide(drawn)})


class SurfaceLosses(Protocol):
    """Preset of weighted terms for the signed distance ``f``, with the field and solver that suit it."""

    @property
    def points(self) -> int:
        """Points of the cloud per step."""
        ...

    @property
    def samples(self) -> int:
        """Samples near the surface and in the box per step."""
        ...

    @property
    def needs_distance(self) -> bool:
        """True if the terms use a known distance (`SurfaceSamples.guide`)."""
        ...

    def terms(self, samples: SurfaceSamples) -> Sequence[Term]:
        """Return the terms for the unknown ``f``."""
        ...

    def plan(self) -> Plan:
        """Return the field and the solver that suit the terms."""
        ...


SURFACE_LOSSES: Registry[SurfaceLosses] = Registry("surface loss")
"""Presets that learn from the points alone, by the word of `pinnkit reconstruct --field`."""


def gradient_norm(f: Jet) -> Jet:
    """|grad f| ``(n,)``, which is 1 for a distance."""
    grad = f.grad
    return torch.sqrt((grad * grad).sum(-1) + _TINY)  # type: ignore[return-value]


def _eikonal(f: Jet) -> Jet:
    return gradient_norm(f) - 1


def _zero(f: Jet) -> Jet:
    return f


@SURFACE_LOSSES.register("igr")
@dataclass(frozen=True)
class IGR:
    """Implicit geometric regularisation: mean |f(x_i)| + normal mean |grad f(x_i) - n_i| + eikonal E (|grad f| - 1)^2.

    The second term is present if the points have normals.  E is over samples near the points and in the box.  The
    preset needs a softplus network initialised as a sphere (`GeometricMLP`); otherwise it has other minima.

    Args:
        eikonal: lambda of the paper.
        normal: tau of the paper.
        points: points of the cloud per step.
        samples: samples of E per step.

    Source: Gropp, Yariv, Haim, Atzmon & Lipman, Implicit Geometric Regularization for Learning Shapes, ICML 2020,
    eq. 2 and section 5.
    """

    eikonal: float = 0.1
    normal: float = 1.0
    points: int = 1024
    samples: int = 1024
    needs_distance: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_weights("IGR", normal=self.normal, eikonal=self.eikonal)
        _check_counts("IGR", points=self.points, samples=self.samples)

    def terms(self, samples: SurfaceSamples) -> Sequence[Term]:
        """Two terms, or three with normals."""
        found = [
            Condition(samples.on_surface, _zero, name="surface", penalty=Absolute(), points=self.points),
            Equation(_eikonal, on=samples.near_surface, name="eikonal", weight=self.eikonal, points=self.samples),
        ]
        if samples.normals is not None:
            options = dict(penalty=Absolute(), weight=self.normal, points=self.points)
            found.append(Condition(samples.on_surface, _normal_error, name="normals", **options))
        return found

    def plan(self) -> Plan:
        """Softplus network with geometric initialisation, by Adam."""
        reason = "A softplus network initialised as the distance of a sphere, by Adam."
        return Plan.single(GeometricMLP(), (_adam(self, 2500, 5e-3),), reason, balance=False)


def _normal_error(f: Jet, normal: Jet) -> Jet:
    """|grad f - n|."""
    difference = f.grad - normal
    return torch.sqrt((difference * difference).sum(-1) + _TINY)  # type: ignore[return-value]


@SURFACE_LOSSES.register("siren")
@dataclass(frozen=True)
class SirenLosses:
    """3000 mean |f(x_i)| + 100 mean (1 - cos(grad f(x_i), n_i)) + 50 E | |grad f| - 1 | + 100 E exp(-100 |f|).

    The second term is present if the points have normals; the last keeps f away from zero off the surface.

    Args:
        surface: weight of |f| at the points.
        normal: weight of 1 - cos.
        eikonal: weight of | |grad f| - 1 |.
        off_surface: weight of exp(-sharpness |f|).
        sharpness: alpha of the paper.
        points: points of the cloud per step.
        samples: samples of E per step.

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
    needs_distance: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_weights(
            "SirenLosses",
            surface=self.surface,
            normal=self.normal,
            eikonal=self.eikonal,
            off_surface=self.off_surface,
            sharpness=self.sharpness,
        )
        _check_counts("SirenLosses", points=self.points, samples=self.samples)

    def terms(self, samples: SurfaceSamples) -> Sequence[Term]:
        """Three terms, or four with normals."""

        def kept_away(f: Jet) -> Jet:
            return torch.exp(-self.sharpness * abs(f))  # type: ignore[arg-type, return-value]

        near_surface = samples.near_surface
        # Adam is invariant to the scale of the loss; relative to the surface weight it is near one.
        unit = self.surface
        found = [
            Condition(samples.on_surface, _zero, name="surface", penalty=Absolute(), points=self.points),
            Equation(
                _eikonal, on=near_surface, name="eikonal", penalty=Absolute(), weight=self.eikonal / unit,
                points=self.samples,
            ),
            Condition(
                near_surface, kept_away, name="off_surface", penalty=Energy(), weight=self.off_surface / unit,
                points=self.samples,
            ),
        ]  # fmt: skip
        if samples.normals is not None:
            options = dict(penalty=Energy(), weight=self.normal / unit, points=self.points)
            found.append(Condition(samples.on_surface, _normal_misalignment, name="normals", **options))
        return found

    def plan(self) -> Plan:
        """Siren by Adam."""
        return _siren_plan(self)


def _normal_misalignment(f: Jet, normal: Jet) -> Jet:
    """1 - cos of the angle between grad f and n."""
    return 1 - (f.grad * normal).sum(-1) / gradient_norm(f)


@SURFACE_LOSSES.register()
@dataclass(frozen=True)
class Supervised:
    """Regression of a known distance d: E |f - d| + surface mean |f(x_i)| + eikonal E (|grad f| - 1)^2.

    E is over samples near the points and in the box.  They are drawn once, since d may be expensive, and each step uses
    a random subset.

    Args:
        surface: weight of |f| at the points.
        eikonal: weight of the eikonal equation; 0 omits it, since d is a distance.
        points: points of the cloud per step.
        samples: samples of E per step.
        pool: samples at which d is evaluated.
        near: fraction of them near the points.
        penalty: penalty on f - d.

    Source: the regression of Park et al., DeepSDF, CVPR 2019, eq. 4, without its clamp.
    """

    surface: float = 0.3
    eikonal: float = 0.0
    points: int = 1024
    samples: int = 3072
    pool: int = 2**18
    near: float = 0.35
    penalty: Penalty = field(default_factory=Absolute)
    needs_distance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        weights = dict(surface=self.surface, eikonal=self.eikonal)
        _check_weights("Supervised", may_vanish=("surface", "eikonal"), **weights)
        _check_counts("Supervised", points=self.points, samples=self.samples, pool=self.pool)

    def terms(self, samples: SurfaceSamples) -> Sequence[Term]:
        """One to three terms.

        Raises:
            ValueError: where there is no known distance.
        """
        known = samples.distance_samples(self.pool, self.near)
        found = [Condition(known, _distance_error, name="distance", penalty=self.penalty, points=self.samples)]
        if self.surface:
            options = dict(penalty=Absolute(), weight=self.surface, points=self.points)
            found.append(Condition(samples.on_surface, _zero, name="surface", **options))
        if self.eikonal:
            found.append(
                Equation(_eikonal, on=samples.near_surface, name="eikonal", weight=self.eikonal, points=self.points)
            )
        return found

    def plan(self) -> Plan:
        """Siren by Adam."""
        return _siren_plan(self)


def _distance_error(f: Jet, distance: Jet) -> Jet:
    return f - distance


def _adam(losses: SurfaceLosses, steps: int, lr: float) -> Adam:
    """Adam with fresh samples at every step; each term states its own number."""
    batch = max(losses.points, losses.samples)
    return Adam(steps=steps, lr=lr, schedule=Cosine(final=0.01, warmup=20), batch=batch, betas=(0.9, 0.99))


def _siren_plan(losses: SurfaceLosses) -> Plan:
    reason = "A Siren by Adam on samples near the surface and in the box."
    return Plan.single(Siren(width=96, depth=3, omega=30.0), (_adam(losses, 2400, 2e-3),), reason, balance=False)


def _check_weights(owner: str, *, may_vanish: Sequence[str] = (), **weights: float) -> None:
    """Raise a ValueError unless the weights are positive and finite, those of `may_vanish` at least zero."""
    for name, value in weights.items():
        number = isinstance(value, (int, float)) and math.isfinite(value)
        if not number or value < 0 or (value == 0 and name not in may_vanish):
            raise ValueError(f"{owner}: `{name}` must be positive and finite, got {value!r}")


def _check_counts(owner: str, **counts: int) -> None:
    """Raise a ValueError unless the counts are whole numbers of at least 1."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{owner}: `{name}` must be a whole number of at least 1, got {value!r}")
