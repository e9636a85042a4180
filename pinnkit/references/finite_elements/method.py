"""Finite elements as a method of references: meshes that fit a budget of work, and measured error bars."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from pinnkit.domains import Box, Shape
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.references.cost_model import MEMORY, Work
from pinnkit.references.errors import BudgetSpent, Unresolved
from pinnkit.references.finite_differences.grid_problem import refuse_what_no_scheme_covers
from pinnkit.references.finite_differences.linear_solvers import Solve, diagonal_bicgstab
from pinnkit.references.grid import Array
from pinnkit.references.grid_convergence import Bar
from pinnkit.references.interpolation import mesh_of
from pinnkit.references.result import Reference

from .assembly import System
from .conditions import check_conditions
from .elements import Elements, scikit_fem
from .error_bars import bar_of
from .field import ElementField, inside_of
from .form_matching import shape_of, weak_form
from .mesh import ElementMesh
from .plane_mesher import MeshingFailed, mesh_plane
from .plane_walls import PlaneWalls, plane_walls
from .singular_points import singular_points
from .sizes import SingularPoint, size_field, wall_sizes
from .solid_mesher import solid_mesher
from .steady import solve_steady
from .weak_form import METHOD, WeakForm

__all__ = ["FiniteElements"]

ORDER = 3.0
"""Order of convergence of elements of second degree in the mean square."""
_SHARE = 0.5  # of the budget that the cost may take, as machines differ
_CORRECTIONS = 6.0  # of Newton's method on one mesh
_WIDE = 0.05  # relative error bar from which the meshes count as too coarse
_NODES = 2**14  # of the grid on which values are handed out, at most
_COARSEST = {2: 0.35, 3: 0.3}  # largest size of the first mesh that is tried, relative to the domain
_CLOSER = 0.85  # of the number of elements wanted, at which no more meshes are tried
_TRIALS = 5
_DIRECT = 4000  # unknowns in space up to which a factorisation is quicker than iterations
_LEAST = 2.0  # nominal seconds that are always afforded
_RELAXED = 1.6  # times the sizes at bends and in gaps, where the budget affords no others


class Mesher(Protocol):
    """A source of meshes of one domain."""

    @property
    def size(self) -> float:
        """Size of the domain."""
        ...

    def mesh(self, largest: float, relaxed: bool = False) -> ElementMesh:
        """A mesh of elements of a largest size.

        Args:
            largest: size.
            relaxed: whether bends and gaps of walls are followed less closely.

        Raises:
            MeshingFailed: where there is none.
        """
        ...


class PlaneMesher:
    """Meshes inside the walls of a domain of the plane.

    Args:
        walls: of the domain.
        points: singular points of the solution.
    """

    def __init__(self, walls: PlaneWalls, points: tuple[SingularPoint, ...]) -> None:
        self.walls = walls
        self.points = points
        self._known = wall_sizes(walls)

    @property
    def size(self) -> float:
        """Size of the domain."""
        return self.walls.size

    def mesh(self, largest: float, relaxed: bool = False) -> ElementMesh:
        """A mesh of elements of a largest size."""
        places, sizes = self._known
        known = places, (_RELAXED if relaxed else 1.0) * sizes
        return mesh_plane(self.walls, size_field(self.points, largest, known))


@dataclass(frozen=True)
class FiniteElements:
    """Isoparametric elements of second degree for steady equations of second order in boxes and shapes, 2-D and 3-D.

    Conditions on named walls, straight or curved: values, fluxes, and combinations of both.  Three meshes, each the
    uniform refinement of the one before with new vertices on the exact walls, give the error bars.  The first one is
    graded towards corners.  Its size follows from the problem and the budget alone (see cost_model.py).

    Needs scikit-fem, and gmsh in space: the extra `geometry`.
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py).

        Raises:
            Unresolved: where Newton's method fails on one of the finer two meshes.
            Unsupported: by name, for what finite elements do not cover.
            ImportError: without scikit-fem, or without gmsh in space.
        """
        begin = time.perf_counter()
        scikit_fem()
        refuse_what_no_scheme_covers(problem, METHOD)
        shape, label = shape_of(problem), f"problem '{problem.name}'"
        if problem.structure.time is not None:
            raise Unsupported(METHOD, f"{label}: it depends on time, which finite elements do not cover")
        with _prepared(problem, label) as (form, mesher, corners):
            meshes = _meshes(form, mesher, budget, label)
        fields = _solved(form, shape, meshes)
        coarse, medium, fine = fields
        assert medium is not None
        assert fine is not None
        grid = _grid(problem)
        nodes = mesh_of(list(grid.values()))
        within = inside_of(shape, nodes)
        values = np.full((form.components, len(nodes)), np.nan)
        values[:, within] = fine.everywhere(nodes[within])
        bars = _bars(coarse, medium, fine, nodes[within], corners, _orders(form))
        counts = tuple(len(t) for t in grid.values())
        return Reference(
            values={name: v.reshape(*counts, *v.shape[1:]) for name, v in fine.named(values).items()},
            grid=grid,
            error_bar={name: bar.l2 for name, bar in bars.items()},
            max_error_bar={name: bar.greatest for name, bar in bars.items()},
            order=ORDER,
            observed_order=_farthest(bars, _orders(form)),
            seconds=time.perf_counter() - begin,
            kind="finite elements" if form.linear else "finite elements, Newton",
            between=fine,
            remark=_remark(bars),
        )


@contextmanager
def _prepared(problem: Problem, label: str) -> Iterator[tuple[WeakForm, Mesher, tuple[float, ...]]]:
    """The weak form, the source of meshes, and the orders with which errors of corners fall."""
    dim = len(problem.structure.space_columns)
    if dim == 2:
        walls = plane_walls(problem.domain, METHOD, label)
        form = weak_form(problem, walls.names)
        check_conditions(form)
        points = singular_points(form, walls)
        yield form, PlaneMesher(walls, points), tuple(min(2 * p.exponent, ORDER) for p in points)
    elif dim == 3:
        with solid_mesher(shape_of(problem), label) as mesher:
            form = weak_form(problem, mesher.names, mesher.owners)
            check_conditions(form)
            yield form, mesher, ()
    else:
        raise Unsupported(METHOD, f"{label}: {dim} space dimensions; finite elements take 2 and 3")


def cost_of(cells: float, dim: int, components: int, *, linear: bool) -> float:
    """Nominal seconds on one mesh: quadrature and assembly, and a factorisation, in each correction.

    The factors of elements of second degree have 10 n^1.2 nonzeros in the plane, n the number of unknowns, as measured
    with SuperLU for 10^3 to 5 x 10^5 unknowns.  In space 6 n^(1/3) iterations take their place.
    """
    n = unknowns_of(cells, dim)
    once = Work(traffic=40_000.0 * cells, calls=2000.0)
    assembled = Work(traffic=40_000.0 * cells * components**2, calls=1000.0 * components**2)
    if dim == 2:
        solved = Work(operations=120.0 * 10.0 * n**1.2 * components**2)
    else:
        solved = Work(traffic=4000.0 * n ** (4 / 3) * components**2, calls=1000.0)
    return (once + (1.0 if linear else _CORRECTIONS) * (assembled + solved)).seconds


def memory_of(cells: float, dim: int, components: int) -> float:
    """Bytes that the arrays of one mesh hold."""
    n = unknowns_of(cells, dim)
    per_cell = 3000.0 if dim == 2 else 12_000.0
    factors = 16.0 * 10.0 * n**1.2 if dim == 2 else 4000.0 * n
    return per_cell * cells * components**2 + factors * components**2


def unknowns_of(cells: float, dim: int) -> float:
    """Number of vertices and edges of a mesh, about."""
    return 2.0 * cells if dim == 2 else 1.4 * cells


def _meshes(form: WeakForm, mesher: Mesher, budget: float, label: str) -> list[ElementMesh]:
    """Three nested meshes that fit the budget."""
    dim = len(form.space)
    growth = 2**dim

    def affordable(cells: float, limit: float = _SHARE * budget) -> bool:
        every = [cells, cells * growth, cells * growth**2]
        total = sum(cost_of(n, dim, form.components, linear=form.linear) for n in every)
        return total <= limit and memory_of(every[-1], dim, form.components) <= MEMORY

    wanted = 1.0
    while affordable(wanted * 1.1):
        wanted *= 1.1
    coarsest = _COARSEST[dim] * mesher.size
    largest = coarsest
    best: ElementMesh | None = None
    try:
        for _ in range(_TRIALS):
            mesh = mesher.mesh(largest)
            if best is not None and not affordable(len(mesh.cells)):
                break
            if best is not None and len(mesh.cells) <= len(best.cells):
                largest *= 0.7
                continue
            best = mesh
            if len(mesh.cells) >= _CLOSER * wanted:
                break
            largest *= min(max((len(mesh.cells) / wanted) ** (1 / dim), 0.35), 0.93)
    except MeshingFailed as error:
        if best is None:
            raise Unsupported(METHOD, f"{label}: no mesh follows the walls of the domain: {error}") from None
    assert best is not None
    if not affordable(len(best.cells)):
        best = mesher.mesh(coarsest, relaxed=True)
    if not affordable(len(best.cells), max(budget, _LEAST)):
        raise BudgetSpent(
            METHOD,
            f"{label}: three meshes, of which the coarsest has {len(best.cells)} elements, take more than a budget of "
            f"{budget:g}; give a larger one",
        )
    meshes = [best]
    for _ in range(2):
        meshes.append(meshes[-1].refined())
    for mesh in meshes:
        if not (mesh.volumes.min() > 0 or mesh.volumes.max() < 0) and dim == 2:
            raise Unsupported(METHOD, f"{label}: the mesh folds over at a wall that bends sharply")
    return meshes


def _solved(form: WeakForm, shape: Shape | Box, meshes: Sequence[ElementMesh]) -> list[ElementField | None]:
    """The solutions; None where the coarsest mesh has none."""
    fields: list[ElementField | None] = []
    for step, mesh in enumerate(meshes):
        system = System(form, Elements(mesh))
        start = fields[-1] if fields else None

        def guesses(system: System = system, start: ElementField | None = start) -> Iterator[Array]:
            if start is not None:
                found = start.everywhere(system.elements.nodes)
                yield np.concatenate(
                    [v[: system.elements.size(degree)] for v, degree in zip(found, form.degrees, strict=True)]
                )
            for constant in (0.0, 1.0, 0.1, -1.0):
                yield np.full(system.size, constant)

        try:
            state = solve_steady(system, guesses, _iterative(form) if mesh.dim == 3 and system.size > _DIRECT else None)
        except Unresolved:
            if step:
                raise
            fields.append(None)
            continue
        fields.append(field_of(form, shape, mesh, system.parts(state)))
    return fields


def _iterative(form: WeakForm) -> Callable[[sp.csc_array], Solve] | None:
    """Preconditioned iterations in place of a factorisation; None for saddle points, on which they fail."""
    if 1 in form.degrees or form.structure.at_points:
        return None
    return lambda matrix: diagonal_bicgstab(matrix, form.problem.name, method=METHOD)


def field_of(form: WeakForm, shape: Shape | Box, mesh: ElementMesh, parts: Sequence[tuple[int, Array]]) -> ElementField:
    """The state on one mesh as values at points."""
    unknowns = form.problem.unknowns
    numbers = {u.name: tuple(form.numbers(u.name)) for u in unknowns}
    scalars = frozenset(u.name for u in unknowns if u.components is None)
    return ElementField(mesh, tuple(parts), numbers, scalars, shape)


def _grid(problem: Problem) -> dict[str, Array]:
    """The grid on which values are handed out: even cells in the bounding box, at most `_NODES` nodes."""
    sides = {c: (a.lower, a.upper) for a in problem.structure.space for c in a.columns}
    extents = np.array([b - a for a, b in sides.values()])
    spacing = float((np.prod(extents) / _NODES) ** (1 / len(sides)))
    counts = np.maximum((extents / spacing).astype(int) // 2 * 2, 8)
    return {c: np.linspace(a, b, n + 1) for (c, (a, b)), n in zip(sides.items(), counts, strict=True)}


def _orders(form: WeakForm) -> dict[str, float]:
    """Order of convergence of each unknown: 3 for elements of second degree, 2 for those of first degree."""
    return {u.name: 1.0 + min(form.degrees[i] for i in form.numbers(u.name)) for u in form.problem.unknowns}


def _bars(
    coarse: ElementField | None,
    medium: ElementField,
    fine: ElementField,
    points: Array,
    corners: Sequence[float],
    orders: Mapping[str, float],
) -> dict[str, Bar]:
    """The error bars of all unknowns, over the grid; the greatest errors at the nodes of the coarsest mesh as well."""
    first = medium.mesh.parent
    assert first is not None
    nodes = np.concatenate([first.points, first.edge_middles])
    every = np.concatenate([points, nodes])
    norm = np.arange(len(every)) < len(points)
    found = [None if f is None else f.named(f.everywhere(every)) for f in (coarse, medium, fine)]
    middle, last = found[1], found[2]
    assert middle is not None
    assert last is not None
    return {
        name: bar_of(
            None if found[0] is None else found[0][name], middle[name], values, orders[name], corners, norm=norm
        )
        for name, values in last.items()
    }


def _farthest(bars: Mapping[str, Bar], orders: Mapping[str, float]) -> float:
    """The order observed of the unknown whose order is farthest from the one stated."""
    name = max(bars, key=lambda u: abs(bars[u].order - orders[u]) if bars[u].order == bars[u].order else -1.0)
    return bars[name].order


def _remark(bars: dict[str, Bar]) -> str:
    """A warning where the meshes differ so much that their differences give no reliable bound; else nothing."""
    doubtful = [name for name, bar in bars.items() if bar.l2 > _WIDE or not math.isfinite(bar.l2)]
    if not doubtful:
        return ""
    names = ", ".join(f"`{name}`" for name in doubtful)
    return (
        f"the meshes do not resolve {names}: the error bar gives the size of their differences and is no bound; "
        "a larger budget may do"
    )
