"""Reports on solutions: validation, tables, files and figures.

Modules: `validation` measures a solution, `report` holds what was measured, `summary` prints and writes it without
PyTorch, `unchecked` summarises a solution that could not be measured, `failure_text` words an error, `history_file`
writes history.csv, `figures` draws.
"""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .report import Report as Report
    from .validation import validate as validate

_NAMES = {
    "report": ("Report",),
    "validation": ("validate",),
}
__all__ = ["Report", "validate"]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
