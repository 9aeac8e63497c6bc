"""The workers of one node as one of them sees them: messages go to their owner, bytes to whoever holds the stream."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from socket import socket
from typing import Any, Protocol

from sip.io.binding import Binder
from sip.io.links import Links
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.handover import pack_flow, unpack_flow
from sip.stack.limits import HEAD_BYTES_MAX
from sip.stack.message.parse import recover_head
from sip.stack.ownership import Sorter

log = logging.getLogger(__name__)

_MESSAGE, _ASKED, _SEND, _FAILED, _NEWS = range(1, 6)

CONNECTION_STEP = 32
"""Connection numbers of worker ``w`` are ``w`` modulo this: any number tells who holds the stream."""

News = Callable[[int, dict[str, Any]], None]
"""Called with the sibling and what it tells."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What the parent gives each of its workers."""

    worker: int
    workers: int
    links: Mapping[int, socket]
    """Connected sockets, one to each sibling."""
    binder: Binder
    """Gives the sockets that the parent bound: one of each listener for every worker."""

    def connection_numbers(self) -> Iterator[int]:
        """Give numbers no stream of any worker, or of a worker before it, has had.

        The clock stands in them, since a sibling may still hold the number of a stream that ended with a process.
        """
        return count(int(time.time() * 1000) * CONNECTION_STEP + self.worker, CONNECTION_STEP)


class Outlet(Protocol):
    """A transport's way out (``sip.io.pump.Sender``)."""

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send or queue a message."""
        ...


class Outlets(Protocol):
    """The way out for each flow (``sip.io.pump.Outlets``)."""

    def find(self, flow: Flow) -> Outlet | None:
        """Return who carries a flow."""
        ...


class Inlet(Protocol):
    """Where a message goes that is ours (``sip.io.pump.Pump``)."""

    def take(self, data: bytes, flow: Flow) -> None:
        """Feed a message whoever it came by."""
        ...

    def failed(self, flow: Flow) -> None:
        """Tell that a flow carries nothing any more."""
        ...

    def refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        """Answer a request that is not taken."""
        ...

    def turn(self) -> None:
        """Work on all that was fed."""
        ...


class Crew:
    """One worker's place among its siblings. As ``Outlets`` it stands before the worker's own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        member: Membership,
        own: Outlets,
        has_invite: Callable[[bytes], bool],
    ) -> None:
        self._sorter = Sorter(member.worker, member.workers, has_invite)
        self.worker = member.worker
        self._own = own
        self._links = Links(loop, member.links)
        self._inlet: Inlet | None = None
        self._news: dict[str, News] = {}
        self._remote = {sibling: _Remote(self._links, sibling) for sibling in member.links}
        self.diverted = 0
        """Messages that came here and were a sibling's."""

    @property
    def siblings(self) -> tuple[int, ...]:
        """The other workers."""
        return self._links.siblings

    def on_news(self, topic: str, take: News) -> None:
        """Have ``take`` called with what siblings tell of a topic; before ``start``."""
        self._news[topic] = take

    def start(self, inlet: Inlet) -> None:
        """Take what siblings send from now on."""
        self._inlet = inlet
        self._links.start(self._receive, inlet.turn)

    def find(self, flow: Flow) -> Outlet | None:
        """Return who carries a flow: ourselves, or the sibling that holds its stream."""
        if flow.connection:
            remote = self._remote.get(flow.connection % CONNECTION_STEP)
            if remote is not None:
                return remote
        return self._own.find(flow)

    def diverts(self, data: bytes, flow: Flow) -> bool:
        """Give a message that came from the network to its owner; returns whether that is a sibling.

        Where there is no room for it, a datagram is dropped, as the network might; a request of a stream gets 503.
        """
        owner = self._sorter.sort(data)
        if owner == self.worker:
            return False
        self.diverted += 1
        if data[:7] == b"CANCEL ":
            has_room = self._links.send(owner, _ASKED, bytes((1,)) + pack_flow(flow, data))
        else:
            has_room = self._links.send(owner, _MESSAGE, pack_flow(flow, data))
        if not has_room and flow.reliable and self._inlet is not None:
            request = recover_head(data[:HEAD_BYTES_MAX].partition(b"\r\n\r\n")[0])
            self._inlet.refuse(RemoteProtocolError("Service Unavailable", 503, request), flow)
        return True

    def stream_failed(self, flow: Flow) -> None:
        """Tell the siblings that a stream of ours has ended: their transactions may wait for it."""
        if flow.connection and flow.connection % CONNECTION_STEP == self.worker:
            self._links.send_all(_FAILED, pack_flow(flow))

    def tell(self, topic: str, news: dict[str, Any], sibling: int | None = None) -> None:
        """Tell one sibling, or all; one that has no room for it does not hear of it."""
        payload = topic.encode() + b" " + json.dumps(news, separators=(",", ":")).encode()
        if sibling is None:
            self._links.send_all(_NEWS, payload)
        elif sibling in self._remote:
            self._links.send(sibling, _NEWS, payload)

    def close(self) -> None:
        """Hear and say nothing more."""
        self._inlet = None
        self._links.close()

    def _receive(self, sibling: int, kind: int, payload: bytes) -> None:
        try:
            if kind == _NEWS:
                self._take_news(sibling, payload)
            elif kind == _ASKED:
                self._take_asked(payload)
            else:
                self._take_flow(sibling, kind, *unpack_flow(payload))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            log.warning("worker %d sent what cannot be read: %s", sibling, error)

    def _take_news(self, sibling: int, payload: bytes) -> None:
        topic, _, text = payload.partition(b" ")
        take = self._news.get(topic.decode())
        if take is not None:
            take(sibling, json.loads(text))

    def _take_asked(self, payload: bytes) -> None:
        asked = payload[0] + 1
        flow, data = unpack_flow(payload[1:])
        owner = self._sorter.sort_asked(data, asked)
        if owner == self.worker:
            self._take(flow, data)
        else:
            self._links.send(owner, _ASKED, bytes((asked,)) + payload[1:])

    def _take_flow(self, sibling: int, kind: int, flow: Flow, data: bytes) -> None:
        if kind == _MESSAGE:
            self._take(flow, data)
        elif kind == _SEND:
            sender = self._own.find(flow)
            if sender is None or not sender.send(flow, data):
                self._links.send(sibling, _FAILED, pack_flow(flow))
        elif kind == _FAILED and self._inlet is not None:
            self._inlet.failed(flow)

    def _take(self, flow: Flow, data: bytes) -> None:
        if self._inlet is not None:
            self._inlet.take(data, flow)


class _Remote:
    """The way out over a stream that a sibling holds."""

    def __init__(self, links: Links, sibling: int) -> None:
        self._links = links
        self._sibling = sibling

    def send(self, flow: Flow, data: bytes) -> bool:
        """Hand the bytes to the sibling; ``False`` when it has no room for them."""
        return self._links.send(self._sibling, _SEND, pack_flow(flow, data))
