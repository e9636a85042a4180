"""Problem files: Python scripts that define `problem`, with one-line messages for every error in them."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from .problem import Problem

__all__ = ["PROBLEM_ERRORS", "ProblemFileError", "load_function", "load_problem"]

PROBLEM_ERRORS = (ValueError, TypeError, OSError)
"""Exceptions for input that the user can repair."""


class ProblemFileError(ValueError):
    """A problem file is missing, does not run, or defines no problem."""


def load_problem(path: Path) -> Problem:
    """Run the script at `path` and return its `problem`.

    It runs as a module, so `if __name__ == "__main__"` does not; its folder is importable meanwhile, as for a script.

    Raises:
        ProblemFileError: one line, with FILE:LINE where a line is at fault.
    """
    problem = vars(_run(path)).get("problem")
    if problem is None:
        raise ProblemFileError(f"'{path}' defines no `problem`; write problem = Problem(...)")
    if not isinstance(problem, Problem):
        raise ProblemFileError(f"'{path}': `problem` must be a Problem, got {type(problem).__name__}")
    return problem


def load_function(path: Path, name: str) -> Callable[..., Any]:
    """Run the script at `path`, as `load_problem` does, and return its function or class `name`.

    Raises:
        ProblemFileError: one line, with FILE:LINE where a line is at fault.
    """
    found = vars(_run(path)).get(name)
    if not callable(found):
        raise ProblemFileError(f"'{path}' defines no function `{name}`")
    return found


def _run(path: Path) -> ModuleType:
    """Run a script as a module and return it."""
    if path.is_dir():
        raise ProblemFileError(f"'{path}' is a folder; give a Python file that defines `problem`")
    if not path.is_file():
        raise ProblemFileError(f"there is no file '{path}'; `pinnkit new {path.with_suffix('.py')}` writes one")
    if path.suffix != ".py":
        raise ProblemFileError(f"'{path}' is no Python file; give one that ends in .py and defines `problem`")
    module = f"_problem_{path.stem}"
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[module] = made  # dataclasses look their module up
    try:
        spec.loader.exec_module(made)
    except SyntaxError as error:
        raise ProblemFileError(f"{error.filename or path}:{error.lineno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise ProblemFileError(f"'{path}' is not UTF-8 text") from None
    except (Exception, SystemExit) as error:
        said = str(error) if isinstance(error, PROBLEM_ERRORS) and str(error) else f"{type(error).__name__}: {error}"
        raise ProblemFileError(f"{path}{_line(error, path)}: {' '.join(said.split())}") from None
    finally:
        sys.dont_write_bytecode = before
        sys.path.remove(folder)
        sys.modules.pop(module, None)
    return made


def _line(error: BaseException, path: Path) -> str:
    """Return `:7`, the last line of the file itself in the traceback."""
    lines = [
        f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve() == path.resolve()
    ]
    return f":{lines[-1]}" if lines else ""
