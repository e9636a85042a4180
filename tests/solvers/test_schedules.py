"""Learning rates against steps."""

import pytest

from pinnkit.solvers import Constant, Cosine, Exponential


def test_a_constant_stays_at_one() -> None:
    assert {Constant().factor(step, 10) for step in range(11)} == {1.0}


def test_half_a_cosine_falls_from_one_to_its_final_value() -> None:
    schedule = Cosine(final=0.1)
    factors = [schedule.factor(step, 100) for step in range(101)]
    assert factors[0] == 1.0
    assert factors[50] == pytest.approx(0.55)
    assert factors[100] == pytest.approx(0.1)
    assert factors == sorted(factors, reverse=True)
    assert schedule.factor(1000, 100) == pytest.approx(0.1)


def test_the_warm_up_is_linear_and_meets_the_cosine() -> None:
    schedule = Cosine(final=0.0, warmup=4)
    assert [schedule.factor(step, 100) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule.factor(52, 100) == pytest.approx(0.5)
    assert Cosine(warmup=10).factor(10, 10) <= 1.0  # as many steps as the warm-up, no division by zero


def test_an_exponential_loses_its_rate_at_fixed_intervals_of_steps() -> None:
    schedule = Exponential(rate=0.5, every=10)
    assert [schedule.factor(step, 100) for step in (0, 10, 20)] == pytest.approx([1.0, 0.5, 0.25])
    assert schedule.factor(5, 100) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cosine(final=1.5), ["Cosine", "`final`", "1.5"]),
        (lambda: Cosine(warmup=-1), ["Cosine", "`warmup`", "-1"]),
        (lambda: Exponential(rate=0.0), ["Exponential", "`rate`", "0.0"]),
        (lambda: Exponential(rate=1.1), ["Exponential", "`rate`", "1.1"]),
        (lambda: Exponential(every=0), ["Exponential", "`every`", "0"]),
    ],
)
def test_bad_schedules_are_refused(make, words) -> None:
    with pytest.raises(ValueError, match=r"must") as caught:
        make()
    assert all(word in str(caught.value) for word in words)
