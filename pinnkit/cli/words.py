"""Words of the command line: one function for each kind of object, and one that reads each option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    import torch

    from pinnkit.fields import FieldSpec
    from pinnkit.measure.compare import Method
    from pinnkit.solvers.protocols import Method as AnySolver
    from pinnkit.solvers.training.adaptive_points import Adaptive
    from pinnkit.solvers.training.weights import Weights

__all__ = [
    "WordsCommand",
    "adaptive_words",
    "at_least",
    "device_word",
    "dtype_words",
    "field_of",
    "field_words",
    "methods_of",
    "positive",
    "solver_words",
    "solvers_of",
    "weight_words",
    "with_steps",
    "word_in",
]

Meaning = TypeVar("Meaning")


# words by kind ------------------------------------------------------------------------------------------------------
def field_words() -> Mapping[str, Callable[[], FieldSpec]]:
    """Fields by their words."""
    from pinnkit.fields import FIELDS

    return FIELDS.words


def solver_words() -> Mapping[str, Callable[[], AnySolver]]:
    """Solvers by their words."""
    from pinnkit.solvers import SOLVERS

    return SOLVERS.words


def adaptive_words() -> Mapping[str, Callable[[], Adaptive]]:
    """Schemes that move collocation points, by their words."""
    from pinnkit.solvers import ADAPTIVE

    return ADAPTIVE.words


def weight_words() -> Mapping[str, Callable[[], Weights]]:
    """Schemes that weight terms, by their words."""
    from pinnkit.solvers import WEIGHTS

    return WEIGHTS.words


def dtype_words() -> Mapping[str, torch.dtype]:
    """Floating-point types by their words."""
    import torch

    return {"float32": torch.float32, "float64": torch.float64}


_LISTS: Mapping[str, Callable[[], Mapping[str, object]]] = {
    "{fields}": field_words,
    "{solvers}": solver_words,
    "{adaptive}": adaptive_words,
    "{weights}": weight_words,
}


class WordsCommand(TyperCommand):
    """A command whose help lists words: `{fields}`, `{solvers}`, `{adaptive}`, `{weights}` in the help of an option.

    The lists are filled when the help is printed, because they come from modules that load PyTorch.
    `--strict=plausible` is read as `--strict-plausible`, since `--strict` alone takes no value.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the two forms of --strict, then parse the arguments."""
        forms = {"--strict=plausible": "--strict-plausible", "--strict=confirmed": "--strict"}
        return super().parse_args(ctx, [forms.get(word, word) for word in args])

    def get_help(self, ctx: Any) -> str:
        """Fill the lists, then format the help."""
        for param in self.params:
            if isinstance(param, TyperOption) and param.help:
                for placeholder, words in _LISTS.items():
                    if placeholder in param.help:
                        param.help = param.help.replace(placeholder, ", ".join(words()))
        return super().get_help(ctx)


# words to objects ---------------------------------------------------------------------------------------------------
def word_in(option: str, word: str, known: Mapping[str, Meaning]) -> Meaning:
    """The meaning of a word.

    Raises:
        ValueError: with the known words, where it is none of them.
    """
    if word not in known:
        raise ValueError(f"{option} must be one of {', '.join(known)}, got '{word}'")
    return known[word]


def field_of(word: str | None) -> FieldSpec | None:
    """The field of a word, with its default settings; None without a word."""
    if word is None:
        return None
    known = field_words()
    if word not in known:
        raise ValueError(
            f"--field must be one of {', '.join(known)}, got '{word}'; a field of your own must be registered by the "
            f"problem file or by a module that it imports"
        )
    return known[word]()


def solvers_of(words: str, steps: str | None, field: str | None) -> list[AnySolver] | None:
    """The solvers of words joined by commas; None for "auto".

    Args:
        words: such as "adam,lbfgs".
        steps: step counts joined by commas: one for the last solver, or one for each.
        field: the word of the field; "auto" with steps and a field takes the solvers that suit the field.

    Raises:
        ValueError: for unknown words, and for counts that fit no solver.
    """
    counts = [] if steps is None else [_count("--steps", part) for part in steps.split(",")]
    if words == "auto" and counts and field is not None:  # the default of `solve` for a given field
        words = "least-squares" if field == "random-fourier" else "adam,lbfgs"
    if words == "auto":
        if counts:
            raise ValueError("--steps counts steps of the last solver; name it, such as --solver adam,lbfgs")
        return None
    if "auto" in words.split(","):
        raise ValueError(f"--solver auto stands alone, got '{words}'")
    chosen = _solvers("--solver", words.split(","))
    if len(counts) > 1 and len(counts) != len(chosen):
        raise ValueError(f"--steps: give one number, or one for each of the {len(chosen)} solvers, got '{steps}'")
    for i, count in enumerate(counts, start=len(chosen) - len(counts)):
        chosen[i] = with_steps(chosen[i], count)
    return chosen


def with_steps(solver: Meaning, steps: int) -> Meaning:
    """A copy of a solver that takes at most `steps` steps.

    Raises:
        ValueError: for a solver that takes no steps.
    """
    if not is_dataclass(solver) or "steps" not in {f.name for f in fields(solver)}:
        raise ValueError(f"--steps: {type(solver).__name__} takes no steps; leave it out")
    return replace(solver, steps=steps)  # type: ignore[type-var]  # a dataclass, as checked above


def methods_of(solvers: str, field_list: str) -> list[Method]:
    """Every pair of solvers and field; "auto" as a solver chooses its field, and so appears once.

    Args:
        solvers: words joined by commas, a sequence of solvers by plus signs: "auto,adam+lbfgs".
        field_list: words of fields joined by commas.
    """
    from pinnkit.measure.compare import Method

    methods = []
    for words in (w.strip() for w in solvers.split(",")):
        parts = [part.strip() for part in words.split("+")]
        if "auto" in parts and len(parts) > 1:
            raise ValueError(f"--solvers: auto stands alone, got '{words}'")
        _solvers("--solvers", parts)  # refuse an unknown word even without a field
        for field in ["auto"] if words == "auto" else [f.strip() for f in field_list.split(",")]:
            spec = None if field == "auto" else word_in("--fields", field, field_words())()
            name = words if field == "auto" else f"{field} {words}"
            methods.append(Method(name, spec, None if words == "auto" else _solvers("--solvers", parts)))
    return methods


def _solvers(option: str, words: Sequence[str]) -> list[AnySolver]:
    """A solver for each word but "auto"."""
    known: dict[str, Callable[[], AnySolver] | None] = {"auto": None, **solver_words()}
    makers = [word_in(option, word.strip(), known) for word in words]
    return [make() for make in makers if make is not None]


def device_word(word: str) -> str:
    """A device's word, checked against the devices of this machine.

    Raises:
        ValueError: for an unknown word and for a device that is not available.
    """
    if word != "auto":
        from pinnkit.solvers.plans.run_options import device_of

        device_of(word, "--device")
    return word


# numbers ------------------------------------------------------------------------------------------------------------
def at_least(option: str, value: int, least: int) -> None:
    """Check a whole number.

    Raises:
        ValueError: below `least`.
    """
    if value < least:
        raise ValueError(f"{option} must be at least {least}, got {value}")


def positive(option: str, value: float | None) -> None:
    """Check a number that may be left out.

    Raises:
        ValueError: for zero, a negative number and NaN.
    """
    if value is not None and not value > 0:
        raise ValueError(f"{option} must be positive, got {value:g}")


def _count(option: str, word: str) -> int:
    try:
        count = int(word)
    except ValueError:
        raise ValueError(f"{option} must be whole numbers, such as 200 or 200,50, got '{word}'") from None
    at_least(option, count, 1)
    return count
