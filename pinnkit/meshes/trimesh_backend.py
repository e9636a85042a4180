"""Import of the optional package trimesh."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    import trimesh

__all__ = ["import_trimesh", "is_mesh"]


def is_mesh(value: object) -> TypeGuard[trimesh.Trimesh]:
    """Return whether `value` is a mesh of trimesh; this does not import the package, without which there is none."""
    package = sys.modules.get("trimesh")
    return package is not None and isinstance(value, package.Trimesh)


def import_trimesh() -> Any:
    """Return the package trimesh.

    Raises:
        ImportError: where it is not installed, with the command that installs it.
    """
    try:
        import trimesh
    except ImportError:
        raise ImportError("meshes need the package trimesh: pip install 'pinnkit[geometry]'") from None
    return trimesh
