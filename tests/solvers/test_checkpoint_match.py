"""A checkpoint whose state is not one of the run is refused before a solver meets it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pinnkit import Adam, UnreadableFile
from pinnkit.solvers.training.checkpoint import Checkpoint
from pinnkit.solvers.training.checkpoint_match import check_match

THETA = torch.zeros(5, dtype=torch.float64)
SOLVERS = (Adam(steps=10),)
SOUND = Checkpoint("run", 0, 3, {**SOLVERS[0].start(THETA), "done": False}, [], 1.0)
CHANGES = {
    "another run": replace(SOUND, fingerprint="other"),
    "a solver beyond the last": replace(SOUND, solver=1),
    "a step beyond the last": replace(SOUND, step=11),
    "no theta": replace(SOUND, state={k: v for k, v in SOUND.state.items() if k != "theta"}),
    "a longer theta": replace(SOUND, state={**SOUND.state, "theta": torch.zeros(6, dtype=torch.float64)}),
    "theta of another type": replace(SOUND, state={**SOUND.state, "theta": torch.zeros(5)}),
    "a loss that is a word": replace(SOUND, state={**SOUND.state, "loss": "small"}),
    "terms that are a list": replace(SOUND, state={**SOUND.state, "terms": [1.0]}),
    "an end that is a number": replace(SOUND, state={**SOUND.state, "done": 2}),
}


def test_the_state_of_the_run_is_taken() -> None:
    check_match(SOUND, "run", SOLVERS, THETA, Path("c.h5"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_state_that_the_run_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match=r"resume: 'c\.h5' (belongs to another run|is no readable checkpoint)"):
        check_match(CHANGES[name], "run", SOLVERS, THETA, Path("c.h5"))
