"""Documents that say only what changed since the last one (RFC 4235 §4.3, 3680 §5.2)."""

from __future__ import annotations

from collections.abc import Mapping

from sip.controller.events.subscription import Subscription


def take_news(subscription: Subscription, signatures: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the ids whose pieces go into the next document, and pieces of what is over; note them as told.

    ``signatures`` holds all there is now: what differs from what was told is news. A full document has all of it, and
    nothing that is over.
    """
    told = {} if subscription.needs_full else subscription.told
    news = [key for key, signature in signatures.items() if told.get(key) != signature]
    over = [piece for key, piece in subscription.ended.items() if key in told and key not in signatures]
    subscription.told = dict(signatures)
    subscription.ended = {}
    return news, over


def note_end(subscription: Subscription, key: str, piece: str) -> None:
    """Note that a piece is over, for the next document; of one that was never told nobody need hear."""
    if key in subscription.told:
        subscription.ended[key] = piece
