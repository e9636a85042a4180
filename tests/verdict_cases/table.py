"""Table of the cases and of the verdicts on them, in Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .case import Case, CaseKind
from .scores import has_passed, scores

__all__ = ["PAGE", "page", "write_page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "theory" / "verdict_cases.md"
_BEGIN, _END = "<!-- cases:begin -->", "<!-- cases:end -->"
_TITLES = {
    CaseKind.SMOOTH: "Well-posed, smooth",
    CaseKind.HARD: "Well-posed, hard",
    CaseKind.ILL_POSED: "Ill-posed or under-determined",
}


def write_page(cases: Iterable[Case], rows: Sequence[Mapping[str, Any]], path: Path = PAGE) -> None:
    """Write the tables between the marks of the page.

    Args:
        cases: all cases.
        rows: of a campaign; may be empty.
        path: of the page.
    """
    path.write_text(page(path.read_text(encoding="utf-8"), cases, rows), encoding="utf-8")


def page(text: str, cases: Iterable[Case], rows: Sequence[Mapping[str, Any]]) -> str:
    """Text of the page with the tables between its marks."""
    before, rest = text.split(_BEGIN)
    return before + _BEGIN + "\n" + _tables(list(cases), rows) + _END + rest.split(_END)[1]


def _tables(cases: Sequence[Case], rows: Sequence[Mapping[str, Any]]) -> str:
    found = {row["name"]: row for row in rows}
    parts = []
    if rows:
        rates = scores(rows)
        parts.append(
            "| what | figure |\n|---|---|\n"
            f"| cases | {sum(rates.cases.values())} |\n"
            f'| false "confirmed" | {len(rates.false_confirmed)} |\n'
            f'| "plausible", but wrong | {len(rates.wrong_plausible)}, {100 * rates.plausible_rate:.1f} % |\n'
            f"| right, but not good or refused | {len(rates.right_refused)}, {100 * rates.refused_rate:.1f} % |\n"
            f"| without a verdict | {len(rates.no_verdict)} |\n"
            f"| verdict slower than 2 s and a third of the solve | {len(rates.slow)} of {rates.timed} |\n"
        )
    for kind, title in _TITLES.items():
        chosen = sorted((case for case in cases if case.kind is kind), key=lambda case: case.name)
        head = ["case", *([] if kind is CaseKind.SMOOTH else ["difficulty"]), "source"]
        head += ["verdict", "true error"] if rows else []
        lines = [_line(head), "|" + "---|" * len(head)]
        for case in chosen:
            cells = [case.name, *([] if kind is CaseKind.SMOOTH else [case.wrong]), case.source]
            lines.append(_line([*cells, *(_said(found.get(case.name)) if rows else [])]))
        parts.append(f"## {title}: {len(chosen)}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _said(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return ["not run", ""]
    error = "" if row["error"] is None else "not finite" if row["error"] >= 1e300 else f"{row['error']:.1e}"
    return [row["word"] if has_passed(row) else f"**{row['word']}**", error]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
