"""Scale of each unknown from the values that the problem prescribes; outputs of trained fields are scaled by it.

The exact solution is never used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.domains import Chebyshev
from pinnkit.fields import FieldSpec, Network, RandomFourier
from pinnkit.fields.scaled_readout import ScaledReadout
from pinnkit.problem.ansatz import Lift
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of, generator_of
from pinnkit.solvers.collocation.field_groups import Group, build_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.protocols import loss_of, theta_of

from .least_squares import LeastSquares
from .linear_readout import ReadoutObjective

__all__ = ["prescribed_values", "scale_outputs"]

_POINTS = 256
_SINES = 100
_BANDWIDTHS = (3.0, 8.0)
_GOOD = 1e-2
"""Remaining fraction of the squared rows at which a solve determines the size of the solution."""
_FAR = 4.0
"""Ratio of distance from zero to spread above which values are measured from their middle."""
_DWARFED = 10.0
"""Ratio of a linear problem's solution to the prescribed values above which those do not determine its size."""
_NOISE = 1e-6
_NEAR_ONE = 4.0
"""Sizes between 1/4 and 4 are not scaled."""


def scale_outputs(fields: FieldSet, specs: Mapping[Group, FieldSpec | nn.Module], *, seed: int) -> None:
    """Give the read-out of every network that pinnkit built the scale and shift of its unknowns.

    The size of an unknown is the largest value that its conditions and data prescribe, measured from their middle where
    that is far from zero.  Where all of them are zero, or small compared with the effect of a source, it is that of
    one least-squares solve with a few random sines.  An unknown with an `ansatz` of the user's is not scaled.
    """
    problem = fields.problem
    mine = {
        group: module
        for group, module in fields.modules.items()
        if isinstance(module, Network) and not isinstance(specs[group], nn.Module)
    }
    for module in mine.values():
        module.readout = ScaledReadout.plain(module.readout)
    names = [n for group in mine for n in group if n not in problem.ansatz or isinstance(problem.ansatz[n], Lift)]
    if not names:
        return
    given = prescribed_values(problem)
    data_alone = all(t.fits_data for t in problem.soft_terms)  # they determine the size, and may be millions
    unclear = problem.linear or any(not _determine_size(given.get(n, [])) for n in names)
    found = _solved(problem, tuple(fields.modules), seed) if unclear and not data_alone else {}
    for group, module in mine.items():
        scales, shifts = [], []
        for name in group:
            components = problem.unknown(name).components or 1
            for component in range(components):
                if name not in names:
                    scale, shift = 1.0, 0.0
                else:
                    values = given[name][component] if name in given else torch.zeros(0)
                    solved = found[name][:, component] if name in found else torch.zeros(0)
                    scale, shift = _size(values, solved, linear=problem.linear)
                scales.append(scale)
                shifts.append(shift)
        module.readout = ScaledReadout(module.readout, torch.tensor(scales), torch.tensor(shifts, dtype=torch.float64))


def prescribed_values(problem: Problem) -> dict[str, list[Tensor]]:
    """Values that the terms prescribe for each unknown, one tensor for each of its components.

    A row of a term prescribes a value where it depends, linearly, on that value alone: u - g, (u - data) / sigma.
    """
    out: dict[str, list[list[Tensor]]] = {}
    for term in problem.soft_terms:
        if not problem.trace(term, raw=False).linear:
            continue
        for (name, component), values in _prescribed(problem, term):
            if name in problem.ansatz:  # the field is a part of the unknown, of another size
                continue
            slots = out.setdefault(name, [[] for _ in range(problem.unknown(name).components or 1)])
            slots[component].append(values)
    return {name: [torch.cat(s) if s else torch.zeros(0) for s in slots] for name, slots in out.items()}


