"""Interrupts that wait for the end of a step, for methods whose state is whole only between steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["deferred_interrupts"]


@contextmanager
def deferred_interrupts() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set in the block, in place of the exception that their handlers raise.

    A second signal raises at once.  A signal without a handler of Python keeps its effect, and so do all signals
    outside of the main thread.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            before[signal.Signals(number)](number, frame)
        asked.set()

    try:
        for number in before:
            signal.signal(number, ask)
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
