"""The words of the command line, translated to objects here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch

from pinnkit.fields import (
    MLP,
    FieldSpec,
    FourierMLP,
    Gauss,
    GeometricMLP,
    HashGrid,
    MultilevelGrid,
    PositionalMLP,
    RandomFourier,
    Siren,
    Wire,
)

if TYPE_CHECKING:
    from pinnkit.measure.compare import Method
    from pinnkit.solvers import Solver


# The words of the command line, translated to objects here and nowhere else.
FIELDS: Mapping[str, type] = {
    "siren": Siren,
    "fourier": FourierMLP,
    "mlp": MLP,
    "random-fourier": RandomFourier,
    "positional": PositionalMLP,
    "gauss": Gauss,
    "wire": Wire,
    "geometric": GeometricMLP,
    "grid": MultilevelGrid,
    "hash": HashGrid,
}


def solver_words() -> Mapping[str, type]:
    """Names of solvers."""
    from pinnkit.solvers import LBFGS, SOAP, SSBFGS, Adam, GaussNewton, LeastSquares, March, Muon, SSBroyden

    return {
        "least-squares": LeastSquares,
        "gauss-newton": GaussNewton,
        "march": March,
        "adam": Adam,
        "lbfgs": LBFGS,
        "ss-bfgs": SSBFGS,
        "ss-broyden": SSBroyden,
        "soap": SOAP,
        "muon": Muon,
    }


def adaptive_words() -> Mapping[str, type]:
    """Names of schemes that choose points."""
    from pinnkit.solvers import R3, RAD

    return {"rad": RAD, "r3": R3}


def weight_words() -> Mapping[str, type]:
    """Names of schemes that weigh terms."""
    from pinnkit.solvers import NTK, Causal, GradientNorm, ReLoBRaLo, SelfAdaptive

    return {
        "gradient-norm": GradientNorm,
        "ntk": NTK,
        "relobralo": ReLoBRaLo,
        "self-adaptive": SelfAdaptive,
        "causal": Causal,
    }


DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}


# words to objects ---------------------------------------------------------------------------------------------------
def word_in(option: str, word: str, known: Mapping[str, Any]) -> Any:
    """What `word` stands for, or an error that lists the words there are."""
    if word not in known:
        raise ValueError(f"{option} must be one of {', '.join(known)}, got '{word}'")
    return known[word]


def field_of(word: str | None) -> FieldSpec | None:
    """The field of a word, with its defaults."""
    if word is None:
        return None
    spec: FieldSpec = word_in("--field", word, FIELDS)()
    return spec


def solvers_of(words: str, steps: str | None, field: str | None) -> list[Solver] | None:
    """The solvers of words joined by commas; None for auto."""
    counts = [] if steps is None else [_count("--steps", part) for part in steps.split(",")]
    if words == "auto" and counts and field is not None:  # what `solve` takes for a given field
        words = "least-squares" if field == "random-fourier" else "adam,lbfgs"
    if words == "auto":
        if counts:
            raise ValueError("--steps counts steps of the last solver; name it, such as --solver adam,lbfgs")
        return None
    known = {"auto": None, **solver_words()}
    if "auto" in words.split(","):
        raise ValueError(f"--solver auto stands alone, got '{words}'")
    chosen = [word_in("--solver", word.strip(), known)() for word in words.split(",")]
    if len(counts) > 1 and len(counts) != len(chosen):
        raise ValueError(f"--steps: give one number, or one for each of the {len(chosen)} solvers, got '{steps}'")
    for i, count in enumerate(counts, start=len(chosen) - len(counts)):
        if "steps" not in {f.name for f in fields(chosen[i])}:
            raise ValueError(f"--steps: {type(chosen[i]).__name__} takes no steps; leave it out")
        chosen[i] = replace(chosen[i], steps=count)
    return chosen


def _count(option: str, word: str) -> int:
    try:
        count = int(word)
    except ValueError:
        raise ValueError(f"{option} must be whole numbers, such as 200 or 200,50, got '{word}'") from None
    at_least(option, count, 1)
    return count


def methods_of(solvers: str, fields: str) -> list[Method]:
    """Methods for every pair of solver and field; `auto` as a solver chooses its field, and so appears once."""
    from pinnkit.measure.compare import Method

    known = {"auto": None, **solver_words()}
    methods = []
    for words in (w.strip() for w in solvers.split(",")):
        parts = [part.strip() for part in words.split("+")]
        if "auto" in parts and len(parts) > 1:
            raise ValueError(f"--solvers: auto stands alone, got '{words}'")
        chosen = [word_in("--solvers", part, known) for part in parts]
        for field in ["auto"] if words == "auto" else [f.strip() for f in fields.split(",")]:
            spec = None if field == "auto" else word_in("--fields", field, FIELDS)()
            name = words if field == "auto" else f"{field} {words}"
            methods.append(Method(name, spec, None if words == "auto" else [make() for make in chosen]))
    return methods


def device_word(word: str) -> str:
    """`word`, where it names a device that is there."""
    if word == "auto":
        return word
    try:
        device = torch.device(word)
    except RuntimeError:
        raise ValueError(f"--device must be auto, cpu, cuda, cuda:1 or mps, got '{word}'") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: no CUDA device is available here; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {word}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("--device mps: no Metal device is available here; use --device cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"--device must be auto, cpu, cuda, cuda:1 or mps, got '{word}'")
    return word


def at_least(option: str, value: int, least: int) -> None:
    """Refuse a number below `least`."""
    if value < least:
        raise ValueError(f"{option} must be at least {least}, got {value}")
