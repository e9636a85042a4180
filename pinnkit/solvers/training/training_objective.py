"""What solvers see from step to step: the loss at the points, and with the weights, of the moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import Cloud, generator_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import Collocation
from pinnkit.solvers.protocols import Solver, State

from .adaptive_points import Adaptive
from .weights import Weights

__all__ = ["Sight"]

_PROBES = 4
"""Random sign vectors with which the trace of a tangent kernel is estimated."""


class Sight:
    """Makes the objective of each step.

    All that changes it but the step itself is kept in the state under "seen", so that a resumed run sees the same.

    Args:
        fields: of the problem.
        parameters: what theta consists of.
        cloud: the points that a solver would have for a draw.
        balance: the row-norm weights.
        adaptive: chooses points by the residual, or None.
        weights: schemes whose factors are multiplied.
        seed: of the run.
    """

    def __init__(
        self,
        fields: FieldSet,
        parameters: Parameters,
        cloud: Callable[[Any, int], Cloud],
        balance: dict[str, float],
        *,
        adaptive: Adaptive | None = None,
        weights: Sequence[Weights] = (),
        seed: int = 0,
    ) -> None:
        self.fields = fields
        self.parameters = parameters
        self.cloud = cloud
        self.balance = balance
        self.adaptive = adaptive
        self.weights = tuple(weights)
        self.seed = seed
        self._kept: tuple[Any, Collocation] | None = None

    def objective(self, solver: Solver, step: int, state: State) -> Collocation:
        """What `solver` sees at `step`, from the points and weights that the state holds."""
        draw = getattr(solver, "draw", None)  # a solver that says nothing of points keeps the first ones
        draws = 0 if draw is None else int(draw(step))
        seen = state.get("seen")
        target = self._target(solver, draws, seen)
        if self.adaptive is not None and seen is not None and step % self.adaptive.every == 0:
            self.parameters.assign(state["theta"])
            seen = self._moved(target, seen)
            target = self._target(solver, draws, seen)
        due = [i for i, w in enumerate(self.weights) if step % w.every == 0 or _stale(seen, i)]
        if due:
            self.parameters.assign(state["theta"])
            seen = self._weighed(target, seen, due)
            target = self._target(solver, draws, seen)
        self.seen = seen or {"epoch": 0}
        return target

    @property
    def last(self) -> Cloud | None:
        """The points of the latest step; None before the first."""
        return None if self._kept is None else self._kept[1].cloud

    def memory(self) -> State:
        """What the state has to hold of it: empty where nothing changes."""
        return {"seen": self.seen} if self.adaptive is not None or self.weights else {}

    def _target(self, solver: Solver, draws: int, seen: State | None) -> Collocation:
        epoch = 0 if seen is None else int(seen["epoch"])
        key = solver, draws, epoch
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        cloud = self.cloud(solver, draws)
        chosen = {} if seen is None else seen.get("points", {})
        sizes = {str(t.name): cloud.size(t) for t in self.fields.problem.terms}
        cloud = replace(cloud, chosen={n: p for n, p in chosen.items() if len(p) == sizes[n]}, _kept={})
        factors: dict[str, Tensor] = {}
        for memory in () if seen is None else seen.get("weights", ()):
            for name, factor in memory.get("factor", {}).items():
                if factor.ndim == 0 or len(factor) == sizes[name]:
                    factors[name] = factors[name] * factor if name in factors else factor
        number = draws * 1_000_003 + epoch
        target = Collocation(self.fields, self.parameters, cloud, balance=self.balance, factors=factors, draw=number)
        self._kept = key, target
        return target

    def _moved(self, target: Collocation, seen: State) -> State:
        """New points for the equations."""
        assert self.adaptive is not None
        cloud, epoch = target.cloud, int(seen["epoch"]) + 1
        points = {}
        for i, term in enumerate(self.fields.problem.soft_terms):
            if not term.is_equation or term.has_fixed_points:
                continue
            generator = generator_of(self.seed, 7_001, epoch, i)

            def draw(n: int, term: Term = term, generator: torch.Generator = generator) -> Tensor:
                fresh = term.sample(n, generator, cloud.sampling)[0]
                return fresh.to(cloud.dtype, cloud.device).coords

            def size(coords: Tensor, term: Term = term) -> Tensor:
                with torch.no_grad():
                    parts = [target.residual(term, (Points(c),)) for c in coords.split(cloud.chunk)]
                return torch.cat(parts).norm(dim=1)

            now = torch.cat([p[0].coords for p in cloud.chunks(term)])
            points[str(term.name)] = self.adaptive.choose(now, draw, size, generator)
        # Factors of points go with the points.
        weights = [
            {k: v for k, v in memory.items() if k != "factor" or all(f.ndim == 0 for f in v.values())}
            for memory in seen.get("weights", ())
        ]
        return {"epoch": epoch, "points": points, "weights": weights}

    def _weighed(self, target: Collocation, seen: State | None, due: Sequence[int]) -> State:
        """New factors from the schemes that are due."""
        seen = seen or {"epoch": 0}
        epoch = int(seen["epoch"]) + 1
        memories = list(seen.get("weights") or [{} for _ in self.weights])
        # The schemes look at the loss without the factors that they are about to replace.
        plain = Collocation(self.fields, self.parameters, target.cloud, balance=self.balance)
        view = _View(plain, generator_of(self.seed, 7_002, epoch))
        for i in due:
            memories[i] = self.weights[i].update(view, memories[i])
        return {**seen, "epoch": epoch, "weights": memories}


def _stale(seen: State | None, i: int) -> bool:
    memories = () if seen is None else seen.get("weights", ())
    return len(memories) <= i or "factor" not in memories[i]


class _View:
    """The loss term by term, measured when it is asked for."""

    def __init__(self, target: Collocation, generator: torch.Generator) -> None:
        self.target = target
        self.generator = generator

    def costs(self) -> dict[str, Tensor]:
        return {name: cost.mean() for name, cost in self.point_costs().items()}

    def point_costs(self) -> dict[str, Tensor]:
        found = {}
        with torch.no_grad():
            for term in self.target.problem.soft_terms:
                parts = []
                for i, points in enumerate(self.target.cloud.chunks(term)):
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
                t = torch.cat([points[0].coords[:, column] for points in self.target.cloud.chunks(term)])
                found[str(term.name)] = (t - axis.lower) / (axis.upper - axis.lower)
        return found

    def gradient_norms(self) -> dict[str, Tensor]:
        found = {}
        for term in self.target.problem.soft_terms:
            total = 0.0 * self.target.parameters.get()
            for i, points in enumerate(self.target.cloud.chunks(term)):
                costs = self.target.weight(term, points, i) * term.penalty(self.target.residual(term, points))
                total = total + self.target.parameters.gradient(costs.sum() / self.target.cloud.size(term))
            found[str(term.name)] = total.norm()
        return found

    def kernel_traces(self) -> dict[str, Tensor]:
        found = {}
        for term in self.target.problem.soft_terms:
            trace = torch.zeros((), dtype=self.target.cloud.dtype, device=self.target.cloud.device)
            for _ in range(_PROBES):
                total = 0.0 * self.target.parameters.get()
                for i, points in enumerate(self.target.cloud.chunks(term)):
                    weight = torch.as_tensor(self.target.weight(term, points, i)).sqrt()
                    rows = weight * self.target.residual(term, points)
                    signs = torch.randint(0, 2, rows.shape, generator=self.generator).to(rows) * 2 - 1
                    total = total + self.target.parameters.gradient((signs * rows).sum())
                trace = trace + total.square().sum() / _PROBES
            found[str(term.name)] = trace / self.target.cloud.size(term)
        return found
