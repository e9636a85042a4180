"""Quick to start: commands that need no PyTorch do not load it, and their text."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pinnkit import cli
from pinnkit.fields import FIELDS
from pinnkit.solvers import ADAPTIVE, SOLVERS, WEIGHTS
from tests.samples import fitted_heat

HEAVY = ("torch", "numpy", "scipy", "h5py", "matplotlib")
SUMMARY = {
    "problem": "heat", "field": "Siren()", "parameters": 100, "solver": "Adam(steps=5)", "steps": 5, "seconds": 0.25,
    "status": "BUDGET", "seed": 3, "dtype": "float32", "device": "cpu", "good": True, "rel_l2": 2.5e-4,
    "measured_against": "exact solution", "warnings": [], "metrics": {}, "unknowns": {}, "terms": {},
}  # fmt: skip


@pytest.fixture
def result(tmp_path: Path) -> Path:
    folder = tmp_path / "results/heat"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return folder


def loaded_by(root: Path, folder: Path, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, heavy modules loaded, and stdout of the command line in a process of its own."""
    code = (
        "import sys\nfrom pinnkit.cli import run\n"
        f"code = run({list(arguments)!r})\n"
        f"sys.stderr.write(repr((code, [m for m in {HEAVY} if m in sys.modules])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(root), "COLUMNS": "100", "PATH": "/usr/bin:/bin"},
    )
    exit_code, modules = eval(done.stderr.splitlines()[-1])
    return exit_code, modules, done.stdout


LIGHT = {
    "help": ["--help"],
    "help of a command": ["fit", "-h"],
    "help of a group": ["bench", "--help"],
    "version": ["--version"],
    "info": ["info"],
    "info as JSON": ["info", "--json"],
    "show": ["show", "results/heat"],
    "show as JSON": ["show", "results/heat/summary.json", "--json"],
    "new": ["new", "rod.py"],
    "a wrong option": ["show", "--quack"],
    "a missing result": ["show", "results/none"],
}


@pytest.mark.parametrize("arguments", LIGHT.values(), ids=LIGHT.keys())
@pytest.mark.usefixtures("result")
def test_short_commands_load_no_torch(root: Path, tmp_path: Path, arguments: list[str]) -> None:
    code, modules, _ = loaded_by(root, tmp_path, *arguments)
    assert code in (0, 2)
    assert modules == []


def test_a_command_that_needs_torch_is_seen_by_this_test(root: Path, tmp_path: Path) -> None:
    assert "torch" in loaded_by(root, tmp_path, "info", "--devices")[1]


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from pinnkit import __version__

    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"pinnkit {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["solve"], ["bench"], ["scene", "show"]], ids=" ".join)
def test_h_is_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*arguments, "--help"]) == 0
    long = capsys.readouterr().out
    assert cli.run([*arguments, "-h"]) == 0
    assert capsys.readouterr().out == long
    assert "Usage" in long


def test_commands_are_listed_in_the_order_of_their_use(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["--help"])
    text = capsys.readouterr().out
    names = ["solve", "new", "reference", "compare", "show", "info", "fit", "bench"]
    places = [text.index(f"│ {name} ") for name in names]
    assert places == sorted(places)


