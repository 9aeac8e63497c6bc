"""What is kept of the DNS and for how long, on a hand-moved clock; RFC 2308 and RFC 8767."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sip.stack.locating.cache import AnswerCache
from sip.stack.locating.limits import (
    FAILED_S,
    NEGATIVE_S_MAX,
    QUESTIONS_MAX,
    QUESTIONS_PER_SEARCH_MAX,
    STALE_S_MAX,
    TTL_S_MAX,
    TTL_S_MIN,
)
from sip.stack.locating.records import FAILED, NOTHING, Answer, Hop, Question, Srv
from sip.stack.locating.searches import Searches
from sip.stack.message.uri import Uri

Q: Question = ("A", "example.com")
FOUND = Answer(addresses=("192.0.2.1",))


@pytest.mark.parametrize(
    ("answer", "ttl_s", "kept_s"),
    [
        (FOUND, 60.0, 60.0),
        (FOUND, 0.0, TTL_S_MIN),
        (FOUND, 604_800.0, TTL_S_MAX),
        (NOTHING, 60.0, 60.0),
        (NOTHING, 10_800.0, NEGATIVE_S_MAX),
        (FAILED, 0.0, FAILED_S),
    ],
)
def test_an_answer_is_kept_as_long_as_it_says_within_bounds(answer: Answer, ttl_s: float, kept_s: float) -> None:
    cache = AnswerCache()
    cache.put(Q, answer, ttl_s, 100.0)
    assert cache.get(Q, 100.0 + kept_s - 0.001) == answer
    assert cache.get(Q, 100.0 + kept_s) is None


def test_a_question_is_asked_once_however_many_wait() -> None:
    cache, told = AnswerCache(), []
    assert cache.wait(Q, lambda: told.append(1))
    assert not cache.wait(Q, lambda: told.append(2))
    assert told == []
    cache.put(Q, FOUND, 60.0, 0.0)
    assert told == [1, 2]
    cache.put(Q, FOUND, 60.0, 0.0)
    assert told == [1, 2]


def test_an_answer_that_is_over_serves_while_no_server_answers() -> None:
    cache = AnswerCache()
    cache.put(Q, FOUND, 60.0, 0.0)
    cache.put(Q, FAILED, 0.0, 61.0)
    assert cache.get(Q, 61.0) == FOUND
    assert cache.get(Q, 61.0 + FAILED_S) is None
    cache.put(Q, FAILED, 0.0, 60.0 + STALE_S_MAX - 1)
    assert cache.get(Q, 60.0 + STALE_S_MAX) == FOUND
    cache.put(Q, FAILED, 0.0, 60.0 + STALE_S_MAX + 5)
    assert cache.get(Q, 60.0 + STALE_S_MAX + 6) == FAILED


def test_a_full_cache_forgets_what_is_over_then_the_oldest_and_never_who_waits() -> None:
    cache = AnswerCache(entries_max=10)
    cache.wait(("A", "waiting"), lambda: None)
    for number in range(5):
        cache.put(("A", f"long{number}"), FOUND, 1000.0, 0.0)
    for number in range(4):
        cache.put(("A", f"short{number}"), FOUND, 10.0, 0.0)
    assert len(cache) == 10
    cache.put(("A", "new"), FOUND, 1000.0, 20.0)
    assert len(cache) == 9
    assert cache.get(("A", "long0"), 20.0) == FOUND
    for number in range(20):
        cache.put(("A", f"more{number}"), FOUND, 1000.0, 20.0)
    assert len(cache) <= 10
    assert cache.get(("A", "long0"), 20.0) is None
    assert not cache.wait(("A", "waiting"), lambda: None)


class World:
    """Searches, and what they told."""

    def __init__(self) -> None:
        self.searches = Searches({"UDP": ("A",)}, lambda most: 0)
        self.told: list[list[str]] = []

    def locate(self, uri: str, now: float = 0.0) -> list[Question]:
        def done(hops: Sequence[Hop]) -> None:
            self.told.append([hop.remote[0] for hop in hops])

        self.searches.locate(Uri.parse(uri), now, done)
        return self.searches.questions()


def test_a_search_asks_step_by_step_and_the_next_one_asks_nothing() -> None:
    world = World()
    [naptr] = world.locate("sip:example.com")
    world.searches.tell(naptr, NOTHING, 60.0, 0.1)
    [srv] = world.searches.questions()
    world.searches.tell(srv, Answer(srvs=(Srv(0, 0, 5060, "a.example.com"),)), 60.0, 0.2)
    [address] = world.searches.questions()
    assert world.told == []
    world.searches.tell(address, FOUND, 60.0, 0.3)
    assert world.told == [["192.0.2.1"]]
    assert world.locate("sip:example.com", 59.0) == []
    assert world.told == [["192.0.2.1"]] * 2
    assert world.locate("sip:example.com", 60.15) == [naptr]


def test_two_searches_for_one_name_share_its_questions() -> None:
    world = World()
    assert world.locate("sip:example.com:5060") == [Q]
    assert world.locate("sip:example.com:5070") == []
    world.searches.tell(Q, FOUND, 60.0, 0.0)
    assert world.told == [["192.0.2.1"], ["192.0.2.1"]]


def test_an_address_is_told_before_locate_returns() -> None:
    world = World()
    assert world.locate("sip:192.0.2.5") == []
    assert world.told == [["192.0.2.5"]]


def test_what_no_server_answers_leads_nowhere_for_a_moment() -> None:
    world = World()
    world.locate("sip:example.com:5060")
    world.searches.tell(Q, FAILED, 0.0, 0.0)
    assert world.told == [[]]
    assert world.locate("sip:example.com:5060", FAILED_S - 0.1) == []
    assert world.locate("sip:example.com:5060", FAILED_S + 0.1) == [Q]


def test_over_the_bound_of_open_questions_a_name_is_unreachable_at_once() -> None:
    world = World()
    for number in range(QUESTIONS_MAX):
        world.locate(f"sip:host{number}.example:5060")
    assert world.told == []
    assert world.locate("sip:example.com:5060") == []
    assert world.told == [[]]
    world.searches.tell(("A", "host0.example"), NOTHING, 60.0, 0.0)
    assert world.locate("sip:example.com:5060") == [Q]


def test_a_number_whose_rules_lead_on_and_on_is_given_up() -> None:
    assert QUESTIONS_PER_SEARCH_MAX > 5
    searches = Searches({"UDP": ("A",)}, lambda most: 0)
    told: list[int] = []
    searches.look_up("+1", "x.example", 0.0, lambda answer: told.append(len(answer.uris)))
    [question] = searches.questions()
    assert question == ("NAPTR", "1.x.example")
    searches.tell(question, NOTHING, 1.0, 0.0)
    assert told == [0]
