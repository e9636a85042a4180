"""Registration of fields: words of the command line, files, and a field that a script of the user's adds."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit import Box, Equation, Problem, load, solve
from pinnkit.fields import (
    FIELDS,
    INTERPOLATIONS,
    EvolvedModes,
    FieldSpec,
    HashGrid,
    PiecewiseInTime,
    spec_from_dict,
    spec_to_dict,
)
from pinnkit.solutions.storage import save
from pinnkit.solvers import LeastSquares
from tests.conformance.test_fields import CHECKS

SCRIPT = '''
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pinnkit.fields import FIELDS, AxisLike, BaseSpec, Network
from pinnkit.fields.initialization import fan_in
from pinnkit.fields.scaling import scaling_of


@FIELDS.register("cosines", examples=lambda: {"small": Cosines(width=9, frequency=2.0)})
@dataclass(frozen=True)
class Cosines(BaseSpec[Network]):
    """One layer of cosines: u = W cos(frequency (V s(x) + c)) + b."""

    smoothness: ClassVar[float] = math.inf

    width: int = 32
    frequency: float = 5.0

    def _build(self, axes: Sequence[AxisLike], outputs: int, generator: torch.Generator) -> Network:
        scaling = scaling_of(axes)
        hidden = Layer(fan_in(scaling.width, self.width, generator=generator), self.frequency)
        return Network(self, scaling, hidden, fan_in(self.width, outputs, generator=generator))


class Layer(nn.Module):
    def __init__(self, linear: nn.Linear, frequency: float) -> None:
        super().__init__()
        self.linear, self.frequency = linear, frequency

    def forward(self, coords: Tensor) -> Tensor:
        return torch.cos(torch.mul(self.linear(coords), self.frequency))
'''


@pytest.fixture
def cosines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """A field that a module outside the package registers; forgotten after the test."""
    (tmp_path / "own_field.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(FIELDS, "_entries", dict(FIELDS._entries))
    import own_field  # type: ignore[import-not-found]

    yield own_field.Cosines
    del sys.modules["own_field"]


def test_the_words_of_the_command_line() -> None:
    assert {word: cls.__name__ for word, cls in FIELDS.words.items()} == {
        "siren": "Siren",
        "fourier": "FourierMLP",
        "mlp": "MLP",
        "random-fourier": "RandomFourier",
        "trefftz": "Trefftz",
        "positional": "PositionalMLP",
        "gauss": "Gauss",
        "wire": "Wire",
        "geometric": "GeometricMLP",
        "grid": "MultilevelGrid",
        "hash": "HashGrid",
    }
    from pinnkit.cli import words

    assert list(FIELDS.words.items()) == list(words.field_words().items())


def test_every_word_makes_a_spec_with_defaults_and_has_one_line_of_help() -> None:
    for word, cls in FIELDS.words.items():
        assert isinstance(cls(), FieldSpec), word
    for entry in (*FIELDS, *INTERPOLATIONS):
        assert 10 < len(entry.summary) <= 120


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_field_of_a_script_conforms(cosines: type, check: Any) -> None:
    for spec in FIELDS[cosines.__name__].examples().values():
        check(spec)


def test_a_solution_with_a_field_of_a_script_is_saved_and_loaded(cosines: type, tmp_path: Path, root: Path) -> None:
    problem = Problem("p", Box(x=(0, 1)), "u", [Equation(lambda x, u: u - torch.sin(3 * x))])
    solution = solve(problem, cosines(width=20), LeastSquares())
    path = save(solution, tmp_path / "run")
    again = load(path, problem=problem).solution
    assert again.fields == {("u",): cosines(width=20)}
    assert (again(x=[0.1, 0.7])["u"] == solution(x=[0.1, 0.7])["u"]).all()
    code = f"from pinnkit import load\nsaved = load({str(path)!r})\nprint(saved.metadata, saved(x=[0.5]))"
    for registered, words in ((True, "Cosines(width=20, frequency=5.0)"), (False, "Import the script that registers")):
        run = [sys.executable, "-c", f"import own_field\n{code}" if registered else code]
        done = subprocess.run(
            run, capture_output=True, text=True, env={"PYTHONPATH": f"{tmp_path}:{root}"}, check=False
        )
        assert (done.returncode == 0) == registered, done.stderr
        assert words in done.stdout + done.stderr


def test_a_field_that_is_not_registered_is_refused_with_the_repair(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(SCRIPT.replace('@FIELDS.register("cosines"', "#").replace("Cosines", "Unknown"))
    spec = runpy.run_path(str(path))["Unknown"]()
    with pytest.raises(ValueError, match=r"Siren, .* got Unknown\(.*\); register a field of your own"):
        spec_to_dict(spec)


def test_a_registered_class_that_is_no_dataclass_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FIELDS, "_entries", dict(FIELDS._entries))

    @FIELDS.register()
    class Plain:
        """A class with arguments that a file cannot know."""

    with pytest.raises(ValueError, match=r"Plain must be a dataclass.*; write @dataclass"):
        spec_to_dict(Plain())  # type: ignore[arg-type]


def test_files_with_former_names_are_read() -> None:
    mlp = {"type": "MLP", "width": 3}
    found = spec_from_dict({"type": "Slabbed", "fields": [mlp, mlp], "edges": [0.0, 1.0, 2.0], "axis": "t"})
    assert isinstance(found, PiecewiseInTime)
    assert found.fields[0].width == 3  # type: ignore[attr-defined]
    marched = spec_from_dict({"type": "MarchedSpec", "time": 1, "pieces": [[2, 4, 9, 1, -1]]})
    assert isinstance(marched, EvolvedModes)
    assert marched.pieces[0].modes == 9


def test_an_interpolation_of_a_script_is_saved_within_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import dataclass

    monkeypatch.setattr(INTERPOLATIONS, "_entries", dict(INTERPOLATIONS._entries))

    @INTERPOLATIONS.register()
    @dataclass(frozen=True)
    class Quintic:
        """Smooth to second order."""

        smoothness = 3
        sharpness: float = 1.0

        def blend(self, fraction: torch.Tensor) -> torch.Tensor:
            return fraction**3 * (10 + fraction * (6 * fraction - 15))

    spec = HashGrid(interpolation=Quintic(2.0))
    written = json.loads(json.dumps(spec_to_dict(spec)))
    assert written["interpolation"] == {"part": "Quintic", "sharpness": 2.0}
    assert spec_from_dict(written) == spec


def test_a_file_that_lacks_an_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="PiecewiseInTime needs the arguments edges; is the file damaged"):
        spec_from_dict({"type": "PiecewiseInTime", "fields": [{"type": "MLP"}]})
