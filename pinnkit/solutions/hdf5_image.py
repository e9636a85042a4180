"""HDF5 files composed in memory, and written by one plain write.

Where a disk is full, the HDF5 library leaves a file that it can neither write nor close, prints its own traces, and may
crash at the end of the process.  A plain write fails with one `OSError`.
"""

from __future__ import annotations

from collections.abc import Callable

import h5py

__all__ = ["hdf5_image"]

_BLOCK = 2**20
"""Bytes by which the memory grows."""


def hdf5_image(fill: Callable[[h5py.File], object], *, header: int = 0) -> bytes:
    """The bytes of an HDF5 file.

    Args:
        fill: writes the content into the open file.
        header: bytes of the user block before the HDF5 content, which are zero.
    """
    with h5py.File(
        "image", "w", driver="core", backing_store=False, block_size=_BLOCK, userblock_size=header or None
    ) as file:
        fill(file)
        file.flush()
        image: bytes = file.id.get_file_image()
    return bytes(header) + image if header else image
