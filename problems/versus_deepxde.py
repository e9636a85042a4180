"""DeepXDE and pinnkit side by side: the same problem, points, network, dtype and machine, one after the other.

Two problems, the square Poisson problem -laplacian(u) = 2 pi^2 sin(pi x) sin(pi y) and heat in a rod with two modes.
DeepXDE (Lu, Meng, Mao & Karniadakis, SIAM Review 63, 2021) as its documentation advises: torch backend, Adam with rate
1e-3 for 5,000 steps, then L-BFGS until it ends.  pinnkit twice: as it chooses by itself, and with the very network of
DeepXDE, tanh of 4 x 50, by pinnkit's own training.  Every second of a solve counts, for both; errors are relative L2 on
the same 2^14 points that none has seen, and no clock runs while they are measured.

Dimensionless.  Needs `pip install "pinnkit[peers]"`.  Expected: ten minutes on two cores; DeepXDE ends near 5e-4 after
some minutes, pinnkit is there at least 100 times sooner.  `--quick` takes half a minute and proves nothing.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from pinnkit import LBFGS, MLP, Adam, solve, validate
from pinnkit.domains import Sobol
from pinnkit.measure.bench.peer import CASES, deepxde_model, quiet, require_deepxde
from pinnkit.measure.compare import Method, compare
from pinnkit.reports.report import number
from pinnkit.solutions.storage import replacing
from pinnkit.verification.comparison import TEST_POINTS
from pinnkit.verification.term_sample import TEST_SEED

TARGET = 100.0  # times sooner
POINTS, CONDITION_POINTS = 2048, 256


def deepxde_run(case, *, width, depth, dtype, seed, adam, lbfgs):
    """DeepXDE from nothing to its final network: relative L2 error, seconds, and what it was told."""
    dde = require_deepxde()
    begin = time.perf_counter()
    shape = dict(width=width, depth=depth, points=POINTS, condition_points=CONDITION_POINTS)
    model = deepxde_model(case, **shape, dtype=dtype, seed=seed)
    with quiet():
        torch.set_default_dtype(dtype)
        model.compile("adam", lr=1e-3)
        model.train(iterations=adam, display_every=10**9)
        after_adam = time.perf_counter() - begin
        dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
        if lbfgs < 1000:  # it looks at its options in portions of 1,000, set when it is loaded
            dde.optimizers.config.LBFGS_options.update(iter_per_step=lbfgs, fun_per_step=2 * lbfgs)
        model.compile("L-BFGS")
        model.train(display_every=10**9)
        seconds = time.perf_counter() - begin
        coords = case.problem.domain.sample(
            TEST_POINTS, torch.Generator().manual_seed(TEST_SEED), sampling=Sobol()
        ).coords
        found = torch.from_numpy(model.predict(coords.to(dtype).numpy())).double()[:, 0]
    exact = case.problem.exact["u"](*coords.T)
    error = float((found - exact).norm() / exact.norm())
    steps = dict(adam=adam, lbfgs=int(model.train_state.step) - adam)
    return dict(rel_l2=error, seconds=seconds, seconds_adam=after_adam, steps=steps, version=dde.__version__)


def soonest(case, *, seed, error, most):
    """Seconds of the shortest automatic solve that reaches an error: fresh ones of 0.05, 0.1, 0.2, ... seconds."""
    limit = 0.05
    while limit < most:
        solution = solve(case.problem, seed=seed, seconds=limit)
        if validate(solution, budget=0.0).headline.rel_l2 <= error:
            return solution.seconds
        limit *= 2
    return None


def versus(case, options, say):
    """Both on one problem; DeepXDE's run is kept, so that a stopped comparison goes on."""
    dtype = torch.float32 if options.dtype == "float32" else torch.float64
    settings = dict(width=options.width, depth=4, seed=options.seed, adam=options.adam, lbfgs=options.lbfgs)
    asked = {**settings, "dtype": options.dtype, "threads": torch.get_num_threads()}
    kept = options.out / case.problem.name / "deepxde.json"
    peer = json.loads(kept.read_text()) if kept.is_file() else {}
    if peer.get("asked") != asked:
        say(f"{case.name}: DeepXDE trains ...")
        peer = dict(asked=asked, **deepxde_run(case, **settings, dtype=dtype))
        with replacing(kept) as temporary:
            temporary.write_text(json.dumps(peer, indent=2) + "\n")
    say(f"{case.name}: DeepXDE {number(peer['rel_l2'])} in {number(peer['seconds'])} s; pinnkit solves ...")
    few = dict(points=POINTS, condition_points=CONDITION_POINTS)
    network = MLP(width=options.width, depth=4, activation="tanh")
    trained = [Adam(steps=min(500, options.adam), **few), LBFGS(steps=min(15_000, options.lbfgs), **few)]
    methods = [Method("automatic"), Method(f"tanh 4 x {options.width}", network, trained)]
    budget = 0.2 if options.quick else 5.0
    result = compare(
        case.problem, methods, seeds=options.seeds, seconds=peer["seconds"], budget=budget, out=options.out, log=say
    )
    rows = [dict(who="DeepXDE", rel_l2=peer["rel_l2"], seconds=peer["seconds"], reached=peer["seconds"], sooner=1.0)]
    for method in methods:
        runs = result.of(method.name)
        if method.solvers is None:  # it goes on far beyond DeepXDE's error: when was it there?
            times = [soonest(case, seed=r.seed, error=peer["rel_l2"], most=peer["seconds"]) for r in runs]
        else:
            times = [next((m.seconds for m in r.measurements if (m.rel_l2 or 1) <= peer["rel_l2"]), None) for r in runs]
        reached = None if None in times else max(times)  # the slowest seed
        error = result.errors(method.name)[1]
        rows.append(
            dict(
                who=f"pinnkit, {method.name}",
                rel_l2=error if error < float("inf") else None,
                seconds=result.seconds(method.name)[1],
                reached=reached,
                sooner=None if reached is None else peer["seconds"] / reached,
            )
        )
    return dict(case=case.name, deepxde=peer, seeds=options.seeds, rows=rows)