def test_help_lists_the_words_that_are_accepted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    cli.run(["solve", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for registry in (FIELDS, SOLVERS, ADAPTIVE, WEIGHTS):
        assert ", ".join(registry.words) in text
    assert "{" not in text.replace("{file}", "")
    cli.run(["compare", "--help"])
    assert ", ".join(SOLVERS.words) in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_info_prints_versions_and_says_how_to_see_devices(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    assert cli.run(["info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.strip().splitlines())
    assert lines["torch"].strip() == torch.__version__
    assert lines["devices"].strip() == lines["threads"].strip() == "see `pinnkit info --devices`"
    assert cli.run(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["devices"] is None
    assert cli.run(["info", "--json", "--devices"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["devices"].startswith("cpu")
    assert facts["threads"] == str(torch.get_num_threads())
    assert list(facts) == ["python", "torch", "numpy", "scipy", "pinnkit", "system", "cores", "C++ compiler",
                           "devices", "threads"]  # fmt: skip


def test_show_prints_what_the_solve_printed(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", str(result)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "heat: relative L2 error 2.50e-04 against the exact solution"
    assert "Siren(), 100 parameters" in text
    assert "Adam(steps=5), 5 steps, 0.25 s" in text
    assert "seed 3, float32 on cpu" in text


@pytest.mark.parametrize("key", ["problem", "field", "seconds"])
def test_an_incomplete_summary_is_refused(result: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    (result / "summary.json").write_text(json.dumps({k: v for k, v in SUMMARY.items() if k != key}))
    assert cli.run(["show", str(result)]) == 2
    assert "is damaged, or no summary" in capsys.readouterr().err


def test_a_report_and_show_print_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from pinnkit.reports import validate

    report = validate(fitted_heat(), budget=0)
    report.save(tmp_path, figures=False)
    Console().print(report)
    printed = capsys.readouterr().out
    assert cli.run(["show", str(tmp_path)]) == 0
    assert capsys.readouterr().out == printed


def every_command() -> list[list[str]]:
    """Words of all commands and groups."""
    from typer.main import get_command

    def below(command: Any, words: list[str]) -> Iterator[list[str]]:
        yield words
        for name, part in getattr(command, "commands", {}).items():
            yield from below(part, [*words, name])

    return list(below(get_command(cli.app), []))


@pytest.mark.parametrize("words", every_command(), ids=lambda words: " ".join(words) or "pinnkit")
def test_every_command_has_help_and_refuses_an_unknown_option_in_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*words, "-h"]) == 0
    assert "Usage: pinnkit" in capsys.readouterr().out
    assert cli.run([*words, "--quack"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("pinnkit: No such option: --quack")
    assert err.endswith(f"(see {' '.join(['pinnkit', *words])} --help)\n")


USAGE = {
    "a number that is none": (["solve", "a.py", "--seed", "many"], "'--seed'"),
    "an option without its value": (["solve", "a.py", "--seed"], "'--seed' requires an argument"),
    "too many arguments": (["show", "a", "b"], "(b)"),
    "no argument": (["reconstruct"], "'cloud'"),
    "no option": (["reconstruct", "a.ply"], "Missing option '--out'"),
    "an unknown part of a group": (["bench", "quack"], "No such command 'quack'"),
}


@pytest.mark.parametrize(("words", "message"), USAGE.values(), ids=USAGE.keys())
def test_a_usage_error_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message.lower() in err.lower()


@pytest.mark.parametrize("command", ["solve", "compare", "fit", "reconstruct", "radiance"])
def test_help_lists_devices_and_types(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    cli.run([command, "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "auto (CUDA where there is one), cpu, cuda, or cuda:1" in text
    assert ("float32 or float64" in text) is (command in ("solve", "compare"))


ACCEPTED: dict[str, Callable[[], Sequence[str]]] = {
    "fit --field": lambda: import_module("pinnkit.images.presets").IMAGE_PRESETS.words,
    "radiance --field": lambda: import_module("pinnkit.radiance").RECIPES.words,
    "radiance --pose-convention": lambda: ["opengl", "opencv", "Blender", "COLMAP"],
    "reconstruct --field": lambda: ["neural", "grid", *import_module("pinnkit.surfaces").SURFACE_LOSSES.words],
    "reconstruct --normals": lambda: ["use:", "ignore:"],
    "scene make --inside": lambda: import_module("pinnkit.radiance").SURROUNDINGS.words,
}


@pytest.mark.parametrize("option", ACCEPTED)
def test_help_lists_the_words_of_every_option(
    option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    *command, _ = option.split()
    cli.run([*command, "--help"])
    text = capsys.readouterr().out
    words = list(ACCEPTED[option]())
    assert words
    assert [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)] == []
