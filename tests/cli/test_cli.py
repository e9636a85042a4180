"""The command line: words to objects, exit codes, files, and one line for every mistake of a user."""

import json
import os
import subprocess
import sys

import pytest
import torch

from pinnkit import cli
from pinnkit.fields import MLP, FourierMLP, RandomFourier, Siren
from pinnkit.problem.problem import Problem
from pinnkit.problem.script import ProblemFileError, load_problem
from pinnkit.solutions.history import Record
from pinnkit.solutions.status import Status
from tests.samples import fitted_heat, heat_problem, solution_of

DECAY = '''"""u_t = -u."""
import torch
from pinnkit import Box, Equation, Initial, Problem
problem = Problem(
    name="decay",
    domain=Box(t=(0, 1)),
    unknowns="u",
    terms=[Equation(lambda u: u.t + u), Initial(u=1.0)],
    exact=dict(u=lambda t: torch.exp(-t)),
)
'''


@pytest.fixture
def decay(tmp_path):
    file = tmp_path / "decay.py"
    file.write_text(DECAY)
    return file


@pytest.fixture
def fake_solve(monkeypatch):
    """`solve` that returns at once; what it was called with is kept."""
    calls = []

    def solve(problem, field=None, solvers=None, **options):
        calls.append({"problem": problem, "field": field, "solvers": solvers, **options})
        for step in range(3):
            for callback in options["callbacks"]:
                callback(Record(step, 3, "Adam", 0.1 * step, 10.0**-step, {"equation": 1.0}))
        return solution_of(problem, spec=Siren(width=4, depth=1), status=Status.SOLVED)

    monkeypatch.setattr("pinnkit.solvers.solve", solve)
    return calls


def run(*arguments):
    return cli.run([str(a) for a in arguments])


def one_line(capsys):
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


# solve --------------------------------------------------------------------------------------------------------------
def test_solve_writes_a_result_and_ends_with_zero(decay, tmp_path, capsys):
    assert run("solve", decay, "--no-reference") == 0
    names = {p.name for p in (tmp_path / "results/decay").iterdir()}
    assert names >= {"summary.json", "solution.h5", "solution.png", "losses.png", "history.csv"}
    summary = json.loads((tmp_path / "results/decay/summary.json").read_text())
    assert summary["rel_l2"] < 1e-8
    assert "decay: relative L2 error" in capsys.readouterr().out


def test_json_alone_is_on_stdout(decay, fake_solve, capsys):
    assert run("solve", decay, "--json", "--no-figures", "--no-reference") == 0
    assert fake_solve
    out, err = capsys.readouterr()
    assert json.loads(out)["problem"] == "decay"
    assert "decay:" in err


def test_an_earlier_result_is_moved_aside(decay, fake_solve, tmp_path):
    for _ in range(3):
        assert run("solve", decay, "--no-figures", "--no-reference", "--seed", len(fake_solve)) == 0
    assert sorted(p.name for p in (tmp_path / "results").iterdir()) == ["decay", "decay.1", "decay.2"]


FIFTH = DECAY.replace("u.t + u", "u.ttttt + u")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        pytest.param(
            DECAY,
            ["--solver", "least-squares", "--adaptive", "rad"],
            "`adaptive` is for fields that are trained",
            id="option",
        ),
        pytest.param(FIFTH, [], "u.ttttt of order 5", id="problem"),
        pytest.param(DECAY, ["--dtype", "float16"], "--dtype must be", id="word"),
    ],
)
def test_a_run_that_is_refused_leaves_the_earlier_result(decay, tmp_path, capsys, text, options, words):
    assert run("solve", decay, "--quick", "--no-figures") == 0
    capsys.readouterr()
    decay.write_text(text)
    assert run("solve", decay, "--quick", *options) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert "earlier result" not in out
    assert [p.name for p in (tmp_path / "results").iterdir()] == ["decay"]
    assert run("show", tmp_path / "results/decay") == 0


