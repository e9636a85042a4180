"""Signals that end a run: SIGINT and SIGTERM both raise KeyboardInterrupt while there is something to save."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interrupts_raise"]


@contextmanager
def interrupts_raise() -> Iterator[None]:
    """Context in which SIGINT and SIGTERM raise KeyboardInterrupt, so that a solve keeps its state.

    A signal that the parent process asked to ignore, as `nohup` does, stays ignored.  Outside of the main thread, where
    Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not set by Python
                before[number] = signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
