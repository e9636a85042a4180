"""The error of every reader of files, and the conversion of other errors to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .printable import printable

__all__ = ["UnreadableFile", "reading"]

_MOST = 500  # characters of a reason that are shown


class UnreadableFile(ValueError):
    """A file is not what its reader expects: damaged, cut short, of another kind, too large, or unsafe to read.

    Every reader of the package raises it, with the exception of FileNotFoundError where there is no such file.  The
    message is one line without control characters, whatever the file holds.

    Args:
        path: the file.
        reason: words that follow the name of the file in the message.
        reader: name of the function or of the part of a data set, in front of the name of the file.
    """

    def __init__(self, path: str | Path, reason: str, reader: str = "") -> None:
        super().__init__(path, reason, reader)
        self.path = Path(path)
        self.reason = reason
        self.reader = reader

    def __str__(self) -> str:
        reason = self.reason if len(self.reason) <= _MOST else f"{self.reason[: _MOST - 3]}..."
        return printable(f"{self.reader}: '{self.path}' {reason}" if self.reader else f"'{self.path}': {reason}")


@contextmanager
def reading(path: Path, *, reader: str = "", failure: str = "cannot be read") -> Iterator[None]:
    """Context in which a file is read: every error becomes an `UnreadableFile` that names it.

    Args:
        path: the file.
        reader: as of `UnreadableFile`.
        failure: words in front of the reason of an error that a library raised.

    Raises:
        FileNotFoundError: where the file disappeared.
        UnreadableFile: for all other errors.
    """
    try:
        yield
    except (UnreadableFile, FileNotFoundError):
        raise
    except OSError as error:
        reason = error.strerror if error.strerror and error.errno else str(error)
        raise UnreadableFile(path, f"{failure} ({_short(reason)})", reader) from None
    except ValueError as error:  # of a reader of the package, whose words are meant for the user
        reason = str(error).removeprefix(f"'{path}': ")
        raise UnreadableFile(path, reason, reader) from None
    except MemoryError:
        raise UnreadableFile(path, "needs more memory than there is", reader) from None
    except Exception as error:  # libraries and Python's own parsers fail on hostile data in ways that nobody lists
        raise UnreadableFile(path, f"{failure} ({_short(str(error)) or type(error).__name__})", reader) from None


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 160 else words[:157] + "..."
