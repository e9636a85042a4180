"""Configuration of the documentation: python -m sphinx -W -b html docs OUT."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["COLUMNS"] = "100"  # the width of the reports in the gallery

from problem_gallery import SHOWN_ONLY, Arguments, Figures  # noqa: E402

import pinnkit  # noqa: E402

project = "pinnkit"
author = "The pinnkit authors"
version = release = pinnkit.__version__
html_title = f"pinnkit {version}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "problem_gallery",
    "api_pages",
]
exclude_patterns = ["_ext", "sg_execution_times.rst", "gallery/sg_execution_times.rst"]

# text
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
smartquotes = False  # quotes in code-like text stay as they are

# theme: furo is plain, complete at 360 px, and loads nothing from a network
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
pygments_style = "friendly"

# API reference
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes that a docstring lists are not described a second time
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
default_role = "py:obj"

# gallery
sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "problems"),
    "gallery_dirs": "gallery",
    "filename_pattern": rf"/(?!{'|'.join(SHOWN_ONLY)})\w+\.py$",
    "image_scrapers": (Figures(),),
    "reset_argv": Arguments(),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "notebook_extensions": set(),
    "show_signature": False,
    "abort_on_example_error": True,
}
