"""Contract of built-in conditions, checked for each registered one and seen to fail on conditions that break it."""

import dataclasses
import pickle
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
import torch

from pinnkit import Box, Equation, Initial, Problem
from pinnkit.domains import Points
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import constant, coordinate, unknown
from pinnkit.problem.conditions import CONDITIONS, ConditionRule, Prescribed
from pinnkit.problem.structure import Prescribes
from pinnkit.problem.terms import Term

EXAMPLES = {f"{entry.name}: {name}": r for entry in CONDITIONS for name, r in entry.examples().items()}
ROD = Box(x=(0, 1), t=(0, 1))
N = 6


def scope(scale: float) -> dict[str, Any]:
    """Names at points on a wall: coordinates, normal, data, and u = scale sin(x + 2 t) with its partner."""
    frame = Frame(columns=("x", "t"), space=("x",))
    coords = torch.linspace(0.1, 1, 2 * N, dtype=torch.float64).reshape(N, 2)
    found: dict[str, Any] = {name: coordinate(frame, coords, name) for name in frame.names}
    found["n"] = constant(frame, torch.ones(N, 1, dtype=torch.float64))
    for name in ("u_data", "sigma_data"):
        found[name] = constant(frame, torch.linspace(1, 2, N, dtype=torch.float64))

    def values(shift: float) -> Any:
        def of(order: Any) -> torch.Tensor:
            factor = 2.0 ** sum(c == "t" for c in order)
            angle = coords[:, 0] + 2 * coords[:, 1] + shift + torch.pi / 2 * len(order)
            return scale * factor * torch.sin(angle)

        return of

    found["u"] = unknown(frame, values(0.0), columns=frozenset(frame.columns))
    found["u_partner"] = unknown(frame, values(0.4), columns=frozenset(frame.columns))
    return found


def residual(rule: ConditionRule, scale: float) -> torch.Tensor:
    return torch.stack([row.value for row in rule.evaluate(scope(scale))])


def broken_promises(rule: Any) -> Iterator[str]:
    """Violations of the contract by a condition."""
    zero, one, two = (residual(rule, scale) for scale in (0.0, 1.0, 2.0))
    if one.shape[1:] != (N,):
        yield "shape"
    if not torch.allclose(two - one, one - zero):
        yield "not affine"
    if rule.keys and len(rule.keys) != len(one):
        yield "not one row for each key"
    if any(rule.unknown_of(key) != "u" for key in rule.keys):
        yield "unknown_of"
    if any(key not in rule.keys for key, _ in rule.functions):
        yield "functions under other names than the keys"
    if not dataclasses.is_dataclass(rule) or not rule.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield "not frozen"
    if pickle.loads(pickle.dumps(rule)) != rule:
        yield "not a value"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_condition_keeps_the_contract(name: str) -> None:
    assert list(broken_promises(EXAMPLES[name])) == []


def test_conditions_become_exact_in_a_fixed_order_and_fluxes_never() -> None:
    ranks = {entry.name: entry.cls.hard_rank for entry in CONDITIONS}
    assert ranks == {"Prescribed": 0, "Jump": 1, "InitialState": 2, "Flux": None, "Mixed": None}


@dataclasses.dataclass(frozen=True)
class Squared(Prescribed):
    """(u - g)^2, which is not affine."""

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row * row for row in super().evaluate(scope))


@dataclasses.dataclass(frozen=True)
class Doubled(Prescribed):
    """Every row twice."""

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        return super().evaluate(scope) * 2


@dataclasses.dataclass(frozen=True)
class Anonymous(Prescribed):
    """Functions under a name of its own."""

    @property
    def functions(self) -> Any:
        return (("value", torch.sin),)


MUTANTS = {
    "not affine": Squared,
    "not one row for each key": Doubled,
    "functions under other names than the keys": Anonymous,
}


@pytest.mark.parametrize("words", MUTANTS)
def test_a_condition_that_breaks_the_contract_is_caught(words: str) -> None:
    assert words in list(broken_promises(MUTANTS[words]((("u", 1.0),))))


@dataclasses.dataclass(frozen=True)
class Radiating(ConditionRule):
    """u_t + c du/dn = 0: waves of speed c leave through the wall."""

    hard_rank: ClassVar[int | None] = None

    speeds: tuple[tuple[str, float], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.speeds)

    @property
    def functions(self) -> tuple[()]:
        return ()

    def evaluate(self, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(scope[name].d("t") + c * scope["n"][0] * scope[name].d("x") for name, c in self.speeds)


def test_a_new_condition_is_one_class_and_one_constructor() -> None:
    """A class outside of the package, by the contract alone."""
    assert list(broken_promises(Radiating((("u", 2.0),)))) == []
    wall = Term("open", (ROD.boundary,), Radiating((("u", 2.0),)), kind="radiating")
    problem = Problem("p", ROD, "u", [Equation(lambda u: u.tt - 4 * u.xx), wall, Initial(u=0.0, u_t=0.0)])
    left, right = problem.structure.conditions
    assert (left.prescribes, left.time_order, left.homogeneous) == (Prescribes.OTHER, 1, True)
    assert left.wall is not None
    assert (left.wall.value, left.wall.outward) == (0.0, -1.0)
    assert right.linear
    (points,) = problem.term("open").sample(4, torch.Generator().manual_seed(0))
    assert isinstance(points, Points)
    assert not problem.term("open").can_be_hard
    with pytest.raises(ValueError, match="cannot be hard"):
        dataclasses.replace(wall, hard=True)
    with pytest.raises(ValueError, match="radiating uses `v`, which is no unknown"):
        Problem(
            "p",
            ROD,
            "u",
            [Equation(lambda u: u.tt), Term("open", (ROD.boundary,), Radiating((("v", 1.0),)), kind="radiating")],
        )
