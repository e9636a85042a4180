"""Training objective: the residual loss of each step, from the current points and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NotRequired, TypedDict, cast

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, generator_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.pointwise import pointwise
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from pinnkit.solvers.protocols import Solver, State, theta_of

from .adaptive_points import Adaptive
from .weights import Memory, Weights

__all__ = ["TrainingObjective"]

_PROBES = 4
"""Number of random sign vectors that estimate the trace of a tangent kernel."""


class _Adaptation(TypedDict):
    """Points and weights that changed during training; kept in the state under "objective"."""

    epoch: int  # number of changes
    points: NotRequired[Mapping[str, Tensor]]  # chosen coordinates (n, d), by term
    weights: NotRequired[Sequence[Memory]]  # memory of each weighting scheme


class TrainingObjective:
    """Makes the objective of each step.

    Everything that changes it except the step itself is kept in the state, so that a resumed run gets the same.

    Args:
        fields: fields of the unknowns.
        parameters: what theta consists of.
        sample: gives the points of a solver for a draw.
        row_weights: factors of the terms' costs.
        adaptive: chooses points by the residual, or None.
        weights: schemes whose factors are multiplied.
        seed: of the run.
    """

    def __init__(
        self,
        fields: FieldSet,
        parameters: Parameters,
        sample: Callable[[Solver, int], CollocationPoints],
        row_weights: Mapping[str, float],
        *,
        adaptive: Adaptive | None = None,
        weights: Sequence[Weights] = (),
        seed: int = 0,
    ) -> None:
        self.fields = fields
        self.parameters = parameters
        self.sample = sample
        self.row_weights = row_weights
        self.adaptive = adaptive
        self.weights = tuple(weights)
        self.seed = seed
        self._adaptation: _Adaptation = {"epoch": 0}
        self._kept: tuple[tuple[Solver, int, int], ResidualLoss] | None = None

    def objective(self, solver: Solver, step: int, state: State) -> ResidualLoss:
        """Objective of `solver` at `step`, from the points and weights in the state."""
        draw = solver.draw(step)
        adaptation = cast("_Adaptation | None", state.get("objective"))
        target = self._target(solver, draw, adaptation)
        if self.adaptive is not None and adaptation is not None and step % self.adaptive.every == 0:
            self.parameters.assign(theta_of(state))
            adaptation = self._with_new_points(target, adaptation)
            target = self._target(solver, draw, adaptation)
        due = [i for i, w in enumerate(self.weights) if step % w.every == 0 or _without_factor(adaptation, i)]
        if due:
            self.parameters.assign(theta_of(state))
            adaptation = self._with_new_weights(target, adaptation, due)
            target = self._target(solver, draw, adaptation)
        self._adaptation = adaptation or {"epoch": 0}
        return target

    @property
    def last(self) -> CollocationPoints | None:
        """Points of the latest step; None before the first."""
        return None if self._kept is None else self._kept[1].collocation

    def memory(self) -> State:
        """Entries to keep in the state: empty where neither points nor weights change."""
        changing = self.adaptive is not None or bool(self.weights)
        return {"objective": cast(State, self._adaptation)} if changing else {}

    def _target(self, solver: Solver, draw: int, adaptation: _Adaptation | None) -> ResidualLoss:
        epoch = 0 if adaptation is None else adaptation["epoch"]
        key = solver, draw, epoch
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        points = self.sample(solver, draw)
        sizes = {str(t.name): points.size(t) for t in self.fields.problem.terms}
        chosen = {} if adaptation is None else adaptation.get("points", {})
        points = replace(points, chosen={n: p for n, p in chosen.items() if len(p) == sizes[n]}, _kept={})
        factors: dict[str, Tensor] = {}
        for memory in () if adaptation is None else adaptation.get("weights", ()):
            for name, factor in memory.get("factor", {}).items():
                if factor.ndim == 0 or len(factor) == sizes[name]:
                    factors[name] = factors[name] * factor if name in factors else factor
        target = ResidualLoss(
            self.fields,
            self.parameters,
            points,
            row_weights=self.row_weights,
            factors=factors,
            version=draw * 1_000_003 + epoch,
        )
        self._kept = key, target
        return target

    def _with_new_points(self, target: ResidualLoss, adaptation: _Adaptation) -> _Adaptation:
        """New points for the equations; factors of points are dropped with the points."""
        assert self.adaptive is not None
        collocation, epoch = target.collocation, adaptation["epoch"] + 1
        chosen: dict[str, Tensor] = {}
        for i, term in enumerate(self.fields.problem.soft_terms):
            if not term.is_equation or term.has_fixed_points or not pointwise(term):
                continue
            generator = generator_of(self.seed, 7_001, epoch, i)

            def draw(n: int, term: Term = term, generator: torch.Generator = generator) -> Tensor:
                fresh = term.sample(n, generator, collocation.sampling)[0]
                return fresh.to(collocation.dtype, collocation.device).coords

            def size(coords: Tensor, term: Term = term) -> Tensor:
                with torch.no_grad():
                    parts = [target.residual(term, term.completed(Points(c))) for c in coords.split(collocation.chunk)]
                return torch.cat(parts).norm(dim=1)

            now = torch.cat([p[0].coords for p in collocation.chunks(term)])
            chosen[str(term.name)] = self.adaptive.choose(now, draw, size, generator)
        weights = [
            {k: v for k, v in memory.items() if k != "factor" or all(f.ndim == 0 for f in v.values())}
            for memory in adaptation.get("weights", ())
        ]
        return {"epoch": epoch, "points": chosen, "weights": weights}

    def _with_new_weights(
        self, target: ResidualLoss, adaptation: _Adaptation | None, due: Sequence[int]
    ) -> _Adaptation:
        """New factors of the schemes that are due."""
        adaptation = adaptation or {"epoch": 0}
        epoch = adaptation["epoch"] + 1
        memories: list[Memory] = list(adaptation.get("weights") or [{} for _ in self.weights])
        # The schemes measure the loss without the factors that they are about to replace.
        unscaled = ResidualLoss(self.fields, self.parameters, target.collocation, row_weights=self.row_weights)
        view = _View(unscaled, generator_of(self.seed, 7_002, epoch))
        for i in due:
            memories[i] = self.weights[i].update(view, memories[i])
        return {**adaptation, "epoch": epoch, "weights": memories}


def _without_factor(adaptation: _Adaptation | None, i: int) -> bool:
    memories = () if adaptation is None else adaptation.get("weights", ())
    return len(memories) <= i or "factor" not in memories[i]


class _View:
    """Measurements of the loss term by term, evaluated on demand."""

    def __init__(self, target: ResidualLoss, generator: torch.Generator) -> None:
        self.target = target
        self.generator = generator

    def costs(self) -> dict[str, Tensor]:
        return {name: cost.mean() for name, cost in self.point_costs().items()}

    def point_costs(self) -> dict[str, Tensor]:
        found = {}
        with torch.no_grad():
            for term in self.target.problem.soft_terms:
                parts = []
                for i, points in enumerate(self.target.collocation.chunks(term)):
                    costs = self.target.weight(term, points, i) * term.penalty(self.target.residual(term, points))
                    parts.append(costs.sum(dim=1))
                found[str(term.name)] = torch.cat(parts)
        return found

    def times(self) -> dict[str, Tensor]:
        problem = self.target.problem
        axis = next((a for a in problem.axes if a.name == problem.time), None)
        if axis is None:
            return {}
        column = problem.frame.columns.index(axis.name)
        found = {}
        for term in problem.soft_terms:
            if term.is_equation:
                t = torch.cat([points[0].row_coords[:, column] for points in self.target.collocation.chunks(term)])
                found[str(term.name)] = (t - axis.lower) / (axis.upper - axis.lower)
        return found

    def gradient_norms(self) -> dict[str, Tensor]:
        found = {}
        for term in self.target.problem.soft_terms:
            total = 0.0 * self.target.parameters.get()
            for i, points in enumerate(self.target.collocation.chunks(term)):
                costs = self.target.weight(term, points, i) * term.penalty(self.target.residual(term, points))
                total = total + self.target.parameters.gradient(costs.sum() / self.target.collocation.size(term))
            found[str(term.name)] = total.norm()
        return found

    def kernel_traces(self) -> dict[str, Tensor]:
        found = {}
        for term in self.target.problem.soft_terms:
            collocation = self.target.collocation
            trace = torch.zeros((), dtype=collocation.dtype, device=collocation.device)
            for _ in range(_PROBES):
                total = 0.0 * self.target.parameters.get()
                for i, points in enumerate(collocation.chunks(term)):
                    weight = torch.as_tensor(self.target.weight(term, points, i)).sqrt()
                    rows = weight * self.target.residual(term, points)
                    signs = torch.randint(0, 2, rows.shape, generator=self.generator).to(rows) * 2 - 1
                    total = total + self.target.parameters.gradient((signs * rows).sum())
                trace = trace + total.square().sum() / _PROBES
            found[str(term.name)] = trace / collocation.size(term)
        return found
