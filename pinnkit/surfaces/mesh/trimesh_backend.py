"""Import of the optional package trimesh."""

from __future__ import annotations

from typing import Any

__all__ = ["import_trimesh"]


def import_trimesh() -> Any:
    """Return the package trimesh.

    Raises:
        ImportError: where it is not installed, with the command that installs it.
    """
    try:
        import trimesh
    except ImportError:
        raise ImportError("meshes need the package trimesh: pip install 'pinnkit[surfaces]'") from None
    return trimesh
