"""Runs that a test kills: `python -m tests.solvers.killable` waits for words on stdin and forks a process for each run.

A line ``FOLDER KIND PAUSE`` (tabs between) solves in a new process, or goes on from what is in the folder.  That
process prints its number, a line at each step, after which it pauses, and writes the bits of what it found to
FOLDER/found.pt; its parent then prints how it ended.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit import LBFGS, Adam, LeastSquares, RandomFourier, Siren, Solution, solve
from pinnkit.fields import Expansion
from pinnkit.images import Picture, image_problem
from pinnkit.images.quick import quick_plan
from pinnkit.radiance import Planes, fit_radiance, make_scene
from pinnkit.solvers import (
    NTK,
    R3,
    RAD,
    SOAP,
    SSBFGS,
    Causal,
    GaussNewton,
    GradientNorm,
    March,
    Muon,
    ReLoBRaLo,
    SelfAdaptive,
    SSBroyden,
)
from tests.solvers.cases import cubic, heat, poisson

FEW = dict(points=48, condition_points=12)
NET = Siren(width=8, depth=2, omega=3.0)
TABLE = Siren(width=12, depth=3, omega=3.0)
KINDS: dict[str, dict[str, Any]] = {
    "full": dict(problem=cubic(), field=NET, solvers=[Adam(steps=40, **FEW), LBFGS(steps=25, memory=6, **FEW)]),
    "batch": dict(problem=heat(), field=NET, solvers=[Adam(steps=40, batch=16), LBFGS(steps=10, **FEW)], seed=3),
    "single": dict(
        problem=heat(), field=NET, solvers=[Adam(steps=30, resample=4, **FEW), LBFGS(steps=10)], dtype=torch.float32
    ),
    "stages": dict(problem=cubic(), field=NET, solvers=[Adam(steps=20, **FEW), LeastSquares(ratio=9.0, steps=6)]),
    "newton": dict(problem=cubic(), field=RandomFourier(40, bandwidth=8.0), solvers=LeastSquares()),
    "adaptive": dict(
        problem=cubic(),
        field=NET,
        solvers=[Adam(steps=22, **FEW), LBFGS(steps=18, memory=6, **FEW)],
        adaptive=RAD(every=7),
        weights=[GradientNorm(every=3), SelfAdaptive(every=4)],
    ),
    "retained": dict(
        problem=heat(),
        field=NET,
        solvers=[Adam(steps=22, **FEW), LBFGS(steps=18, memory=6, **FEW)],
        adaptive=R3(every=6),
        weights=[ReLoBRaLo(every=2), Causal(every=5), NTK(every=9)],
    ),
    "self-scaled": dict(problem=cubic(), field=NET, solvers=[SSBroyden(steps=30, **FEW), SSBFGS(steps=20, **FEW)]),
    "gauss-newton": dict(problem=cubic(), field=NET, solvers=GaussNewton(steps=8, points=64, condition_points=12)),
    "adaptive gauss-newton": dict(
        problem=heat(),
        field=NET,
        solvers=GaussNewton(steps=9, points=64, condition_points=12, resample=3),
        adaptive=RAD(every=3),
    ),
    "soap": dict(problem=heat(), field=TABLE, solvers=[SOAP(steps=25, **FEW)]),
    "muon": dict(problem=heat(), field=TABLE, solvers=[Muon(steps=30, batch=16)], seed=1),
    "slabs": dict(problem=heat(), field=NET, solvers=[Adam(steps=9, **FEW), LBFGS(steps=4, **FEW)], slabs=2),
    # These write no checkpoints: what is killed begins anew.
    "search": dict(problem=poisson(), field=RandomFourier(), solvers=LeastSquares(), tolerance=1e-2),
    "polynomials": dict(problem=poisson(), field=Expansion(limit=60), solvers=LeastSquares()),
    "march": dict(problem=heat(), solvers=March(tolerance=1e-4)),
    "slabs of sines": dict(problem=heat(), field=RandomFourier(60, bandwidth=3.0), solvers=LeastSquares(), slabs=2),
    "long": dict(problem=cubic(), field=NET, solvers=[Adam(steps=250, **FEW), LBFGS(steps=150, **FEW)]),
    "long batch": dict(problem=heat(), field=NET, solvers=[Adam(steps=250, batch=16), LBFGS(steps=150, **FEW)]),
}
UNSAVED = ("search", "polynomials", "march")
"""Kinds without checkpoints."""
FITS = ("picture", "radiance")
"""Kinds that are not equations."""

Callbacks = Sequence[Callable[..., Any]]


def bits(solution: Solution) -> dict[str, Any]:
    """Everything that a resumed run must have in common with one that was not killed; seconds may differ."""
    state = {f"{group} {name}": t for group, m in solution.modules.items() for name, t in m.state_dict().items()}
    history = solution.history
    return {
        **state,
        "loss": torch.from_numpy(history.loss),
        "step": torch.from_numpy(history.step),
        **{f"term {name}": torch.from_numpy(costs) for name, costs in history.terms.items()},
        **{f"measure {name}": torch.from_numpy(taken) for name, taken in history.measures.items()},
        "status": solution.status.name,
        "steps": solution.steps,
    }


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Names of the entries that differ."""

    def equal(a: Any, b: Any) -> bool:
        if isinstance(b, torch.Tensor):
            return bool(torch.equal(a.nan_to_num(nan=7e300), b.nan_to_num(nan=7e300))) if b.is_floating_point() else (
                bool(torch.equal(a, b))
            )  # fmt: skip
        return bool(a == b)

    assert list(found) == list(expected)
    return [name for name in expected if not equal(found[name], expected[name])]


def run(folder: Path, kind: str, callbacks: Callbacks = (), **options: Any) -> Solution:
    """One life of the run, from the checkpoint if there is one."""
    how: dict[str, Any] = dict(out=folder, resume=True, callbacks=list(callbacks))
    if kind == "radiance":
        scene = make_scene(views=3, test=1, size=10, samples=1)
        return fit_radiance(scene, Planes(effort=0.03, components=3, width=8, batch=64), every=1000, **how)
    if kind == "picture":
        waves = np.add.outer(np.arange(12), np.arange(16))[..., None] * np.array([0.1, 0.3, 0.7])
        problem = image_problem(Picture((0.5 + 0.5 * np.sin(waves)).astype(np.float32)))
        plan = quick_plan(problem.plan)
        steps = tuple(Adam(steps=40, batch=32, betas=s.betas) for s in plan.first.solvers)
        return solve(problem, plan=plan.with_first(solvers=steps), **how, **options)
    given = dict(KINDS[kind])
    return solve(given.pop("problem"), **given, **how, **options)


def life(folder: Path, kind: str, pause: float) -> None:
    """Solve, with a line at each step and a checkpoint after each."""

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def tell(record: Any) -> None:
        say(f"step {record.step}")
        time.sleep(pause)

    say(f"process {os.getpid()}")
    options = {} if kind == "radiance" else {"checkpoint_seconds": 0.0}
    found = bits(run(folder, kind, [tell], **options))
    folder.mkdir(parents=True, exist_ok=True)  # of a run without checkpoints
    torch.save(found, folder / "found.pt")


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        folder, kind, pause = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            code = 1
            try:
                life(Path(folder), kind, float(pause))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"end {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
