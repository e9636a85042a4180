"""Record of the slow tests: `--record-slow PATH` writes outcome, duration and recorded values of each to a JSON table.

A test records a value by the fixture `record_property`.  The table is written after every test, so that an interrupted
run keeps what it measured; the rows of tests that were not run again stay.
"""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

SLOW = "slow"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-slow",
        metavar="PATH",
        help="write outcome, duration and recorded values of each slow test that runs to this JSON table",
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--record-slow")
    if path and not hasattr(config, "workerinput"):  # with -n the controller gets the reports of all workers
        config.pluginmanager.register(SlowRecorder(config.invocation_params.dir / path), "slow-recorder")


class SlowRecorder:
    """Plugin that merges the reports of slow tests into a table.

    Args:
        path: of the table.

    Raises:
        pytest.UsageError: for a file that is not such a table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self.machine = {"cores": os.cpu_count(), "versions": _versions()}
        if path.exists():
            try:
                self.rows = {row["test"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
            except (ValueError, TypeError, KeyError) as error:
                message = f"--record-slow: '{path}' is not a table of slow tests ({error}); delete it"
                raise pytest.UsageError(message) from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if SLOW not in report.keywords:
            return
        if report.when == "call" or report.outcome != "passed":  # setup and teardown count where they fail or skip
            self.rows[report.nodeid] = self._row(report)
            self._write()

    def _row(self, report: pytest.TestReport) -> dict[str, Any]:
        expected_to_fail = hasattr(report, "wasxfail")
        outcome = {"skipped": "xfailed", "passed": "xpassed"}.get(report.outcome) if expected_to_fail else None
        return {
            "test": report.nodeid,
            "outcome": outcome or report.outcome,
            "reason": _reason(report),
            "seconds": round(report.duration, 3),
            "figures": dict(report.user_properties),
            **self.machine,
        }

    def _write(self) -> None:
        lines = []
        for test in sorted(self.rows):
            values = (f"    {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in self.rows[test].items())
            lines.append("  {\n" + ",\n".join(values) + "\n  }")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.part")
        temporary.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
        temporary.replace(self.path)


def _reason(report: pytest.TestReport) -> str:
    """Reason of a failure or a skip in one line; empty for a test that passed."""
    if report.outcome == "passed":
        return ""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return " ".join(str(report.longrepr[2]).removeprefix("Skipped: ").split())
    crash = getattr(report.longrepr, "reprcrash", None)  # not there where collection or setup failed in an odd way
    text = report.longreprtext if crash is None else crash.message
    return " ".join(text.split())[:300]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
