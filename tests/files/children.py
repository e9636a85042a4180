"""Readers run in child processes: one child a file, with its result, processor time and memory."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import resource
import select
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinnkit import UnreadableFile

MOST_SECONDS, MOST_BYTES = 10.0, 2**30
"""Limits of a reader: processor time of the child, and growth of its resident memory."""
_STOP_CPU, _STOP_WALL, _STOP_BYTES = 30, 240.0, 3 * 2**30
"""Safety stops of the child, above the limits."""


@dataclass(frozen=True)
class Outcome:
    """Result of one file: how it ended ("read", "refused", "raw", "died"), words or digest, costs."""

    kind: str
    text: str
    seconds: float = 0.0
    growth: int = 0


@dataclass
class Counts:
    """Counts over many files, and the first few files of each fault."""

    files: int = 0
    refused: int = 0
    silent: int = 0
    raw: int = 0
    too_long: int = 0
    too_big: int = 0
    seconds: float = 0.0
    growth: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def faulty(self) -> int:
        return self.silent + self.raw + self.too_long + self.too_big

    def add(self, name: str, found: Outcome, *, silent: bool) -> None:
        """Count one file; `silent` says that it was read although it must not be, or with other content."""
        self.files += 1
        self.refused += found.kind == "refused"
        self.seconds, self.growth = max(self.seconds, found.seconds), max(self.growth, found.growth)
        for what, true in {
            "raw": found.kind in ("raw", "died"),
            "silent": silent,
            "too_long": found.seconds > MOST_SECONDS,
            "too_big": found.growth > MOST_BYTES,
        }.items():
            if true:
                setattr(self, what, getattr(self, what) + 1)
                self.faults.append(f"{name}: {what}, {found.kind}, {found.text[:300]}")

    def figures(self) -> dict[str, float]:
        """Plain numbers for the record of slow tests."""
        names = ("files", "refused", "silent", "raw", "too_long", "too_big")
        return {
            **{name: getattr(self, name) for name in names},
            "most_seconds": round(self.seconds, 2),
            "most_mebibytes": round(self.growth / 2**20, 1),
        }


def in_child(read: Callable[[Path], object], path: Path) -> Outcome:
    """Read a file in a forked child, which is stopped where it takes too long or too much."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        _child(read, path, sender)
    os.close(sender)
    data, end = b"", time.monotonic() + _STOP_WALL
    while (left := end - time.monotonic()) > 0:
        if not select.select([receiver], [], [], left)[0]:
            continue
        piece = os.read(receiver, 65536)
        if not piece:
            break
        data += piece
    else:
        os.kill(child, signal.SIGKILL)
    os.close(receiver)
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    try:
        kind, text, start = pickle.loads(data)
    except Exception:  # the child was killed before it had written all
        return Outcome("died", f"status {status}", max(seconds, MOST_SECONDS + 1 if not status else 0.0))
    return Outcome(kind, text, seconds, max(used.ru_maxrss * 1024 - start, 0))


def _child(read: Callable[[Path], object], path: Path, sender: int) -> None:
    """Read, send the result, and end without any clean-up of the parent."""
    gc.disable()
    with suppress(Exception):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # C libraries write warnings there
        warnings.simplefilter("ignore")
        resource.setrlimit(resource.RLIMIT_CPU, (_STOP_CPU, _STOP_CPU))
        virtual, resident = (int(v) * resource.getpagesize() for v in Path("/proc/self/statm").read_text().split()[:2])
        resource.setrlimit(resource.RLIMIT_AS, (virtual + _STOP_BYTES,) * 2)
        kind, text = _result(read, path)
        os.write(sender, pickle.dumps((kind, text, resident)))
    os._exit(0)


def _result(read: Callable[[Path], object], path: Path) -> tuple[str, str]:
    try:
        return "read", digest(read(path))
    except UnreadableFile as error:
        message = str(error)
        if path.name not in message and path.stem not in message:
            return "raw", f"does not name the file: {message}"
        if not message.isprintable() or len(message) > 2000:
            return "raw", f"cannot be printed: {message!r}"
        if error.__cause__ is not None or not (error.__context__ is None or error.__suppress_context__):
            return "raw", f"chained: {error!r}"
        return "refused", message
    except BaseException as error:
        return "raw", repr(error)[:500]


def digest(value: object) -> str:
    """A digest of plain values, arrays and tensors."""
    found = hashlib.sha256()

    def add(item: Any) -> None:
        if isinstance(item, dict):
            for key in item:
                found.update(repr(key).encode(errors="replace"))
                add(item[key])
        elif isinstance(item, list | tuple):
            for part in item:
                add(part)
        elif isinstance(item, torch.Tensor):
            add(item.detach().cpu().numpy())
        elif isinstance(item, np.ndarray):
            found.update(f"{item.dtype} {item.shape}".encode())
            found.update(np.ascontiguousarray(item).tobytes())
        else:
            found.update(repr(item).encode(errors="replace"))

    add(value)
    return found.hexdigest()


def printed(counts: Counts) -> str:
    """Counts and the first faults, for the message of a test."""
    kinds = Counter(fault.split(": ")[1].split(",")[0] for fault in counts.faults)
    return "\n".join([json.dumps(counts.figures()), str(dict(kinds)), *counts.faults[:25]])


def count(read: Callable[[Path], object], files: Iterable[tuple[str, Path, Callable[[Outcome], bool]]]) -> Counts:
    """Run a reader on files, each with a name and a judgement of what is a silent change."""
    counts = Counts()
    for name, path, is_silent in files:
        found = in_child(read, path)
        counts.add(name, found, silent=found.kind == "read" and is_silent(found))
    return counts
