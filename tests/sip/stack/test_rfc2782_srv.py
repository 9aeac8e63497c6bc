"""RFC 2782, "Usage rules": priorities in order, weights by lot, with the lots given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sip.stack.locating.limits import SERVERS_MAX
from sip.stack.locating.order import order_naptrs, order_srvs
from sip.stack.locating.records import Naptr, Srv


def lots(*numbers: int) -> tuple[Callable[[int], int], list[int]]:
    """Return a draw that gives these numbers, and the list of the sums it was asked for."""
    asked: list[int] = []
    left = list(numbers)

    def pick(most: int) -> int:
        asked.append(most)
        number = left.pop(0)
        assert 0 <= number <= most
        return number

    return pick, asked


def order(records: list[Srv], *numbers: int) -> list[str]:
    return [record.target for record in order_srvs(records, lots(*numbers)[0])]


THREE = [Srv(10, 60, 5060, "big"), Srv(10, 20, 5060, "small1"), Srv(10, 20, 5060, "small2")]


def test_a_lower_priority_number_comes_first_whatever_its_weight() -> None:
    assert order([Srv(20, 65535, 1, "b"), Srv(10, 0, 1, "a"), Srv(30, 1, 1, "c")]) == ["a", "b", "c"]


def test_the_first_whose_running_sum_reaches_the_number_is_chosen() -> None:
    # Running sums: small1 20, small2 40, big 100.
    assert order(THREE, 20, 0) == ["small1", "small2", "big"]
    assert order(THREE, 21, 0) == ["small2", "small1", "big"]
    assert order(THREE, 41, 0) == ["big", "small1", "small2"]
    assert order(THREE, 100, 40) == ["big", "small2", "small1"]


def test_the_sum_is_made_anew_of_those_who_are_left() -> None:
    pick, asked = lots(100, 40)
    order_srvs(THREE, pick)
    assert asked == [100, 40]


def test_a_record_without_weight_is_chosen_by_zero_only() -> None:
    records = [Srv(1, 5, 1, "heavy"), Srv(1, 0, 1, "light")]
    assert order(records, 0) == ["light", "heavy"]
    assert order(records, 1) == ["heavy", "light"]


def test_weights_of_zero_all_keep_one_order() -> None:
    records = [Srv(1, 0, 1, "b"), Srv(1, 0, 1, "a"), Srv(1, 0, 1, "c")]
    assert order(records, 0, 0) == ["a", "b", "c"]


def test_over_all_numbers_each_is_first_as_often_as_its_weight_says() -> None:
    first = Counter(order_srvs(THREE, lambda most, n=n: min(n, most))[0].target for n in range(101))  # type: ignore[misc]
    assert first == {"big": 60, "small1": 21, "small2": 20}


def test_a_thousand_servers_are_cut_to_the_bound_and_the_last_priorities_go() -> None:
    records = [Srv(number, 0, 1, f"s{number:03}") for number in reversed(range(1000))]
    assert order(records) == [f"s{number:03}" for number in range(SERVERS_MAX)]


def test_naptr_goes_by_order_then_preference() -> None:
    rules = [Naptr(2, 1, "s", "c", "", ""), Naptr(1, 9, "s", "b", "", ""), Naptr(1, 2, "s", "a", "", "")]
    assert [rule.service for rule in order_naptrs(rules)] == ["a", "b", "c"]
