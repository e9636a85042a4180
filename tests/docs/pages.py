"""Code blocks of the README and of the documentation, with the comments that say how they run in tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
"""Every page that is read as text; generated pages have no code blocks of their own."""

_FENCE = re.compile(
    r"^(?P<marks>`{3,})(?P<word>[\w{}-]*)[^\n]*\n(?P<code>.*?)^(?P=marks)\s*$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!--\s*(?P<key>run|not run|options):\s*(?P<text>(?:(?!-->).)+?)\s*-->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced code block.

    Args:
        page: the file.
        line: of its first line of code.
        language: "python", "bash" or another word behind the fence.
        code: its text.
        reason: why it is not run; empty where it is.
        numbers: values that replace those of keyword arguments in a test, such as steps=3.
        options: why options of a shell block are not those of the command line; empty where they are.
    """

    page: Path
    line: int
    language: str
    code: str
    reason: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    options: str = ""

    @property
    def file_name(self) -> str | None:
        """The file that a block is, by its first line `# name.py`."""
        found = re.match(r"# (\w+\.py)\n", self.code)
        return None if found is None else found[1]

    @property
    def small(self) -> str:
        """The code with the numbers of the test."""
        code = self.code
        for name, value in self.numbers.items():
            code, count = re.subn(rf"\b{name}( ?= ?)[\d_.]+", rf"{name}\g<1>{value}", code)
            assert count, f"{self}: there is no `{name}=` to replace"
        return code

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path, text: str | None = None) -> list[Block]:
    """The code blocks of a page, in order."""
    text = page.read_text(encoding="utf-8") if text is None else text
    found = []
    for match in _FENCE.finditer(text):
        comment = _COMMENT.search(text[: match.start()])
        said = {} if comment is None else {comment["key"]: comment["text"]}
        found.append(
            Block(
                page=page,
                line=text.count("\n", 0, match.start()) + 2,
                language=match["word"],
                code=match["code"],
                reason=said.get("not run", ""),
                numbers=dict(pair.split("=") for pair in re.split(r",\s*", said["run"])) if "run" in said else {},
                options=said.get("options", ""),
            )
        )
    return found
