"""Types of the metadata of a solution's file, checked before any of it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pinnkit.files.content import parse_json

__all__ = ["checked_metadata"]

Check = Callable[[object], bool]

_MOST_COLUMNS = 10_000
"""Most coordinates, and most components of one unknown: the file states them, and arrays are made from them."""
_MOST_UNKNOWNS = 1000


def _text(value: object) -> bool:
    return isinstance(value, str)


def _integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _number(value: object) -> bool:
    return isinstance(value, float) or _integer(value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _anything(value: object) -> bool:
    del value
    return True


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _table(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _record(**checks: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(key in value and check(value[key]) for key, check in checks.items())
    )


def _columns(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_COLUMNS


_AXIS = _record(name=_text, lower=_number, upper=_number, role=_text, dim=_columns)
_UNKNOWN = _record(components=_or_null(_columns), axes=_or_null(_list(_text)))

_REQUIRED: Mapping[str, Check] = {
    "problem": _text,
    "domain": _text,
    "axes": _list(_AXIS),
    "unknowns": _table(_UNKNOWN),
    "ansatz": _list(_text),
    "groups": _list(_list(_text)),
    "specs": _list(_table(_anything)),
    "field": _text,
    "coefficients": _table(_number),
    "status": _text,
    "seconds": _number,
    "seed": _integer,
    "device": _text,
    "dtype": _text,
    "solvers": _list(_text),
    "choice": _text,
    "residual_rms": _number,
    "steps": _count,
    "parameters": _count,
    "versions": _table(_text),
    "history_solvers": _list(_text),
    "problem_hash": _or_null(_text),
}
_OPTIONAL: Mapping[str, Check] = {
    "domain_data": _or_null(_table(_anything)),
    "domain_refusal": _text,
    "is_box": _flag,  # version 1
    "periodic": _list(_text),
    "rows": _table(_count),
    "training_rms": _table(_number),
    "term_probes": _table(_list(_number)),
    "history_terms": _list(_text),
    "history_measures": _list(_text),
    "facts": _table(_anything),
    "scattered": _flag,
}


def checked_metadata(text: str) -> dict[str, Any]:
    """Parse the metadata of a file and check the type of every entry.

    Raises:
        ValueError: for text that is no JSON, an entry that is missing or of another type, sizes beyond all use.
    """
    found = parse_json(text)
    if not isinstance(found, dict):
        raise ValueError("its metadata are no object")
    if missing := _REQUIRED.keys() - found.keys():
        raise ValueError(f"its metadata lack `{min(missing)}`")
    if "is_box" not in found and not {"domain_data", "domain_refusal"} <= found.keys():
        raise ValueError("its metadata lack the domain")
    for key, check in {**_REQUIRED, **_OPTIONAL}.items():
        if key in found and not check(found[key]):
            raise ValueError(f"`{key}` in its metadata is not what pinnkit writes, {repr(found[key])[:60]}")
    metadata: dict[str, Any] = found
    columns = sum(axis["dim"] for axis in metadata["axes"])
    if not 1 <= columns <= _MOST_COLUMNS or not 1 <= len(metadata["unknowns"]) <= _MOST_UNKNOWNS:
        raise ValueError(
            f"its problem has {columns:,} coordinates and {len(metadata['unknowns']):,} unknowns; from 1 to "
            f"{_MOST_COLUMNS:,} and {_MOST_UNKNOWNS:,} are read"
        )
    grouped = [name for group in metadata["groups"] for name in group]
    if sorted(grouped) != sorted(metadata["unknowns"]) or not all(metadata["groups"]):
        raise ValueError("the groups of its fields do not hold every unknown once")
    return metadata
