"""Reading of NPY and NPZ files: no pickle, and sizes are compared with the file before anything is allocated."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_npy", "read_npz"]

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, LookupError)
"""Errors of `zipfile` for damaged archives: checksums, unknown methods, an encryption flag, names, offsets."""


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of an NPY file.

    Raises:
        ValueError: for a file that is damaged or holds objects; the message names the file.
    """
    try:
        return _array(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"'{path}': cannot be read as a NumPy file, {error}") from None


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an NPZ file by name.

    Raises:
        ValueError: for a file that is damaged or holds objects; the message names the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    except _ZIP_ERRORS as error:
        raise ValueError(f"'{path}': cannot be read as a NumPy file, the archive is damaged ({error})") from None
    try:
        return {name.removesuffix(".npy"): _array(data) for name, data in contents.items()}
    except ValueError as error:
        raise ValueError(f"'{path}': cannot be read as a NumPy file, {error}") from None


def _array(data: bytes) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy repairs headers of Python 2, or headers that look like them
            shape, fortran, dtype = _HEADERS[version](stream)
    except Exception:  # the header is parsed as Python text, which fails in many ways
        raise ValueError("its header is damaged") from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects; write an array of numbers")
    there, needed = len(data) - stream.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or there != needed:
        raise ValueError(f"the header promises {shape} numbers, {needed:,} bytes, and {there:,} bytes follow")
    flat = np.frombuffer(data, dtype, math.prod(shape), stream.tell()) if needed else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C").copy()