def test_a_run_that_fails_after_its_first_file_keeps_it_and_says_where_the_earlier_result_is(
    decay, tmp_path, capsys, monkeypatch
):
    assert run("solve", decay, "--quick", "--no-figures") == 0
    capsys.readouterr()

    def fails(*_, out, **__):
        (out / "candidate2").mkdir(parents=True)
        (out / "candidate2/checkpoint.h5").touch()
        raise ValueError("late")

    monkeypatch.setattr("pinnkit.solvers.solve", fails)
    with pytest.raises(ValueError, match="late"):  # raised outside pinnkit
        run("solve", decay)
    assert "The earlier result is now in results/decay.1" in capsys.readouterr().out
    assert (tmp_path / "results/decay/candidate2/checkpoint.h5").exists()
    assert (tmp_path / "results/decay.1/summary.json").exists()


@pytest.mark.parametrize(
    ("options", "budget"),
    [
        ([], 5.0),
        (["--quick"], 0.5),
        (["--budget", 20], 20.0),
        (["--quick", "--budget", 2], 2.0),
        (["--budget", 0], 0.0),
        (["--no-reference"], 0.0),
        (["--quick", "--no-reference", "--budget", 0], 0.0),
    ],
)
@pytest.mark.usefixtures("fake_solve")
def test_the_budget_reaches_the_reference(decay, monkeypatch, options, budget):
    from pinnkit.reports import validation

    given = []
    measure = validation.validate

    def validate(solution, *, budget):
        given.append(budget)
        return measure(solution, budget=0.0)

    monkeypatch.setattr(validation, "validate", validate)
    assert run("solve", decay, "--no-figures", *options) == 0
    assert given == [budget]


def test_resume_keeps_the_folder(decay, fake_solve, tmp_path):
    run("solve", decay, "--no-figures", "--no-reference")
    (tmp_path / "results/decay/checkpoint.h5").touch()
    assert run("solve", decay, "--no-figures", "--no-reference", "--resume") == 0
    assert fake_solve[-1]["resume"] is True
    assert str(fake_solve[-1]["out"]) == "results/decay"
    assert [p.name for p in (tmp_path / "results").iterdir()] == ["decay"]


def test_resume_without_a_checkpoint_says_so_and_loses_nothing(decay, fake_solve, tmp_path, capsys):
    run("solve", decay, "--no-figures", "--no-reference")
    capsys.readouterr()
    assert run("solve", decay, "--no-figures", "--no-reference", "--resume") == 0
    assert "there is no checkpoint in results/decay, so this run begins anew" in " ".join(
        capsys.readouterr().out.split()
    )
    assert len(fake_solve) == 2
    assert sorted(p.name for p in (tmp_path / "results").iterdir()) == ["decay", "decay.1"]


