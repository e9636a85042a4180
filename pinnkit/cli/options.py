"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="A Python file that defines `problem`.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers: the same seed gives the same result.")]
Seconds = Annotated[float | None, typer.Option(help="Time limit; the state reached by then is kept.")]
Device = Annotated[
    str, typer.Option(help="auto (CUDA where there is one), cpu, cuda, or cuda:1 for the second of several.")
]
Dtype = Annotated[str | None, typer.Option(help="float32 or float64; the problem's own by default.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write; results/NAME by default.")]
Quick = Annotated[bool, typer.Option("--quick", help="A trial run: at most 3 s of work.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, everything else on stderr.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Exit with 1 unless the solution is confirmed; --strict=plausible accepts plausible ones."
    ),
]
StrictPlausible = Annotated[bool, typer.Option("--strict-plausible", hidden=True)]
NoReference = Annotated[bool, typer.Option("--no-reference", help="Compute no reference solution.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
