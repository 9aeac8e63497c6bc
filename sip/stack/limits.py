"""Every bound of the stack, each with its reason. Over a bound is an answer or silence, never growth."""

from __future__ import annotations

from typing import Final

MESSAGE_BYTES_MAX: Final = 65_535
"""A UDP datagram cannot be longer; RFC 3261 §18.1.1 asks for messages up to this size on every transport."""

HEAD_BYTES_MAX: Final = 32_768
"""A real INVITE with STIR, many Via and Record-Route has under 8 KiB of head; more is work an attacker gives us."""

HEADERS_MAX: Final = 256
"""Header rows a message: the longest legitimate one seen (long Via chain, many Contacts) has about 100."""

VALUES_MAX: Final = 128
"""Comma-separated values a header (Via, Route, Contact): 70 hops is Max-Forwards' own bound."""

SEPARATORS_MAX: Final = 512
"""Commas or semicolons in one row: four for each of ``VALUES_MAX`` values, and four times as many quotes and brackets.

Splitting looks ahead from each of them: without a bound a row of 32 KiB of nothing else would cost 50 ms.
"""

TRANSACTIONS_MAX: Final = 200_000
"""Server and client transactions together. At 3 KiB each 600 MB; at 1,000 calls a second and 32 s a life 130,000."""

NONCE_COUNTS_MAX: Final = 100_000
"""Nonces whose counters are remembered at once (about 200 bytes each): over it the oldest are forgotten and stale."""

FRAMER_PINGS_MAX: Final = 64
"""CRLF keep-alives answered for one read: RFC 5626 sends one in 95 s, a flood earns no flood of pongs."""

BUG_KINDS_MAX: Final = 256
"""Different bugs remembered so that each is logged once in a while; there are never so many places to fail."""

BUG_REPEAT_S: Final = 60.0
"""One line a minute of the same bug: who sends the message that causes it may send a thousand a second."""

BUG_FRAMES_MAX: Final = 12
"""Frames of a traceback in its line: from the place of the bug out to the event."""

BUG_TEXT_CHARS_MAX: Final = 200
"""What an error says of itself; it may hold what a peer sent."""

WORKERS_MAX: Final = 21
"""Processes of one node: as many marks as there are letters no hexadecimal token begins with, and one. A machine with
more cores runs a second node."""
