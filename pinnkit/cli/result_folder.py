"""The folder of a result: one writer, an earlier result set aside, remains of stopped runs, checkpoints."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from pinnkit.interrupts import interrupts_raise
from pinnkit.reports.summary import SUMMARY_NAME
from pinnkit.solutions.files import FILE_NAME
from pinnkit.solutions.folder_lock import LOCK_NAME, FolderLock

from .console import INTERRUPTED, print_error, warnings_in_one_line

__all__ = ["has_checkpoint", "remove_checkpoints", "result_folder"]

_RESULTS = (SUMMARY_NAME, FILE_NAME, "history.csv")
_CHECKPOINT = re.compile(r"(checkpoint|stage)\d*\.h5")
_REMAINS = re.compile(r"\.checkpoint\d*\.h5\.part|\..+\.\d+\.tmp")
"""Temporary files of processes that were killed."""
_OWN_FOLDERS = re.compile(r"(slab|candidate|stage)\d+")
"""Folders that a solve makes for its slabs, candidates and stages."""


@contextmanager
def result_folder(folder: Path, console: Console, *, keep: bool) -> Iterator[Path]:
    """Context in which a command writes its result: an earlier result there is renamed to NAME.1, NAME.2, ...

    No other process can write the folder meanwhile.  SIGINT and SIGTERM raise KeyboardInterrupt.  A run that fails
    before it has written a file, because an option or the problem is refused, leaves the earlier result where it was.

    Args:
        folder: the folder to write.
        console: receives a line where a result was renamed or a checkpoint is missing.
        keep: leave the folder in place where it holds a checkpoint, to continue from it.

    Raises:
        ValueError: for a file in place of a folder, for a folder with files that no result has, for one that cannot be
            written or that another process writes.
        typer.Exit: after a signal that the solve did not turn into a solution.
    """
    if folder.name in ("", ".."):  # names that mean another folder once this one is renamed
        folder = folder.resolve()
    _refuse_foreign(folder)
    lock = FolderLock.acquire(folder, "--out")
    aside: Path | None = None
    try:
        _remove_remains(folder)
        resumes = keep and has_checkpoint(folder)
        if keep and not resumes:
            console.print(
                Text(f"--resume: there is no checkpoint in {folder}, so this run begins anew", style="yellow")
            )
        if not resumes and _holds_files(folder):
            aside = _free_name(folder)
            lock.rename(aside)
            lock = FolderLock.acquire(folder, "--out")
        with interrupts_raise(), warnings_in_one_line():
            yield folder
    except BaseException as error:
        text = _interruption(folder)
        if not _holds_files(folder):
            lock.release()
            if aside is not None and _move_back(aside, folder):
                aside = None
        if isinstance(error, KeyboardInterrupt):
            print_error(text)
            raise typer.Exit(INTERRUPTED) from None
        raise
    finally:
        lock.release(keep_file=_holds_files(folder) and not (folder / SUMMARY_NAME).exists())
        if aside is not None:
            console.print(Text(f"The earlier result is now in {aside}", style="dim"))


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run that has ended, and the folders of its parts."""
    for path in [*_files(folder, _CHECKPOINT), *_files(folder, _REMAINS)]:
        path.unlink(missing_ok=True)
    _remove_empty_parts(folder)


def _interruption(folder: Path) -> str:
    parts = [f"{folder / FILE_NAME} holds the solution so far"] if (folder / FILE_NAME).exists() else []
    parts += [f"--resume continues from the checkpoint in {folder}"] if has_checkpoint(folder) else []
    return "; ".join(["interrupted", *parts]) if parts else "interrupted before there was anything to keep"


def _refuse_foreign(folder: Path) -> None:
    """Refuse a file, and a folder whose files are not those of a result.

    Raises:
        ValueError: with the repair.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out must be a folder, '{folder}' is a file")
    if not folder.is_dir():
        return
    known = any((folder / name).exists() for name in (*_RESULTS, LOCK_NAME)) or has_checkpoint(folder)
    strange = (p for p in folder.iterdir() if not _REMAINS.fullmatch(p.name) and not _is_empty_part(p))
    if not known and any(strange):
        raise ValueError(f"--out: '{folder}' holds files that are no result of pinnkit; choose another folder")


def _is_empty_part(path: Path) -> bool:
    return bool(_OWN_FOLDERS.fullmatch(path.name)) and path.is_dir() and not _holds_files(path)


def _own_folders(folder: Path) -> Iterator[Path]:
    """A folder and those that a solve makes in it, outermost first."""
    yield folder
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if _OWN_FOLDERS.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                yield from _own_folders(path)


def _files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Files with such names in a folder and in those that a solve makes in it."""
    own = [p for part in _own_folders(folder) if part.is_dir() for p in part.iterdir()]
    return [p for p in own if pattern.fullmatch(p.name) and p.is_file()]


def has_checkpoint(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint to resume from."""
    return bool(_files(folder, _CHECKPOINT))


def _holds_files(folder: Path) -> bool:
    """Return whether a folder holds a file other than the locked one and remains."""
    return any(not p.is_dir() and p.name != LOCK_NAME and not _REMAINS.fullmatch(p.name) for p in folder.rglob("*"))


def _remove_remains(folder: Path) -> None:
    for path in _files(folder, _REMAINS):
        with contextlib.suppress(OSError):
            path.unlink()


def _free_name(folder: Path) -> Path:
    return next(p for i in range(1, 10**6) if not (p := folder.with_name(f"{folder.name}.{i}")).exists())


def _move_back(aside: Path, folder: Path) -> bool:
    """Give an earlier result its name back; False where another process has taken the name."""
    _remove_empty_parts(folder)
    try:
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    except OSError:
        return False
    return True


def _remove_empty_parts(folder: Path) -> None:
    for part in reversed(list(_own_folders(folder))[1:]):
        with contextlib.suppress(OSError):  # not empty
            part.rmdir()
