"""Counting of attempts."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError

from tenants.ratelimit import RateLimit

LIMIT = RateLimit("test", 2, 60)


def test_a_limit_lets_through_what_it_names_and_tells_the_rest_to_wait(redis_url: str) -> None:
    assert [LIMIT.hit("a") for _ in range(3)] == [None, None, 60]
    assert (LIMIT.exceeded("a"), LIMIT.exceeded("b")) == (True, False)


def test_subjects_and_limits_are_counted_apart(redis_url: str) -> None:
    for _ in range(3):
        LIMIT.hit("a")
    assert LIMIT.hit("b") is None
    assert RateLimit("other", 2, 60).hit("a") is None


def test_a_forgotten_subject_begins_anew(redis_url: str) -> None:
    for _ in range(3):
        LIMIT.hit("a")
    LIMIT.forget("a")
    assert LIMIT.hit("a") is None


def test_a_window_that_has_ended_counts_no_more(redis_url: str) -> None:
    short = RateLimit("short", 1, 60)
    short.hit("a")
    assert short.hit("a") == 60
    cache.clear()
    assert short.hit("a") is None


def test_without_the_cache_everybody_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise RedisConnectionError("away")

    for name in ("add", "incr", "get", "delete"):
        monkeypatch.setattr(cache, name, away, raising=False)
    assert [LIMIT.hit("a") for _ in range(5)] == [None] * 5
    assert LIMIT.exceeded("a") is False
    LIMIT.forget("a")
