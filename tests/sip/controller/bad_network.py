"""A wire that loses, doubles, overtakes and delays datagrams by a seed: the same seed is the same weather."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from sip.controller.directory import Directory
from sip.stack.flow import Flow
from tests.sip.controller.network import Network, Sent, describe

HOP_S = 0.01
SHARE = 0.05
"""Of the datagrams that are lost; of those that come twice; of those overtaken by others; and of those delayed."""


class BadNetwork(Network):
    """A network on which nothing arrives at once, and much not as it was sent."""

    def __init__(self, directory: Directory, seed: int, **settings: int) -> None:
        self.chance = Random(seed)
        self.share = SHARE
        self._late: list[tuple[float, int, Flow, bytes]] = []
        self._count = 0
        super().__init__(directory, settings=dict(settings))

    def _carry(self, source: str, flow: Flow, data: bytes) -> None:
        is_lost = self.chance.random() < self.share
        self.sent.append(Sent(self.now, source, str(flow.remote), describe(data), data, is_lost))
        if is_lost:
            return
        self._post(flow, data)
        if self.chance.random() < self.share:
            self._post(flow, data)

    def _post(self, flow: Flow, data: bytes) -> None:
        delay_s = HOP_S
        if self.chance.random() < self.share:
            delay_s += self.chance.uniform(0.01, 0.06)
        if self.chance.random() < self.share:
            delay_s += self.chance.uniform(0.1, 3.0)
        self._count += 1
        heapq.heappush(self._late, (self.now + delay_s, self._count, flow, data))

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= self.now:
            _, _, flow, data = heapq.heappop(self._late)
            arrived = Flow(flow.transport, flow.remote, flow.local)
            target = self.phones.get(flow.remote)
            if flow.remote in self._addresses:
                self.receive(data, arrived, self.now)
            elif target is not None:
                target.endpoint.receive_datagram(data, arrived, self.now)

    def advance(self, seconds: float) -> None:
        """Move the clock on, stopping at each timer and each arrival."""
        end = self.now + seconds
        self.run()
        while True:
            times = [self.switch.get_timer(), *(phone.endpoint.get_timer() for phone in self.phones.values())]
            due = [at for at in times if at is not None and at <= end]
            if self._late and self._late[0][0] <= end:
                due.append(self._late[0][0])
            if not due:
                break
            self.now = max(self.now, min(due))
            self._deliver()
            self.switch.handle_timer(self.now, self.wall)
            for phone in self.phones.values():
                phone.endpoint.handle_timer(self.now)
            self.run()
        self.now = end

    def wait(self, happened: Callable[[], object], seconds: float = 60.0) -> None:
        """Let time pass until something has happened, a quarter of a second at a time."""
        end = self.now + seconds
        while not happened():
            assert self.now < end, "it never happened"
            self.advance(0.25)
