"""A node of its own process with a fixed network: the switch as real peers meet it, without database.

``python -m tests.sip.peers.static_node SPOOL HOST PORT [REDIS_URL or - [WORKERS]]``: lines ``u1`` … ``u20`` with
password ``secret`` and extensions 1001 … 1020, a trunk at ``HOST:PORT+10``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

from sip.cdr.journal import Journal
from sip.cdr.record import CallRecord
from sip.controller.directory import Directory
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from sip.controller.ports import SwitchConfig
from sip.controller.switch import Switch
from sip.io.crew import Membership
from sip.io.listeners import StreamSettings, ZoneConfig, parse_zones
from sip.io.node import Node, NodeConfig, Parts, run_node
from sip.io.parent import Parent
from sip.io.resolver import DnsAsker, DnsLocator, parse_servers, reach_of
from sip.io.tls import TlsConfig, parse_certificates
from sip.stack import digest
from sip.stack.guard.guard import Guard
from tests.sip.controller.business import FakePolicy, line, trunk
from voip.node.messages import NodeMessageStore, make_store
from voip.node.workers import dying_with

SETTINGS = "STATIC_NODE"
"""Name of the environment variable with the settings, as JSON."""
REALM = "trunkline.test"
LINES = 20
RING_S = 3.0


class StaticPolicy(FakePolicy):
    """Extensions 1001 … are lines, what begins with ``+`` goes to the trunk, 2000 … from the trunk to the line."""

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Find it."""
        caller = offer.caller
        if offer.dialled.startswith("+"):
            targets = tuple(Target("trunk", number, offer.dialled, caller) for number in self.trunks)
            return self._plan("outbound", offer.dialled, offer.dialled, targets)
        if offer.dialled.isdigit() and 1000 < int(offer.dialled) % 10_000 <= 1000 + LINES:
            number = int(offer.dialled) % 10_000 - 1000
            target = Target("line", number, offer.dialled, caller, ring_timeout_s=RING_S)
            return self._plan("internal", offer.dialled, "", (target,))
        return Refusal(404, "", 1, "route.none")

    def settle(self, record: CallRecord) -> None:
        """Remember nothing: a node runs for hours, and its memory is looked at."""
        for kept in (self.screened, self.holds, self.up, self.records):
            kept.clear()


def make_directory(host: str, port: int) -> Directory:
    """Return the fixed network."""
    lines = [
        line(
            number,
            f"u{number}",
            extension=str(1000 + number),
            ha1_md5=digest.make_ha1("MD5", f"u{number}", REALM, "secret"),
            ha1_sha256=digest.make_ha1("SHA-256", f"u{number}", REALM, "secret"),
            calls_max=1000,
        )
        for number in range(1, LINES + 1)
    ]
    carrier = {"host": host, "port": port + 10, "source_addresses": (f"{host}:{port + 10}",), "calls_max": 1000}
    rows: list[dict[str, Any]] = settings().get("trunks", [carrier])
    trunks = []
    for number, row in enumerate(rows, 1):
        sources = tuple(row.pop("source_addresses", ()))
        trunks.append(trunk(number, row.pop("host"), source_addresses=sources, **row))
    return Directory(lines, trunks)


def settings() -> dict[str, Any]:
    """Return what the test wants otherwise: ``trunks`` (fields of each), ``dns`` (servers), ``talk_s``, ``guarded``.

    ``listen``, ``certificates``, ``ca`` and ``origins`` are what ``SIP_LISTEN`` and its like are to a real node.
    """
    found: dict[str, Any] = json.loads(os.environ.get(SETTINGS, "{}"))
    return found


def listening(host: str, port: int) -> NodeConfig:
    """Return where the node listens."""
    wanted = settings()
    certificates = parse_certificates(wanted.get("certificates", ""))
    authorities = Path(wanted["ca"]) if "ca" in wanted else None
    tls = TlsConfig(certificates, authorities) if certificates else None
    streams = StreamSettings(tls, tuple(wanted.get("origins", ())))
    return NodeConfig(host, port, zones=parse_zones(wanted["listen"]) if "listen" in wanted else (), streams=streams)


async def main(
    spool: Path,
    host: str,
    port: int,
    redis_url: str | None,
    member: Membership | None = None,
    zones: tuple[ZoneConfig, ...] = (),
) -> None:
    """Run until SIGTERM, alone or as one of several workers."""
    name = spool.name if member is not None else "node1"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    config = listening(host, port)
    network = make_directory(host, port)
    guard = Guard() if settings().get("guarded") else None
    messages = make_store(redis_url, name) if redis_url is not None else None

    def make_switch(parts: Parts) -> Switch:
        config = SwitchConfig(
            node=name,
            worker=member.worker if member is not None else 0,
            realm=REALM,
            secret=b"a secret of the tests, not short",
            token=parts.token,
            call_id=lambda: uuid4().hex,
            listeners=parts.listeners,
        )
        policy = StaticPolicy(tuple(network.trunks))
        policy.authorisation = Authorisation(settings().get("talk_s", 3600.0))
        asker = DnsAsker(parse_servers(settings().get("dns", "127.0.0.1:9")))
        locator = DnsLocator(asyncio.get_running_loop(), asker, reach_of(parts.listeners.rows))
        return Switch(
            config, parts.endpoint, network, policy, parts.journal, parts.store, wake=parts.wake, locator=locator,
            guard=guard,
            message_store=NodeMessageStore(messages) if messages is not None else None,
        )  # fmt: skip

    node = Node(
        replace(config, zones=zones or config.zones),
        make_switch,
        lambda post, on_error: Journal(spool, name, post, on_error),
        redis_url,
        member,
        guard,
    )

    def started() -> None:
        # In one write: the lines of several workers must not run into each other.
        os.write(sys.stdout.fileno(), f"ready {node.restored} {name} {os.getpid()}\n".encode())

    loop.add_signal_handler(signal.SIGHUP, node.reload)
    task = asyncio.create_task(messages.run()) if messages is not None else None
    await run_node(node, stop, started)
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run_workers(spool: Path, host: str, port: int, redis_url: str | None, workers: int) -> None:
    """Run as several processes, whose spools are ``w0`` … in ``spool``."""

    def be(member: Membership, zones: tuple[ZoneConfig, ...]) -> None:
        uvloop.run(main(spool / f"w{member.worker}", host, port, redis_url, member, zones))

    Parent(NodeConfig(host, port).all_zones(), workers, be, dying_with(os.getpid())).run()


if __name__ == "__main__":
    folder, address, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    redis = sys.argv[4] if len(sys.argv) > 4 and sys.argv[4] != "-" else None
    if len(sys.argv) > 5:
        run_workers(folder, address, number, redis, int(sys.argv[5]))
    else:
        uvloop.run(main(folder, address, number, redis))
