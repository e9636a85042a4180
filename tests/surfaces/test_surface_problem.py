"""The eikonal problem of a cloud: residuals of the exact distance, decreasing loss, reproducible seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit.domains import Box
from pinnkit.fields import GeometricMLP, Siren
from pinnkit.jets.jet import coordinate
from pinnkit.problem.linearization import linearise
from pinnkit.problem.names import call
from pinnkit.problem.problem import Problem
from pinnkit.solvers import Adam, solve
from pinnkit.surfaces import IGR, SURFACE_LOSSES, SirenLosses, Supervised, distance_function, surface_problem
from pinnkit.surfaces.distance.field_distance import field_values, gradient_norms
from pinnkit.surfaces.problems.losses import SurfaceLosses
from pinnkit.surfaces.problems.supervision import FixedSamples, NearSurface

RADIUS = 0.6


def sphere(n: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Points of a sphere and its normals there."""
    normals = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    normals = normals / normals.norm(dim=1, keepdim=True)
    return RADIUS * normals, normals


POINTS, NORMALS = sphere(50)


def exact(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return torch.sqrt(x**2 + y**2 + z**2) - RADIUS


def guide(points: Tensor) -> Tensor:
    return points.norm(dim=1) - RADIUS


def residuals(problem: Problem, function: Callable[..., Tensor]) -> dict[str, Tensor]:
    """Of each term, for a function of the coordinates, at 300 of its points."""
    found = {}
    for term in problem.terms:
        points = term.sample(300, torch.Generator().manual_seed(1))
        at = {name: coordinate(problem.frame, points[0].coords, name) for name in problem.frame.names}
        f = call(function, at, "exact")
        values = {c: f.d(*c.order).value for c in problem.trace(term, raw=False).channels}
        found[str(term.name)] = linearise(problem, term, points, values, raw=False).r
    return found


@pytest.mark.parametrize("losses", [IGR(), SirenLosses(), Supervised(eikonal=0.1)], ids=lambda p: type(p).__name__)
def test_every_loss_vanishes_on_the_exact_distance(losses: SurfaceLosses) -> None:
    points, normals = sphere()
    found = residuals(surface_problem(points, normals, guide=guide, losses=losses), exact)
    kept_away = found.pop("off_surface", None)
    assert all(float(r.abs().max()) < 2e-6 for r in found.values()), {k: float(r.abs().max()) for k, r in found.items()}
    if kept_away is not None:  # it does not vanish: it is exp(-100 |f|)
        assert float(kept_away.min()) >= 0
        assert 0 < float(kept_away.mean()) < 0.5


@pytest.mark.parametrize(
    ("losses", "terms"),
    [
        (IGR(), {"eikonal", "normals", "surface"}),
        (SirenLosses(), {"eikonal", "normals", "surface"}),
        (Supervised(eikonal=0.1), {"distance", "eikonal"}),
    ],
    ids=lambda p: type(p).__name__,
)
def test_a_wrong_function_is_seen_by_the_terms(losses: SurfaceLosses, terms: set[str]) -> None:
    points, normals = sphere()
    problem = surface_problem(points, normals, guide=guide, losses=losses)
    found = residuals(problem, lambda x, y, z: 1.2 * torch.sqrt(x**2 + 2 * y**2 + z**2) - RADIUS)
    assert all(float(found[name].abs().mean()) > 1e-2 for name in terms)


def test_every_preset_is_registered_and_brings_a_field_and_a_solver() -> None:
    assert dict(SURFACE_LOSSES.words) == {"igr": IGR, "siren": SirenLosses}
    assert {entry.name for entry in SURFACE_LOSSES} == {"IGR", "SirenLosses", "Supervised"}
    for entry in SURFACE_LOSSES:
        for preset in entry.examples().values():
            plan = preset.plan().first
            assert plan.field is not None
            assert plan.solvers[0].batch == max(preset.points, preset.samples)
            assert preset.needs_distance == isinstance(preset, Supervised)


def test_without_normals_there_is_no_term_for_them() -> None:
    points, _ = sphere()
    assert [t.name for t in surface_problem(points, losses=IGR()).terms] == ["surface", "eikonal"]
    assert [t.name for t in surface_problem(points, guide=guide).terms] == ["distance", "surface"]


@pytest.mark.parametrize(
    ("losses", "field"),
    [
        (IGR(points=128, samples=128), GeometricMLP(width=16, depth=2)),
        (SirenLosses(points=128, samples=128), Siren(width=16, depth=2, omega=5.0)),
        (Supervised(points=128, samples=256, pool=2000), Siren(width=16, depth=2, omega=5.0)),
    ],
    ids=["IGR", "SirenLosses", "Supervised"],
)
def test_a_few_steps_lower_the_loss_and_the_seed_decides_them(losses: SurfaceLosses, field: Siren) -> None:
    points, _ = sphere()
    problem = surface_problem(points, guide=guide, losses=losses)

    def run(seed: int) -> Tensor:
        solver = Adam(steps=30, lr=2e-3, batch=256)
        return torch.as_tensor(solve(problem, field, solver, seed=seed, device="cpu", balance=False).history.loss)

    first, again, other = run(0), run(0), run(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first[-5:].mean()) < float(first[:5].mean())


def test_the_problem_solves_itself_by_its_own_plan() -> None:
    points, _ = sphere()
    problem = surface_problem(points, guide=guide, losses=Supervised(points=256, samples=512, pool=4000))
    choice = problem.plan.with_first(field=Siren(width=24, depth=2, omega=5.0), solvers=(Adam(steps=150, batch=512),))
    solution = solve(replace(problem, plan=choice), device="cpu")
    at = 0.8 * (2 * torch.rand(200, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 1)
    assert float((field_values(solution, at) - guide(at)).abs().mean()) < 0.03
    assert 0.8 < float(gradient_norms(solution, at).mean()) < 1.2
    metrics = {name: metric(solution) for name, metric in problem.metrics.items()}
    assert 0 < metrics["points_to_surface"] < 0.02
    assert 0 < metrics["eikonal_deviation"] < 0.3


def test_the_fitted_distance_carries_gradients_and_is_that_of_the_solution() -> None:
    points, _ = sphere()
    problem = surface_problem(points, guide=guide, losses=Supervised(points=16, samples=16, pool=100))
    solution = solve(problem, Siren(width=8, depth=1), Adam(steps=2, batch=16), device="cpu", balance=False)
    at = points[:20].clone().requires_grad_()
    found = distance_function(solution)(at)
    same = solution(x=points[:20, 0], y=points[:20, 1], z=points[:20, 2])["f"]
    np.testing.assert_allclose(found.detach().numpy(), same, atol=1e-5)
    (gradient,) = torch.autograd.grad(found.sum(), at)
    np.testing.assert_allclose(gradient.norm(dim=1).numpy(), gradient_norms(solution, points[:20]).numpy(), rtol=1e-4)


def test_samples_lie_near_the_points_and_in_the_whole_box() -> None:
    points, _ = sphere()
    box = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
    drawn = NearSurface(box, points, (0.01, 0.05)).sample(4000, torch.Generator().manual_seed(0)).coords
    again = NearSurface(box, points, (0.01, 0.05)).sample(4000, torch.Generator().manual_seed(0)).coords
    assert torch.equal(drawn, again)
    assert float(drawn.abs().max()) <= 1
    away = guide(drawn).abs()
    assert 0.45 < float((away < 0.12).double().mean()) < 0.75
    assert float(away.max()) > 0.7


def test_scattered_data_stay_with_their_points() -> None:
    points, normals = sphere()
    box = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
    drawn = FixedSamples(box, points, {"normal": normals}).sample(500, torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.coords, RADIUS * drawn.columns["normal"])


@pytest.mark.parametrize(
    ("call_it", "words"),
    [
        (lambda: surface_problem(10 * POINTS), "normalise them first"),
        (lambda: surface_problem(POINTS[:, :1]), r"\(n, 2\) or \(n, 3\)"),
        (lambda: surface_problem(POINTS * math.nan), "must be finite"),
        (lambda: surface_problem(POINTS[:0]), "normalise them first"),
        (lambda: surface_problem(POINTS, NORMALS[:5]), "the shape of `points`"),
        (lambda: surface_problem(POINTS, losses=Supervised()), "no distance to learn from"),
        (lambda: IGR(eikonal=0.0), "`eikonal` must be positive"),
        (lambda: SirenLosses(sharpness=-1.0), "`sharpness` must be positive"),
        (lambda: Supervised(samples=0), "`samples` must be a whole number"),
        (lambda: NearSurface(Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)), POINTS, (0.1, 0.0)), "two positive lengths"),
    ],
)
def test_bad_input_is_refused_with_the_repair(call_it: Callable[..., object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call_it()
