"""Every bound of the proxies, each with its reason."""

from __future__ import annotations

from typing import Final

TIMER_C_S: Final = 200.0
"""More than three minutes (RFC 3261 §16.6 step 11): a callee that rings longer without a word is given up."""

MAX_BREADTH: Final = 60
"""Branches one request may have at once, here and behind (RFC 5393 §5.3.3): its recommendation."""

TARGETS_MAX: Final = 60
"""Places one request is forked to, at once and one after the other; a line has at most ten contacts."""

HOPS_MAX: Final = 8
"""Servers of one name that are tried for one branch (RFC 3263 §4.3): each may cost 32 s of silence."""

CONTEXTS_MAX: Final = 50_000
"""Requests being worked on; at some 6 KiB each 300 MB. Over it: 503 with Retry-After."""

RETRY_AFTER_S: Final = 5
"""What who is refused for want of room is told."""

FORWARDS_DEFAULT: Final = 70
"""Max-Forwards of a request that came without (RFC 3261 §16.6 step 3)."""
