"""Contract of penalties, checked for each registered one and seen to fail on penalties that break it."""

import dataclasses
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from pinnkit import Box, Equation, Problem
from pinnkit.problem.penalties import PENALTIES, Elementwise, Penalty, Square
from pinnkit.registry import Registry

EXAMPLES = {f"{entry.name}: {name}": p for entry in PENALTIES for name, p in entry.examples().items()}


def broken_promises(penalty: Any) -> Iterator[str]:
    """Violations of the contract by a penalty."""
    r = torch.linspace(-3, 3, 41, dtype=torch.float64)[:, None] * torch.tensor([1.0, 0.3], dtype=torch.float64)
    cost = penalty(r)
    if cost.shape != r.shape or cost.dtype != r.dtype:
        yield "shape or type"
        return
    if not torch.equal(penalty(r[:7, 1]), cost[:7, 1]):
        yield "not elementwise"
    if bool(torch.allclose(cost, r * r)) != penalty.is_square:
        yield "is_square is wrong"
    if penalty.vanishes and not (float(penalty(torch.zeros(1)).abs()) == 0 and bool((cost >= 0).all())):
        yield "does not vanish at zero alone"
    leaf = r.clone().requires_grad_()
    penalty(leaf).sum().backward()
    if leaf.grad is None or not bool(torch.isfinite(leaf.grad).all()):
        yield "no gradient"
    if not dataclasses.is_dataclass(penalty) or not penalty.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield "not frozen"
    if pickle.loads(pickle.dumps(penalty)) != penalty or hash(penalty) != hash(pickle.loads(pickle.dumps(penalty))):
        yield "not a value"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_penalty_keeps_the_contract(name: str) -> None:
    assert list(broken_promises(EXAMPLES[name])) == []


def test_every_penalty_has_a_line_of_help_and_an_example() -> None:
    assert {e.name for e in PENALTIES} == {"Square", "Absolute", "Huber", "Energy", "CrossEntropy", "Elementwise"}
    for entry in PENALTIES:
        assert entry.summary
        assert entry.examples()


@dataclasses.dataclass(frozen=True)
class Doubled:
    """2 r^2, which says that it is r^2."""

    is_square: ClassVar[bool] = True
    vanishes: ClassVar[bool] = True

    def __call__(self, r: Tensor) -> Tensor:
        return 2 * r * r


@dataclasses.dataclass(frozen=True)
class Shifted(Doubled):
    """A cost that is not zero at zero."""

    is_square: ClassVar[bool] = False

    def __call__(self, r: Tensor) -> Tensor:
        return (r - 1) ** 2


@dataclasses.dataclass(frozen=True)
class Summed(Shifted):
    """A cost of all entries together."""

    def __call__(self, r: Tensor) -> Tensor:
        return r.abs() * r.abs().sum()


@dataclasses.dataclass
class Thawed:
    """A penalty that can be changed."""

    is_square: ClassVar[bool] = False
    vanishes: ClassVar[bool] = True
    __hash__ = object.__hash__

    def __call__(self, r: Tensor) -> Tensor:
        return r.abs()


MUTANTS = {
    "is_square is wrong": Doubled,
    "does not vanish at zero alone": Shifted,
    "not elementwise": Summed,
    "not frozen": Thawed,
}


@pytest.mark.parametrize("words", MUTANTS)
def test_a_penalty_that_breaks_the_contract_is_caught(words: str) -> None:
    assert words in list(broken_promises(MUTANTS[words]()))


def test_a_new_penalty_is_one_class_and_one_registration() -> None:
    """A class outside of the package, by the contract alone."""
    own: Registry[Penalty] = Registry("penalty")

    @own.register(examples=lambda: {"default": PseudoHuber(0.5)})
    @dataclasses.dataclass(frozen=True)
    class PseudoHuber:
        """sqrt(1 + r^2) - 1, smooth."""

        is_square: ClassVar[bool] = False
        vanishes: ClassVar[bool] = True

        scale: float

        def __call__(self, r: Tensor) -> Tensor:
            return self.scale * (torch.sqrt(1 + r * r) - 1)

    (entry,) = own
    (penalty,) = entry.examples().values()
    r = torch.linspace(-1, 1, 5)
    assert float(penalty(r)[2]) == 0.0
    problem = Problem("p", Box(x=(0, 1)), "u", [Equation(lambda u: u.x, penalty=penalty)])
    assert problem.terms[0].penalty == penalty
    assert not problem.terms[0].penalty.is_square


def test_a_plain_function_is_a_penalty() -> None:
    term = Equation(lambda u: u.x, penalty=torch.abs)
    assert term.penalty == Elementwise(torch.abs)
    assert (term.penalty.is_square, term.penalty.vanishes) == (False, True)
    assert Equation(lambda u: u.x).penalty == Square()
