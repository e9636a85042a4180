"""Conformance of everything that is registered beside the solvers: points, weights, schedules; and of all as values."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import LeastSquares, Plan, Siren, plan
from pinnkit.solvers import ADAPTIVE, SCHEDULES, SOLVERS, WEIGHTS, Candidate, RunOptions
from pinnkit.solvers.plans.candidates import Kind
from pinnkit.solvers.training.checkpoint import Checkpoint, read, write
from tests.solvers.cases import heat

EXAMPLES = {
    f"{registry.kind} {entry.name}, {name}": example
    for registry in (SOLVERS, ADAPTIVE, WEIGHTS, SCHEDULES)
    for entry in registry
    for name, example in entry.examples().items()
}
OPTIONS = {
    "defaults": RunOptions(),
    "all": RunOptions(
        seed=3,
        device="cpu",
        dtype=torch.float32,
        tolerance=1e-3,
        seconds=10.0,
        slabs=[0.5],
        compiles=False,
        balance=False,
        out="results/heat",
        resume=True,
        checkpoint_seconds=1.0,
        callbacks=[print],
    ),
    **{f"points {e.name}": RunOptions(adaptive=a) for e in ADAPTIVE for a in e.examples().values()},
    **{f"weights {e.name}": RunOptions(weights=[w, w]) for e in WEIGHTS for w in e.examples().values()},
}
PLANS = {
    "automatic": plan(heat()),
    "two fields": Plan.single({"q": Siren(), "p": Siren(width=8)}, LeastSquares(), "Two fields."),
    **{f"solver {name}": plan(heat(), None, solver) for entry in SOLVERS for name, solver in entry.examples().items()},
}


@pytest.mark.parametrize(
    "value", [*EXAMPLES.values(), *OPTIONS.values(), *PLANS.values()], ids=[*EXAMPLES, *OPTIONS, *PLANS]
)
def test_values_are_pickled_copied_and_hashed(value: Any) -> None:
    for other in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert other == value
        assert hash(other) == hash(value)
        assert repr(other) == repr(value)


def test_words_of_the_command_line_name_classes_of_the_package() -> None:
    assert list(SCHEDULES.words) == ["constant", "cosine", "exponential"]
    assert set(ADAPTIVE.words) == {"rad", "r3"}
    assert set(WEIGHTS.words) == {"gradient-norm", "ntk", "relobralo", "self-adaptive", "causal"}
    assert set(SOLVERS.words) == {
        "adam", "gauss-newton", "lbfgs", "least-squares", "march", "muon", "soap", "ss-bfgs", "ss-broyden",
    }  # fmt: skip


def test_every_solver_has_a_kind_of_its_own_in_a_plan() -> None:
    found = {name: p.first.kind for name, p in PLANS.items() if name.startswith("solver")}
    assert found["solver default"] is Kind.MARCH
    assert found["solver LeastSquares"] is Kind.SEARCH
    others = {kind for name, kind in found.items() if name not in ("solver default", "solver LeastSquares")}
    assert others == {Kind.TRAINING}


# schedules ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("schedule")])
def test_a_schedule_stays_between_nought_and_one(name: str) -> None:
    schedule = EXAMPLES[name]
    factors = [schedule.factor(step, 40) for step in range(41)]
    assert all(0 <= f <= 1 and math.isfinite(f) for f in factors)
    assert max(factors) > 0
    assert factors == [schedule.factor(step, 40) for step in range(41)]


# adaptive points ----------------------------------------------------------------------------------------------------
def chosen(scheme: Any, now: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)

    def draw(n: int) -> Tensor:
        return torch.rand(n, 2, generator=generator, dtype=torch.float64)

    return scheme.choose(now, draw, lambda x: (x[:, 0] > 0.8).double() + 0.01, generator)


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("adaptive")])
def test_adaptive_points_keep_their_number_and_follow_the_residual(name: str) -> None:
    scheme = EXAMPLES[name]
    assert isinstance(scheme.every, int)
    assert scheme.every >= 1
    start = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    now = before = start
    for round_ in range(3):
        now = chosen(scheme, now, round_)
        assert now.shape == start.shape
        assert now.dtype == start.dtype
        assert bool(((now >= 0) & (now <= 1)).all())
    assert torch.equal(start, before), "the points in use were written to"
    assert torch.equal(chosen(scheme, start, 5), chosen(scheme, start, 5)), "the same seed gives the same points"
    assert (now[:, 0] > 0.8).double().mean() > 1.3 * (start[:, 0] > 0.8).double().mean()


# weights ------------------------------------------------------------------------------------------------------------
class Measured:
    """A view of two terms, the first an equation with six points."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def point_costs(self) -> dict[str, Tensor]:
        costs = torch.arange(1.0, 7.0, dtype=torch.float64) * self.scale
        return {"equation": costs, "wall": torch.full((3,), 0.1, dtype=torch.float64)}

    def costs(self) -> dict[str, Tensor]:
        return {name: cost.mean() for name, cost in self.point_costs().items()}

    def times(self) -> dict[str, Tensor]:
        return {"equation": torch.linspace(0, 1, 6, dtype=torch.float64)}

    def gradient_norms(self) -> dict[str, Tensor]:
        return {name: cost.sqrt() for name, cost in self.costs().items()}

    def kernel_traces(self) -> dict[str, Tensor]:
        return {"equation": torch.tensor(9.0).double(), "wall": torch.tensor(1.0).double()}


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("weighting")])
def test_weights_give_positive_factors_in_a_memory_that_can_be_stored(name: str, tmp_path: Path) -> None:
    scheme = EXAMPLES[name]
    assert isinstance(scheme.every, int)
    assert scheme.every >= 1
    sizes = {"equation": 6, "wall": 3}
    memory: Any = {}
    for scale in (1.0, 0.3, 0.1):
        before = {group: dict(tensors) for group, tensors in memory.items()}
        following = scheme.update(Measured(scale), memory)
        assert {group: dict(tensors) for group, tensors in memory.items()} == before, "the memory was written to"
        memory = following
        assert all(isinstance(t, Tensor) for tensors in memory.values() for t in tensors.values())
        for term, factor in memory["factor"].items():
            assert factor.shape in ((), (sizes[term],))
            assert bool(torch.isfinite(factor).all())
            assert bool((factor >= 0).all())
    write(tmp_path / "c.h5", Checkpoint("", 0, 0, {"memory": memory}, [], 0.0))
    stored: Any = read(tmp_path / "c.h5").state["memory"]
    again, direct = (scheme.update(Measured(0.05), m)["factor"] for m in (stored, memory))
    assert list(again) == list(direct)
    assert all(torch.equal(again[term], direct[term]) for term in direct)


# plans --------------------------------------------------------------------------------------------------------------
def test_a_candidate_of_several_fields_hashes_without_their_order() -> None:
    one = Candidate({"q": Siren(), "p": Siren(width=8)}, (LeastSquares(),), "why")
    other = Candidate({"p": Siren(width=8), "q": Siren()}, (LeastSquares(),), "why")
    assert one == other
    assert hash(one) == hash(other)
