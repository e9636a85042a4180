"""Texts from files, made safe to print: no escape sequences of terminals, no reversal of the reading direction."""

from __future__ import annotations

import json
import unicodedata

__all__ = ["escaped_controls", "printable"]

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: control, format (which reverse or hide text), surrogate, private, unassigned, separators."""
_MARK = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return a text on one line in which a mark replaces each control character; white space becomes a blank.

    Args:
        text: from a file, or with parts of a file.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else " " if c in "\t\n\r\v\f" else _MARK if unicodedata.category(c) in _UNSAFE else c
        for c in text
    )


def escaped_controls(json_text: str) -> str:
    r"""Return JSON text in which characters that are not printable are written as ``\u009b``; its value is the same."""
    return "".join(c if c.isprintable() or c in "\n\r\t" else json.dumps(c)[1:-1] for c in json_text)
