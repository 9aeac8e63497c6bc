"""Every bound of requests on their way out, each with its reason."""

from __future__ import annotations

from typing import Final

HOPS_TRIED_MAX: Final = 6
"""Hops tried for one request: each silent one costs seconds of somebody's patience."""

HOPS_KEPT_MAX: Final = 10_000
"""Failed hops remembered: over it those whose time is over are forgotten, then the oldest."""

PENALTY_S: Final = 30.0
"""A hop that was silent or refused the connection is tried last for so long: not every call pays for finding out."""

RETRY_AFTER_S_MAX: Final = 300.0
"""The longest Retry-After that is honoured: a carrier that says "next week" is asked again in five minutes."""

CHALLENGES_MAX: Final = 8
"""Challenges of one response that are looked at: one for each algorithm, of two realms."""

NONCE_USES_MAX: Final = 1_000
"""Requests of one dialog that use one nonce: fewer than any carrier's window, more than a call has."""

URIS_TRIED_MAX: Final = 3
"""URIs of one number (ENUM) that are tried."""

TRUNK_RESOLVE_S: Final = 60.0
"""How often the name of a trunk is resolved for the addresses its calls come from; the cache asks as TTLs allow."""

TRUNK_ADDRESSES_MAX: Final = 32
"""Addresses of one trunk's name from which its calls are taken."""

PING_SILENCE_S: Final = 5.0
"""A carrier that has not answered an OPTIONS by then has not answered."""

PINGS_FAILED_MAX: Final = 3
"""OPTIONS unanswered in a row that take a trunk out of service: one lost packet is not an outage."""

REDIRECTS_MAX: Final = 5
"""Redirections followed in one call (RFC 5806 §3.1 counts them for the same reason: they may lead in a circle)."""

CONTACTS_MAX: Final = 8
"""Contacts of one 3xx that are looked at."""
