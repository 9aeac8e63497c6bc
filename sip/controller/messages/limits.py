"""Every bound and waiting time of page-mode messages, each with its reason."""

from __future__ import annotations

from typing import Final

UDP_BYTES_MAX: Final = 1_300
"""A whole MESSAGE over UDP (RFC 3428 §8): longer ones are not protected against congestion. Over it: 513."""

BODY_BYTES_MAX: Final = 8_192
"""Body over a stream: a long text with its CPIM wrapper. Files go by HTTP. Over it: 413."""

BURST_MAX: Final = 10
"""Messages a sender may send at once: a text that a phone cut into pieces."""

REFILL_S: Final = 2.0
"""Seconds after which a sender has one more message free: a person types slower. Over it: 480 with Retry-After."""

TRUNK_BURST_MAX: Final = 200
"""The same for a trunk: it speaks for many people."""

TRUNK_REFILL_S: Final = 0.05
"""Twenty messages a second and trunk."""

LIVE_S_MAX: Final = 15.0
"""The sender gives up after 32 s (timer F); a phone that has said nothing for half of that counts as absent."""

STORED_PER_USER_MAX: Final = 100
"""Messages that wait for one user; over it the sender hears 480."""

STORED_MAX: Final = 100_000
"""Messages that wait in all: at 2 KiB in the store 200 MB, of 256 MB that the embedded Redis has. Over it: 480."""

STORED_S_MAX: Final = 7 * 86_400
"""A message that nobody fetched within a week is dropped; an Expires of the sender's may be shorter."""

ROUND_MAX: Final = 20
"""Messages fetched from the store at once, before it is asked again."""

CLAIM_S: Final = 300
"""How long a user's waiting messages belong to the process that delivers them: one that died must not keep them."""

ROUNDS_MAX: Final = 1_000
"""Users being delivered to at once; the phones of a site that come back together take turns at their next REGISTER."""
