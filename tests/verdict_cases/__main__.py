"""Command line: ``python -m tests.verdict_cases --out results/published/verdicts.json``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .campaign import LIMIT, campaign, read_rows
from .case import CaseKind, all_cases
from .run_case import main as run_case
from .scores import scores
from .table import write_page


def main() -> None:
    """Run the chosen cases that the table does not hold yet, and print the rates."""
    parser = argparse.ArgumentParser(prog="python -m tests.verdict_cases", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/verdicts.json"), help="table of rows, JSON")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases alone")
    parser.add_argument("--kind", choices=[kind.value for kind in CaseKind], help="cases of this kind alone")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds after which a case is killed")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--page", action="store_true", help="write the table of the documentation from --out, and end")
    parser.add_argument("--in-this-process", metavar="NAME", help="run one case here and print its row")
    given = parser.parse_args()
    if given.in_this_process:
        run_case(given.in_this_process)
        return
    cases = all_cases()
    if given.page:
        write_page(cases.values(), read_rows(given.out))
        return
    unknown = set(given.only or ()) - set(cases)
    if unknown:
        parser.error(f"no case is named {', '.join(sorted(unknown))}; --list prints the names")
    chosen = [
        case
        for name, case in cases.items()
        if (not given.only or name in given.only) and given.kind in (None, case.kind.value)
    ]
    if given.list:
        for case in chosen:
            print(f"{case.kind.value:10} {case.name:40} {case.wrong or case.source}")  # noqa: T201
        return
    print(scores(campaign(chosen, given.out, workers=given.workers, limit=given.limit)))  # noqa: T201


if __name__ == "__main__":
    main()
