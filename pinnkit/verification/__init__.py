"""Verification of solutions: residual, uniqueness and comparison checks, error estimates, and their verdict."""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .finding import Finding as Finding
    from .finding import Kind as Kind
    from .finding import Level as Level
    from .finding import Verdict as Verdict
    from .run_checks import verdict as verdict

_NAMES = {
    "finding": ("Finding", "Kind", "Level", "Verdict"),
    "run_checks": ("verdict",),
}
__all__ = ["Finding", "Kind", "Level", "Verdict", "verdict"]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
