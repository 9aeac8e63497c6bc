"""Named limits of the app, with the reason beside each."""

WINDOWS_MAX = 200_000
"""Spending windows a node keeps (one a line and one a tenant that spent in the last hour): about 1 KiB each."""
CALLS_UP_MAX = 100_000
"""Calls a node's screener follows: ten times what a node is built for; a call beyond is screened but not counted."""
PREFIXES_MAX = 2_000
"""Prefixes of one rule: all destinations of a rate deck that one would bar, with room."""
PREFIX_DIGITS_MAX = 15
"""ITU-T E.164 §6.2.1: no number is longer."""
NOTE_CHARS_MAX = 2_000
"""A note on a case: a page."""
EVIDENCE_SHOWN_MAX = 100
"""Refused calls shown with a case; more say nothing new."""
