"""Random damage to files, and the check that a reader refuses it with a sentence of its own or reads it whole."""

from __future__ import annotations

import random
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


# without hypothesis: a thousand mutations by numbers -----------------------------------------------------------------
def mutation(number: int, data: bytes) -> bytes:
    """Mutation `number` of a file: it is cut, or parts are changed, inserted, removed, moved, repeated or zeroed.

    The bytes always differ from the data.
    """
    draw = random.Random(number)
    while True:
        made = _MUTATIONS[number % len(_MUTATIONS)](draw, data)
        if made != data:
            return made
        number += 1


def _at(draw: random.Random, data: bytes) -> int:
    """A position, half of the time near the beginning, where the headers are."""
    share = draw.random()
    return int((share**4 if draw.random() < 0.5 else share) * len(data))


def _cut(draw: random.Random, data: bytes) -> bytes:
    return data[: _at(draw, data)]


def _bits(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        changed[_at(draw, data)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _bytes(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 4, 20])):
        changed[_at(draw, data)] = draw.choice([0, 0xFF, 0x7F, 0x80, draw.randrange(256)])
    return bytes(changed)


def _inserted(draw: random.Random, data: bytes) -> bytes:
    at = _at(draw, data)
    return data[:at] + draw.randbytes(draw.choice([1, 2, 8, 300])) + data[at:]


def _removed(draw: random.Random, data: bytes) -> bytes:
    at = _at(draw, data)
    return data[:at] + data[at + draw.choice([1, 2, 8, 300]) :]


def _moved(draw: random.Random, data: bytes) -> bytes:
    at, length = _at(draw, data), draw.choice([1, 8, 64])
    part, rest = data[at : at + length], data[:at] + data[at + length :]
    to = _at(draw, rest)
    return rest[:to] + part + rest[to:]


def _repeated(draw: random.Random, data: bytes) -> bytes:
    at, length = _at(draw, data), draw.choice([1, 8, 64, 1000])
    return data[: at + length] + data[at : at + length] * draw.choice([1, 1, 50]) + data[at + length :]


def _zeroed(draw: random.Random, data: bytes) -> bytes:
    at, length = _at(draw, data), draw.choice([1, 4, 8, 512])
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


_MUTATIONS = (_cut, _bits, _bytes, _inserted, _removed, _moved, _repeated, _zeroed, _bits, _bytes)
