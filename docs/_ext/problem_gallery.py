"""The gallery of problems/: scripts run through their own command line, figures come from their results folder.

Sphinx-Gallery runs every script as ``__main__``, so that its last line, ``main(problem)``, solves the problem.  Four
things are adapted here, and none of them needs a change of the scripts:

* the options of the command line (`Arguments`): `--quick` for slow scripts;
* the end of the process (`keep_going`): `pinnkit.main` ends it, the build has to go on;
* the figures (`Figures`): those that the run wrote, instead of open matplotlib figures;
* the docstring (`adapt`): plain text with a one-line title, turned into reStructuredText.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst
from sphinx_gallery.utils import scale_image

import pinnkit

PROBLEMS = Path(__file__).resolve().parents[2] / "problems"
PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published" / "equations.json"
IN_FULL = frozenset(
    {
        "advection", "burgers", "double_pendulum", "eikonal", "fractional_laplacian", "heat", "helmholtz", "kdv",
        "klein_gordon", "lorenz", "lotka_volterra", "nonlinear_poisson", "pendulum", "poisson", "poisson_100d",
        "poisson_5d", "poisson_variable", "robertson", "van_der_pol", "volterra", "wave",
    }
)  # fmt: skip
"""Scripts whose full run takes a few seconds; the others run with --quick."""
SHOWN_ONLY = frozenset({"allen_cahn", "schroedinger", "versus_deepxde"})
"""Scripts that are not run: minutes in full, and nothing to see after 3 s."""

_results = Path(tempfile.mkdtemp(prefix="pinnkit-gallery-"))


def is_quick(name: str) -> bool:
    """Return whether the page of a script shows a run with --quick."""
    return name not in IN_FULL | SHOWN_ONLY


# running ------------------------------------------------------------------------------------------------------------
class Arguments:
    """Options that a script gets; an object with a fixed text, since Sphinx compares configurations by it."""

    def __call__(self, gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
        """Return the command line of one script."""
        name = Path(script_vars["src_file"]).stem
        return ["--quick"] if is_quick(name) else []

    def __repr__(self) -> str:
        return "Arguments()"


class Figures:
    """Scraper: every picture that the run wrote, the solution first, then in the order of their names."""

    def __call__(self, block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
        """Copy the figures of the script and return the text that shows them."""
        folder = _results / "results" / Path(block_vars["src_file"]).stem
        found = sorted(folder.glob("*.png"), key=lambda path: (path.stem not in ("solution", "picture"), path.stem))
        shown = []
        for path, target in zip(found, block_vars["image_path_iterator"], strict=False):
            shutil.copyfile(path, target)
            shown.append(figure_rst([str(target)], gallery_conf["src_dir"], f"{path.stem} of {folder.name}"))
        shutil.rmtree(folder, ignore_errors=True)
        return "\n".join(shown)

    def __repr__(self) -> str:
        return "Figures()"


def keep_going(app: Sphinx, config: Any) -> None:
    """Let `pinnkit.main` run in a scratch folder, and return or raise at its end instead of ending the process."""
    run = pinnkit.main

    def main(problem: pinnkit.Problem) -> None:
        try:
            with contextlib.chdir(_results):
                run(problem)
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{sys.argv[0]} ended with exit code {end.code}") from None

    pinnkit.main = main


# text ---------------------------------------------------------------------------------------------------------------
def docstring_of(name: str) -> str:
    """Return the docstring of a script, as it is written."""
    return ast.get_docstring(ast.parse((PROBLEMS / f"{name}.py").read_text(encoding="utf-8")), clean=False) or ""


def title_of(docstring: str) -> str:
    """Return the first line up to its first comma or colon."""
    return re.split(r"[,:] ", docstring.strip().splitlines()[0])[0].rstrip(".")


def escaped(text: str) -> str:
    """Return plain text with everything escaped that means something in reStructuredText."""
    return re.sub(r"([*`|_\\])", r"\\\1", text)


def published(name: str) -> list[str]:
    """Return a sentence on the published full runs of a problem; empty where there are none."""
    rows = json.loads(PUBLISHED.read_text(encoding="utf-8")) if PUBLISHED.is_file() else []
    found = [row for row in rows if row["problem"] == name and row["method"] == "automatic"]
    return [
        f"Full runs, median of {len(row['seeds'])}: {row['unit']} error {row['value']['median']:.2e} in "
        f"{row['seconds']['median']:.3g} s on {row['cores']} cores (:doc:`/measured`)."
        for row in found
    ]


def picture(name: str) -> Path:
    """Return the path of the picture of a published run."""
    return PUBLISHED.with_name(f"{name}.png")


def as_rst(name: str) -> str:
    """Return the head of a gallery page: title, the text of the docstring, and how the page was made."""
    docstring = docstring_of(name).strip()
    title = title_of(docstring)
    parts = [title, "=" * len(title)]
    for paragraph in docstring.split("\n\n"):
        indented = all(line.startswith("    ") for line in paragraph.splitlines())
        parts.append(f".. code-block:: none\n\n{paragraph}" if indented else escaped(paragraph))
    command = f"pinnkit solve problems/{name}.py"
    if name in SHOWN_ONLY:
        parts.append("The script was not run for this page: it takes minutes.")
        if picture(name).is_file():
            parts.append(f".. image:: ../../results/published/{name}.png\n   :alt: solution of {name}")
    elif is_quick(name):
        parts.append(f"The page shows ``{command} --quick``, at most 3 s of work.  ``{command}`` is a full run.")
    else:
        parts.append(f"The page shows ``{command}``.")
    if name not in IN_FULL:
        parts += published(name)
    return "\n\n".join([f"{parts[0]}\n{parts[1]}", *parts[2:]]) + "\n"


def adapt(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn the plain docstrings on the pages that Sphinx-Gallery wrote into reStructuredText."""
    folder, _, name = docname.rpartition("/")
    if folder != "gallery":
        return
    if name == "index":
        source[0] = re.sub(r'(?<=-title">).+?(?=</div>)', lambda match: title_of(match[0]), source[0])
    elif (PROBLEMS / f"{name}.py").is_file():
        written = docstring_of(name)
        if written not in source[0]:
            raise RuntimeError(f"{docname}: the docstring of the script is not on its page")
        source[0] = source[0].replace(written, as_rst(name), 1)


def thumbnails(app: Sphinx) -> None:
    """Make the thumbnails of scripts that are not run from the pictures of their published runs."""
    for name in SHOWN_ONLY:
        target = Path(app.srcdir) / "gallery" / "images" / "thumb" / f"sphx_glr_{name}_thumb.png"
        if picture(name).is_file() and target.parent.is_dir():
            scale_image(str(picture(name)), str(target), 400, 280)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hooks."""
    app.connect("config-inited", keep_going)
    app.connect("builder-inited", thumbnails, priority=900)  # after Sphinx-Gallery has written its own
    app.connect("source-read", adapt)
    app.connect("build-finished", lambda app, error: shutil.rmtree(_results, ignore_errors=True))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
