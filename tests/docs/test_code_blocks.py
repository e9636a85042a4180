"""Every code block of the README and of the documentation runs, and every command line in them has valid options."""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinnkit import validate
from pinnkit.cli import run
from pinnkit.registry import Registry
from tests.docs.pages import PAGES, ROOT, Block, blocks_of

PYTHON = {page.relative_to(ROOT).as_posix(): [b for b in blocks_of(page) if b.language == "python"] for page in PAGES}
SHELL = [block for page in PAGES for block in blocks_of(page) if block.language in ("bash", "sh", "console", "shell")]


def run_blocks(blocks: list[Block], folder: Path) -> None:
    """Run the blocks of a page in one namespace; one that is a file is written to `folder`, and imported."""
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        code = compile("\n" * (block.line - 1) + block.small, str(block), "exec")
        if block.file_name is not None:
            (folder / block.file_name).write_text(block.small, encoding="utf-8")
            importlib.invalidate_caches()
            namespace.update(vars(importlib.import_module(block.file_name.removesuffix(".py"))))
        elif not block.reason:
            exec(code, namespace)


@pytest.fixture
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registrations and modules of a page are gone after its test."""
    for registry in [found for found in gc.get_objects() if type(found) is Registry]:
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    before = set(sys.modules)
    yield
    written = {(block.file_name or "").removesuffix(".py") for blocks in PYTHON.values() for block in blocks}
    for name in written & (set(sys.modules) - before):
        del sys.modules[name]


@pytest.mark.usefixtures("_nothing_stays")
@pytest.mark.parametrize("name", [name for name, blocks in PYTHON.items() if blocks])
def test_the_python_blocks_of_a_page_run_in_order(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(inspect.unwrap(validate).__kwdefaults__, "budget", 0.3)  # references on small grids
    run_blocks(PYTHON[name], tmp_path)
    capsys.readouterr()


def commands() -> list[tuple[Block, list[str]]]:
    """Every `pinnkit ...` and `python FILE ...` of shell blocks, as words."""
    found = []
    for block in SHELL:
        for line in block.code.splitlines():
            for part in re.split(r"&&|\|\||;", line):
                words = shlex.split(part, comments=True)
                if words:
                    found.append((block, words))
    return found


PINNKIT = [(block, words[1:]) for block, words in commands() if words[0] == "pinnkit"]


def help_of(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The help of a command, wide enough that no option is cut."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("TERMINAL_WIDTH", "400")
    assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


def command_of(words: list[str]) -> list[str]:
    """The command that words begin with: one word, two for groups."""
    return words[:2] if words[0] in ("bench", "scene") else words[:1]


@pytest.mark.parametrize(
    "command", sorted({tuple(command_of(words)) for _, words in PINNKIT}), ids=lambda command: " ".join(command)
)
def test_the_options_of_commands_in_shell_blocks_exist(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = set(re.findall(r"--[a-z][a-z-]*", help_of(list(command), capsys, monkeypatch)))
    for block, words in PINNKIT:
        if tuple(command_of(words)) != command:
            continue
        for word in words[len(command) :]:
            option = word.split("=")[0]
            assert not option.startswith("--") or option in known, f"{block}: {' '.join(words)}"


def test_words_of_fields_and_solvers_in_shell_blocks_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(["solve"], capsys, monkeypatch)
    for block, words in PINNKIT:
        if words[0] != "solve" or block.options:
            continue
        for option in ("--field", "--adaptive", "--weights"):
            if option in words:
                for word in words[words.index(option) + 1].split(","):
                    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown), f"{block}: {option} {word}"


def test_problem_files_in_shell_blocks_exist() -> None:
    for block, words in commands():
        for word in words:
            if word.startswith("problems/"):
                assert (ROOT / word).is_file(), f"{block}: {word}"


def test_names_that_blocks_import_exist_where_the_blocks_are_not_run() -> None:
    for block in [b for blocks in PYTHON.values() for b in blocks if b.reason]:
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pinnkit":
                module = importlib.import_module(node.module or "")
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not missing, f"{block}: {node.module} has no {missing}"


def test_reasons_are_given_where_a_block_is_not_run() -> None:
    silent = [str(b) for blocks in PYTHON.values() for b in blocks if b.reason and len(b.reason.split()) < 4]
    assert silent == []
    assert sum(bool(b.reason) for blocks in PYTHON.values() for b in blocks) <= 5


MUTANTS = {
    "a wrong name": ("```python\nfrom pinnkit import Bx\n```\n", ImportError),
    "a wrong assertion": ("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", AssertionError),
    "a syntax error in a block that is not run": (
        "<!-- not run: this takes far too long -->\n```python\nx =\n```\n",
        SyntaxError,
    ),
    "a number that is not there": ("<!-- run: steps=3 -->\n```python\nx = 1\n```\n", AssertionError),
}


@pytest.mark.parametrize(("text", "error"), MUTANTS.values(), ids=MUTANTS.keys())
def test_a_page_that_does_not_run_is_found(text: str, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        run_blocks(blocks_of(ROOT / "mutant.md", text), tmp_path)


def test_blocks_are_read_with_their_comments() -> None:
    text = "a\n\n<!-- run: steps=3, width=4 -->\n```python\n# net.py\nf(steps=500, width=64)\n```\n\n```bash\nls\n```\n"
    first, second = blocks_of(ROOT / "page.md", text)
    assert (first.line, first.language, first.file_name) == (5, "python", "net.py")
    assert first.small == "# net.py\nf(steps=3, width=4)\n"
    assert (second.language, second.numbers, second.reason) == ("bash", {}, "")
