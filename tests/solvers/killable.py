"""A run that a test kills: `python -m tests.solvers.killable FOLDER KIND PAUSE` solves, or goes on from what is there.

It prints a line at each step, after which it pauses, and writes the bits of what it found to FOLDER/found.pt.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pinnkit import LBFGS, Adam, LeastSquares, RandomFourier, Siren, Solution, solve
from pinnkit.solvers import NTK, R3, RAD, Causal, GradientNorm, ReLoBRaLo, SelfAdaptive
from tests.solvers.cases import cubic, heat

FEW = dict(points=48, condition_points=12)
NET = Siren(width=8, depth=2, omega=3.0)
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
    "long": dict(problem=cubic(), field=NET, solvers=[Adam(steps=250, **FEW), LBFGS(steps=150, **FEW)]),
    "long batch": dict(problem=heat(), field=NET, solvers=[Adam(steps=250, batch=16), LBFGS(steps=150, **FEW)]),
}


def bits(solution: Solution) -> dict[str, Any]:
    """Everything that a resumed run must have in common with one that was not killed; seconds may differ."""
    state = {f"{group} {name}": t for group, m in solution.modules.items() for name, t in m.state_dict().items()}
    history = solution.history
    return {
        **state,
        "loss": torch.from_numpy(history.loss),
        "step": torch.from_numpy(history.step),
        **{f"term {name}": torch.from_numpy(costs) for name, costs in history.terms.items()},
        "status": solution.status.name,
        "steps": solution.steps,
    }


def run(folder: Path, kind: str, callbacks: list[Callable[..., Any]] | None = None, **options: Any) -> Solution:
    """One life of the run, from the checkpoint if there is one."""
    given = dict(KINDS[kind])
    problem = given.pop("problem")
    return solve(problem, **given, out=folder, resume=True, callbacks=callbacks or [], **options)


def main() -> None:
    folder, kind, pause = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    torch.set_num_threads(1)

    def tell(record: Any) -> None:
        sys.stdout.write(f"step {record.step}\n")
        sys.stdout.flush()
        time.sleep(pause)

    found = bits(run(folder, kind, [tell], checkpoint_seconds=0.0))
    torch.save(found, folder / "found.pt")


if __name__ == "__main__":
    main()
