"""Reading of HDF5 files as plain arrays and attributes, with nothing that lies outside the file or is larger than it.

Refused are soft and external links, external and virtual storage, filters other than the checksum of HDF5 (plug-ins are
loaded as code, compressed data have no bounds), objects with several names (which make cycles), and types other than
numbers and text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "Value", "read_hdf5"]

Value = bool | int | float | str

_DEPTH, _OBJECTS, _ATTRIBUTES = 64, 100_000, 100_000
_NUMBERS = "fiub"


@dataclass(frozen=True, eq=False)
class Group:
    """A group of a file.

    Attributes:
        attributes: numbers and texts by name.
        groups: by name.
        arrays: datasets by name.
    """

    attributes: Mapping[str, Value]
    groups: Mapping[str, Group]
    arrays: Mapping[str, NDArray[Any]]

    def flat(self) -> dict[str, NDArray[Any]]:
        """All arrays below the group, by path, such as "grid/u"."""
        below = {f"{name}/{key}": array for name, group in self.groups.items() for key, array in group.flat().items()}
        return {**self.arrays, **below}


@dataclass
class _Budget:
    """Bytes and objects that are left to be read.

    Attributes:
        bytes_left: the size of the file at first: no file holds more than itself.
        variable_text: whether texts of variable length are read.
        objects_left: groups and datasets.
        attributes_left: of all objects.
        seen: objects by their place in the file.
    """

    bytes_left: int
    variable_text: bool
    objects_left: int = _OBJECTS
    attributes_left: int = _ATTRIBUTES
    seen: set[object] = field(default_factory=set)


def read_hdf5(path: Path, *, variable_text: bool = False) -> Group:
    """Read all of a file.

    Args:
        path: the file.
        variable_text: whether to read attributes that are texts of variable length; else they are left out.  HDF5
            keeps them in a heap, and does not end on some damaged ones.

    Raises:
        OSError, KeyError, RuntimeError, TypeError, ValueError: of h5py, for a damaged file.
        ValueError: for content that is refused; the message does not name the file.
    """
    budget = _Budget(path.stat().st_size, variable_text)
    with h5py.File(path, "r") as file:
        return _group(file, budget, 0)


def _group(group: h5py.Group, budget: _Budget, depth: int) -> Group:
    _enter(group, budget)
    if depth > _DEPTH:
        raise ValueError("its groups are nested too deeply")
    if len(group) > budget.objects_left:
        raise ValueError("it has too many groups and datasets")
    groups, arrays = dict[str, Group](), dict[str, NDArray[Any]]()
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"'{_path(group, name)}' is a link to another place, which is not followed")
        kind = group.get(name, getclass=True)
        if kind is h5py.Group:
            groups[name] = _group(group[name], budget, depth + 1)
        elif kind is h5py.Dataset:
            arrays[name] = _array(group[name], budget)
        else:
            raise ValueError(f"'{_path(group, name)}' is neither a group nor a dataset")
    return Group(_attributes(group, budget), groups, arrays)


def _enter(item: h5py.Group | h5py.Dataset, budget: _Budget) -> None:
    """Count an object, which may be reached by one name only."""
    info = h5py.h5o.get_info(item.id)
    place = (info.fileno, info.addr)
    if place in budget.seen:
        raise ValueError(f"'{item.name}' is an object with two names")
    budget.seen.add(place)
    budget.objects_left -= 1
    if budget.objects_left < 0:
        raise ValueError("it has too many groups and datasets")


def _array(dataset: h5py.Dataset, budget: _Budget) -> NDArray[Any]:
    _enter(dataset, budget)
    name, plan = dataset.name, dataset.id.get_create_plist()
    if plan.get_external_count() or plan.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise ValueError(f"the data of '{name}' lie outside the file, or are a view of others")
    if any(plan.get_filter(i)[0] != h5py.h5z.FILTER_FLETCHER32 for i in range(plan.get_nfilters())):
        raise ValueError(f"the data of '{name}' are compressed or pass another filter, which pinnkit does not write")
    kinds = (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID, h5py.h5t.TypeEnumID)  # of h5py's bool
    if not isinstance(dataset.id.get_type(), kinds) or dataset.shape is None or dataset.dtype.kind not in _NUMBERS:
        raise ValueError(f"'{name}' holds no numbers")
    size = int(dataset.size) * dataset.dtype.itemsize  # Python integers, which do not overflow
    if size > budget.bytes_left or (dataset.chunks and _chunk_bytes(dataset) > budget.bytes_left):
        raise ValueError(f"'{name}' promises {size:,} bytes, which the file cannot hold")
    if size > dataset.id.get_storage_size():
        raise ValueError(f"'{name}' promises {size:,} bytes, and the file holds {dataset.id.get_storage_size():,}")
    budget.bytes_left -= size
    if dataset.attrs.keys():
        raise ValueError(f"'{name}' has attributes, which pinnkit does not write")
    return np.asarray(dataset[()])


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    size = dataset.dtype.itemsize
    for side in dataset.chunks:
        size *= int(side)
    return size


def _attributes(group: h5py.Group, budget: _Budget) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in group.attrs:
        budget.attributes_left -= 1
        opened = group.attrs.get_id(name)
        budget.bytes_left -= opened.get_storage_size()
        if budget.attributes_left < 0 or budget.bytes_left < 0:
            raise ValueError("it has more attributes than it can hold")
        kind = opened.get_type()
        if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str() and not budget.variable_text:
            continue
        if not isinstance(kind, h5py.h5t.TypeStringID | h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID):
            raise ValueError(f"the attribute '{name}' of '{group.name}' is neither a number nor a text")
        value = group.attrs[name]
        if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
            value = value.item()
        if not isinstance(value, Value):
            raise ValueError(f"the attribute '{name}' of '{group.name}' is neither a number nor a text")
        found[name] = value
    return found


def _path(group: h5py.Group, name: str) -> str:
    return f"{group.name.rstrip('/')}/{name}"