def _prescribed(problem: Problem, term: Term) -> list[tuple[tuple[str, int], Tensor]]:
    points = tuple(p.to(torch.float64, torch.device("cpu")) for p in term.sample(_POINTS, generator_of(0)))
    if any(p.group is not None for p in points):  # a row that sums several values prescribes none of them
        return []
    n = points[0].coords.shape[0]
    channels = problem.trace(term, raw=False).channels
    zeros = {}
    for channel in channels:
        components = problem.unknown(channel.unknown).components
        zeros[channel] = torch.zeros((n,) if components is None else (n, components), dtype=torch.float64)
    lin = linearise(problem, term, points, zeros, raw=False)
    found = []
    for row in range(lin.r.shape[1]):
        active: list[tuple[Channel, int]] = [
            (channel, component)
            for channel, slope in lin.d.items()
            for component in range(slope.shape[2])
            if bool((slope[:, row, component] != 0).any())
        ]
        if len(active) != 1 or active[0][0].order != ():
            continue
        channel, component = active[0]
        slope = lin.d[channel][:, row, component]
        values = (-lin.r[:, row] / slope)[slope != 0]
        found.append(((channel.unknown, component), values[torch.isfinite(values)]))
    return found


def _determine_size(values: list[Tensor]) -> bool:
    """Return whether prescribed values determine the size of an unknown."""
    return bool(values) and all(v.numel() > 0 and float(v.max() - v.min()) > 0 for v in values)


def _size(given: Tensor, solved: Tensor, *, linear: bool) -> tuple[float, float]:
    """Scale and shift of one output."""
    low, high = (float(given.min()), float(given.max())) if given.numel() else (0.0, 0.0)
    middle, size = (low + high) / 2, (high - low) / 2  # distances from the middle
    if abs(middle) <= _FAR * size:
        middle, size = 0.0, max(abs(low), abs(high))
    other = float((solved - middle).abs().max()) if solved.numel() else 0.0
    if math.isfinite(other) and (size <= _NOISE * abs(middle) or (linear and other > _DWARFED * size)):
        size = other
    if not size > _NOISE * abs(middle) or abs(middle) <= size:  # constant values, or a spread as large as the values
        middle, size = 0.0, abs(middle) + size
    if not math.isfinite(size) or size == 0 or 1 / _NEAR_ONE <= size <= _NEAR_ONE:
        return 1.0, middle
    return 2.0 ** round(math.log2(size)), middle


def _solved(problem: Problem, groups: Sequence[Group], seed: int) -> dict[str, Tensor]:
    """Rough values of the fields in the domain, ``(n, components)``: random sines after one Newton step from zero.

    Empty where the step does not lower the residual, or where a penalty is not a square.
    """
    if not all(t.penalty.is_square for t in problem.soft_terms):
        return {}
    cpu = torch.device("cpu")
    points = {name: (problem.domain_of(name).sample(_POINTS, generator_of(seed)),) for name in problem.names}
    best, found = math.inf, {}
    for bandwidth in _BANDWIDTHS:
        if best < _GOOD:
            break
        specs = {group: RandomFourier(_SINES, bandwidth=bandwidth) for group in groups}
        fields = build_fields(problem, specs, seed=seed, device=cpu, dtype=torch.float64)
        collocation = CollocationPoints(problem, counts_of(problem, 3 * _SINES, _SINES), seed, sampling=Chebyshev())
        target = ReadoutObjective(fields, Parameters(problem, (), device=cpu, dtype=torch.float64), collocation)
        zero, solver = target.get(), LeastSquares(steps=1)
        state = solver.step(target, solver.start(zero))
        # Relative to the rows of the zero field: a ratio of one means that nothing was solved.
        left = float(loss_of(state)) / max(float(target.rows(zero).square().sum()), 1e-300)
        if left < min(best, 1.0):
            target.assign(theta_of(state))
            with torch.no_grad():
                values = {name: fields.channels(at, [c := Channel(0, name, ())])[c] for name, at in points.items()}
            best, found = left, {name: v.reshape(v.shape[0], -1) for name, v in values.items()}
    return found
