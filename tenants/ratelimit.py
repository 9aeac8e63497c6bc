"""Counting of attempts in a window, in the cache that all web processes share."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``count_max`` in ``window_s`` seconds for one subject (an address, an e-mail, a key).

    The window is fixed and begins with the first attempt. Without the cache everything is let through: a carrier's
    staff must reach the platform when Redis is down, and passwords and keys are still checked.
    """

    name: str
    count_max: int
    window_s: int

    def hit(self, subject: str) -> int | None:
        """Count one attempt; return ``None`` if it is within the limit, else the seconds of the whole window."""
        key = self._key(subject)
        try:
            cache.add(key, 0, self.window_s)
            count = cache.incr(key)
        except ValueError:  # The window ended between the two commands.
            return None
        except RedisError as error:
            _log.warning("rate limit %s not counted: %s", self.name, error)
            return None
        return self.window_s if count > self.count_max else None

    def exceeded(self, subject: str) -> bool:
        """Return whether the subject has used up its attempts, without counting one."""
        try:
            return int(cache.get(self._key(subject), 0)) >= self.count_max
        except RedisError as error:
            _log.warning("rate limit %s not read: %s", self.name, error)
            return False

    def forget(self, subject: str) -> None:
        """Begin anew: the subject has shown who it is."""
        try:
            cache.delete(self._key(subject))
        except RedisError as error:
            _log.warning("rate limit %s not reset: %s", self.name, error)

    def _key(self, subject: str) -> str:
        # Hashed: subjects come from outside and a cache key has neither their length nor their characters.
        return f"limit:{self.name}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
