"""A newcomer follows each guide: files outside the package, at most one registration, and everything works.

The files are the blocks of the guides that begin with `# name.py`.  Each guide runs in processes of its own, so that
nothing is registered but what its files register.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of

GUIDES = ROOT / "docs" / "guides"


def files_of(guide: str, folder: Path) -> list[str]:
    """Write the files of a guide into `folder`; their names."""
    names = []
    for block in blocks_of(GUIDES / f"{guide}.md"):
        if block.file_name is not None:
            (folder / block.file_name).write_text(block.code, encoding="utf-8")
            names.append(block.file_name)
    return names


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder of the test, outside the checkout, with the package of this checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path.cwd())])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def script(code: str) -> str:
    """Run code in a process of its own and return what it prints."""
    done = python("-c", code)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def solved(file: str, *options: str) -> dict[str, object]:
    """`pinnkit solve FILE` with options, and its summary."""
    done = python("-m", "pinnkit", "solve", file, "--no-figures", "--json", *options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    summary: dict[str, object] = json.loads(done.stdout)
    return summary


RELOAD = """
import numpy as np
from pinnkit import load
{imports}
saved = load("results/{name}/solution.h5", problem=problem)
at = problem.domain.sample(64, __import__("torch").Generator().manual_seed(0)).coords
points = {{axis.name: at[:, i].numpy() for i, axis in enumerate(problem.axes)}}
found = saved(**points)
exact = problem.exact["{unknown}"](**{{k: __import__("torch").as_tensor(v) for k, v in points.items()}}).numpy()
print(float(np.linalg.norm(found["{unknown}"] - exact) / np.linalg.norm(exact)))
"""


def reloaded(module: str, name: str, unknown: str) -> float:
    """Relative error of a solution read back from its file in a new process, at points of the domain."""
    code = RELOAD.format(imports=f"from {module} import problem", name=name, unknown=unknown)
    return float(script(code).splitlines()[-1])


def registrations(folder: Path, names: list[str]) -> int:
    """Registrations in the files of a guide."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    return sum(len(re.findall(r"^@\w+\.register\(", text, re.MULTILINE)) for text in texts)


def test_a_new_equation(tmp_path: Path) -> None:
    names = files_of("equation", tmp_path)
    assert names == ["convection.py"]
    assert registrations(tmp_path, names) == 0
    summary = solved("convection.py")
    assert summary["good"]
    assert summary["measured_against"] == "exact solution"
    assert summary["rel_l2"] < 1e-8
    assert summary["reference"] is not None
    assert reloaded("convection", "convection", "u") < 1e-8


def test_a_new_condition(tmp_path: Path) -> None:
    names = files_of("condition", tmp_path)
    assert names == ["radiation.py", "rod.py", "cauchy.py"]
    assert registrations(tmp_path, names) == 0
    summary = solved("rod.py")
    assert summary["good"]
    assert summary["rel_l2"] < 1e-8
    assert summary["terms"]["radiation"]["relative"] < 1e-8  # type: ignore[index]
    assert reloaded("rod", "rod", "T") < 1e-8


def test_a_new_penalty(tmp_path: Path) -> None:
    files_of("condition", tmp_path)
    code = """
import numpy as np, torch
from cauchy import Cauchy
from pinnkit import MLP, LBFGS, Box, Data, Problem, solve
from pinnkit.problem.penalties import Square
x = torch.linspace(0, 1, 20, dtype=torch.float64)
measured = 1 + x
measured[7] = 30.0
for penalty in (Cauchy(0.1), Square()):
    fit = Problem("outlier", Box(x=(0, 1)), "u", [Data(dict(x=x), u=measured, penalty=penalty)])
    line = solve(fit, MLP(width=4, depth=1), LBFGS(steps=60))
    print(float(np.abs(line(x=x.numpy())["u"] - (1 + x.numpy())).max()))
"""
    robust, squares = map(float, script(code).split()[-2:])
    assert robust < 0.05
    assert squares > 1


def test_a_new_field(tmp_path: Path) -> None:
    names = files_of("field", tmp_path)
    assert names == ["random_tanh.py", "bump.py"]
    assert registrations(tmp_path, names) == 1
    summary = solved("bump.py", "--field", "random-tanh", "--solver", "least-squares")
    assert summary["good"]
    assert "RandomTanh" in str(summary["field"])
    assert summary["rel_l2"] < 1e-5
    assert reloaded("bump", "bump", "u") < 1e-5
    shown = script("import random_tanh, pinnkit.fields as f; print(f.FIELDS['RandomTanh'].summary)")
    assert shown.startswith("Random tanh features")


def test_a_new_field_passes_the_checks_of_fields(tmp_path: Path) -> None:
    files_of("field", tmp_path)
    code = """
import torch
import random_tanh
from pinnkit.domains import Box
from pinnkit.fields import FIELDS, spec_from_dict, spec_to_dict
from pinnkit.jets import jets
axes = Box(x=(0, 2), y=(-3, 5)).axes
for spec in FIELDS["RandomTanh"].examples().values():
    assert spec_from_dict(spec_to_dict(spec)) == spec
    build = lambda: spec.build(axes, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64, device="cpu")
    one, other = build(), build()
    with torch.no_grad():
        for module in (one, other):
            module.readout.weight.copy_(torch.linspace(-1, 1, module.readout.weight.numel()).view(2, -1))
    at = torch.rand(9, 2, dtype=torch.float64)
    assert torch.equal(one(at), other(at))
    orders = [(), (0,), (1, 1), (0, 1)]
    taylor, nested = jets(one, at, orders), jets(one, at, orders, derivatives="autograd")
    assert all(torch.allclose(taylor[o], nested[o], rtol=1e-9, atol=1e-12) for o in orders)
print("checked")
"""
    assert script(code).strip().endswith("checked")


def test_a_new_shape(tmp_path: Path) -> None:
    names = files_of("shape", tmp_path)
    assert names == ["annulus.py", "pipe.py"]
    assert registrations(tmp_path, names) == 1
    summary = solved("pipe.py", "--quick")
    assert summary["rel_l2"] < 1e-3
    assert summary["reference"] is not None  # finite differences inside the same wall
    assert reloaded("pipe", "pipe", "u") < 1e-3
    code = """
import copy, json, pickle
from annulus import Annulus
from pinnkit import Time
from pinnkit.domains import domain_from_dict, domain_to_dict
for domain in (Annulus(1.0, 2.0), Annulus(1.0, 2.0) * Time(0, 3)):
    assert domain_from_dict(json.loads(json.dumps(domain_to_dict(domain)))) == domain
    assert pickle.loads(pickle.dumps(domain)) == copy.deepcopy(domain) == domain
print("checked")
"""
    assert script(code).strip().endswith("checked")


def test_a_new_solver(tmp_path: Path) -> None:
    names = files_of("solver", tmp_path)
    assert names == ["barzilai.py", "decay.py"]
    assert registrations(tmp_path, names) == 1
    summary = solved("decay.py", "--field", "mlp", "--solver", "barzilai-borwein", "--steps", "1500")
    assert "BarzilaiBorwein(steps=1500" in str(summary["solver"])
    assert summary["steps"] == 1500  # its steps are not monotone: where they are at 300 depends on rounding
    assert summary["rel_l2"] < 0.05
    assert reloaded("decay", "decay", "u") < 0.05


def test_a_new_solver_continues_bit_for_bit_from_a_checkpoint(tmp_path: Path) -> None:
    files_of("solver", tmp_path)
    code = """
from decay import BarzilaiBorwein, problem
from pinnkit import MLP, solve
how = dict(field=MLP(width=6, depth=1), solvers=BarzilaiBorwein(steps=40))
straight = solve(problem, **how)
stopped = solve(problem, **how, out="run", callbacks=[lambda record: record.step >= 17])
resumed = solve(problem, **how, out="run", resume=True)
assert stopped.steps == 17 and resumed.steps == 40
assert resumed(t=0.5)["u"] == straight(t=0.5)["u"]
print("checked")
"""
    assert script(code).strip().endswith("checked")


def test_a_file_that_is_not_registered_is_no_word(tmp_path: Path) -> None:
    files_of("field", tmp_path)
    (tmp_path / "plain.py").write_text(
        "from pinnkit import Box, Equation, Problem\n"
        "problem = Problem('plain', Box(x=(0, 1)), 'u', [Equation(lambda u: u.x - 1)])\n",
        encoding="utf-8",
    )
    done = python("-m", "pinnkit", "solve", "plain.py", "--field", "random-tanh")
    assert done.returncode == 2
    assert "random-tanh" in done.stderr


@pytest.mark.parametrize("guide", ["equation", "condition", "field", "shape", "solver"])
def test_a_guide_needs_one_file_and_one_registration(guide: str, tmp_path: Path) -> None:
    names = files_of(guide, tmp_path)
    assert registrations(tmp_path, names) <= 1
    extensions = [name for name in names if "main(problem)" not in (tmp_path / name).read_text(encoding="utf-8")]
    assert len(extensions) <= 2  # the condition guide has a condition and a penalty
    assert all("pinnkit/" not in (tmp_path / name).read_text(encoding="utf-8") for name in names)
