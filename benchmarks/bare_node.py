"""Our stack and switch and nothing else, for the comparison with a mere proxy or B2BUA: no digest, records or database.

``python -m benchmarks.bare_node LISTEN CALLEE CALLER WORKERS``: calls from ``CALLER``'s address go to ``CALLEE``; all
three are ``address:port``. Compiled where `make compile` has built what fits the sources.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import uvloop

from voip.platform import compiled

if TYPE_CHECKING:
    from sip.cdr.record import CallRecord
    from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
    from sip.io.crew import Membership
    from sip.io.listeners import ZoneConfig
    from sip.io.node import Parts

CALLS_MAX = 20_000


class NoJournal:
    """A journal that keeps nothing and says so at once."""

    recovered: tuple[dict[str, Any], ...] = ()

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Forget it."""
        if on_durable is not None:
            on_durable()

    def close(self) -> bool:
        """Do nothing."""
        return True


class OneRoute:
    """A business that lets everything through to one trunk, for nothing."""

    def __init__(self) -> None:
        from sip.controller import policy

        self._policy = policy

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse nothing."""
        return None

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Send it to the callee."""
        target = self._policy.Target("trunk", 2, offer.dialled, offer.caller)
        return self._policy.RoutePlan(1, "outbound", offer.dialled, "", None, (target,))

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Know no lines."""
        return self._policy.Refusal(404, "", 1, "route.none")

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Grant."""
        done(self._policy.Authorisation(3600.0))

    def extend(self, call_id: str, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Grant."""
        done(self._policy.Authorisation(3600.0))

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Do nothing."""

    def settle(self, record: CallRecord) -> None:
        """Do nothing."""


def address(text: str) -> tuple[str, int]:
    """Read ``address:port``."""
    host, _, port = text.rpartition(":")
    return host, int(port)


async def main(listen: str, callee: str, caller: str, member: Membership | None, zones: tuple[ZoneConfig, ...]) -> None:
    """Run until SIGTERM."""
    from sip.controller.directory import Directory, TrunkEntry
    from sip.controller.ports import SwitchConfig
    from sip.controller.switch import Switch
    from sip.io.node import Node, NodeConfig, run_node
    from voip.node.memory import tidy

    def trunk(number: int, place: str) -> TrunkEntry:
        host, port = address(place)
        return TrunkEntry(number, 1, f"bench{number}", host, port, "UDP", (host,), CALLS_MAX, True, "GB", "", "")

    def make_switch(parts: Parts) -> Switch:
        config = SwitchConfig(
            node="bare",
            realm="bench",
            secret=b"a secret of the bench, not short",
            token=parts.token,
            call_id=lambda: uuid4().hex,
            listeners=parts.listeners,
            worker=member.worker if member is not None else 0,
        )
        directory = Directory([], [trunk(1, caller), trunk(2, callee)])
        return Switch(config, parts.endpoint, directory, OneRoute(), parts.journal, wake=parts.wake)

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = address(listen)
    config = NodeConfig(host, port, with_tcp=False, zones=zones)
    node = Node(config, make_switch, lambda post, on_error: NoJournal(), None, member)
    tasks: list[asyncio.Task[None]] = []
    await run_node(node, stop, lambda: tasks.append(asyncio.create_task(tidy(node.switch.open_call_ids))))
    for task in tasks:
        task.cancel()


def run(listen: str, callee: str, caller: str, workers: int) -> None:
    """Run as so many processes."""
    from sip.io.node import NodeConfig
    from sip.io.parent import Parent
    from voip.node.workers import dying_with

    if workers == 1:
        uvloop.run(main(listen, callee, caller, None, ()))
        return

    def be(member: Membership, zones: tuple[ZoneConfig, ...]) -> None:
        uvloop.run(main(listen, callee, caller, member, zones))

    config = NodeConfig(*address(listen), with_tcp=False)
    Parent(config.all_zones(), workers, be, dying_with(os.getpid())).run()


if __name__ == "__main__":
    compiled.use()
    run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
