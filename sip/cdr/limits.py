"""Every limit of the spool and the loader, with its reason."""

from __future__ import annotations

from typing import Final

FRAME_BYTES_MAX: Final = 262_144
"""One payload. A call's state is two dialogs of at most 64 KiB of heads each; a length above this is damage."""

SEGMENT_BYTES_MAX: Final = 67_108_864
"""What is written to a segment after its checkpoint: about 30,000 calls, loaded in seconds and then deleted."""

GATHER_S: Final = 0.01
"""Least time between two syncs under load: a hundred a second at most. An idle call is synced at once; at load a sync
with its thread's wake-up costs more than the record it is for, and nobody hears ten milliseconds in a ringing tone."""

PENDING_BYTES_MAX: Final = 67_108_864
"""What may wait in memory while the disk refuses: about 30,000 calls. New calls are refused above it."""

PENDING_END_BYTES_MAX: Final = 2 * PENDING_BYTES_MAX
"""The same for records of calls that end: they are refused later than new calls, for the talk is already owed."""

RETRY_S_MIN: Final = 0.1
"""First pause after a failed write."""

RETRY_S_MAX: Final = 2.0
"""Longest pause between two tries to write: a freed disk is noticed within it."""

CLOSE_S_MAX: Final = 10.0
"""How long ``close`` waits for what is queued: a supervisor kills the process some seconds later anyway."""

SEGMENTS_MAX: Final = 99_999_999
"""Eight digits in a segment's name: at one a second, three years; at the size above, never."""

DURATION_S_MAX: Final = 7 * 86_400
"""A longer call is a broken clock or a wrapped counter, not a call (kamailio#4495 shows both)."""

RECORD_AGE_S_MAX: Final = 366 * 86_400
"""A record older than a year when it is loaded is not billed by machine; it is put aside for a person."""

RECORD_AHEAD_S_MAX: Final = 86_400
"""A record from further in the future than a day comes from a wrong clock."""

ATTEMPTS_MAX: Final = 100
"""Attempts in one record; a route plan has a handful of targets."""

TEXT_CHARS_MAX: Final = 255
"""Longest text field of a record; what is longer (a user agent, a Call-ID) is cut, the call still counts."""

BATCH_BYTES_MAX: Final = 4_194_304
"""Read from a segment at once: some 3,000 records, one transaction of a fraction of a second."""

POLL_S: Final = 0.05
"""Pause of an idle loader: it bounds the time from a durable record to its committed row."""

POLL_BUSY_S: Final = 1.0
"""Pause after a batch of ``BUSY_RECORDS``: a transaction costs as much as sixty records, so a busy loader gathers.
Money is held until then, and a figure that is a second old is new."""

BUSY_RECORDS: Final = 10
"""From so many records in a batch on, the loader is busy."""

GAP_BYTES_KEPT: Final = 65_536
"""Of a damaged stretch so much is put aside: enough to see by eye what it was."""

BACKOFF_S_MAX: Final = 2.0
"""Longest pause between two tries while PostgreSQL is away."""
