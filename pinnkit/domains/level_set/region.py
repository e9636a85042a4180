"""Region: the points where a function is negative, such as a fitted distance or a grid of distances."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.axes import Axis, Role, bounds, check_coords, check_count
from pinnkit.domains.box import Box
from pinnkit.domains.directions import spread
from pinnkit.domains.factors import written
from pinnkit.domains.product import SHAPES, Plain, Shape
from pinnkit.domains.protocols import SignedDistance
from pinnkit.domains.sampling import Sampling

from .contours import check_grid, facets_of
from .level_function import Inside, onto, values
from .zero_set import ZeroSet, zero_set

_CELLS = {2: 256, 3: 96}
"""Cells along the longest side."""


@SHAPES.register(examples=lambda: {"ellipse": Region(_ellipse, Box(x=(-2, 2), y=(-1, 1)))})
@dataclass(frozen=True, init=False, repr=False, eq=False)
class Region(Shape):
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
    function: Inside
    resolution: int
    surface: ZeroSet
    digest: str

    def __init__(self, inside: object, box: Box, *, resolution: int | None = None) -> None:
        if isinstance(inside, SignedDistance):
            inside = inside.signed_distance
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
        named = dict(axes=tuple(box.axes), function=inside, resolution=int(cells), surface=surface, digest=digest)
        for name, value in named.items():
            object.__setattr__(self, name, value)

    @property
    def measure(self) -> float:
        """Area or volume enclosed by the zero set."""
        return self.surface.enclosed

    @property
    def boundary_measure(self) -> float:
        """Length or area of the zero set."""
        return self.surface.measure

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """Refuse: a region holds a function.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self!r} holds a function, which no file can; keep the code that builds it")

    def inside(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` where the function is negative, `(n,)`."""
        return values(self.function, coords) < 0

    def signed_distance(self, coords: Tensor) -> Tensor:
        """The function itself, `(n,)`, at each point `(n, d)`: a distance as far as it is one."""
        check_coords("Region.signed_distance", coords, self.columns)
        return self.function(coords.double().cpu()).to(coords)

    def rounding(self, coords: Tensor) -> float:
        """Largest function value to which rounding and Newton's method may carry a point of the closed region."""
        size = float(coords.abs().max()) if coords.numel() else 1.0
        return self.surface.left + 4 * torch.finfo(coords.dtype).eps * size

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed region, up to rounding, and in its box, `(n,)`."""
        check_coords("Region.contains", coords, self.columns)
        lower, upper = (bound.to(coords) for bound in bounds(self.axes))
        return super().contains(coords) & ((coords >= lower) & (coords <= upper)).all(dim=1)

    def sample_boundary(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points even in area on the zero set, their normals grad f / |grad f|, extra columns, weights."""
        unit, weight = spread(sampling, n, self.dim - 1, extra, self.boundary_measure, generator)
        x, _, gradient = onto(self.function, self.surface.at(unit[:, extra:]), self.surface.cell)
        return x, torch.nn.functional.normalize(gradient, dim=1), unit[:, :extra], weight

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return (self.axes, self.resolution, self.digest) == (other.axes, other.resolution, other.digest)

    def __hash__(self) -> int:
        return hash((self.axes, self.resolution, self.digest))

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", type(self.function).__name__).replace("<locals>.", "")
        return f"Region({name}, Box({written(self.axes)}), resolution={self.resolution})"


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


def _ellipse(points: Tensor) -> Tensor:
    """Negative inside the ellipse with half-axes 1.5 and 0.5: the example of the conformance suite."""
    return (points[:, 0] / 1.5).square() + (points[:, 1] / 0.5).square() - 1
