"""Checksummed HDF5 files: a header of 512 bytes before the HDF5 content holds the SHA-256 of all bytes behind it.

HDF5 keeps checksums of some of its data only, and its library may fail in undefined ways on changed structures.  The
header is the user block that the format provides, so that other programs read the files as usual.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["HEADER", "check_seal", "seal"]

HEADER = 512
"""Bytes of the header: the smallest user block of HDF5."""
_HDF5 = b"\x89HDF\r\n\x1a\n"


def seal(path: Path, kind: str) -> None:
    """Write the header of a file that was made with `h5py.File(..., userblock_size=HEADER)`.

    Args:
        path: the file, complete and closed.
        kind: first words of the header, such as "pinnkit solution".
    """
    line = f"{kind}, HDF5 from byte {HEADER}, SHA-256 {_digest(path)}\n".encode("ascii")
    with path.open("r+b") as file:
        file.write(line.ljust(HEADER, b"\0"))


def check_seal(path: Path, kind: str) -> bool:
    """Compare the bytes of a file with its header; False for an HDF5 file without one.

    Raises:
        ValueError: for a file that is neither HDF5 nor of this kind, or whose bytes do not match its checksum; the
            message does not name the file.
    """
    with path.open("rb") as file:
        head = file.read(HEADER)
    if head.startswith(_HDF5):
        return False
    if not head.startswith(f"{kind}, ".encode("ascii")):
        raise ValueError("its first bytes are not those of such a file")
    if head != f"{kind}, HDF5 from byte {HEADER}, SHA-256 {_digest(path)}\n".encode("ascii").ljust(HEADER, b"\0"):
        raise ValueError("its bytes do not match its checksum: it was cut short, or changed after it was written")
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(HEADER)
        return hashlib.file_digest(file, "sha256").hexdigest()
