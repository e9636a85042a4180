"""Solutions for other programs: ONNX, torch.export, VTK, CSV and NPZ.

Modules: `solution_export` is the public function, `traceable` the module that is traced, `programs` writes ONNX and
torch.export, `values` writes grids and meshes.
"""

from typing import TYPE_CHECKING

from pinnkit.lazy import lazy_names

if TYPE_CHECKING:
    from .solution_export import export as export

_NAMES = {"solution_export": ("export",)}
__all__ = ["export"]

_load, __dir__ = lazy_names(__name__, _NAMES)

if not TYPE_CHECKING:  # a type checker would take every misspelt name for an attribute
    __getattr__ = _load
