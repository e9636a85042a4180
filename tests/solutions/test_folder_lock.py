"""One writer per folder: refused while another one writes, free when it has ended, in whatever way."""

import threading
from pathlib import Path

import pytest

from pinnkit import Adam, Siren, solve
from pinnkit.solutions.folder_lock import LOCK_NAME, FolderInUse, FolderLock, one_writer
from tests.samples import heat_problem


def in_another_thread(folder: Path) -> list[str]:
    """The refusal of a second writer; empty where it is not refused."""
    found = []

    def write() -> None:
        try:
            with one_writer(folder, "out"):
                pass
        except FolderInUse as error:
            found.append(str(error))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return found


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    with one_writer(folder, "out"):
        (text,) = in_another_thread(folder)
        assert text.startswith(f"out: another process writes '{folder}' (process ")
        (folder / "file").touch()
    assert in_another_thread(folder) == []
    assert [p.name for p in folder.iterdir()] == ["file"]


def test_the_writer_may_write_inside_its_own_block(tmp_path: Path) -> None:
    with one_writer(tmp_path, "out"):
        with one_writer(tmp_path, "out"):
            assert (tmp_path / LOCK_NAME).exists()
        assert (tmp_path / LOCK_NAME).exists()
        assert in_another_thread(tmp_path)
    assert not (tmp_path / LOCK_NAME).exists()


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    with one_writer(tmp_path / "a/b/c", "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), one_writer(tmp_path, "out"):
        raise KeyboardInterrupt
    assert in_another_thread(tmp_path) == []


def test_the_lock_of_a_process_that_was_killed_does_not_count(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("4711\n")
    with one_writer(tmp_path, "out"):
        assert in_another_thread(tmp_path)


def test_a_locked_folder_may_be_renamed(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/file").touch()
    lock = FolderLock.acquire(tmp_path / "old", "out")
    lock.rename(tmp_path / "old.1")
    lock.release()
    assert [p.name for p in (tmp_path / "old.1").iterdir()] == ["file"]
    assert in_another_thread(tmp_path / "old") == in_another_thread(tmp_path / "old.1") == []


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"solve: `out`: the folder '.*below' cannot be written \(Not a directory\)"):
        solve(heat_problem(), Siren(width=4, depth=1), Adam(steps=1, points=8), out=tmp_path / "file/below")


def test_solve_refuses_a_folder_that_another_one_writes(tmp_path: Path) -> None:
    refused = []

    def second(_: object) -> None:
        def run() -> None:
            try:
                solve(heat_problem(), Siren(width=4, depth=1), Adam(steps=1, points=8), out=tmp_path)
            except FolderInUse as error:
                refused.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    solve(heat_problem(), Siren(width=4, depth=1), Adam(steps=1, points=8), out=tmp_path, callbacks=[second])
    assert len(refused) == 1
    assert refused[0].startswith("solve: `out`: another process writes")
