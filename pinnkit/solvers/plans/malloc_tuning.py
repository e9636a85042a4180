"""The allocator of the C library told to keep large blocks, which training allocates and frees at every step."""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache

__all__ = ["keep_memory"]

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h
_LARGEST = 32 * 2**20  # the greatest that glibc takes for the first of them
_KEPT = 2**30


@cache
def keep_memory() -> bool:
    """Have glibc reuse blocks of up to 32 MiB instead of returning each to the system when it is freed.

    Every page of a block that was returned is mapped and cleared again when it is next used, which costs more than
    the arithmetic of an elementwise function.  At most 1 GiB that is free stays with the process.  Done once, for the
    whole process, and on Linux with glibc only.

    Returns:
        Whether it was done.

    Source: the GNU C library manual, section 3.2.3.8, mallopt.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(library.mallopt(_TRIM_THRESHOLD, _KEPT))
