"""Reading of the arrays of HDF5 files that other programs wrote, with nothing that lies outside the file.

Unlike `read_hdf5`, which reads the files of pinnkit alone, this reader takes compressed arrays, attributes and texts as
they come: what is no number is skipped.  Links to other files, external and virtual storage, and filters other than
those that HDF5 itself brings (plug-ins are loaded as code) are refused; sizes are bounded before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .content import MAX_BYTES, check_size
from .unreadable import reading

__all__ = ["read_arrays"]

_DEPTH, _OBJECTS = 8, 10_000
_NUMBERS = "fiubc"
_FILTERS = frozenset(
    {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
    | {h5py.h5z.FILTER_SZIP, h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET}
)


@dataclass
class _Budget:
    """Bytes and objects that are left to be read; `seen` holds the places of objects in the file."""

    bytes_left: int
    objects_left: int = _OBJECTS
    seen: set[object] = field(default_factory=set)


def read_arrays(path: Path, most: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """Read all arrays of numbers by their last names, and the numbers among the attributes of the file.

    Args:
        path: the file.
        most: limit in bytes, of the file and of all its arrays together.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is damaged, too large, keeps its values elsewhere, or has two arrays of a name.
    """
    check_size(path, most)
    found: dict[str, NDArray[Any]] = {}
    with reading(path, failure="cannot be read as HDF5"), h5py.File(path, "r") as file:
        for name in file.attrs:
            kind = file.attrs.get_id(name).get_type()
            if isinstance(kind, h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID) and file.attrs.get_id(name).shape == ():
                found[str(name)] = np.asarray(file.attrs[name])
        for name, dataset in _datasets(file, _Budget(most), 0):
            if name in found:
                raise ValueError(f"it holds two arrays named '{name}'; rename one of them")
            found[name] = np.asarray(dataset[()])
    return found


def _datasets(group: h5py.Group, budget: _Budget, depth: int) -> Iterator[tuple[str, h5py.Dataset]]:
    """Datasets of numbers in a group and in those below it, each object once."""
    if depth > _DEPTH:
        raise ValueError("its groups are nested too deeply")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise ValueError(f"'{name}' is a link to another file, which is not followed")
        item = group[name]
        info = h5py.h5o.get_info(item.id)
        budget.objects_left -= 1
        if budget.objects_left < 0:
            raise ValueError(f"it holds more than {_OBJECTS:,} arrays and groups")
        if info.addr in budget.seen:
            continue
        budget.seen.add(info.addr)
        if isinstance(item, h5py.Group):
            yield from _datasets(item, budget, depth + 1)
        elif isinstance(item, h5py.Dataset) and _is_read(item, name, budget):
            yield str(name), item


def _is_read(dataset: h5py.Dataset, name: str, budget: _Budget) -> bool:
    plan = dataset.id.get_create_plist()
    if dataset.is_virtual or plan.get_external_count():
        raise ValueError(f"'{name}' keeps its values in other files, which are not read")
    if dataset.shape is None or dataset.dtype.kind not in _NUMBERS:
        return False
    if any(plan.get_filter(i)[0] not in _FILTERS for i in range(plan.get_nfilters())):
        raise ValueError(f"'{name}' is packed by a filter that HDF5 itself does not bring; write it without")
    size = int(dataset.size) * dataset.dtype.itemsize  # Python integers, which do not overflow
    chunk = dataset.dtype.itemsize
    for side in dataset.chunks or ():
        chunk *= int(side)
    if max(size, chunk) > budget.bytes_left:
        raise ValueError(f"'{name}' has {max(size, chunk):,} bytes, and at most {budget.bytes_left:,} are read")
    budget.bytes_left -= size
    return True
