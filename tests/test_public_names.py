"""Every name that `pinnkit` re-exports imports, is said to be public, and is documented."""

import ast
import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import NamedTuple

import pytest

import pinnkit

SOURCE = Path(pinnkit.__file__).read_text(encoding="utf-8")


def reexports(source: str) -> dict[str, str]:
    """Public name -> the name it is imported as, for each `from .part import Name as Name`."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    names = [alias for node in imports for alias in node.names]
    return {alias.name: alias.asname or "" for alias in names if not (alias.asname or "").startswith("_")}


def is_documented(item: object) -> bool:
    """Return whether somebody wrote a docstring: dataclasses and named tuples without one get their signature."""
    written = item.__doc__ or ""  # a class does not inherit this one
    generated = isinstance(item, type) and written.startswith(f"{item.__name__}(")
    return len(written.split()) > 1 and not generated


@pytest.mark.parametrize("name", reexports(SOURCE))
def test_every_public_name_imports_and_is_documented(name: str) -> None:
    assert is_documented(getattr(pinnkit, name)), f"pinnkit.{name} has no docstring"


def test_public_names_are_reexported_explicitly() -> None:
    assert [name for name, asname in reexports(SOURCE).items() if asname != name] == []


def test_the_version_is_the_one_that_is_installed() -> None:
    assert pinnkit.__version__ == version("pinnkit")
    assert pinnkit.__doc__


def test_the_console_script_can_be_imported() -> None:
    (script,) = [item for item in entry_points(group="console_scripts") if item.name == "pinnkit"]
    assert callable(getattr(importlib.import_module(script.module), script.attr))


def test_a_generated_docstring_does_not_count() -> None:
    @dataclass(frozen=True)
    class Bare:
        value: float = 0.0

    class Pair(NamedTuple):
        first: float

    @dataclass(frozen=True)
    class Told:
        """A value with a unit."""

        value: float = 0.0

    assert is_documented(Told)
    assert not is_documented(Bare)
    assert not is_documented(Pair)
    assert not is_documented(lambda x: x)


def test_a_name_without_its_explicit_alias_is_seen() -> None:
    assert reexports("from .problem import Problem\nfrom .solve import solve as solve") == {
        "Problem": "",
        "solve": "solve",
    }
    assert reexports("from importlib.metadata import version as _version") == {}
