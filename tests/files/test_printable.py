"""Texts from files on a terminal: no escape sequences, in messages, tables and JSON."""

import json
import pickle
from pathlib import Path

import pytest

from pinnkit import UnreadableFile
from pinnkit.cli import run
from pinnkit.files.printable import escaped_controls, printable
from pinnkit.files.unreadable import reading

from .crafted_scenes import SUMMARY

HOSTILE = "a\x1b[2J\x9b31m\u202eb\x07\r\nc\u2028\u200bd"


def test_control_characters_and_reversals_are_replaced() -> None:
    assert printable(HOSTILE).isprintable()
    assert printable("Näherung für ∂u/∂t, 北京") == "Näherung für ∂u/∂t, 北京"
    assert printable("a\tb\nc") == "a b c"


def test_json_keeps_its_value() -> None:
    text = json.dumps({"a": HOSTILE}, ensure_ascii=False)
    assert "\x9b" not in escaped_controls(text)
    assert json.loads(escaped_controls(text)) == {"a": HOSTILE}


def test_the_error_names_the_file_on_one_printable_line() -> None:
    error = UnreadableFile(Path(f"{HOSTILE}.h5"), f"is odd: {HOSTILE * 1000}", "load")
    assert str(error).startswith("load: 'a")
    assert str(error).isprintable()
    assert len(str(error)) < 700
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path, again.reason) == (str(error), error.path, error.reason)


FAILURES = {
    "a bug of a library": KeyError("x"),
    "an error of the disk": OSError(5, "Input/output error"),
    "memory": MemoryError(),
    "depth": RecursionError("maximum recursion depth exceeded"),
    "words of a reader": ValueError("'f.x': has no points"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_becomes_the_one_error(name: str) -> None:
    with pytest.raises(UnreadableFile, match=r"^'f\.x': ") as caught, reading(Path("f.x")):
        raise FAILURES[name]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert str(caught.value).count("f.x") == 1


def test_a_file_that_is_gone_is_not_said_to_be_damaged() -> None:
    with pytest.raises(FileNotFoundError), reading(Path("f.x")):
        raise FileNotFoundError("gone")


def test_show_prints_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = {**SUMMARY, "problem": HOSTILE, "choice": HOSTILE, "warnings": [HOSTILE], "terms": {HOSTILE: {}}}
    content["terms"] = {HOSTILE: SUMMARY["terms"]["equation"]}
    (tmp_path / "summary.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert run(["show", str(tmp_path)]) == 0
    assert run(["show", str(tmp_path), "--json"]) == 0
    assert run(["show", str(tmp_path / f"{HOSTILE}.h5")]) == 2
    found = capsys.readouterr()
    assert all(c.isprintable() or c == "\n" for c in found.out + found.err)
