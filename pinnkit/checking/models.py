"""Differentiable models as fields: columns in the order of the model, derivatives by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pinnkit.derivatives import Derivative
from pinnkit.domains import Sobol
from pinnkit.jets.evaluation.autograd import autograd_jets
from pinnkit.problem.problem import Problem
from pinnkit.verification.scales import TEST_SEED

from .candidate import Candidate, orders_of
from .sampled_field import SampledField

__all__ = ["Evaluate", "Layout", "ModelField", "differentiable", "fields_of", "trial_points"]

Evaluate = Callable[[Tensor], Tensor]
"""Coordinates ``(n, d)`` of a problem to the components of all unknowns ``(n, c)``."""
_STEP = 1e-4
"""Step of the difference quotient that derivatives are compared with, as a fraction of an axis."""
_AGREE = 1e-2


@dataclass(frozen=True)
class Layout:
    """Order of inputs and outputs of a model.

    Args:
        columns: for each input of the model the column of the problem.
        outputs: for each component of the problem the output of the model.
        width: number of outputs of the model.
    """

    columns: tuple[int, ...]
    outputs: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, problem: Problem, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> Layout:
        """Read the order from names; None takes that of the problem.

        Raises:
            ValueError: for names that are not those of the problem.
        """
        columns = problem.frame.columns
        components = [
            f"{u.name}[{i}]" if u.components else u.name for u in problem.unknowns for i in range(u.components or 1)
        ]
        order = tuple(columns if inputs is None else inputs)
        if sorted(order) != sorted(columns):
            raise ValueError(f"check: `inputs` must name {columns} in the order of the model, got {order}")
        found = tuple(components if outputs is None else outputs)
        if [n for n in components if n not in found]:
            raise ValueError(f"check: `outputs` must name {tuple(components)} in the order of the model, got {found}")
        return cls(tuple(columns.index(n) for n in order), tuple(found.index(n) for n in components), len(found))


class ModelField(nn.Module):
    """A part of a differentiable model: some of its outputs, as a function of some of the coordinates.

    Args:
        evaluate: the whole model.
        kept: indices of the columns that the unknowns depend on.
        others: coordinates ``(d,)`` of the columns that they do not depend on.
        outputs: indices of the outputs.
    """

    def __init__(self, evaluate: Evaluate, kept: Sequence[int], others: Tensor, outputs: Sequence[int]) -> None:
        super().__init__()
        self.evaluate, self.kept, self.others, self.outputs = evaluate, list(kept), others, list(outputs)

    def forward(self, coords: Tensor) -> Tensor:
        """Values ``(n, c)`` at points ``(n, d)``."""
        whole = coords
        if len(self.kept) < len(self.others):
            fixed = self.others.to(coords).expand(len(coords), -1).unbind(dim=1)
            whole = torch.stack(
                [coords[:, self.kept.index(i)] if i in self.kept else c for i, c in enumerate(fixed)], 1
            )
        return self.evaluate(whole)[:, self.outputs]

    def jets(self, coords: Tensor, orders: Iterable[Derivative]) -> dict[Derivative, Tensor]:
        """Derivatives ``(n, c)`` at points ``(n, d)``."""
        return autograd_jets(self.forward, coords, list(orders))  # type: ignore[arg-type,return-value]


def fields_of(problem: Problem, evaluate: Evaluate, words: str, *, rounding: float | None) -> Candidate:
    """Make a candidate of a function of all coordinates.

    Args:
        problem: the problem.
        evaluate: coordinates to the components of all unknowns.
        words: the source in reports.
        rounding: relative error of values that automatic differentiation does not reach; None for a differentiable
            function.
    """
    groups: dict[frozenset[str], list[str]] = {}
    for unknown in problem.unknowns:
        groups.setdefault(problem.columns_of(unknown.name), []).append(unknown.name)
    first, at = {}, 0
    for unknown in problem.unknowns:
        first[unknown.name] = range(at, at + (unknown.components or 1))
        at += unknown.components or 1
    lower = torch.tensor([a.lower for a in problem.axes for _ in a.columns], dtype=torch.float64)
    upper = torch.tensor([a.upper for a in problem.axes for _ in a.columns], dtype=torch.float64)
    trial = trial_points(problem)
    modules: dict[tuple[str, ...], nn.Module] = {}
    for used, members in groups.items():
        kept = [i for i, column in enumerate(problem.frame.columns) if column in used]
        field = ModelField(evaluate, kept, (lower + upper) / 2, [k for name in members for k in first[name]])
        modules[tuple(members)] = (
            field
            if rounding is None
            else SampledField(
                field, lower[kept], upper[kept], orders_of(problem, members, kept), trial[:, kept], rounding
            )
        )
    return Candidate(modules, words)


def trial_points(problem: Problem, count: int = 256) -> Tensor:
    """Points of the domain ``(n, d)`` at which functions are tried."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    return problem.domain.sample(count, generator, sampling=Sobol()).coords.double()


def differentiable(problem: Problem, evaluate: Evaluate) -> bool:
    """Compare the derivative of a function along all axes with a difference quotient."""
    points = trial_points(problem, 64)
    extent = torch.tensor([a.extent for a in problem.axes for _ in a.columns], dtype=torch.float64)
    try:
        slopes = autograd_jets(evaluate, points, [(i,) for i in range(points.shape[1])])
        along = torch.stack([s * e for s, e in zip(slopes.values(), extent, strict=True)]).sum(dim=0)
        with torch.no_grad():
            ahead, behind = evaluate(points + _STEP * extent), evaluate(points - _STEP * extent)
    except (RuntimeError, TypeError, ValueError, NotImplementedError):
        return False
    quotient = (ahead - behind) / (2 * _STEP)
    size = along.abs() + quotient.abs() + ahead.abs()
    agree = (along - quotient).abs() <= _AGREE * size + 1e-12
    return float(agree.double().mean()) > 0.8 or not bool(torch.isfinite(quotient).all())
