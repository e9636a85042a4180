"""Formulas as MathML, converted while the site is built: browsers draw them without scripts, fonts or a network.

The converter is that of docutils.  Source: W3C, MathML Core, https://www.w3.org/TR/mathml-core/.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def converted(node: nodes.Element, *, block: bool) -> str:
    """Return the MathML of a formula.

    Raises:
        ExtensionError: for LaTeX that the converter does not know, with the formula.
    """
    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        raise ExtensionError(f"{node.source}: formula {node.astext()!r}: {error}") from None


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(converted(node, block=False))
    raise nodes.SkipNode


def visit_block(translator: Any, node: nodes.math_block) -> None:
    """Write a displayed formula, which scrolls sideways where the page is too narrow."""
    translator.body.append(f'<div class="math-block">{converted(node, block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
