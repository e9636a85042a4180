"""The benchmark of steps runs, counts its matrix products right, and renders; nothing here asserts a time."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from pinnkit import cli
from pinnkit.measure.bench import peer, steps
from pinnkit.measure.bench.peer import CASES
from pinnkit.measure.bench.steps import Row, as_json, run, table
from pinnkit.solvers.training import compilation as compiling

ROW = Row(
    case="heat 1-D",
    width=50,
    depth=4,
    points=2048,
    condition_points=256,
    dtype="float32",
    threads=2,
    repetitions=3,
    seconds={"deepxde": 0.06, "nested": 0.05, "eager": 0.04, "compiled": 0.03},
    ratios={"deepxde/eager": 1.2, "deepxde/compiled": 1.4, "nested/eager": 1.1, "nested/compiled": 1.3},
    compiling=20.0,
    flops=10**9,
    rate=1e11,
    target=1.5,
)


def shown(row):
    console = Console(width=250, record=True, file=io.StringIO())
    console.print(table([row]))
    return console.export_text(styles=True)


def test_a_quick_run_has_a_row_for_every_case():
    seen = []
    rows = run(quick=True, progress=seen.append)
    assert rows == seen
    assert [row.case for row in rows] == [case.name for case in CASES]
    for row in rows:
        assert set(row.seconds) == {"nested", "eager"}
        assert set(row.ratios) == {"nested/eager"}
        assert min(*row.seconds.values(), row.rate, row.flops) > 0
        assert row.fraction("compiled") is None


@pytest.mark.parametrize(("case", "channels"), list(zip(CASES, (4, 3), strict=True)))
def test_the_operations_counted_are_those_of_the_channels(case, channels):
    """Forward, and backward for inputs and weights, 2 n k h each; the first layer has no inputs to go back to."""
    setup = steps._Setup(case, 12, 3, 96, 16, torch.float64)
    assert steps._products(setup) == channels
    (row,) = run(quick=True, cases=[case], networks=((12, 3),))
    rows = channels * 96 + sum(16 for _ in case.problem.terms[1:])
    hidden = 3 * 2 * rows * 12 * 12  # quick has two hidden layers, and so one hidden product
    assert hidden < row.flops < 1.6 * hidden


def test_nested_and_taylor_steps_are_the_same_step():
    for case in CASES:
        setup = steps._Setup(case, 8, 2, 64, 16, torch.float64)
        found = {}
        for method in ("nested", "eager"):
            step = steps._pinnkit(setup, method)
            for _ in range(3):
                state = step()
            found[method] = state
        torch.testing.assert_close(found["nested"]["theta"], found["eager"]["theta"], rtol=1e-9, atol=1e-12)


def test_compiled_passes_are_used_by_the_objective(monkeypatch):
    asked = []

    def fake(module, orders):
        asked.append(tuple(orders))
        return lambda coords: steps_jets(module, coords, orders)

    from pinnkit.jets.evaluation import jets as steps_jets

    monkeypatch.setattr(compiling, "compiled", fake)
    setup = steps._Setup(CASES[1], 8, 2, 1100, 16, torch.float64)
    fast, slow = steps._pinnkit(setup, "compiled"), steps._pinnkit(setup, "eager")
    for _ in range(2):
        a, b = fast(), slow()
    assert len(asked) == 1  # the residual; the values of both conditions go eagerly
    torch.testing.assert_close(a["theta"], b["theta"], rtol=1e-12, atol=1e-14)


def test_the_table_marks_what_falls_short():
    assert "\x1b[31m" in shown(ROW)
    good = Row(**{**vars(ROW), "ratios": {**ROW.ratios, "deepxde/compiled": 1.6}})
    assert "\x1b[31m" not in shown(good)
    assert "d 1.60x" in shown(good)
    wide = {**vars(good), "width": 256}
    assert "\x1b[31m" in shown(Row(**{**wide, "rate": 1e12}))  # 1e9 / 0.03 s is 3 % of it
    assert "\x1b[31m" not in shown(Row(**{**wide, "rate": 5e10}))


def test_json_has_the_fractions_of_the_product_rate():
    (row,) = json.loads(as_json([ROW]))
    assert row["fractions"]["compiled"] == pytest.approx(1e9 / 0.03 / 1e11)
    assert row["ratios"]["deepxde/compiled"] == 1.4


def test_the_command_prints_json(capsys):
    assert cli.run(["bench", "steps", "--quick", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["case"] for row in rows] == [case.name for case in CASES]


def test_without_deepxde_a_model_of_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(peer, "has_deepxde", lambda: False)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "pinnkit\[peers\]"'):
        peer.deepxde_model(CASES[0], width=4, depth=1, points=8, condition_points=2, dtype=torch.float32, seed=0)


def test_another_backend_of_deepxde_is_refused(monkeypatch):
    monkeypatch.setattr(peer, "has_deepxde", lambda: True)
    fake = SimpleNamespace(backend=SimpleNamespace(backend_name="jax"))
    monkeypatch.setitem(sys.modules, "deepxde", fake)
    with pytest.raises(RuntimeError, match="must run on torch here, its backend is jax"):
        peer.require_deepxde()


@pytest.mark.skipif(not peer.has_deepxde(), reason="DeepXDE is not installed")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_deepxde_has_the_same_network_and_as_many_points(case):
    before = torch.get_default_dtype()
    model = peer.deepxde_model(case, width=7, depth=3, points=128, condition_points=16, dtype=torch.float64, seed=0)
    assert torch.get_default_dtype() == before
    assert sum(p.numel() for p in model.net.parameters()) == 2 * 7 + 7 + 2 * (49 + 7) + 8
    conditions = 16 * (len(case.problem.terms) - 1)
    inputs, *_ = model.data.train_next_batch(None)
    assert abs(len(inputs) - conditions - 128) <= 8  # it adds corners, or leaves doubles out
    step = steps._deepxde(steps._Setup(case, 7, 3, 128, 16, torch.float64))
    step()
