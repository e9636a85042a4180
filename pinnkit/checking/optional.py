"""Packages of the extra `exchange`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["require"]


def require(module: str, path: Path) -> None:
    """Check that an optional package is installed.

    Raises:
        ValueError: with the command that installs it.
    """
    if find_spec(module) is None:
        raise ValueError(
            f"'{path}': this format needs {module}, which is not installed; python -m pip install 'pinnkit[exchange]'"
        )
