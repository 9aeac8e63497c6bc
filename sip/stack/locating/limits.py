"""Every bound of what a name may lead to, each with its reason. What is over a bound is left out."""

from __future__ import annotations

from typing import Final

NAPTRS_MAX: Final = 32
"""NAPTR records of one name that are looked at: a domain has three for SIP, a number a handful."""

SERVERS_MAX: Final = 16
"""SRV records of one service that are looked at: a carrier's points of presence, not an attacker's thousand."""

ADDRESSES_MAX: Final = 8
"""Addresses of one host that are looked at."""

HOPS_MAX: Final = 32
"""Hops one URI leads to; nobody waits for more failures than that."""

NAME_BYTES_MAX: Final = 253
"""A longer name is none (RFC 1035 §2.3.4)."""

ENTRIES_MAX: Final = 20_000
"""Answers kept: some 10 MB. Over it those that are over go first, then the oldest."""

TTL_S_MIN: Final = 5.0
"""A zone that says 0 is not asked again for each call of a second."""

TTL_S_MAX: Final = 3_600.0
"""A zone that says a week is asked each hour: a carrier that moves must not stay lost for a week."""

NEGATIVE_S_MAX: Final = 300.0
"""The longest "there is none" (RFC 2308 §5 allows three hours): a name just made is wanted soon."""

FAILED_S: Final = 5.0
"""Pause before a question no server answered is asked again."""

STALE_S_MAX: Final = 86_400.0
"""How long an answer that is over still serves while no server answers (RFC 8767 §5 proposes one to three days)."""

REGEXP_CHARS_MAX: Final = 255
"""A NAPTR's regexp field is one character-string (RFC 3403 §4.1)."""

REGEXP_STEPS_MAX: Final = 2_000
"""Steps the matcher may take for one rule; a number has 15 digits and an honest rule takes fewer than a hundred."""

URI_CHARS_MAX: Final = 512
"""A URI longer than this is no peer's."""

ENUM_STEPS_MAX: Final = 5
"""Non-terminal rules followed for one number (RFC 6116 §5.2.1): a circle of them must end."""

QUESTIONS_MAX: Final = 512
"""Questions under way at once; over it a name counts as unreachable for this request. 512 sockets at most."""

QUESTIONS_PER_SEARCH_MAX: Final = 64
"""Questions for one URI: NAPTR, a SRV for each transport, two kinds of address for each server."""