def test_a_folder_with_other_files_is_not_touched(decay, fake_solve, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("text")
    assert run("solve", decay, "--out", tmp_path / "mine") == 2
    assert "holds files that are no result of pinnkit" in one_line(capsys)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    assert not fake_solve


def test_options_reach_the_solve(decay, fake_solve):
    assert run(
        "solve", decay, "--field", "siren", "--solver", "adam,lbfgs", "--steps", 7, "--tolerance", "1e-3", "--seed", 5,
        "--device", "cpu", "--dtype", "float32", "--out", "o", "--quick", "--no-figures", "--no-reference",
    ) == 0  # fmt: skip
    (call,) = fake_solve
    adam, lbfgs = call["solvers"]
    assert type(adam).__name__ == "Adam"
    assert type(lbfgs).__name__ == "LBFGS"
    assert lbfgs.steps == 7
    assert adam.steps != 7
    assert call["field"] == Siren()
    assert (call["tolerance"], call["seed"], call["device"], call["dtype"]) == (1e-3, 5, "cpu", torch.float32)
    assert 0 < call["seconds"] <= 3


@pytest.mark.parametrize(
    ("word", "spec"),
    [("siren", Siren()), ("fourier", FourierMLP()), ("mlp", MLP()), ("random-fourier", RandomFourier())],
)
def test_every_field_word_is_a_field(decay, fake_solve, word, spec):
    assert run("solve", decay, "--field", word, "--no-figures", "--no-reference") == 0
    assert fake_solve[0]["field"] == spec


def test_auto_leaves_the_choice_to_solve(decay, fake_solve):
    run("solve", decay, "--no-figures", "--no-reference")
    assert fake_solve[0]["solvers"] is None
    assert fake_solve[0]["field"] is None


def test_steps_with_a_field_alone_are_those_of_its_last_solver(decay, fake_solve):
    run("solve", decay, "--field", "siren", "--steps", 9, "--no-figures", "--no-reference")
    assert [s.steps for s in fake_solve[0]["solvers"]][-1] == 9


ENDS = {Status.CONVERGED: 0, Status.BUDGET: 0, Status.STALLED: 0, Status.DIVERGED: 1, Status.INTERRUPTED: 130}


@pytest.mark.parametrize(("status", "code"), ENDS.items(), ids=[s.name for s in ENDS])
def test_the_exit_code_follows_the_status(decay, monkeypatch, status, code):
    monkeypatch.setattr("pinnkit.solvers.solve", lambda problem, *_, **__: solution_of(problem, status=status))
    assert run("solve", decay, "--no-figures", "--no-reference") == code


def test_strict_makes_a_bad_solution_a_failure(tmp_path, monkeypatch):
    bad = solution_of(heat_problem(), status=Status.SOLVED)
    good = fitted_heat()
    file = tmp_path / "heat.py"
    file.write_text(DECAY)
    for solution, code in ((bad, 1), (good, 0)):
        monkeypatch.setattr("pinnkit.solvers.solve", lambda *_, solution=solution, **__: solution)
        for strict in ("--strict", "--strict=confirmed", "--strict=plausible"):
            assert run("solve", file, "--no-figures", "--no-reference", strict) == code
        assert run("solve", file, "--no-figures", "--no-reference") == 0


def test_ctrl_c_ends_with_130(decay, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pinnkit.solvers.solve", interrupted)
    assert run("solve", decay) == 130
    assert "interrupted" in one_line(capsys)


def test_an_error_inside_a_library_keeps_its_traceback(decay, monkeypatch):
    monkeypatch.setattr("pinnkit.solvers.solve", lambda *_, **__: torch.zeros(2) @ torch.zeros(3, 4))
    with pytest.raises(RuntimeError):
        run("solve", decay)
    monkeypatch.setattr("pinnkit.solvers.solve", lambda *_, **__: json.loads("{"))
    with pytest.raises(json.JSONDecodeError):
        run("solve", decay)


# bad input ----------------------------------------------------------------------------------------------------------
FILES = {
    "syntax": ("x = 1\nproblem = Problem(\n", ["bad.py:2", "was never closed"]),
    "import": ("import nowhere_at_all\n", ["bad.py:1", "ModuleNotFoundError", "nowhere_at_all"]),
    "no problem": ("x = 1\n", ["defines no `problem`", "problem = Problem(...)"]),
    "not a problem": ("problem = 3\n", ["`problem` must be a Problem, got int"]),
    "bad box": ("from pinnkit import Box\n\nBox(x=(1, 0))\n", ["bad.py:3", "Box: `x`", "lower < upper"]),
    "bad equation": (DECAY.replace("lambda u: u.t + u", "lambda v: v.t"), ["bad.py:4", "uses `v`", "'u'"]),
    "exit": ("raise SystemExit(3)\n", ["bad.py:1", "SystemExit"]),
    "division": ("def f():\n    return 1 / 0\n\nf()\n", ["bad.py:2", "ZeroDivisionError"]),
    "not text": (b"\xff\xfe\x00", ["bad.py"]),
}


@pytest.mark.parametrize(("text", "words"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("command", ["solve", "reference"])
def test_a_bad_problem_file_is_one_line_and_exit_code_2(tmp_path, capsys, command, text, words):
    file = tmp_path / "bad.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert run(command, file) == 2
    line = one_line(capsys)
    assert [w for w in words if w not in line] == []


OPTIONS = {
    "field": (["--field", "blob"], "--field must be one of siren, fourier, mlp, random-fourier, "),
    "field of the user's own": (
        ["--field", "blob"],
        "got 'blob'; a field of your own must be registered by the problem",
    ),
    "solver": (["--solver", "newton"], "--solver must be one of auto, least-squares, march, "),
    "solvers": (["--solver", "adam,newton"], "got 'newton'"),
    "auto among others": (["--solver", "auto,adam"], "--solver auto stands alone"),
    "device": (["--device", "gpu"], "--device must be auto, cpu, cuda, or cuda:1 for the second of several, got 'gpu'"),
    "dtype": (["--dtype", "float16"], "--dtype must be one of float32, float64, got 'float16'"),
    "steps zero": (["--steps", "0", "--solver", "adam"], "--steps must be at least 1, got 0"),
    "steps no number": (["--steps", "many"], "--steps must be whole numbers, such as 200 or 200,50, got 'many'"),
    "steps of others": (["--steps", "3,4", "--solver", "adam"], "one for each of the 1 solvers, got '3,4'"),
    "adaptive": (["--adaptive", "rar"], "--adaptive must be one of rad, r3, got 'rar'"),
    "weights": (["--weights", "ntk,heavy"], "--weights must be one of gradient-norm, ntk, relobralo"),
    "slabs": (["--slabs", "0"], "--slabs must be at least 1, got 0"),
    "seconds": (["--seconds", "-2"], "--seconds must be positive, got -2"),
    "budget": (["--budget", "-1"], "--budget must be a number from 0, got -1"),
    "budget that is no number": (["--budget", "nan"], "--budget must be a number from 0, got nan"),
    "budget for none": (["--budget", "3", "--no-reference"], "--budget 3 asks for one; leave one of them out"),
    "steps of auto": (["--steps", "5"], "--steps counts steps of the last solver; name it"),
    "seed": (["--seed", "-1"], "--seed must be at least 0, got -1"),
    "tolerance": (["--tolerance", "0"], "--tolerance must be positive, got 0"),
    "unknown option": (["--bogus"], "--bogus"),
    "out is a file": (["--out", "decay.py"], "--out must be a folder, 'decay.py' is a file"),
}


@pytest.mark.parametrize(("options", "words"), OPTIONS.values(), ids=OPTIONS.keys())
def test_a_bad_option_is_one_line_and_exit_code_2(decay, fake_solve, capsys, options, words):
    assert run("solve", decay, *options) == 2
    assert words in one_line(capsys)
    assert not fake_solve


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(decay, capsys):
    assert run("solve", decay, "--device", "cuda") == 2
    line = one_line(capsys)
    assert "--device: no CUDA device is available here (" in line
    assert line.endswith("got 'cuda'; use cpu")


COMMANDS = {
    "missing file": (["solve", "nowhere.py"], "there is no file 'nowhere.py'; `pinnkit new nowhere.py` writes one"),
    "folder": (["solve", "."], "is a folder"),
    "no python": (["solve", "data.csv"], "is no Python file"),
    "nothing to show": (["show", "results/none"], "there is no"),
    "broken summary": (["show", "broken"], "is damaged, or no summary"),
    "broken solution": (["show", "broken/other.h5"], "is damaged or no solution"),
    "unknown command": (["solv", "x.py"], "solv"),
    "no file": (["solve"], "file"),
    "budget": (["reference", "decay.py", "--budget", "0"], "--budget must be positive"),
    "new without py": (["new", "rod"], "FILE must end in .py"),
    "new, no identifier": (["new", "my-rod.py"], "must be an identifier"),
    "new over a file": (["new", "decay.py"], "exists already and is left as it is"),
    "accept, issue": (["accept", "99"], "ISSUE must be one of 1, 11, 2"),
    "accept, table": (["accept", "1", "nothing"], "TABLE must be one of agreement, automatic, networks, references"),
    "publish, nothing": (["publish"], "run `pinnkit accept` first"),
}


@pytest.mark.parametrize(("arguments", "words"), COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.usefixtures("decay")
def test_a_bad_command_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, words):
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/summary.json").write_text("{")
    (tmp_path / "broken/other.h5").write_text("{")
    assert run(*arguments) == 2
    assert words in one_line(capsys)
    assert (tmp_path / "decay.py").read_text() == DECAY


# the other commands -------------------------------------------------------------------------------------------------
def test_show_prints_the_summary_of_a_folder_and_of_a_file(decay, fake_solve, tmp_path, capsys):
    run("solve", decay, "--no-figures", "--no-reference")
    assert fake_solve
    (tmp_path / "alone").mkdir()
    (tmp_path / "results/decay/solution.h5").rename(tmp_path / "alone/kept.h5")
    capsys.readouterr()
    assert run("show", "results/decay") == 0
    assert "decay: relative L2 error" in capsys.readouterr().out
    assert run("show", "alone/kept.h5") == 0
    assert "Siren(width=4" in capsys.readouterr().out
    assert run("show", "results/decay", "--json") == 0
    assert json.loads(capsys.readouterr().out)["problem"] == "decay"


def test_new_writes_a_problem_that_loads(tmp_path, capsys):
    assert run("new", "sub/rod.py") == 0
    assert "pinnkit solve sub/rod.py" in capsys.readouterr().out
    problem = load_problem(tmp_path / "sub/rod.py")
    assert isinstance(problem, Problem)
    assert problem.name == "rod"
    assert "NAME" not in (tmp_path / "sub/rod.py").read_text()


def test_info_names_versions_and_the_machine(capsys):
    assert run("info", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"python", "torch", "numpy", "scipy", "pinnkit", "devices", "threads", "C++ compiler"} <= set(facts)
    assert run("info") == 0
    assert "torch" in capsys.readouterr().out


def test_nothing_at_all_prints_the_help(capsys):
    assert run() == 2
    assert "solve" in "".join(capsys.readouterr())


# scripts ------------------------------------------------------------------------------------------------------------
def test_a_script_runs_its_own_problem_object(decay, fake_solve, monkeypatch):
    problem = load_problem(decay)
    monkeypatch.setattr(sys, "argv", [str(decay), "--no-figures", "--no-reference", "--seed", "3"])
    with pytest.raises(SystemExit) as ended:
        cli.main(problem)
    assert ended.value.code == 0
    assert fake_solve[0]["problem"] is problem
    assert fake_solve[0]["seed"] == 3


def test_main_refuses_what_is_no_problem():
    with pytest.raises(TypeError, match="`problem` must be a Problem, got str"):
        cli.main("heat")


def test_a_problem_file_may_import_its_neighbour_and_leaves_no_trace(tmp_path):
    (tmp_path / "rates_of_decay.py").write_text("k = 2.0\n")
    file = tmp_path / "uses.py"
    file.write_text("from rates_of_decay import k\n" + DECAY.replace("u.t + u", "u.t + k * u"))
    path, modules = list(sys.path), set(sys.modules)
    assert load_problem(file).name == "decay"
    assert sys.path == path
    assert set(sys.modules) - modules <= {"rates_of_decay"}
    sys.modules.pop("rates_of_decay")
    assert not (tmp_path / "__pycache__").exists()


def test_a_problem_file_that_is_a_script_does_not_solve_when_it_is_loaded(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(DECAY + "\nif __name__ == '__main__':\n    raise SystemExit('ran')\n")
    assert load_problem(file).name == "decay"
    with pytest.raises(ProblemFileError):
        load_problem(tmp_path / "nowhere.py")


def _python(root, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment)


def test_a_script_of_its_own_prints_its_summary_and_ends_with_zero(decay, root):
    with decay.open("a") as handle:
        handle.write("\nif __name__ == '__main__':\n    from pinnkit import main\n    main(problem)\n")
    done = _python(root, decay, "--quick", "--json", "--no-figures", "--no-reference")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problem"] == "decay"


def test_importing_pinnkit_loads_neither_matplotlib_nor_typer(root):
    code = "import sys, pinnkit; print([m for m in ('matplotlib', 'typer', 'rich') if m in sys.modules])"
    assert _python(root, "-c", code).stdout.strip() == "[]"


def test_bench_derivatives_prints_a_row_for_each_equation(capsys):
    assert run("bench", "derivatives", "--quick", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["case"] for row in rows} >= {"heat 1-D", "heat 2-D"}
    assert all(row["eager_ratio"] > 0 for row in rows)


@pytest.mark.parametrize(
    "arguments", [["fit", "a.png"], ["reconstruct", "a.ply", "--out", "b.ply"], ["mesh", "a.h5", "--out", "b.ply"]]
)
def test_an_extra_that_is_not_installed_is_said_before_any_work(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pinnkit.cli.console.find_spec", lambda _: None)
    assert cli.run(arguments) == 2
    error = capsys.readouterr().err
    assert "which are not installed" in error
    assert "pip install" in error
