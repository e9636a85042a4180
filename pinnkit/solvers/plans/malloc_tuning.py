"""Memory that training frees and allocates at every step, kept by the allocator of the C library for that time."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

__all__ = ["freed_memory_kept"]

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h
_LARGEST = 32 * 2**20  # the greatest that glibc takes for the first of them
_KEPT = 2**30
_lock = Lock()
_active: list[None] = []  # one entry for each run that is inside the context


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Have glibc reuse blocks of up to 32 MiB instead of returning each to the system when it is freed.

    Every page of a block that was returned is mapped and cleared again when it is next used, which costs more than
    the arithmetic of an elementwise function.  Inside the context at most 1 GiB that is free stays with the process.
    At its end, or at the end of the outermost of several, free memory returns to the system and the thresholds are
    those that glibc's own adjustment reaches once a block of 32 MiB has been freed (32 MiB and 64 MiB).  On Linux with
    glibc only; elsewhere nothing happens.

    Yields:
        Whether it was done.

    Source: the GNU C library manual, section 3.2.3.8, mallopt; malloc/malloc.c, "dynamic mmap threshold".
    """
    library = _glibc()
    if library is None:
        yield False
        return
    with _lock:
        _active.append(None)
        done = bool(library.mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(library.mallopt(_TRIM_THRESHOLD, _KEPT))
    try:
        yield done
    finally:
        with _lock:
            _active.pop()
            if not _active:
                library.mallopt(_TRIM_THRESHOLD, 2 * _LARGEST)
                library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return None
    return ctypes.CDLL(None)
