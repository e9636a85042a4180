"""Region: what a function is negative in: a fitted distance, a grid of distances, any shape's signed distance."""

from __future__ import annotations

import hashlib
import inspect
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.axes import Axis, Role, bounds, check_count, check_distinct, columns
from pinnkit.domains.box import Box
from pinnkit.domains.cross_section import Ends
from pinnkit.domains.directions import spread
from pinnkit.domains.factors import Parameters, Time, written
from pinnkit.domains.points import Points
from pinnkit.domains.sampling import DEFAULT_SAMPLING, Sampling, check_sample

from .contours import check_grid, facets_of
from .level_function import Inside, values
from .level_set_boundary import LevelWall
from .zero_set import ZeroSet, zero_set

_CELLS = {2: 256, 3: 96}
"""Cells along the longest side."""


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Region:
    """All points of a box where a function is negative: `Region(f, Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)))`.

    f takes points (n, d) in space, two or three columns in the order of the box, and returns (n,), negative inside: a
    signed distance, or anything with one sign inside and the other outside whose gradient does not vanish on the zero
    set.  A shape or anything else with a `signed_distance` may stand for f.  `* Time(0, 2)` and
    `* Parameters(nu=(0.01, 0.1))` append axes; f does not see those.

    When it is made, f is evaluated on a grid and its zero set drawn with curved facets, by marching squares or cubes
    and Newton's method, which needs scikit-image.  Measures are integrals over those facets, of which the error falls
    as the fourth power of the cells for smooth f.  Inside, points of the box are kept where f < 0; on the boundary,
    they are spread evenly in area over the facets and brought onto the zero set along the gradient, which is also the
    outward normal.  `Chebyshev` makes points denser towards the ends of time and parameters only.

    Two regions are equal when their axes are, and the values of f on the grid.

    Args:
        inside: f.
        box: of space alone; the region must stay clear of its walls.
        resolution: cells of the grid along the longest side; parts of the region that are thinner than two cells may
            be lost.  None takes 256 in the plane and 96 in space.

    Raises:
        TypeError: for an f that cannot be called, a box that is none, a resolution that is no whole number.
        ValueError: for a box not of two or three columns of space, an f that does not return (n,), is not finite, is
            nowhere negative, or is negative on a wall of the box; the message gives the range and the sign.
        ImportError: without scikit-image.

    Source: Lorensen & Cline, Marching cubes, SIGGRAPH 1987; the facets are the quadratic elements of Strang & Fix, An
    Analysis of the Finite Element Method, 1973, section 1.8.
    """

    axes: tuple[Axis, ...]
    inside: Inside
    resolution: int
    surface: ZeroSet
    digest: str

    def __init__(self, inside: object, box: Box, *, resolution: int | None = None) -> None:
        inside = getattr(inside, "signed_distance", inside)
        if not callable(inside):
            raise TypeError(
                f"Region: `inside` must be a function of points (n, d), or have a `signed_distance`, got {inside!r}"
            )
        _check_one_argument(inside)
        if not isinstance(box, Box):
            raise TypeError(f"Region: `box` must be a Box of space, such as Box(x=(-1, 1), y=(-1, 1)), got {box!r}")
        if any(axis.role is not Role.SPACE for axis in box.axes):
            raise ValueError(f"Region: `box` must be of space alone, got {box!r}; multiply the region by Time(0, 1)")
        dim = len(box.columns)
        if dim not in _CELLS:
            raise ValueError(f"Region: `box` must have two or three columns of space, got {dim}: {box!r}")
        cells = _CELLS[dim] if resolution is None else resolution
        check_count("Region", "resolution", cells)
        if cells < 4:
            raise ValueError(f"Region: `resolution` must be at least 4 cells, got {cells}; 64 resolves a simple shape")
        lower, upper = bounds(box.axes)
        counts = [max(4, math.ceil(cells * side - 1e-9)) for side in ((upper - lower) / (upper - lower).max()).tolist()]
        lines = [torch.linspace(a, b, k + 1, dtype=torch.float64) for a, b, k in zip(lower, upper, counts, strict=True)]
        grid = values(inside, torch.cartesian_prod(*lines)).reshape([k + 1 for k in counts])
        check_grid(grid, box)
        step = (upper - lower) / torch.tensor(counts, dtype=torch.float64)
        corners, facets = facets_of(grid)
        surface = zero_set(inside, lower + step * corners, facets, float(step.max()))
        if not surface.enclosed > 0:
            raise ValueError(
                f"Region: the zero set of `inside` encloses nothing, {surface.enclosed:.3g}; its gradient must point "
                f"outward on it, and `resolution`, {cells}, must resolve it"
            )
        digest = hashlib.sha256((grid + 0.0).numpy().tobytes()).hexdigest()
        self._set(tuple(box.axes), inside, int(cells), surface, digest)

    def _set(self, axes: tuple[Axis, ...], inside: Inside, resolution: int, surface: ZeroSet, digest: str) -> None:
        named = dict(axes=axes, inside=inside, resolution=resolution, surface=surface, digest=digest)
        for name, value in named.items():
            object.__setattr__(self, name, value)

    def __mul__(self, factor: Time | Parameters) -> Region:
        if not isinstance(factor, Time | Parameters):
            raise TypeError(
                f"Region: only Time(lower, upper) and Parameters(name=(lower, upper)) multiply a region, got {factor!r}"
            )
        check_distinct("Region", (*self.axes, *factor.axes))
        product = object.__new__(Region)
        product._set((*self.axes, *factor.axes), self.inside, self.resolution, self.surface, self.digest)
        return product

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `coords`: those of space, then those of the factors."""
        return columns(self.axes)

    @property
    def dim(self) -> int:
        """The number of columns of space, which come first."""
        return self.surface.nodes.shape[2]

    @property
    def measure(self) -> float:
        """Area or volume, times the extents of time and parameters."""
        return self.surface.enclosed * self.others

    @property
    def others(self) -> float:
        """The product of the extents of time and parameters."""
        lower, upper = bounds(self.axes)
        return math.prod((upper - lower)[self.dim :].tolist())

    @property
    def boundary(self) -> LevelWall:
        """The zero set, at all times and parameters."""
        return LevelWall(self)

    def face(self, **at: float | tuple[float, ...]) -> Ends:
        """The whole region at an end of time or of a parameter: `face(t=0)`, `face(nu=(0.01, 0.1))`.

        Raises:
            ValueError: when a name is no such axis, above all one of space, or a value is not a bound of its axis.
        """
        return Ends.of(self, at, "zero set")

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points inside: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Region.sample", n, generator, sampling)
        return self.at(n, generator, sampling, {})

    def at(self, n: int, generator: torch.Generator, sampling: Sampling, held: dict[int, float]) -> Points:
        """N points of which some columns of time and parameters are held at a value; `sample` holds none."""
        lower, upper = bounds(self.axes)
        dim = self.dim
        free = [i for i in range(dim, len(lower)) if i not in held]
        share = self.surface.enclosed / math.prod((upper - lower)[:dim].tolist())
        count = math.ceil(1.1 * n / share) + 32
        for _ in range(6):
            unit, weight = spread(sampling, count, dim, len(free), 1.0, generator)
            x = lower[:dim] + (upper - lower)[:dim] * unit[:, len(free) :]
            kept = torch.nonzero(values(self.inside, x) < 0)[:n, 0]
            if len(kept) == n:
                break
            count *= 2
        else:
            raise ValueError(
                f"Region: only {len(kept)} of {count // 2} points of the box lie inside, where the zero set encloses "
                f"{share:.3g} of it; `inside` must stay what it was when the region was made"
            )
        coords = torch.empty(n, len(lower), dtype=torch.float64)
        coords[:, :dim] = x[kept]
        others = lower[free] + (upper - lower)[free] * unit[kept, : len(free)]
        coords[:, free] = others.clamp(lower[free], upper[free])
        for column, value in held.items():
            coords[:, column] = value
        measure = self.surface.enclosed * math.prod((upper - lower)[free].tolist())
        return Points(coords, weight=weight[kept] * (measure / float(weight[kept].sum())))

    def contains(self, coords: Tensor) -> Tensor:
        """Whether each point `(n, d)` lies in the closed region, up to rounding, `(n,)`; time and parameters count."""
        lower, upper = (bound.to(coords) for bound in bounds(self.axes))
        size = float(coords.abs().max()) if coords.numel() else 1.0
        near = self.signed_distance(coords) <= self.surface.left + 4 * torch.finfo(coords.dtype).eps * size
        return near & ((coords >= lower) & (coords <= upper)).all(dim=1)

    def signed_distance(self, coords: Tensor) -> Tensor:
        """F itself, `(n,)`, for each point `(n, d)`: a distance as far as f is one."""
        names = self.columns
        if not isinstance(coords, Tensor) or coords.ndim != 2 or coords.shape[1] != len(names):
            got = f"shape {tuple(coords.shape)}" if isinstance(coords, Tensor) else repr(type(coords))
            raise ValueError(f"Region: `coords` must be a tensor (n, {len(names)}), columns {names}, got {got}")
        return self.inside(coords[:, : self.dim].double().cpu()).to(coords)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return (self.axes, self.resolution, self.digest) == (other.axes, other.resolution, other.digest)

    def __hash__(self) -> int:
        return hash((self.axes, self.resolution, self.digest))

    def __repr__(self) -> str:
        name = getattr(self.inside, "__qualname__", type(self.inside).__name__).replace("<locals>.", "")
        shape = f"Region({name}, Box({written(self.axes[: self._spatial])}), resolution={self.resolution})"
        factors = [
            repr(Time(a.lower, a.upper)) if a.role is Role.TIME else f"Parameters({written((a,))})"
            for a in self.axes[self._spatial :]
        ]
        return " * ".join([shape, *factors])

    @property
    def _spatial(self) -> int:
        """How many axes are space."""
        return sum(axis.role is Role.SPACE for axis in self.axes)


def _check_one_argument(inside: Inside) -> None:
    """Refuse a function of coordinates: shapes are functions of points, as signed distances and networks are."""
    try:
        parameters = inspect.signature(inside).parameters.values()
    except (TypeError, ValueError):  # builtins have none to read
        return
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise TypeError(
            f"Region: `inside` takes all coordinates as one tensor of points (n, d), and {tuple(needed)} are "
            f"{len(needed)} arguments; write lambda p: f({', '.join(f'p[:, {i}]' for i in range(len(needed)))})"
        )
