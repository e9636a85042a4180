"""Names from files that become paths."""

from __future__ import annotations

from pathlib import Path

__all__ = ["path_inside"]


def path_inside(folder: Path, name: str, *, owner: str) -> Path:
    """Return the path of a name in a folder.

    Args:
        folder: the folder that is written.
        name: relative path, which may come from a file that anyone wrote.
        owner: name of the caller in the message.

    Raises:
        ValueError: for a name that leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{owner}: the name {name[:80]!r} leads out of '{folder}'; rename it")
    return path
