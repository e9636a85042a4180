"""Arguments and options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="A Python file that defines `problem`.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Same seed, same result.")]
Seconds = Annotated[float | None, typer.Option(help="Stop after so long, with what there is.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write; results/NAME by default.")]
Quick = Annotated[bool, typer.Option("--quick", help="At most 3 s of work: does it run?")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, all else on stderr.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw nothing.")]
