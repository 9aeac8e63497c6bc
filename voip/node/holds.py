"""The node's desk for holds: gathers what many calls ask and sends it to the database as one statement.

While one statement is under way, and some milliseconds from its start, the next group gathers, so that groups grow with
the load and an idle node never waits. When the database is away every asker is told so at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import psycopg

from billing.holds import HoldRequest, extend_holds, place_holds, release_orphans
from voip.node import limits

logger = logging.getLogger(__name__)

Done = Callable[[int | None], None]
"""Told what was granted in nano-units (0: nothing), or ``None`` when the database could not be asked."""


@dataclass(frozen=True, slots=True)
class _Asked:
    request: HoldRequest
    is_extension: bool
    done: Done


class HoldDesk:
    """Place and extend holds for this node; call from the event loop only."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection]],
        node: str,
        ended_call_ids: Callable[[], frozenset[str]] = frozenset,
        retired: Sequence[str] = (),
    ) -> None:
        """``ended_call_ids`` reads, in a thread, which calls have their record in the spool, charged or not yet.

        Holds of ``retired`` nodes, which will not start again, are given back together with our own.
        """
        self._names = (node, *retired)
        self._connect = connect
        self._ended_call_ids = ended_call_ids
        self._node = node
        self._waiting: deque[_Asked] = deque()
        self._more = asyncio.Event()
        self._connection: psycopg.AsyncConnection | None = None
        self._away = False
        self._orphans_due: float | None = None
        self._doubtful: set[str] = set()
        """Refused because the database did not answer; it may have placed their holds all the same."""

    @property
    def is_ready(self) -> bool:
        """Whether the database is there to be asked."""
        return self._connection is not None

    def place(self, request: HoldRequest, done: Done) -> None:
        """Ask for a new hold."""
        self._ask(_Asked(request, False, done))

    def extend(self, request: HoldRequest, done: Done) -> None:
        """Ask that a call's hold be raised to ``request.amount_nanos`` in all."""
        self._ask(_Asked(request, True, done))

    def _ask(self, asked: _Asked) -> None:
        if self._connection is None or len(self._waiting) >= limits.HOLDS_WAITING_MAX:
            asked.done(None)
            return
        self._waiting.append(asked)
        self._more.set()

    async def run(self, open_call_ids: Callable[[], Iterable[str]]) -> None:
        """Serve until cancelled; on each new connection give back holds of calls that a crash or an outage ended."""
        pause_s = limits.RECONNECT_S_MIN
        while True:
            try:
                async with await self._connect() as connection:
                    self._connection = connection
                    self._log_back()
                    pause_s = limits.RECONNECT_S_MIN
                    await self._serve(connection, open_call_ids)
            except (psycopg.Error, TimeoutError, OSError) as error:
                self._log_away(error)
            finally:
                self._connection = None
                self._refuse_waiting()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, limits.RECONNECT_S_MAX)

    async def _serve(self, connection: psycopg.AsyncConnection, open_call_ids: Callable[[], Iterable[str]]) -> None:
        loop = asyncio.get_running_loop()
        await self._release_orphans(connection, open_call_ids)
        self._orphans_due = loop.time() + limits.ORPHANS_AGAIN_S
        next_at = 0.0
        while True:
            patience_s = None if self._orphans_due is None else max(0.0, self._orphans_due - loop.time())
            try:
                async with asyncio.timeout(patience_s):
                    await self._more.wait()
            except TimeoutError:
                await self._release_orphans(connection, open_call_ids)
                self._orphans_due = None
                self._doubtful.clear()
            self._more.clear()
            while self._waiting:
                await asyncio.sleep(next_at - loop.time())
                next_at = loop.time() + limits.HOLDS_GATHER_S
                group = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), limits.HOLDS_PER_STATEMENT_MAX))
                ]
                await self._serve_group(connection, group)

    async def _release_orphans(
        self, connection: psycopg.AsyncConnection, open_call_ids: Callable[[], Iterable[str]]
    ) -> None:
        """Give back holds of calls that are neither going on nor waiting in the spool to be charged.

        A call that ends meanwhile was open before the spool was read; new holds are placed by this task alone.
        """
        spared = set(open_call_ids())
        spared |= await asyncio.to_thread(self._ended_call_ids)
        released = 0
        for name in self._names:
            released += await release_orphans(connection, name, spared - self._doubtful)
        if released:
            logger.info("%d holds of calls that an outage ended are given back", released)

    async def _serve_group(self, connection: psycopg.AsyncConnection, group: list[_Asked]) -> None:
        granted: dict[str, int] = {}
        try:
            async with asyncio.timeout(limits.HOLD_TIMEOUT_S):
                for is_extension, ask in ((False, place_holds), (True, extend_holds)):
                    requests = [asked.request for asked in group if asked.is_extension is is_extension]
                    if requests:
                        granted |= await ask(connection, self._node, requests)
        except BaseException:
            for asked in group:
                if not asked.is_extension and len(self._doubtful) < limits.DOUBTFUL_MAX:
                    self._doubtful.add(asked.request.call_id)
                asked.done(None)
            raise
        for asked in group:
            asked.done(granted.get(asked.request.call_id, 0))

    def _refuse_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft().done(None)

    def _log_away(self, error: Exception) -> None:
        if not self._away:
            logger.warning("database away, calls that cost money are refused: %s", str(error).strip())
        self._away = True

    def _log_back(self) -> None:
        if self._away:
            logger.info("database back, holds are placed again")
        self._away = False
