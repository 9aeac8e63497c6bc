"""Fraud rules over the calls of all workers of a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from fraud.screening import RuleEntry
from voip.node.screening import SharedScreener

PRICE = 600


@dataclass
class Seat:
    """A worker's way to its siblings: delivered at once, as JSON."""

    worker: int
    crew: list[Seat]
    take: Callable[[int, dict[str, Any]], None] = lambda sibling, news: None
    said: int = 0

    @property
    def siblings(self) -> tuple[int, ...]:
        """The others."""
        return tuple(seat.worker for seat in self.crew if seat is not self)

    def on_news(self, topic: str, take: Callable[[int, dict[str, Any]], None]) -> None:
        """Note who takes news."""
        self.take = take

    def tell(self, topic: str, news: dict[str, Any], sibling: int | None = None) -> None:
        """Deliver it."""
        for seat in self.crew:
            if seat is not self and sibling in (None, seat.worker):
                self.said += 1
                seat.take(self.worker, json.loads(json.dumps(news)))


@dataclass
class Crew:
    """Some workers with screeners; ``now`` is everybody's clock."""

    count: int
    now: float = 100.0
    seats: list[Seat] = field(default_factory=list)
    screeners: list[SharedScreener] = field(default_factory=list)

    def __post_init__(self) -> None:
        for worker in range(self.count):
            self.seats.append(Seat(worker, self.seats))
            self.screeners.append(SharedScreener(lambda: self.now))
        for screener, seat in zip(self.screeners, self.seats, strict=True):
            screener.join(seat)

    def restart(self, worker: int) -> None:
        """Let a worker begin anew with nothing in memory."""
        self.screeners[worker] = SharedScreener(lambda: self.now)
        self.screeners[worker].join(self.seats[worker])

    def up(self) -> list[int]:
        """Return how many calls of line 5 each worker counts."""
        return [screener.calls_up("line", 5) for screener in self.screeners]

    def spent(self) -> list[int]:
        """Return what each worker believes that line 5 spent in an hour."""
        return [screener.spent_last_hour_nanos("line", 5, self.now) for screener in self.screeners]


def test_a_bound_on_calls_at_once_counts_those_of_every_worker() -> None:
    crew = Crew(3)
    rule = RuleEntry(1, 7, "concurrent_calls", calls_max=2)
    for screener in crew.screeners:
        screener.use([rule])
    crew.screeners[0].started("a", 7, 5)
    assert crew.screeners[2].screen(7, 5, "+4930", None, crew.now) is None
    crew.screeners[1].started("b", 7, 5)
    hits = [screener.screen(7, 5, "+4930", None, crew.now) for screener in crew.screeners]
    assert [hit.observed if hit else "" for hit in hits] == ["2", "2", "2"]
    crew.screeners[0].ended("a", crew.now)
    assert crew.up() == [1, 1, 1]


def test_running_prices_and_what_was_spent_count_everywhere_and_once() -> None:
    crew = Crew(2)
    crew.screeners[0].started("a", 7, 5)
    crew.screeners[0].answered("a", PRICE, crew.now)
    crew.now += 60.0
    assert crew.spent() == [PRICE, PRICE]
    crew.screeners[0].ended("a", crew.now)
    crew.screeners[0].spent(7, 5, 900, crew.now)
    assert crew.spent() == [900, 900]


def test_a_worker_that_begins_anew_is_told_what_is_up_and_its_former_calls_are_forgotten() -> None:
    crew = Crew(3)
    crew.screeners[0].started("a", 7, 5)
    crew.screeners[1].started("b", 7, 5)
    crew.screeners[1].answered("b", PRICE, crew.now)
    crew.restart(0)
    assert crew.up() == [1, 1, 1]
    crew.now += 60.0
    assert crew.spent() == [PRICE, PRICE, PRICE]
    crew.screeners[1].ended("b", crew.now)
    assert crew.up() == [0, 0, 0]


def test_what_is_counted_for_nobody_is_not_told() -> None:
    crew = Crew(2)
    before = crew.seats[0].said
    crew.screeners[0].started("a", 7, None)
    crew.screeners[0].answered("a", None, crew.now)
    crew.screeners[0].spent(7, None, 900, crew.now)
    crew.screeners[0].spent(7, 5, 0, crew.now)
    assert crew.seats[0].said == before


def test_alone_it_is_a_plain_screener() -> None:
    alone = SharedScreener(lambda: 0.0)
    alone.started("a", 7, 5)
    alone.answered("a", PRICE, 0.0)
    assert alone.calls_up("line", 5) == 1
    alone.ended("a", 60.0)
    alone.spent(7, 5, 900, 60.0)
    assert (alone.calls_up("line", 5), alone.spent_last_hour_nanos("line", 5, 60.0)) == (0, 900)


@pytest.mark.parametrize("news", [{}, {"started": [1]}, {"answered": ["a", "x", 1]}, {"spent": None}])
def test_news_that_are_none_are_an_error_of_the_sibling(news: dict[str, Any]) -> None:
    crew = Crew(2)
    with pytest.raises((KeyError, TypeError, ValueError)):
        crew.seats[0].take(1, news)
    assert crew.up() == [0, 0]
