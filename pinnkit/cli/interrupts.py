"""Signals that end a run: SIGINT and SIGTERM both raise KeyboardInterrupt while there is something to save."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupt_asked", "interrupts_raise"]

_ASKED = threading.Event()
"""Set by a signal.  Python drops an exception that a handler raises while an object is destroyed."""


def interrupt_asked() -> bool:
    """True after a signal that ends the run; a solve asks at each of its steps, in case the exception was dropped."""
    return _ASKED.is_set()


def _raise(_: int, __: FrameType | None) -> None:
    _ASKED.set()
    raise KeyboardInterrupt


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
    _ASKED.clear()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not set by Python
                before[number] = signal.signal(number, _raise)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _ASKED.clear()
