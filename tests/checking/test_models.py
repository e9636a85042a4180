"""Functions and models: layouts, precision, files without pickle, and one sentence for everything that does not fit."""

from __future__ import annotations

import math
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pinnkit.checking import check
from pinnkit.checking.model_files import chain_of_layers, state_of
from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.solutions.status import Status
from pinnkit.verification import Kind
from tests.checking import foreign

PI = math.pi


def checked(candidate, problem=None, **options):
    return check(problem or foreign.heat(), candidate, budget=0.0, **options)


def exact(x, t):
    return torch.sin(PI * x) * torch.exp(-t)


class Exact(nn.Module):
    """The solution of the heat problem as a module of one array."""

    def forward(self, points):
        return exact(points[:, :1], points[:, 1:])


class TimeFirst(nn.Module):
    """The same with time first and a second output that no unknown needs."""

    def forward(self, points):
        return torch.cat([points[:, :1], exact(points[:, 1:], points[:, :1])], dim=1)


# functions ----------------------------------------------------------------------------------------------------------
def test_a_report_says_what_was_checked_and_that_nothing_was_solved() -> None:
    report = checked(exact)
    assert report.solution.status is Status.GIVEN
    assert report.solution.choice == "Values of the function `exact`."
    assert report.verdict.ok
    assert report.verdict.fresh_residual < 1e-12
    assert "nothing was solved here" in str(report)


def test_a_detached_function_is_differentiated_by_stencils() -> None:
    report = checked(
        lambda x, t: exact(x.detach(), t.detach()) if isinstance(x, torch.Tensor) else np.sin(PI * x) * np.exp(-t)
    )
    assert type(report.solution.modules[("u",)]).__name__ == "SampledField"
    assert report.verdict.ok
    assert report.summary()["terms"]["equation"]["own_error"] > 0


