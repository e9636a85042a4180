"""Solutions made by hand for the tests of what comes after a solve: fields whose values are known in closed form."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from pinnkit.domains import Box
from pinnkit.fields import RandomFourier, Siren
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.solutions.history import History
from pinnkit.solutions.solution import Solution, exact_values
from pinnkit.solutions.status import Status

ALPHA = 1 / math.pi**2


def heat_problem(**changes) -> Problem:
    rod = Box(x=(0, 1), t=(0, 1))
    given = dict(
        name="heat",
        domain=rod,
        unknowns="u",
        terms=[
            Equation(lambda u: u.t - ALPHA * u.xx),
            Dirichlet(rod.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x)),
        ],
        exact=dict(u=lambda x, t: torch.sin(math.pi * x) * torch.exp(-t)),
    )
    return Problem(**{**given, **changes})


def history(terms=("equation", "dirichlet", "initial"), rows=20) -> History:
    steps = np.arange(rows)
    costs = {name: 10.0 ** (-0.2 * steps - i) for i, name in enumerate(terms)}
    return History(
        steps, 0.1 * steps, ("Adam",) * (rows // 2) + ("LBFGS",) * (rows - rows // 2), sum(costs.values()), costs
    )


def solution_of(problem: Problem, module=None, *, spec=None, **changes) -> Solution:
    """A solution of `problem` whose one field is `module`, or the one that `spec` builds."""
    group = problem.names
    outputs = sum(problem.unknown(name).components or 1 for name in group)
    if module is None:
        spec = spec or Siren(width=8, depth=2)
        generator = torch.Generator().manual_seed(0)
        module = spec.build(problem.axes, outputs, generator=generator, dtype=problem.dtype, device="cpu")
    made = Solution(
        problem=problem,
        fields={group: spec},
        modules={group: module},
        coefficients={c.name: c.initial for c in problem.coefficients},
        status=Status.BUDGET,
        history=history(tuple(t.name for t in problem.terms)),
        seconds=1.25,
        seed=0,
        device="cpu",
        dtype=problem.dtype,
        solvers=("Adam(steps=10)", "LBFGS(steps=10)"),
        choice="A Siren by Adam, then L-BFGS, because the test says so.",
        residual_rms=1e-3,
        steps=20,
        parameters=sum(p.numel() for p in module.parameters()),
        versions={"pinnkit": "0"},
    )
    return replace(made, **changes)


def fitted_heat(features: int = 300, *, problem: Problem | None = None) -> Solution:
    """The heat equation's exact solution, fitted by random features: good to about 1e-9."""
    problem = problem or heat_problem()
    spec = RandomFourier(features=features, bandwidth=5.0)
    generator = torch.Generator().manual_seed(0)
    module = spec.build(problem.axes, 1, generator=generator, dtype=torch.float64, device="cpu")
    coords = problem.domain.sample(2000, generator).coords
    target = torch.sin(math.pi * coords[:, :1]) * torch.exp(-coords[:, 1:])
    with torch.no_grad():
        readout = torch.linalg.lstsq(module.trunk(coords), target, rcond=1e-14, driver="gelsd").solution
        module.readout.weight.copy_(readout.T)
    return solution_of(problem, module, spec=spec, status=Status.SOLVED, solvers=("LeastSquares()",))


def vector_problem() -> Problem:
    box = Box(x=(0, 1), y=(0, 2))
    return Problem(
        name="flow",
        domain=box,
        unknowns=["p", Unknown("v", components=2)],
        terms=[Equation(lambda p, v: p.x - v[0].x - v[1].y), Dirichlet(box.boundary, p=0.0)],
    )


@dataclass(frozen=True)
class FakeReference:
    """Stand-in for a reference: the closed form on a grid, wrong by a known factor."""

    kind: str
    order: float
    axes: dict
    values: dict
    bar: float
    seconds: float = 0.3
    observed_order: float = 1.97

    def bars(self, _name):
        return self.bar, 2 * self.bar


def fake_reference(problem: Problem, *, wrong: float = 1e-7, bar: float = 2e-7, count: int = 41) -> FakeReference:
    ticks = {a.name: np.linspace(a.lower, a.upper, count) for a in problem.axes}
    mesh = torch.meshgrid(*(torch.from_numpy(t) for t in ticks.values()), indexing="ij")
    coords = torch.stack([m.reshape(-1) for m in mesh], dim=1)
    shape = (count,) * len(ticks)
    values = {k: v.numpy().reshape(shape) * (1 + wrong) for k, v in exact_values(problem, coords, {}).items()}
    return FakeReference("finite differences", 2, ticks, values, bar)
