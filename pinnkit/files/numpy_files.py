"""Reading of NPY and NPZ files: no pickle, and sizes are compared with the file before anything is allocated."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .content import check_size, read_content
from .unreadable import UnreadableFile, reading

__all__ = ["read_npy", "read_npz"]

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, LookupError)
"""Errors of `zipfile` for damaged archives: checksums, unknown methods, an encryption flag, names, offsets."""
_FAILURE = "cannot be read as a NumPy file"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FREE, _RATIO = 16 * 2**20, 32
"""Bytes that are unpacked whatever the size of the archive, and beyond them the most for each byte of it."""
_MEMBERS = 1000
_PIECE = 2**20


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of an NPY file.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is damaged, too large, or holds objects.
    """
    data = read_content(path)
    try:
        return _array(bytearray(data))
    except ValueError as error:
        raise UnreadableFile(path, f"{_FAILURE}, {error}") from None


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an NPZ file by name.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is damaged, holds objects, or would unpack to many times its size.
    """
    size = check_size(path)
    with reading(path, failure=_FAILURE):
        contents = _unpacked(path, size)
        return {name.removesuffix(".npy"): _named_array(name, data) for name, data in contents.items()}


def _unpacked(path: Path, size: int) -> Mapping[str, bytearray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members, size)
            return {member.filename: _content(archive, member) for member in members}
    except UnreadableFile:
        raise
    except _Refused as error:
        raise UnreadableFile(path, f"{_FAILURE}, {error}") from None
    except _ZIP_ERRORS as error:
        raise UnreadableFile(path, f"{_FAILURE}, the archive is damaged ({error})") from None


class _Refused(Exception):
    """An archive that is sound and not read; the message is the reason."""


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    if len(members) > _MEMBERS or len({member.filename for member in members}) < len(members):
        raise _Refused(f"it has more than {_MEMBERS:,} arrays, or two of one name")
    if any(member.compress_type not in _METHODS for member in members):
        raise _Refused("it is compressed by a method that NumPy does not write")
    if any(member.comment for member in members):  # NumPy writes none; a damaged one hides the member after it
        raise _Refused("it has comments, which NumPy does not write")
    total, most = sum(member.file_size for member in members), max(_FREE, _RATIO * size)
    if total > most:
        raise _Refused(f"it would unpack from {size:,} to {total:,} bytes, at most {most:,} are read; save it unpacked")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytearray:
    """Unpack a member, which `zipfile` ends at the size that its entry states, and check its CRC."""
    found = bytearray()
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            found += piece
    if len(found) != member.file_size:
        raise zipfile.BadZipFile(f"'{member.filename}' is cut short")
    return found


def _named_array(name: str, data: bytearray) -> NDArray[Any]:
    try:
        return _array(data)
    except ValueError as error:
        raise ValueError(f"{_FAILURE}, '{name}': {error}") from None


def _array(data: bytearray) -> NDArray[Any]:
    """The array of the content of an NPY file, which it shares."""
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
    if dtype.kind not in "biufcSU" or not dtype.itemsize:
        raise ValueError(f"it holds {dtype}; write an array of numbers")
    there, needed = len(data) - stream.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or there != needed:
        raise ValueError(f"the header promises {shape} numbers, {needed:,} bytes, and {there:,} bytes follow")
    flat = np.frombuffer(data, dtype, math.prod(shape), stream.tell()) if needed else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")
