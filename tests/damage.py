"""Random damage to files, and the check that a reader refuses it with a sentence of its own or reads it whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40, database=None)
FEW = settings(SETTINGS, max_examples=12)

Read = TypeVar("Read")
Damage = Callable[[bytes], bytes]


def truncation(share: float) -> Damage:
    """Keep a share of the bytes, at least none and at most all but one."""
    return lambda data: data[: min(int(share * len(data)), len(data) - 1)]


def changes(places: list[tuple[float, int]]) -> Damage:
    """Change some bytes by exclusive or with numbers from 1 to 255."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        for share, mask in places:
            changed[min(int(share * len(data)), len(data) - 1)] ^= mask
        return bytes(changed)

    return change


def insertion(share: float, more: bytes) -> Damage:
    """Insert bytes."""
    return lambda data: data[: int(share * len(data))] + more + data[int(share * len(data)) :]


shares = st.floats(0, 1, exclude_max=True)
truncations = shares.map(truncation)
byte_changes = st.lists(st.tuples(shares, st.integers(1, 255)), min_size=1, max_size=6).map(changes)
head_changes = st.lists(st.tuples(shares.map(lambda s: s**4), st.integers(1, 255)), min_size=1, max_size=3).map(changes)
"""Changes that are most likely at the beginning, where the headers are."""
insertions = st.builds(insertion, shares, st.binary(min_size=1, max_size=6))
damages = st.one_of(truncations, byte_changes, head_changes, insertions)


def read_or_refused(read: Callable[[Path], Read], path: Path) -> Read | None:
    """Read a file; None where the reader refuses it in one sentence of pinnkit that names the file.

    Raises:
        AssertionError: for an error that is no ValueError or OSError, does not name the file, or is chained to one of
            a library, which Python would print as a second traceback.
    """
    try:
        return read(path)
    except (ValueError, OSError) as caught:
        error = caught
    assert path.name in str(error), f"the message does not name the file: {error!r}"
    assert "pinnkit" in _raised_in(error), f"raised outside pinnkit: {error!r}"
    assert error.__cause__ is None, f"chained: {error!r}"
    assert error.__context__ is None or error.__suppress_context__, f"chained: {error!r}"
    return None


def _raised_in(error: BaseException) -> str:
    at = error.__traceback__
    assert at is not None
    while at.tb_next is not None:
        at = at.tb_next
    return at.tb_frame.f_code.co_filename.replace("\\", "/").rsplit("/tests/", 1)[-1]
