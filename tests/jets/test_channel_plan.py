"""The combinatorics of the chain and product rules, against numbers that are known by other means."""

import pytest

from pinnkit.jets.orders import Operator
from pinnkit.jets.taylor.channel_plan import make_plan


def test_a_plan_is_closed_and_starts_with_the_value():
    plan = make_plan(((0, 0, 1),))
    assert plan.channels == ((), (0,), (1,), (0, 0), (0, 1), (0, 0, 1))
    assert [plan.channels[channel] for channel in plan.wanted] == [(0, 0, 1)]


def test_an_operator_is_one_channel_beside_the_proper_parts_of_its_members():
    laplacian = Operator(tuple((1.0, (i, i)) for i in range(10)))
    assert len(make_plan((laplacian,)).channels) == 12
    heat = Operator(((1.0, (1,)), (-1.0, (0, 0))))
    assert make_plan((heat,)).channels == ((), (0,), heat)


def test_one_plan_serves_equal_requests():
    one, other = Operator(((1.0, (0,)), (2.0, (1, 1)))), Operator(((2.0, (1, 1)), (1.0, (0,))))
    assert one == other
    assert make_plan((one,)) is make_plan((other,))


@pytest.mark.parametrize(("order", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15)])
def test_the_chain_rule_has_as_many_terms_as_there_are_set_partitions(order, bell):
    plan = make_plan(((0,) * order,))
    chain = plan.chain[plan.index((0,) * order)]
    assert sum(coefficient for level in chain for coefficient, _ in level) == bell


def test_the_fourth_derivative_has_the_coefficients_of_faa_di_bruno():
    plan = make_plan(((0, 0, 0, 0),))
    names = {channel: len(order) for channel, order in enumerate(plan.channels)}
    found = {
        tuple(sorted(names[block] for block in blocks)): coefficient
        for level in plan.chain[plan.index((0, 0, 0, 0))]
        for coefficient, blocks in level
    }
    assert found == {(4,): 1, (1, 3): 4, (2, 2): 3, (1, 1, 2): 6, (1, 1, 1, 1): 1}


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_product_rule_has_a_term_for_every_subset(order):
    plan = make_plan(((0,) * order, (0, 1)))
    assert sum(coefficient for coefficient, _, _ in plan.products[plan.index((0,) * order)]) == 2**order


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_plan(()), "at least one"),
        (lambda: make_plan(((1, 0),)), r"sorted, got \(1, 0\); use \(0, 1\)"),
        (lambda: make_plan(((0,) * 5,)), "up to order 4"),
        (lambda: make_plan(((-1,),)), "column indices from 0"),
        (lambda: Operator(()), "at least one pair"),
        (lambda: Operator(((1.0, ()),)), "at least once"),
        (lambda: Operator(((float("nan"), (0,)),)), "finite"),
        (lambda: Operator(((1.0, (0, 0, 0, 0, 0)),)), "up to order 4"),
    ],
)
def test_a_bad_request_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
