"""Signals that end the command line: SIGINT and SIGTERM alike, in one line, with what there is to save.

An exception that a handler raises while a module loads leaves half a module behind, or is swallowed by it; one that is
raised while an object is destroyed is dropped by Python.  So before a result is begun a signal ends the process there,
and later on a solve asks at each of its steps whether a signal has arrived.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = [
    "end_interrupted",
    "interrupt_answered",
    "interrupt_asked",
    "interrupts_raise",
    "interrupts_wait",
    "start_interruptible",
]

_INTERRUPTED = 130
_IMPORT = "<frozen importlib._bootstrap>"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ASKED = threading.Event()
"""Set by a signal in the block of `interrupts_raise`."""
_WAITS = threading.Event()
"""Set in the block of `interrupts_wait`."""


def start_interruptible() -> None:
    """Handle signals from now on: raise KeyboardInterrupt, or end the process with one line while a module loads.

    A signal that the parent process asked to ignore, as `nohup` does, stays ignored.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def end_interrupted() -> None:
    """End the process with one line."""
    sys.stdout.flush()
    os.write(2, b"pinnkit: interrupted\n")
    os._exit(_INTERRUPTED)


@contextmanager
def interrupts_raise() -> Iterator[None]:
    """Context in which SIGINT and SIGTERM raise KeyboardInterrupt, so that a solve keeps its state.

    While a module loads, the first signal is kept for `interrupt_asked`, and a second one raises.  A signal that is
    ignored stays ignored.  Outside of the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    usual = sys.unraisablehook

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):  # that one is answered at the next step
            usual(dropped)

    _ASKED.clear()
    sys.unraisablehook = hook
    try:
        for number in _SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not set by Python
                before[number] = signal.signal(number, _raise)
        yield
    finally:
        sys.unraisablehook = usual
        for number, handler in before.items():
            signal.signal(number, handler)
        _ASKED.clear()


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Context that the first signal does not end: it is kept for `interrupt_asked`; a second one raises."""
    _WAITS.set()
    try:
        yield
    finally:
        _WAITS.clear()


def interrupt_asked() -> bool:
    """True after a signal that has not been answered; a solve asks at each step, in case no exception got through."""
    return _ASKED.is_set()


def interrupt_answered() -> None:
    """Forget the signal: what it asked for has been done."""
    _ASKED.clear()


def _stop(_: int, frame: FrameType | None) -> None:
    if _is_loading(frame):
        end_interrupted()
    raise KeyboardInterrupt


def _raise(_: int, frame: FrameType | None) -> None:
    first = not _ASKED.is_set()
    _ASKED.set()
    if not first or not (_WAITS.is_set() or _is_loading(frame)):
        raise KeyboardInterrupt


def _is_loading(frame: FrameType | None) -> bool:
    """Return whether a module is being loaded below a frame."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
