"""``python -m pinnkit`` and the script `pinnkit`: the command line, and Ctrl-C while its modules load."""

from __future__ import annotations

from .interrupts import end_interrupted, start_interruptible

__all__ = ["main"]


def main() -> None:
    """Run the command line; a signal that ends it before a result is begun prints one line."""
    start_interruptible()
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        end_interrupted()


if __name__ == "__main__":
    main()
