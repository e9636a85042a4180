"""Plain words: no private vocabulary in code, docstrings, comments, messages and documentation."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

BANNED = {
    "road": r"\broads?\b",
    "foretell": r"\b(foretell|foretells|foretold|foretelling)\b",
    "so many": r"\bso many\b",
    "what comes of": r"\bwhat comes of\b",
    "said in words": r"\bsaid in words\b",
}
"""Words that are no terms of the field; "the other road" is covered by "road"."""
OPENINGS = re.compile(r"\s*(what|how|where|which|whether|when|why|who|whose)\b", re.IGNORECASE)
"""A docstring begins with a noun phrase or an imperative."""
_TEXT = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}  # 3.12 and later
FOLDERS = ("pinnkit", "problems", "tests", "docs")
TEXTS = (".md", ".rst", ".toml", ".cff")


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Comments and strings of a Python file, as (line, text); names are read as their words."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _TEXT:
            yield token.start[0], token.string
        elif token.type == tokenize.NAME:
            yield token.start[0], token.string.replace("_", " ")


def banned_in(path: Path, source: str) -> list[str]:
    """Banned words of one file, each as `path:line: word`."""
    lines = words_of(source) if path.suffix == ".py" else enumerate(source.splitlines(), start=1)
    return [f"{path}:{number}: {word}" for number, text in lines for word in banned_words(text)]


@cache
def banned_words(text: str) -> tuple[str, ...]:
    """Banned words of one text; names recur, so results are kept."""
    text = " ".join(text.split())
    return tuple(word for word, pattern in BANNED.items() if re.search(pattern, text, re.IGNORECASE))


def openings_of(path: Path, source: str) -> list[str]:
    """Docstrings of one file that open with a question word."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is None or not OPENINGS.match(text):
                continue
            found.append(f"{path}:{getattr(node, 'lineno', 1)}: {text.strip().splitlines()[0]}")
    return found


def files(root: Path) -> Iterator[Path]:
    """Text files of the repository, without what a build makes."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", *TEXTS) and not {"_build", "generated", "gallery"} & set(path.parts):
                yield path
    for path in sorted(root.iterdir()):
        if path.suffix in TEXTS:
            yield path


def test_no_banned_words(root: Path) -> None:
    here = Path(__file__).resolve()
    found = [
        line
        for path in files(root)
        if path.resolve() != here
        for line in banned_in(path.relative_to(root), path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_docstrings_open_with_a_noun_or_an_imperative(root: Path) -> None:
    found = [
        line
        for path in files(root)
        if path.suffix == ".py"
        for line in openings_of(path.relative_to(root), path.read_text(encoding="utf-8"))
    ]
    assert found == []


MUTANTS = {
    "a comment": "x = 1  # the other road",
    "a docstring": '"""It foretells\nso\nmany steps."""',
    "a message": 'raise ValueError(f"{x} so many")',
    "a name": "road = None",
    "a name of several words": "def by_road(): ...",
    "a name that runs over lines": '"""Said in\nwords."""',
}


@pytest.mark.parametrize("source", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_banned_word_is_found(source: str) -> None:
    assert banned_in(Path("mutant.py"), source)
    assert banned_in(Path("mutant.md"), "All roads lead to it.")


def test_plain_words_pass() -> None:
    assert banned_in(Path("plain.py"), "broad = 1  # a broad, wide step on the railroad") == []
    assert banned_in(Path("plain.md"), "Broad steps.") == []


OPENED = {
    "a module": '"""What is solved."""',
    "a class": 'class A:\n    """How fast it is."""',
    "a function": 'def f():\n    """Where nodes lie."""',
    "a predicate": 'def f() -> bool:\n    """Whether nodes lie."""',
}


@pytest.mark.parametrize("source", OPENED.values(), ids=OPENED.keys())
def test_a_docstring_that_opens_with_a_question_is_found(source: str) -> None:
    assert openings_of(Path("mutant.py"), source)


def test_nouns_and_imperatives_pass() -> None:
    source = '"""Heat."""\n\n\ndef f():\n    """Whatever it takes."""\n\n\ndef g():\n    """Return whether it holds."""'
    assert openings_of(Path("plain.py"), source) == []
