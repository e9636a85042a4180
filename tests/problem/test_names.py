"""Functions are called by their argument names."""

import functools

import pytest
import torch

from pinnkit.problem.names import arguments, call, check_names

GROUPS = {"a coordinate": ("x", "t"), "an unknown": ("u",), "a coefficient": ()}


def test_arguments_are_those_without_a_default_and_those_with_one() -> None:
    def function(x: float, u: float, *, scale: float, alpha: float = 1.0, **rest: float) -> float:
        return x + u + scale + alpha + sum(rest.values())

    assert arguments(function, "it") == (("x", "u", "scale"), ("alpha",))


def test_arguments_of_a_callable_object_and_of_a_partial_are_read_as_well() -> None:
    class Shift:
        def __call__(self, x: float, by: float = 2.0) -> float:
            return x + by

    assert arguments(Shift(), "it") == (("x",), ("by",))
    assert arguments(functools.partial(lambda a, x: a + x, 1.0), "it") == (("x",), ())


def test_a_function_gets_exactly_the_names_that_it_asks_for_in_any_order() -> None:
    scope = {"x": 1.0, "t": 2.0, "u": 3.0}
    assert call(lambda u, x: (u, x), scope) == (3.0, 1.0)
    assert call(lambda: 7.0, scope) == 7.0


def test_a_defaulted_parameter_takes_a_name_of_the_problem_and_keeps_its_default_otherwise() -> None:
    assert call(lambda x, t=5.0: (x, t), {"x": 1.0, "t": 2.0}) == (1.0, 2.0)
    assert call(lambda x, alpha=5.0: (x, alpha), {"x": 1.0, "t": 2.0}) == (1.0, 5.0)


def test_a_name_that_is_not_in_scope_is_named_beside_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"weight uses `n`, which is not known here; there are \('x', 't'\)"):
        call(lambda n: n, {"x": 1.0, "t": 2.0}, "weight")


def test_known_names_and_defaults_pass_the_check() -> None:
    check_names(lambda x, u, alpha=1.0: x + u + alpha, GROUPS, "equation")
    check_names(lambda: 0.0, GROUPS, "equation")


def test_a_strange_name_is_refused_with_all_the_names_that_there_are() -> None:
    words = r"equation uses `v`, which is neither a coordinate \('x', 't'\) nor an unknown \('u'\)$"
    with pytest.raises(ValueError, match=words):
        check_names(lambda x, v: x + v, GROUPS, "equation")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (torch.sin, r"value: `sin` has no readable signature.* wrap it: lambda x: sin\(x\)"),
        (lambda *args: args, r"value: the parameter `\*args` cannot be matched by name"),
        (eval("lambda x, /: x"), r"value: the parameter `x` cannot be matched by name"),
    ],
)
def test_a_function_without_names_is_refused(function: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        arguments(function, "value")  # type: ignore[arg-type]