def table(found):
    """Errors of all methods, and the time of each to DeepXDE's final error."""
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("problem", "who", "relative L2", "seconds", "seconds to DeepXDE's error", "times sooner"):
        shown.add_column(column)
    for result in found:
        for row in result["rows"]:
            cells = (number(row[key]) if row[key] is not None else "never" for key in ("rel_l2", "seconds", "reached"))
            sooner = "-" if row["sooner"] is None else f"{row['sooner']:.3g}"
            shown.add_row(result["case"], row["who"], *cells, sooner)
    best = [max(row["sooner"] or 0.0 for row in result["rows"]) for result in found]
    shown.caption = f"worst of the seeds; target: {TARGET:g} times sooner, {'met' if min(best) >= TARGET else 'MISSED'}"
    return shown


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps of small networks: does it run?")
    parser.add_argument("--problem", choices=[c.problem.name for c in CASES], help="one of them; both by default")
    parser.add_argument("--adam", type=int, default=5000, help="DeepXDE's Adam steps")
    parser.add_argument("--lbfgs", type=int, default=15_000, help="its L-BFGS iterations at most")
    parser.add_argument("--width", type=int, default=50, help="units of each of the four hidden layers")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64", help="of DeepXDE")
    parser.add_argument("--seed", type=int, default=0, help="of DeepXDE")
    parser.add_argument("--seeds", type=int, default=3, help="runs of pinnkit")
    parser.add_argument("--out", type=Path, default=Path("results/versus_deepxde"))
    options = parser.parse_args(arguments)
    if options.quick:
        options.adam, options.lbfgs, options.width, options.seeds = 30, 30, 10, 1
    console = Console(width=128)
    try:
        require_deepxde()
    except ModuleNotFoundError as error:
        console.print(f"versus_deepxde: {error}", style="red", markup=False)
        return 2
    found = [versus(c, options, console.print) for c in CASES if options.problem in (None, c.problem.name)]
    with replacing(options.out / "versus_deepxde.json") as temporary:
        temporary.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    console.print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
