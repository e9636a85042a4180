"""One writer per folder: a lock that the operating system frees when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

__all__ = ["LOCK_NAME", "FolderInUse", "FolderLock", "one_writer"]

LOCK_NAME = ".pinnkit.lock"
"""The locked file, inside the folder; removed when the writer has ended.  One that is left marks an unfinished run."""
_HELD: dict[Path, int] = {}
"""Folders that this process writes, with their thread: a solve inside a command writes the folder of the command."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""Errors of file systems that have no locks."""


class FolderInUse(ValueError):
    """Another process, or another thread, writes the folder."""


@contextmanager
def one_writer(folder: Path, argument: str) -> Iterator[None]:
    """Context in which this process alone writes `folder`; within another one of the same folder it does nothing.

    Args:
        folder: the folder; it is created, and removed at the end where it is still empty.
        argument: the argument that gives the folder, for messages.

    Raises:
        FolderInUse: where another process writes it.
        ValueError: where it cannot be written.
    """
    if _HELD.get(folder.absolute()) == threading.get_ident():
        yield
        return
    lock = FolderLock.acquire(folder, argument)
    try:
        yield
    finally:
        lock.release()


class FolderLock:
    """The lock of a folder, held from `acquire` to `release` or `rename`.

    Args:
        folder: the folder.
        made: the highest folder that was created for it; None where it was there.
        file: the locked file; the lock ends where it is closed, so also where an interrupted block drops it.
    """

    def __init__(self, folder: Path, made: Path | None, file: FileIO) -> None:
        self.folder = folder
        self.made = made
        self.file = file
        self.key = folder.absolute()
        _HELD[self.key] = threading.get_ident()

    @classmethod
    def acquire(cls, folder: Path, argument: str) -> FolderLock:
        """Create and lock a folder, and test that files can be written there.

        Raises:
            FolderInUse: where another process holds the lock.
            ValueError: where the folder cannot be written.
        """
        made = next((p for p in reversed([folder, *folder.parents]) if not p.exists()), None)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = _locked(folder / LOCK_NAME)
        except OSError as error:
            _remove_empty(folder, made)
            raise ValueError(
                f"{argument}: the folder '{folder}' cannot be written ({error.strerror or error}); choose another place"
            ) from None
        if file is None:
            raise FolderInUse(
                f"{argument}: another process writes '{folder}'{_holder(folder / LOCK_NAME)}; wait for its end, or "
                f"choose another folder"
            )
        return cls(folder, made, file)

    def release(self, *, keep_file: bool = False) -> None:
        """Free the lock, remove the locked file, and remove a folder that was made and is empty; once is enough.

        Args:
            keep_file: leave the locked file as the mark of an unfinished result.
        """
        if self.file.closed:
            return
        _HELD.pop(self.key, None)
        path = self.folder / LOCK_NAME
        with contextlib.suppress(OSError), self.file:
            if not keep_file and _is_file(path, self.file):
                if sys.platform == "win32":  # an open file cannot be removed there
                    self.file.close()
                path.unlink()
        _remove_empty(self.folder, self.made)

    def rename(self, to: Path) -> None:
        """Give the folder another name, and free the lock."""
        if sys.platform == "win32":  # nor can its folder be renamed
            self.release()
            self.folder.rename(to)
            return
        self.folder.rename(to)
        self.folder = to
        self.release()


def _locked(path: Path) -> FileIO | None:
    """The file, locked and written; None where another process has locked it.

    Raises:
        OSError: where it cannot be made or written.
    """
    while True:
        file = path.open("a+b", buffering=0)
        try:
            if not _lock(file):
                file.close()
                return None
            if _is_file(path, file):  # else its writer ended and removed it between the two
                file.truncate(0)
                file.write(f"{os.getpid()}\n".encode("ascii"))
                os.fsync(file.fileno())
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: FileIO) -> bool:
    """Lock an open file; False where another process has."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _is_file(path: Path, file: FileIO) -> bool:
    """Return whether `path` still names the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _holder(path: Path) -> str:
    """The process that wrote the locked file, in words; empty where it cannot be read."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return f" (process {text})" if text.isdigit() else ""


def _remove_empty(folder: Path, made: Path | None) -> None:
    """Remove empty folders from `folder` up to `made`."""
    if made is None:
        return
    with contextlib.suppress(OSError):
        for path in (folder, *folder.parents):
            path.rmdir()
            if path == made:
                break
