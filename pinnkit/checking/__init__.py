"""Checks of solutions from other programs: tables, functions and models as fields, then the verdict and the report.

Modules: `candidate_check` is the public function, `candidate` the result of the readers; `files` reads tables, `tables`
matches their columns, `node_spacing`, `polynomials` and `local_fits` differentiate them; `functions`, `models`,
`model_files`, `onnx_models` and `sampled_field` read functions and models; `transformations` names what was scaled,
shifted or exchanged, `ansatz_conditions` checks conditions that only an ansatz holds.
"""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .candidate_check import check as check

_NAMES = {"candidate_check": ("check",)}
__all__ = ["check"]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
