"""Bounds and waiting times of what happens within a call, each with its reason."""

from __future__ import annotations

from typing import Final

REFRESH_TRIES_MAX: Final = 3
"""A refresh that is refused this often is not tried again: the session ends when its time is over (RFC 4028 §10)."""

REFRESH_AGAIN_S: Final = 10.0
"""How long after a refused refresh the next is tried where the response does not say."""

RETRY_AFTER_S_MAX: Final = 60.0
"""A party that asks for more patience in Retry-After is asked again after this: a session would run out meanwhile."""

INTERVAL_TRIES_MAX: Final = 2
"""INVITEs sent to one target with a longer session interval (422): a server that asks for ever more is left alone."""

SESSION_S_MAX: Final = 86_400
"""A party's longer session interval or Min-SE is not believed: a day is longer than any call may last."""

EARLY_DIALOGS_MAX: Final = 12
"""Early dialogs of one INVITE of ours; a proxy that forks further has its other phones ring unheard."""

RELIABLE_QUEUED_MAX: Final = 8
"""Provisional responses that wait for the PRACK of the one before; later ones are dropped, the final one is not."""

BRIDGE_TRIES_MAX: Final = 4
"""Re-INVITEs of one kind sent to join two parties, where other offers keep crossing them (491)."""

TRANSFER_CHAIN_MAX: Final = 8
"""Calls that may hang together by one transfer after the other: each goes on being charged until all are over."""
