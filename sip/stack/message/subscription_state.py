"""Subscription-State (RFC 6665 §8.2.3): whether more notifications will come, and why not."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import Params, format_params, is_token, parse_digits, parse_params

_EXPIRES_S_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """State and what belongs to it; ``parse`` and ``str`` are inverse but for unknown parameters, which are dropped."""

    state: str
    """``active``, ``pending``, ``terminated``, or what another document defines; lower case."""
    expires_s: int | None = None
    """Seconds left; has no meaning with ``terminated`` (RFC 6665 §4.1.3)."""
    reason: str = ""
    """``deactivated``, ``probation``, ``rejected``, ``timeout``, ``giveup``, ``noresource``, ``invariant`` …"""
    retry_after_s: int | None = None

    @classmethod
    def parse(cls, text: str) -> SubscriptionState:
        """Read a value.

        Raises:
            ValueError: the state is no token, or a parameter or its number is bad.
        """
        state, semicolon, tail = text.partition(";")
        state = state.strip().lower()
        if not is_token(state):
            raise ValueError(f"Subscription-State: no state in {text!r}")
        given = dict(parse_params(semicolon + tail))
        return cls(state, _seconds(given.get("expires")), given.get("reason") or "", _seconds(given.get("retry-after")))

    def __str__(self) -> str:
        params: Params = ()
        if self.expires_s is not None:
            params = (*params, ("expires", str(self.expires_s)))
        if self.reason:
            params = (*params, ("reason", self.reason))
        if self.retry_after_s is not None:
            params = (*params, ("retry-after", str(self.retry_after_s)))
        return f"{self.state}{format_params(params)}"


def _seconds(text: str | None) -> int | None:
    return None if text is None else parse_digits(text, _EXPIRES_S_MAX)
