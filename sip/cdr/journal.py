"""The journal of a node: calls and their records on disk before the network is told of them.

One thread writes. Everything that came while the former sync ran, or within ``GATHER_S`` of it, is one group with one
``fdatasync``; its callbacks go back to the caller's loop in one ``post``. A refused write is tried again until it
succeeds, in a new segment where the old one may lie: what was accepted is never dropped, and nothing is called
durable that is not.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sip.cdr.errors import JournalClosed, JournalFull
from sip.cdr.frames import encode
from sip.cdr.limits import (
    CLOSE_S_MAX,
    GATHER_S,
    PENDING_BYTES_MAX,
    PENDING_END_BYTES_MAX,
    RETRY_S_MAX,
    RETRY_S_MIN,
    SEGMENT_BYTES_MAX,
)
from sip.cdr.segment import Segment, cut_torn_tail, lock_directory
from sip.cdr.spool import dump_payload, list_segments, recover, segment_path, valid_bytes

logger = logging.getLogger(__name__)

Callback = Callable[[], None]
Post = Callable[[Callback], object]


class _Entry(NamedTuple):
    kind: str
    call_id: str
    payload: bytes
    frame: bytes
    on_durable: Callback | None


class Journal:
    """Group-committed journal of one node in ``directory``.

    ``post`` runs a callback on the caller's thread (``loop.call_soon_threadsafe``). ``on_error`` is posted once when
    the disk begins to refuse, ``on_recovered`` once when it takes writes again.
    """

    def __init__(
        self,
        directory: Path,
        node: str,
        post: Post,
        on_error: Callable[[OSError], None],
        on_recovered: Callback | None = None,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
    ) -> None:
        """Take the folder, read the open calls back into ``recovered`` and begin a new segment.

        Raises:
            SpoolError: another process holds the folder.
            OSError: the folder cannot be written at all.
        """
        self._directory = directory
        self._node = node
        self._post = post
        self._on_error = on_error
        self._on_recovered = on_recovered
        self._segment_bytes_max = segment_bytes_max
        self._condition = threading.Condition()
        self._queue: list[_Entry] = []
        self._pending_bytes = 0
        self._idle = False
        self._closing = False
        self._failing = False
        self._open: dict[str, bytes] = {}
        self._lock: int | None = lock_directory(directory)
        self.recovered = self._recover()
        """States of the calls that were open, as given to ``append``."""
        self._segment: Segment | None = self._new_segment()
        self._thread = threading.Thread(target=self._run, name=f"journal-{node}", daemon=True)
        self._thread.start()

    @property
    def failing(self) -> bool:
        """Whether the disk refuses now: take no new calls."""
        return self._failing

    @property
    def pending_bytes(self) -> int:
        """Bytes accepted and not yet durable."""
        return self._pending_bytes

    def append(self, payload: dict[str, Any], on_durable: Callback | None = None) -> None:
        """Queue ``{"t":"open","call_id":…,"state":…}`` or ``{"t":"end","record":…}``; returns at once.

        Raises:
            JournalFull: too much waits already; nothing was queued.
            JournalClosed: ``close`` was called.
            FrameTooLong: the payload is over the limit of a frame.
        """
        kind = str(payload["t"])
        call_id = str(payload["record"]["call_id"] if kind == "end" else payload["call_id"])
        data = dump_payload(payload)
        entry = _Entry(kind, call_id, data, encode(data), on_durable)
        limit = PENDING_END_BYTES_MAX if kind == "end" else PENDING_BYTES_MAX
        with self._condition:
            if self._closing:
                raise JournalClosed(f"journal of {self._node} is closed")
            if self._pending_bytes + len(entry.frame) > limit:
                raise JournalFull(f"{self._pending_bytes} bytes wait for the disk, allowed are {limit}")
            self._queue.append(entry)
            self._pending_bytes += len(entry.frame)
            if self._idle:
                self._idle = False
                self._condition.notify()

    def close(self, timeout_s: float = CLOSE_S_MAX) -> bool:
        """Write what is queued and stop; ``False`` when the disk did not take it in time."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
        return not self._pending_bytes

    def _recover(self) -> list[dict[str, Any]]:
        for draft in self._directory.glob("*.draft"):
            draft.unlink()
        states = recover(self._directory)
        for call_id, state in states.items():
            self._open[call_id] = dump_payload({"t": "open", "call_id": call_id, "state": state})
        numbers = list_segments(self._directory)
        if numbers:
            newest = segment_path(self._directory, numbers[-1])
            data = newest.read_bytes()
            size = valid_bytes(data)
            if size < len(data):
                logger.warning("%s: cut a torn tail of %d bytes", newest, len(data) - size)
                cut_torn_tail(newest, size)
        return list(states.values())

    def _new_segment(self) -> Segment:
        number = max(list_segments(self._directory), default=0) + 1
        return Segment.create(self._directory, number, self._node, self._open.values())

    def _run(self) -> None:
        synced_at = 0.0
        while group := self._next_group(synced_at):
            if not self._commit_until_durable(group):
                return
            synced_at = time.monotonic()
            self._finish(group)
        if self._segment is not None:
            self._segment.close()

    def _next_group(self, synced_at: float) -> list[_Entry]:
        """Wait for entries; an empty list means closed and drained."""
        with self._condition:
            while not self._queue and not self._closing:
                self._idle = True
                self._condition.wait()
            self._idle = False
            closing = self._closing
        rest_s = synced_at + GATHER_S - time.monotonic()
        if rest_s > 0 and not closing:
            time.sleep(rest_s)
        with self._condition:
            group, self._queue = self._queue, []
        return group

    def _commit_until_durable(self, group: list[_Entry]) -> bool:
        """Write the group, in new segments if need be, until it is durable.

        ``False`` when it was not even at the last try, which begins after the journal was told to close.
        """
        data = b"".join([entry.frame for entry in group])
        pause_s = RETRY_S_MIN
        is_last_try = False
        while not self._commit(data):
            if is_last_try:
                return False
            with self._condition:
                is_last_try = self._condition.wait_for(lambda: self._closing, pause_s)
            pause_s = min(2 * pause_s, RETRY_S_MAX)
        return True

    def _commit(self, data: bytes) -> bool:
        try:
            if self._segment is None or self._segment.appended_bytes >= self._segment_bytes_max:
                self._rotate()
            if self._segment is not None:
                self._segment.append(data)
        except OSError as error:
            self._fail(error)
            return False
        if self._failing:
            self._failing = False
            logger.warning("journal of %s: the disk takes writes again", self._node)
            if self._on_recovered is not None:
                self._tell(self._on_recovered)
        return True

    def _rotate(self) -> None:
        fresh = self._new_segment()
        if self._segment is not None:
            self._segment.close()
        self._segment = fresh

    def _fail(self, error: OSError) -> None:
        if self._segment is not None and not self._segment.usable:
            self._segment.close()
            self._segment = None
        if not self._failing:
            self._failing = True
            logger.error("journal of %s: cannot write, trying again until it works: %s", self._node, error)
            self._tell(lambda: self._on_error(error))

    def _finish(self, group: Iterable[_Entry]) -> None:
        """Note which calls are open now, free the memory and report the group durable."""
        callbacks: list[Callback] = []
        size = 0
        for entry in group:
            size += len(entry.frame)
            if entry.kind == "open":
                self._open[entry.call_id] = entry.payload
            elif entry.kind == "end":
                self._open.pop(entry.call_id, None)
            if entry.on_durable is not None:
                callbacks.append(entry.on_durable)
        with self._condition:
            self._pending_bytes -= size
        if callbacks:
            self._tell(lambda: self._call_all(callbacks))

    def _call_all(self, callbacks: list[Callback]) -> None:
        called = 0
        try:
            for callback in callbacks:
                called += 1
                callback()
        finally:
            # One that raised must not cost the others their news.
            if called < len(callbacks):
                self._tell(lambda: self._call_all(callbacks[called:]))

    def _tell(self, callback: Callback) -> None:
        try:
            self._post(callback)
        except RuntimeError:
            # A closed event loop takes nothing more; the data is durable, which is all that matters then.
            logger.warning("journal of %s: nobody listens any more", self._node)
