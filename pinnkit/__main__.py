"""``python -m pinnkit`` and the script `pinnkit`: the command line, and Ctrl-C while its modules load."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; a signal that ends it before a result is begun prints one line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as of `nohup`
            signal.signal(number, _stop)
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        _end()


def _stop(_: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; while modules load, some of which swallow it, end at once: there is nothing to lose."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            _end()
        frame = frame.f_back
    raise KeyboardInterrupt


def _end() -> None:
    sys.stdout.flush()
    os.write(2, b"pinnkit: interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
