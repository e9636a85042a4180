"""Checksums of PNG files, which Pillow does not compare where the pixels are."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

__all__ = ["check_chunks"]

_START = 8  # bytes of the signature
_PIECE = 2**20


def check_chunks(path: Path) -> None:
    """Compare the CRC of every chunk of a PNG file, up to its end chunk, with the data of the chunk.

    Raises:
        ValueError: for a chunk that is cut short or changed, or a file without an end chunk.

    Source: PNG (Portable Network Graphics) specification, third edition, W3C, section 5.3.
    """
    with path.open("rb") as file:
        file.seek(_START)
        while True:
            head = file.read(8)
            if len(head) < 8:
                raise ValueError("its end is missing")
            left, kind = struct.unpack(">I4s", head)
            crc = zlib.crc32(kind)
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise ValueError(f"its chunk {kind.decode('latin1')!r} is cut short")
                crc, left = zlib.crc32(piece, crc), left - len(piece)
            if file.read(4) != struct.pack(">I", crc):
                raise ValueError(f"the checksum of its chunk {kind.decode('latin1')!r} does not match")
            if kind == b"IEND":
                return
