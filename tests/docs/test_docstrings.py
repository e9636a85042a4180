"""Examples in docstrings: doctests run, and literal blocks of Python compile."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SOURCES = sorted((ROOT / "pinnkit").rglob("*.py"))


def docstrings(source: str) -> Iterator[str]:
    """Every docstring of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def literal_blocks(text: str) -> list[str]:
    """Blocks of a docstring behind a line that ends in `::`, dedented."""
    return [
        textwrap.dedent(match[2])
        for match in re.finditer(r"^( *)[^\n]*::\n\n((?:\1 +[^\n]*\n?|\n)+)", f"{text}\n", re.MULTILINE)
    ]


def test_doctests_run() -> None:
    for path in SOURCES:
        if ">>>" in path.read_text(encoding="utf-8"):
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            assert doctest.testmod(module).failed == 0, path


def test_examples_in_docstrings_are_python() -> None:
    broken = []
    for path in SOURCES:
        for text in docstrings(path.read_text(encoding="utf-8")):
            for block in literal_blocks(text):
                try:
                    ast.parse(block)
                except SyntaxError as error:
                    broken.append(f"{path.relative_to(ROOT)}: {error.msg}: {block.splitlines()[0]}")
    assert broken == []


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Example::\n\n    x = 1\n    y = 2\n\nEnd.", ["x = 1\ny = 2\n\n"]),
        ("A.\n\n  Example::\n\n      if x:\n          y = 1", ["if x:\n    y = 1\n"]),
        ("No block: here.", []),
    ],
)
def test_literal_blocks_are_found(text: str, blocks: list[str]) -> None:
    assert literal_blocks(text) == blocks


def test_there_are_sources() -> None:
    assert Path(ROOT / "pinnkit" / "registry.py") in SOURCES
    assert any(literal_blocks(t) for t in docstrings((ROOT / "pinnkit" / "registry.py").read_text(encoding="utf-8")))
