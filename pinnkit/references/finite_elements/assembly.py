"""Sparse systems of finite elements: cells, natural and essential conditions, constraints at points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from pinnkit.problem.errors import Unsupported
from pinnkit.problem.structure import WallCondition
from pinnkit.problem.terms import Term
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array, Index

from .conditions import at_points, prescribed_component, values_on
from .elements import Elements, Quadrature
from .weak_form import METHOD, STEP, Jets, Linear, TestedRow, Varies, WeakForm, is_value

__all__ = ["Level", "System"]

_CHUNK = 200_000
"""Points in one call of a residual."""
_SMALL, _CHANGE = 1e-6, 1e-4
"""Changes of a value, relative to 1 + its size, for derivatives of coefficients and of their divergences."""
_OBLIQUE = 1e-8
"""Part of a flux along the normal below which it counts as none, relative to the flux."""


Entries = tuple[Array, Index, Index]
"""Values, rows and columns of entries of a sparse matrix."""


@dataclass(frozen=True)
class Level:
    """Derivatives in time of the state: each is `weight` times the state, plus a known function.

    Args:
        weights: for orders 0, 1, 2.
        known: coefficients of the known functions for orders 1 and 2.
        time: at which coefficients and data are taken.
    """

    weights: tuple[float, ...] = (1.0,)
    known: tuple[Array, ...] = ()
    time: float | None = None


class System:
    """Equations and conditions on one mesh.

    Args:
        form: of the problem.
        elements: on the mesh.
    """

    def __init__(self, form: WeakForm, elements: Elements) -> None:
        self.form = form
        self.elements = elements
        sizes = [elements.size(degree) for degree in form.degrees]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._walls: dict[int, Quadrature] = {}

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return int(self.offsets[-1])

    def parts(self, state: Array) -> list[tuple[int, Array]]:
        """The functions (degree, coefficients) of a state."""
        return [(degree, state[self.offsets[i] : self.offsets[i + 1]]) for i, degree in enumerate(self.form.degrees)]

    @cached_property
    def essential(self) -> tuple[tuple[tuple[WallCondition, int], ...], ...]:
        """For each piece, conditions that prescribe values, with the number of the component."""
        return tuple(
            tuple(prescribed_component(self.form, c) for c in found if is_value(c)) for found in self.form.conditions
        )

    def prescribed(self, level: Level) -> tuple[Index, Array]:
        """Numbers of the coefficients that conditions prescribe, and their values.

        Where walls with different values meet, the vertex has their mean.
        """
        total, count = np.zeros(self.size), np.zeros(self.size)
        elements, form = self.elements, self.form
        for piece, found in enumerate(self.essential):
            for _, component in found:
                nodes = elements.nodes_on(piece, form.degrees[component])
                x, normal = elements.nodes[nodes], elements.normals_at(piece, nodes)
                values = values_on(form, piece, component, x, normal, level.time)
                rows = self.offsets[component] + nodes
                total[rows] += values
                count[rows] += 1
        fixed = np.flatnonzero(count)
        return fixed, total[fixed] / count[fixed]

    def assembled(self, state: Array, level: Level) -> tuple[sp.csr_array, Array]:
        """Matrix K and right-hand side f at a state, without essential conditions: the weak residual is K state - f."""
        entries: list[Entries] = []
        right = np.zeros(self.size)
        self._cells(state, level, entries, right)
        for piece in range(len(self.form.names)):
            self._wall(piece, state, level, entries, right)
        return self._matrix(entries, right), right

    def correction(self, state: Array, level: Level) -> sp.csr_array | None:
        """Part of Newton's matrix beside K, where coefficients of second derivatives depend on the unknowns.

        With e_j = sum_i (dA_i / du_j) grad u_i and D_i = div A_i, the derivative of the weak residual by u_j along w is
        that of K, and

            -int w e_j . grad v - int (e_j . grad w + sum_i dD_i/du_j . grad u_i w) v + boundary int n . e_j w v.
        """
        form = self.form
        if form.linear or form.second_order is not Varies.WITH_STATE:
            return None
        entries: list[Entries] = []
        for tested, at, own, slope in self._sensitive(state, level):
            m, q, d = at.x.shape
            i = tested.component
            shape, test = at.value[2], at.dofs[2] + self.offsets[i]
            for j in range(form.components):
                e, s = own[j].reshape(m, q, d), slope[j].reshape(m, q)
                if not (e.any() or s.any()):
                    continue
                other = form.degrees[j]
                trial = at.dofs[other] + self.offsets[j]
                block = np.empty((m, test.shape[1], trial.shape[1]))
                for k in range(trial.shape[1]):
                    value, gradient = at.value[other][k], at.gradient[other][k]
                    if at.normal is None:
                        through = -((e * gradient).sum(axis=2) + s * value) * at.weight
                        flux = e * (value * at.weight)[..., None]
                        block[:, :, k] = np.einsum("bmq,mq->mb", shape, through)
                        block[:, :, k] -= np.einsum("bmqd,mqd->mb", at.gradient[2], flux)
                    else:
                        through = (e * at.normal).sum(axis=2) * value * at.weight
                        block[:, :, k] = np.einsum("bmq,mq->mb", shape, through)
                entries.append(_triplets(block, test, trial))
        return self._matrix(entries, np.zeros(0)) if entries else None

    def _matrix(self, entries: Sequence[Entries], right: Array) -> sp.csr_array:
        values, rows, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        if not (np.isfinite(values).all() and np.isfinite(right).all()):
            raise Unresolved(METHOD, f"{self.form.label}: a residual or its slope is not finite inside an element")
        return sp.coo_array((values, (rows, columns)), shape=(self.size, self.size)).tocsr()

    def _sensitive(self, state: Array, level: Level) -> Iterator[tuple[TestedRow, Quadrature, Array, Array]]:
        """For each row in the cells and on walls: e_j ``(C, n, d)`` and sum_i dD_i/du_j . grad u_i ``(C, n)``."""
        form = self.form
        places: list[tuple[Quadrature, list[TestedRow]]] = [(self.elements.inside, list(form.rows))]
        places += [
            (self._quadrature_on(piece), self._active(piece)) for piece in range(len(form.names)) if self._active(piece)
        ]
        for at, tested in places:
            d = at.x.shape[2]
            x = at.x.reshape(-1, d)
            levels = self._levels(at, state, level)
            gradient = levels[0].gradient
            for term in form.structure.equation_terms:
                mine = [t for t in tested if t.row.term is term and form.degrees[t.component] == 2]
                if not mine:
                    continue
                total = {t: (np.zeros_like(gradient), np.zeros_like(levels[0].value)) for t in mine}
                before = self._divergence(term, x, levels, level)
                for j in range(form.components):
                    size = 1.0 + float(np.abs(levels[0].value[j]).max())
                    ahead, behind = (
                        form.linearised(
                            term,
                            form.points(x, level.time),
                            [levels[0].changed(j, sign * _SMALL * size), *levels[1:]],
                            level.weights,
                        )
                        for sign in (1.0, -1.0)
                    )
                    after = self._divergence(term, x, [levels[0].changed(j, _CHANGE * size), *levels[1:]], level)
                    for t in mine:
                        k = t.row.index
                        by = (ahead[k].a - behind[k].a) / (2 * _SMALL * size)
                        total[t][0][j] = np.einsum("cnde,cne->nd", by, gradient)
                        change = (after[k] - before[k]) / (_CHANGE * size)
                        total[t][1][j] = (change * gradient).sum(axis=(0, 2))
                for t in mine:
                    yield t, at, *total[t]

    def constraints(self) -> tuple[sp.csr_array, Array]:
        """Rows and values of conditions at single points, as matrix and right-hand side."""
        rows, values, columns, right, count = [], [], [], [], 0
        for term in self.form.structure.at_points:
            linear, points = at_points(self.form, term)
            for row in linear:
                for component in range(self.form.components):
                    slope = row.c[component]
                    if row.a.any() or row.b.any():
                        raise Unsupported(
                            METHOD, f"{self.form.label}: term '{term.name}' has derivatives at single points"
                        )
                    if not slope.any():
                        continue
                    dofs, shapes = self.elements.matrix_at(points, self.form.degrees[component])
                    rows.append(np.repeat(count + np.arange(len(points)), dofs.shape[1]))
                    values.append((slope[:, None] * shapes).ravel())
                    columns.append(self.offsets[component] + dofs.ravel())
                right.append(row.f)
                count += len(points)
        if not count:
            return sp.csr_array((0, self.size)), np.zeros(0)
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sp.coo_array(entries, shape=(count, self.size)).tocsr(), np.concatenate(right)

    # cells ------------------------------------------------------------------------------------------------------------
    def _cells(self, state: Array, level: Level, entries: list[Entries], right: Array) -> None:
        inside = self.elements.inside
        linear = self._equations(inside, state, level, divergence=True)
        m, q, d = inside.x.shape
        for tested in self.form.rows:
            row = linear[id(tested.row)]
            i = tested.component
            degree = self.form.degrees[i]
            shape, slope = inside.value[degree], inside.gradient[degree]
            test = inside.dofs[degree] + self.offsets[i]
            weight = inside.weight
            local = np.einsum("bmq,mq->mb", shape, weight * row.f.reshape(m, q))
            np.add.at(right, test, local)
            for j in range(self.form.components):
                a, b, c = row.a[j].reshape(m, q, d, d), row.b[j].reshape(m, q, d), row.c[j].reshape(m, q)
                which = [bool(x.any()) for x in (a, b, c)]
                if not any(which):
                    continue
                other = self.form.degrees[j]
                trial = inside.dofs[other] + self.offsets[j]
                block = np.empty((m, test.shape[1], trial.shape[1]))
                for k in range(trial.shape[1]):
                    through = np.zeros((m, q))
                    if which[1]:
                        through += (b * inside.gradient[other][k]).sum(axis=2)
                    if which[2]:
                        through += c * inside.value[other][k]
                    through *= weight
                    part = np.einsum("bmq,mq->mb", shape, through)
                    if which[0]:
                        flux = np.einsum("mqde,mqe->mqd", a, inside.gradient[other][k]) * weight[..., None]
                        part -= np.einsum("bmqd,mqd->mb", slope, flux)
                    block[:, :, k] = part
                entries.append(_triplets(block, test, trial))

    def _equations(self, at: Quadrature, state: Array, level: Level, *, divergence: bool) -> dict[int, Linear]:
        """Every equation, linearised at quadrature points; div A taken off b where asked."""
        d = at.x.shape[2]
        form = self.form
        x = at.x.reshape(-1, d)
        levels = self._levels(at, state, level)
        out: dict[int, Linear] = {}
        for term in form.structure.equation_terms:
            mine = [t for t in form.rows if t.row.term is term]
            parts: list[list[Linear]] = []
            for start in range(0, len(x), _CHUNK):
                rows = slice(start, start + _CHUNK)
                some = [jets.take(rows) for jets in levels]
                found = form.linearised(term, form.points(x[rows], level.time), some, level.weights)
                if divergence and form.second_order is not Varies.NOWHERE:
                    divergences = self._divergence(term, x[rows], some, level)
                    found = [replace(row, b=row.b - of) for row, of in zip(found, divergences, strict=True)]
                parts.append(found)
            for tested in mine:
                pieces = [part[tested.row.index] for part in parts]
                out[id(tested.row)] = Linear(
                    np.concatenate([p.a for p in pieces], axis=1),
                    np.concatenate([p.b for p in pieces], axis=1),
                    np.concatenate([p.c for p in pieces], axis=1),
                    np.concatenate([p.f for p in pieces]),
                )
        return out

    def _divergence(self, term: Term, x: Array, levels: Sequence[Jets], level: Level) -> list[Array]:
        """Divergence ``(C, n, d)`` of the coefficients of second derivatives along the state, by differences."""
        form = self.form
        step = STEP * form.size
        total: list[Array] = []
        for axis in range(x.shape[1]):
            sides = []
            for sign in (1.0, -1.0):
                moved = x.copy()
                moved[:, axis] += sign * step
                shifted = [jets.shifted(axis, sign * step) for jets in levels]
                sides.append(form.linearised(term, form.points(moved, level.time), shifted, level.weights))
            parts = [(a.a[:, :, axis] - b.a[:, :, axis]) / (2 * step) for a, b in zip(*sides, strict=True)]
            total = [t + p for t, p in zip(total, parts, strict=True)] if total else parts
        return total

    def _levels(self, at: Quadrature, state: Array, level: Level) -> list[Jets]:
        m, q, d = at.x.shape
        own = Jets.zero(self.form.components, m * q, d) if self.form.linear else at.jets(self.parts(state))
        out = [own]
        for weight, known in zip(level.weights[1:], level.known, strict=True):
            more = at.jets(self.parts(known))
            out.append(Jets(weight * own.value + more.value, weight * own.gradient + more.gradient))
        return out

    # walls ------------------------------------------------------------------------------------------------------------
    def _active(self, piece: int) -> list[TestedRow]:
        """Rows with second derivatives whose test functions do not vanish on a piece."""
        fixed = {component for _, component in self.essential[piece]}
        return [t for t in self.form.rows if self.form.degrees[t.component] == 2 and t.component not in fixed]

    def _quadrature_on(self, piece: int) -> Quadrature:
        if piece not in self._walls:
            self._walls[piece] = self.elements.on_piece(piece)
        return self._walls[piece]

    def _wall(self, piece: int, state: Array, level: Level, entries: list[Entries], right: Array) -> None:
        form = self.form
        natural = [c for c in form.conditions[piece] if not is_value(c)]
        active = self._active(piece)
        if not active:
            return
        at = self._quadrature_on(piece)
        assert at.normal is not None
        m, q, d = at.x.shape
        normal = at.normal.reshape(-1, d)
        levels = self._levels(at, state, level)
        points = form.points(at.x.reshape(-1, d), level.time, normal)
        equations = self._equations(at, state, level, divergence=False)
        found = []
        for condition in natural:
            found.append(form.linearised(condition.term, points, levels, level.weights)[condition.index])
        conormal = np.stack([np.einsum("cnde,ne->cnd", equations[id(t.row)].a, normal) for t in active])
        along = np.einsum("rcnd,nd->nrc", conormal, normal)
        count = form.components
        gamma = np.stack([row.b for row in found]) if found else np.zeros((0, count, m * q, d))
        alpha = np.stack([row.c for row in found]) if found else np.zeros((0, count, m * q))
        g = np.stack([row.f for row in found]) if found else np.zeros((0, m * q))
        if found:
            across = np.einsum("kcnd,nd->nkc", gamma, normal)
            size = np.sqrt((gamma**2).sum(axis=(1, 3))).T  # (n, k)
            scaled = across / np.where(size > 0, size, 1.0)[..., None]
            if float(np.linalg.svd(scaled, compute_uv=False)[:, -1].min()) < _OBLIQUE:
                raise Unsupported(
                    METHOD,
                    f"{form.label}: '{natural[0].term.name}' has no derivative along the normal somewhere on the wall "
                    f"'{form.names[piece]}'",
                )
            matrix = along @ np.linalg.pinv(across)  # (n, r, k)
        else:
            matrix = np.zeros((m * q, len(active), 0))
        for r, tested in enumerate(active):
            i = tested.component
            shape, test = at.value[2], at.dofs[2] + self.offsets[i]
            pulled = (matrix[:, r] * g.T).sum(axis=1).reshape(m, q)
            np.add.at(right, test, -np.einsum("bmq,mq->mb", shape, at.weight * pulled))
            for j in range(count):
                slope = conormal[r, j] - np.einsum("nk,knd->nd", matrix[:, r], gamma[:, j])
                value = -(matrix[:, r] * alpha[:, j].T).sum(axis=1)
                scale = float(np.abs(conormal[r]).max())
                tangential = bool(np.abs(slope).max() > 1e-12 * scale)
                if not tangential and not value.any():
                    continue
                other = form.degrees[j]
                trial = at.dofs[other] + self.offsets[j]
                slope, value = slope.reshape(m, q, d), value.reshape(m, q)
                block = np.empty((m, test.shape[1], trial.shape[1]))
                for k in range(trial.shape[1]):
                    through = value * at.value[other][k]
                    if tangential:
                        through = through + (slope * at.gradient[other][k]).sum(axis=2)
                    block[:, :, k] = np.einsum("bmq,mq->mb", shape, through * at.weight)
                entries.append(_triplets(block, test, trial))


def _triplets(block: Array, test: Index, trial: Index) -> Entries:
    rows = np.broadcast_to(test[:, :, None], block.shape)
    columns = np.broadcast_to(trial[:, None, :], block.shape)
    return block.ravel(), rows.ravel(), columns.ravel()
