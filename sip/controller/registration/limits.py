"""Every bound of the registrar, each with its reason. Units stand last in the names."""

from __future__ import annotations

from typing import Final

BINDING_SWEEP_S: Final = 1.0
"""How often bindings that are over are dropped from memory and told of (they are ignored from their last second on)."""

SWEEP_LINES_MAX: Final = 200
"""Lines looked at in one turn: about 2 ms. Ten thousand phones that vanish in one second must not stop the calls."""

BRIEF_S_MAX: Final = 3_600
"""A wish of an hour or more is never too brief, whatever the least time is (RFC 3261 §10.3 step 7)."""

REG_ID_MAX: Final = 2**31 - 1
"""Largest number of a flow (RFC 5626 §10)."""

FLOWS_PER_INSTANCE_MAX: Final = 4
"""Flows one phone keeps at once; RFC 5626 §3.3 thinks of two. With more the one renewed longest ago goes."""

PATH_VALUES_MAX: Final = 8
"""Proxies between a phone and the registrar; networks have one to three."""

PATH_CHARS_MAX: Final = 2_048
"""All Path values of a contact together: each is kept for an hour, and copied into each request to the phone."""

SERIAL_RING_S_MIN: Final = 10.0
"""Contacts of lower q-value wait for those before them; each group rings at least so long: two rings of a phone."""

PING_TICK_S: Final = 0.1
"""Pings are sent in portions, ten a second, so that a thousand of them never come in one turn."""

TEMPORARY_GRUU_PREFIX: Final = "tgruu."
"""What tells a temporary GRUU's user part from a username."""
