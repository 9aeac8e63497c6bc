"""Keeps a node's snapshot fresh, in a thread of its own: LISTEN, reload what changed, hand it to the loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from e164 import warm
from tenants.notify import SNAPSHOT_CHANNEL
from voip.node import limits
from voip.node.snapshot import LOADERS, Snapshot, load, restore, save

logger = logging.getLogger(__name__)


class SnapshotFeeder(threading.Thread):
    """Calls ``publish`` with each new snapshot, from this thread.

    ``connect`` returns an autocommit connection that sees all tenants. While the database is away the last snapshot
    stays in force; at start it comes from ``path``.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection], publish: Callable[[Snapshot], object], path: Path
    ) -> None:
        super().__init__(name="snapshot", daemon=True)
        self._connect = connect
        self._publish = publish
        self._path = path
        self._stop_asked = threading.Event()
        self._snapshot = Snapshot()
        self._away = False

    def stop(self) -> None:
        """Ask the thread to end; it does within ``SNAPSHOT_POLL_S``."""
        self._stop_asked.set()

    def run(self) -> None:
        """Feed until stopped, reconnecting for ever."""
        kept = restore(self._path)
        if kept is not None:
            self._snapshot = kept
            self._publish(kept)
        pause_s = limits.RECONNECT_S_MIN
        while not self._stop_asked.is_set():
            try:
                with self._connect() as connection:
                    self._follow(connection)
                pause_s = limits.RECONNECT_S_MIN
            except psycopg.OperationalError as error:
                self._log_away(error)
                self._stop_asked.wait(pause_s)
                pause_s = min(2 * pause_s, limits.RECONNECT_S_MAX)

    def _log_away(self, error: psycopg.OperationalError) -> None:
        if not self._away:
            logger.warning("database away, calls go on from the last snapshot: %s", str(error).strip())
        self._away = True

    def _follow(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {SNAPSHOT_CHANNEL}")
        self._reload(connection, set(LOADERS))
        if self._away:
            logger.info("database back, snapshot loaded")
        self._away = False
        full_at = time.monotonic() + limits.SNAPSHOT_FULL_RELOAD_S
        while not self._stop_asked.is_set():
            changed = {note.payload for note in connection.notifies(timeout=limits.SNAPSHOT_POLL_S, stop_after=1)}
            if changed:
                changed |= {note.payload for note in connection.notifies(timeout=limits.SNAPSHOT_DEBOUNCE_S)}
            if time.monotonic() >= full_at:
                changed, full_at = set(LOADERS), time.monotonic() + limits.SNAPSHOT_FULL_RELOAD_S
            if changed:
                self._reload(connection, changed)

    def _reload(self, connection: psycopg.Connection, sections: set[str]) -> None:
        with connection.cursor() as cursor:
            self._snapshot = load(cursor, sections, self._snapshot)
        # Made here and not by the first call of a country: that takes some 80 ms the loop does not have.
        warm(
            {tenant.country for tenant in self._snapshot.tenants.values()} | {t.country for t in self._snapshot.trunks}
        )
        self._publish(self._snapshot)
        try:
            save(self._snapshot, self._path)
        except OSError as error:
            logger.warning("snapshot not kept on disk: %s", error)
