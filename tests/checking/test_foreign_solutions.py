"""Solutions of other programs: every wrong one is named, no right one is refused."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from pinnkit.checking import check
from pinnkit.problem.problem import Problem
from pinnkit.references import reference
from pinnkit.verification import Kind, Level
from tests.checking import foreign
from tests.planted import measured

PI = math.pi


@dataclass(frozen=True)
class Case:
    """One solution from elsewhere.

    Args:
        problem: builds the problem.
        candidate: writes or builds the solution, in a folder.
        named: kinds of findings of which one must be there; empty for a right solution.
        confirmed: whether the verdict must be "confirmed".
        options: further arguments of `check`.
        slow: whether it takes longer than a second or two.
        compared: whether a reference is computed.
    """

    problem: Callable[[], Problem]
    candidate: Callable[[Path], Any]
    named: tuple[Kind, ...] = ()
    confirmed: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    slow: bool = True
    compared: bool = True


@functools.cache
def known(problem: Callable[[], Problem]) -> tuple[Problem, Any]:
    built = problem()
    return built, reference(built, budget=0.5)


def mesh_file(folder: Path) -> Path:
    import meshio

    points, triangles, u = foreign.finite_elements()
    flat = np.pad(points, ((0, 0), (0, 1)))
    meshio.write(folder / "poisson.vtu", meshio.Mesh(flat, [("triangle", triangles)], point_data={"temperature": u}))
    return folder / "poisson.vtu"


def elements(_folder: Path) -> dict[str, np.ndarray]:
    points, _, u = foreign.finite_elements()
    return dict(x=points[:, 0], y=points[:, 1], u=u)


def hdf5(folder: Path) -> Path:
    with h5py.File(folder / "heat.h5", "w") as file:
        for name, value in foreign.crank_nicolson().items():
            file.create_dataset(f"run/{name}", data=value)
    return folder / "heat.h5"


def npz(folder: Path) -> Path:
    np.savez(folder / "poisson.npz", **foreign.spectral_poisson())
    return folder / "poisson.npz"


def scattered(_folder: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    x, y = rng.random(3000), rng.random(3000)
    return dict(x=x, y=y, u=np.sin(PI * x) * np.sin(PI * y) + 0.02 * rng.standard_normal(3000))


def decay(_folder: Path) -> dict[str, np.ndarray]:
    t = np.linspace(0, 2, 41)
    return dict(t=t, u=np.exp(-1.5 * t), k=np.full(41, 1.5))


def changed(**parts: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Callable[[Path], dict[str, np.ndarray]]:
    """The heat problem on a grid with some arrays replaced."""

    def made(_folder: Path) -> dict[str, np.ndarray]:
        table = foreign.grid(21, 21)
        return {**table, **{name: part(table) for name, part in parts.items()}}

    return made


def ignored_wall(table: dict[str, np.ndarray]) -> np.ndarray:
    u = table["u"].copy()
    u[0] = 0.3
    return u


def lost(table: dict[str, np.ndarray]) -> np.ndarray:
    u = table["u"].copy()
    u[:, 1:] *= 0.1
    return u


def mirrored_walls(_folder: Path) -> Callable[..., Any]:
    return lambda x, y: foreign.tilted_values(1 - x) + 0 * y


def holes(table: dict[str, np.ndarray]) -> np.ndarray:
    u = table["u"].copy()
    u[5, 3] = np.nan
    return u


def swapped_walls(_folder: Path) -> dict[str, np.ndarray]:
    x = np.linspace(0, 1, 15)
    u = np.repeat(foreign.tilted_values(1 - x)[:, None], 15, axis=1)
    return dict(x=x, y=x, u=u)


RIGHT = {
    "a torch function": Case(
        foreign.heat, lambda _: lambda x, t: torch.sin(PI * x) * torch.exp(-t), confirmed=True, slow=False
    ),
    "a NumPy function": Case(foreign.heat, lambda _: lambda x, t: np.sin(PI * x) * np.exp(-t), confirmed=True),
    "a function of one array": Case(
        foreign.heat, lambda _: lambda points: np.sin(PI * points[:, 0]) * np.exp(-points[:, 1]), confirmed=True
    ),
    "finite differences in a table": Case(
        foreign.heat, lambda p: foreign.write_csv(p / "u.csv", foreign.crank_nicolson()), confirmed=True
    ),
    "finite differences in HDF5": Case(foreign.heat, hdf5, confirmed=True),
    "finite elements in a table": Case(foreign.poisson, elements, confirmed=True),
    "finite elements in a mesh": Case(
        foreign.poisson, mesh_file, confirmed=True, options=(("names", {"temperature": "u"}),)
    ),
    "a spectral solution of an equation in one coordinate": Case(
        foreign.layer, lambda _: foreign.spectral_layer(), slow=False, compared=False
    ),
    "a spectral solution on a grid": Case(foreign.poisson, npz, confirmed=True),
    "time steps of a pendulum": Case(
        foreign.swing, lambda p: foreign.write_csv(p / "u.csv", foreign.time_steps()), confirmed=True
    ),
    "a table with noise of 1 %": Case(foreign.heat, lambda _: foreign.grid(31, 31, noise=0.01)),
    "scattered points with noise of 2 %": Case(foreign.poisson, scattered),
    "a table with a column of its coefficient": Case(measured, decay, compared=False),
    "a network of DeepXDE with its activation": Case(
        foreign.heat,
        lambda p: foreign.checkpoint(p / "model-1000.pt", foreign.heat_network()),
        confirmed=True,
        options=(("activation", "tanh"),),
        slow=False,
    ),
    "a network of DeepXDE in single precision with its module": Case(
        foreign.heat,
        lambda p: foreign.checkpoint(p / "model-1000.pt", foreign.heat_network(torch.float32)),
        options=(("network", foreign.FNN),),
    ),
    "a walled plate": Case(foreign.tilted, lambda _: lambda x, y: foreign.tilted_values(x) + 0 * y, confirmed=True),
}

WRONG = {
    "the opposite sign": Case(foreign.heat, changed(u=lambda a: -a["u"]), (Kind.MIRRORED,)),
    "a wall that is ignored": Case(foreign.heat, changed(u=ignored_wall), (Kind.CONDITION,)),
    "a start that is lost": Case(foreign.heat, changed(u=lost), (Kind.LOST_START,)),
    "1.2 times the solution": Case(foreign.heat, changed(u=lambda a: 1.2 * a["u"]), (Kind.CONDITION, Kind.TRANSFORMED)),
    "1000 times the solution": Case(foreign.heat, changed(u=lambda a: 1000 * a["u"]), (Kind.TRANSFORMED,)),
    "a shift in time": Case(
        foreign.heat, changed(u=lambda a: np.exp(-0.25) * a["u"]), (Kind.CONDITION, Kind.TRANSFORMED)
    ),
    "a transposed array": Case(foreign.heat, changed(u=lambda a: a["u"].T), (Kind.TRANSFORMED,)),
    "coordinates that are exchanged": Case(
        foreign.heat, changed(u=lambda a: a["u"].T), (Kind.UNSOLVED, Kind.TRIVIAL), compared=False
    ),
    "values that are not finite": Case(foreign.heat, changed(u=holes), (Kind.NOT_FINITE,)),
    "a table that ends early": Case(
        foreign.heat,
        lambda _: dict(zip("xtu", _early(foreign.grid(21, 21)), strict=True)),
        (Kind.UNCOVERED,),
    ),
    "a table that is too coarse": Case(
        foreign.steep, lambda _: _sampled(12), (Kind.TOO_COARSE, Kind.FAR), slow=False, compared=False
    ),
    "walls that are swapped": Case(foreign.tilted, swapped_walls, (Kind.CONDITION,)),
    "a mirror image": Case(foreign.tilted, mirrored_walls, (Kind.MIRRORED,)),
    "a constant added between insulated walls": Case(
        foreign.insulated_rod,
        lambda _: lambda x, t: 3 + torch.cos(PI * x) * torch.exp(-t),
        (Kind.TRANSFORMED, Kind.CONDITION),
        slow=False,
    ),
    "columns that are exchanged": Case(
        foreign.swing, lambda _: {**(a := foreign.time_steps()), "u": a["v"], "v": a["u"]}, (Kind.TRANSFORMED,)
    ),
    "a diffusivity that is 30 % too large": Case(
        foreign.heat, lambda _: lambda x, t: torch.sin(PI * x) * torch.exp(-1.3 * t), (Kind.UNSOLVED, Kind.FAR)
    ),
    "a network that was not trained": Case(foreign.heat, lambda _: foreign.FNN(), (Kind.CONDITION,), slow=False),
    "zero": Case(foreign.heat, lambda _: lambda x, t: 0 * x * t, (Kind.TRIVIAL,), slow=False),
    "a coefficient that is wrong": Case(
        measured, decay, (Kind.UNSOLVED,), options=(("coefficients", {"k": 0.5}),), compared=False, slow=False
    ),
}


def _early(table: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return table["x"], table["t"][:15], table["u"][:, :15]


def _sampled(count: int) -> dict[str, np.ndarray]:
    x = np.linspace(0, 1, count)
    return dict(x=x, u=np.sin(12 * PI * x))


def marked(cases: dict[str, Case]) -> list[Any]:
    return [pytest.param(case, id=name, marks=pytest.mark.slow if case.slow else ()) for name, case in cases.items()]


def checked(case: Case, folder: Path) -> Any:
    problem, other = known(case.problem) if case.compared else (case.problem(), None)
    return check(problem, case.candidate(folder), reference=other, budget=0.0, **dict(case.options))


def test_there_are_25_cases() -> None:
    assert len(RIGHT) + len(WRONG) >= 25


@pytest.mark.parametrize("case", marked(RIGHT))
def test_a_right_solution_is_not_refused(case: Case, tmp_path: Path) -> None:
    report = checked(case, tmp_path)
    assert report.verdict.ok, str(report)
    assert report.level is Level.CONFIRMED or not case.confirmed, str(report)


@pytest.mark.parametrize("case", marked(WRONG))
def test_a_wrong_solution_is_named(case: Case, tmp_path: Path) -> None:
    report = checked(case, tmp_path)
    assert report.level is Level.NOT_GOOD, str(report)
    assert set(case.named) & report.verdict.kinds, str(report)


@pytest.mark.slow
def test_a_missing_part_of_the_start_is_not_taken_for_a_shift() -> None:
    problem = foreign.heat()
    both = Problem(
        "two modes",
        problem.domain,
        "u",
        problem.terms,
        exact=dict(u=lambda x, t: torch.sin(PI * x) * torch.exp(-t) + 0.5 * torch.sin(3 * PI * x) * torch.exp(-9 * t)),
    )
    report = check(both, foreign.grid(21, 21), budget=0.0)
    assert Kind.FAR in report.verdict.kinds
    assert Kind.TRANSFORMED not in report.verdict.kinds