@pytest.mark.parametrize(
    "give",
    [
        lambda t: dict(v=-torch.sin(t), u=torch.cos(t)),
        lambda t: (torch.cos(t), -torch.sin(t)),
        lambda points: torch.cat([torch.cos(points), -torch.sin(points)], dim=1),
    ],
)
def test_several_unknowns_are_given_by_name_in_order_or_side_by_side(give) -> None:
    box = Box(t=(0, 3))
    problem = Problem("turn", box, ["u", "v"], [Equation(lambda u, v: (u.t - v, v.t + u)), Initial(u=1.0, v=0.0)])
    assert checked(give, problem).verdict.ok


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: np.sin(x) + 0j, "the output is complex; give its real part"),
        (lambda a, b: a + b, r"coordinates by name, of \('x', 't'\), or one array"),
        (lambda x: math.sin(x), "fails on arrays of 64 points"),
        (lambda x: x[:5], "must have shape"),
        (lambda x, t: np.stack([x, t], axis=1), "gives 2 values at each point"),
        (lambda x: dict(w=x), "gives no values of `u`"),
        (lambda x: np.full(len(x), np.nan), "gives no finite values"),
    ],
)
def test_a_function_that_does_not_fit_is_one_sentence(function, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(function)


def test_values_that_are_not_finite_somewhere_are_a_finding() -> None:
    assert Kind.NOT_FINITE in checked(lambda x, t: torch.where(x > 0.9, torch.nan, exact(x, t))).verdict.kinds


# modules ------------------------------------------------------------------------------------------------------------
def test_inputs_and_outputs_are_put_in_the_order_of_the_problem() -> None:
    assert checked(TimeFirst(), inputs=["t", "x"], outputs=["other", "u"]).verdict.ok
    assert not checked(Exact(), inputs=["t", "x"]).verdict.ok
    with pytest.raises(ValueError, match="gives 2 values at each point"):
        checked(TimeFirst())
    with pytest.raises(ValueError, match=r"`inputs` must name \('x', 't'\)"):
        checked(Exact(), inputs=["x", "y"])
    with pytest.raises(ValueError, match=r"`outputs` must name \('u',\)"):
        checked(Exact(), outputs=["v"])
    with pytest.raises(ValueError, match="fails on points of 2 columns"):
        checked(nn.Linear(3, 1))


def test_an_ansatz_is_no_part_of_the_values_and_its_conditions_are_checked() -> None:
    rod = Box(x=(0, 1), t=(0, 1))
    problem = Problem(
        "heat",
        rod,
        "u",
        [Equation(lambda u: u.t - u.xx / PI**2)],
        ansatz=dict(u=lambda u, x, t: torch.sin(PI * x) + t * x * (1 - x) * u),
    )
    assert Kind.CONDITION not in checked(exact, problem).verdict.kinds
    wrong = checked(lambda x, t: torch.cos(PI * x) * torch.exp(-t), problem)
    assert "the values that the ansatz of `u` prescribes are missed" in " ".join(wrong.warnings)
    hard = Problem(
        "heat",
        rod,
        "u",
        [
            Equation(lambda u: u.t - u.xx / PI**2),
            Dirichlet(rod.boundary, u=0.0, hard=True),
            Initial(u=lambda x: torch.sin(PI * x), hard=True),
        ],
    )
    report = checked(lambda x, t: 2 + exact(x, t), hard)
    assert {f.place for f in report.verdict.findings if f.kind is Kind.CONDITION} == {"dirichlet", "initial"}


# files --------------------------------------------------------------------------------------------------------------
def test_weights_of_deepxde_and_lightning_fit_their_network(tmp_path: Path) -> None:
    network = foreign.heat_network()
    plain = foreign.checkpoint(tmp_path / "m-100.pt", network)
    prefixed = {"state_dict": {f"_pina_models.0.{k}": v for k, v in network.state_dict().items()}, "epoch": 3}
    torch.save(prefixed, tmp_path / "m.ckpt")
    for path in (plain, tmp_path / "m.ckpt"):
        own = checked(path, network=lambda: foreign.FNN((2, 120, 1)))
        assert own.verdict.ok
        assert own.verdict.fresh_residual == checked(plain, activation="tanh").verdict.fresh_residual


def test_a_file_of_weights_says_what_it_needs(tmp_path: Path) -> None:
    path = foreign.checkpoint(tmp_path / "m.pt", foreign.FNN())
    with pytest.raises(ValueError, match="holds weights alone; give the network"):
        checked(path)
    with pytest.raises(ValueError, match="does not fit the network: it lacks"):
        checked(path, network=nn.Sequential(nn.Linear(2, 120), nn.Tanh(), nn.Linear(120, 1)))
    with pytest.raises(ValueError, match="does not fit the network"):
        checked(path, network=foreign.FNN((2, 7, 1)))
    with pytest.raises(ValueError, match="`activation` must be one of"):
        checked(path, activation="relu6")
    with pytest.raises(ValueError, match="no chain of linear layers"):
        chain_of_layers({"scale": torch.ones(3)}, "tanh", path)
    with pytest.raises(ValueError, match="does not follow as a linear layer"):
        chain_of_layers({"a.weight": torch.ones(3, 2), "b.weight": torch.ones(1, 4)}, "tanh", path)


class Harm:
    """An object whose unpickling would run code."""

    def __reduce__(self):
        return print, ("harm",)


def test_nothing_of_a_file_of_weights_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model_state_dict": {"a": Harm()}}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Harm()))
    torch.save(foreign.FNN(), tmp_path / "c.pt")
    for name in ("a.pt", "b.pt", "c.pt"):
        with pytest.raises(ValueError, match="without running code of the file"):
            state_of(tmp_path / name)
    assert "harm" not in capsys.readouterr().out


def exported(path: Path) -> Path:
    """An archive of torch.export."""
    rows = torch.export.Dim("n", min=2)
    program = torch.export.export(Exact(), (torch.rand(3, 2),), dynamic_shapes=({0: rows},))
    torch.export.save(program, path)
    return path


@pytest.mark.slow
def test_an_archive_of_torch_export_is_read_and_one_with_pickled_objects_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported(tmp_path / "u.pt2")
    assert checked(path).verdict.ok
    for member, name in (("sample_inputs", "data/sample_inputs/model.pt"), ("weights", "data/weights/model.pt")):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / f"{member}.pt2", "w") as new:
            root = old.namelist()[0].partition("/")[0]
            for entry in old.namelist():
                if not entry.endswith(name):
                    new.writestr(entry, old.read(entry))
            new.writestr(f"{root}/{name}", pickle.dumps(Harm()))
        with pytest.raises(ValueError, match=r"cannot be read as a torch\.export archive"):
            checked(tmp_path / f"{member}.pt2")
    assert "harm" not in capsys.readouterr().out


def test_torchscript_is_read(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates it, files of it remain
        torch.jit.trace(foreign.heat_network(), torch.rand(3, 2, dtype=torch.float64)).save(tmp_path / "u.pt")
    assert checked(tmp_path / "u.pt").verdict.ok


@pytest.mark.parametrize("name", ["u.pt2", "u.pt", "u.onnx", "u.ckpt"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04garbage", b"\x80\x05garbage"])
def test_damaged_models_are_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    if name.endswith("onnx"):
        pytest.importorskip("onnxruntime")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        checked(tmp_path / name)


def test_a_name_that_occurs_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "u.pt2", "w") as archive:
        archive.writestr("u/a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("u/a", b"2")
    with pytest.raises(ValueError, match="a name occurs twice"):
        checked(tmp_path / "u.pt2")
