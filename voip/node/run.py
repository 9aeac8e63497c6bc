"""A SIP node put together: switch, business, money, live view, snapshot and journal around one event loop."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import os
import random
import secrets
import signal
import time
from dataclasses import replace
from functools import partial

import uvloop
from django.conf import settings

from analytics.live import LivePublisher
from sip.cdr.journal import Journal
from sip.cdr.spool import ended_calls
from sip.controller.directory import Directory
from sip.controller.headers import Passing
from sip.controller.ports import SwitchConfig
from sip.controller.switch import Switch
from sip.io.crew import Membership
from sip.io.errors import ListenError
from sip.io.listeners import ZoneConfig
from sip.io.node import Node, NodeConfig, Parts, Post, run_node
from sip.io.parent import Parent
from sip.io.resolver import DnsAsker, DnsLocator, parse_servers, reach_of
from sip.proxy import roles
from sip.proxy.config import ProxyConfig
from sip.stack.message.grammar import format_host_port
from voip.callpolicy import BusinessPolicy
from voip.node import connections
from voip.node.feeder import SnapshotFeeder
from voip.node.guarding import emergency_numbers, make_guard
from voip.node.holds import HoldDesk
from voip.node.memory import tidy
from voip.node.messages import NodeMessageStore, make_store
from voip.node.network import node_config
from voip.node.registrar import registrar_config
from voip.node.screening import SharedScreener
from voip.node.snapshot import Snapshot
from voip.node.workers import Place, crew_size, dying_with, place_of
from voip.platform import compiled

logger = logging.getLogger(__name__)


def run(workers: int = 0) -> None:
    """Run a node until SIGTERM or SIGINT, as so many processes; 0 stands for ``SIP_WORKERS``.

    SIGHUP has it read its certificates anew.

    Raises:
        SystemExit: a setting is not usable, or a listener cannot be had; one line says which.
    """
    spool, name = settings.SPOOL_DIR, settings.NODE_NAME
    try:
        roles.check(settings.SIP_ROLE, PROXY)
        count = crew_size(spool, name, workers or settings.SIP_WORKERS)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    try:
        _run(node_config(), count)
    except ListenError as error:
        raise SystemExit(f"the node cannot start: {error}") from error


def _run(config: NodeConfig, count: int) -> None:
    spool, name = settings.SPOOL_DIR, settings.NODE_NAME
    zones = config.all_zones()
    if count == 1:
        uvloop.run(_Composition(config, place_of(spool, name, zones, 1, None)).run())
        return

    def be(member: Membership, bound: tuple[ZoneConfig, ...]) -> None:
        uvloop.run(_Composition(config, place_of(spool, name, bound, count, member)).run())

    Parent(zones, count, be, dying_with(os.getpid())).run()


PROXY = ProxyConfig(
    frozenset(domain.lower() for domain in settings.SIP_PROXY_DOMAINS),
    settings.SIP_PROXY_RECORD_ROUTE,
    settings.SIP_PROXY_RELAYS_FOREIGN,
    tuple(settings.SIP_PROXY_NEXT_HOPS),
)


class _Composition:
    """The parts and how they hear of each other; everything but the feeder runs on the loop's thread."""

    def __init__(self, config: NodeConfig, place: Place) -> None:
        self._config = config
        self._place = place
        self._node_name = place.name
        self._snapshot = Snapshot()
        self._first_snapshot = asyncio.Event()
        self._stop = asyncio.Event()
        self._guard = make_guard()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._desk = HoldDesk(
            partial(connections.connect_async, "sipnode-holds"),
            self._node_name,
            self._ended_calls,
            self._place.retired,
        )
        self._screener = SharedScreener(time.monotonic)
        self._policy = BusinessPolicy(self._desk, self._screener, time.monotonic)
        self._messages = make_store(settings.REDIS_URL, self._node_name)
        self._live = LivePublisher(settings.REDIS_URL, self._node_name, self._ancestors)
        feeder = SnapshotFeeder(
            partial(connections.connect, "sipnode-snapshot"),
            lambda snapshot: loop.call_soon_threadsafe(self._use, snapshot),
            settings.VAR_DIR / "snapshot" / f"{self._node_name}.pickle",
        )
        feeder.start()
        try:
            await self._wait_for_snapshot()
            if not self._stop.is_set():
                await self._serve(loop)
        finally:
            feeder.stop()

    def _reload(self) -> None:
        node = getattr(self, "_node", None)
        if node is not None:
            node.reload()

    async def _wait_for_snapshot(self) -> None:
        """A node without any snapshot would refuse every caller: it waits, as long as it must."""
        waits = [asyncio.create_task(event.wait()) for event in (self._first_snapshot, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        role = roles.ENDPOINT_ROLES[settings.SIP_ROLE]
        config = replace(self._config, zones=self._place.zones, endpoint_role=role, name=self._node_name)
        self._node: Node[Switch] = Node(
            config, self._make_switch, self._make_journal, settings.REDIS_URL, self._place.member, self._guard
        )
        tasks = [
            loop.create_task(self._live.run()),
            loop.create_task(self._messages.run()),
            loop.create_task(self._desk.run(self._open_call_ids)),
            loop.create_task(tidy(self._open_call_ids)),
        ]
        for task in tasks:
            task.add_done_callback(self._background_ended)
        await run_node(self._node, self._stop, self._started)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._messages.close()

    def _background_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a background task of the node failed, the node ends", exc_info=error)
            self._stop.set()

    def _started(self) -> None:
        self._node.switch.directory = _directory(self._snapshot)
        self._live.trunks_down = lambda: self._node.switch.trunks_down
        gc.freeze()
        for row in self._node.listeners.rows:
            where = f"{row.transport} {format_host_port(*row.local)}"
            shown = "" if row.advertised == row.local else f", advertised as {format_host_port(*row.advertised)}"
            logger.info("SIP on %s in zone %s%s", where, row.zone, shown)
        logger.info("%s: %d calls taken up again", self._node_name, self._node.restored)
        logger.info(compiled.describe())

    def _make_switch(self, parts: Parts) -> Switch:
        if parts.crew is not None:
            self._screener.join(parts.crew)
        config = SwitchConfig(
            node=self._node_name,
            realm=settings.SIP_REALM,
            secret=hashlib.sha256(b"sip nonces:" + settings.SECRET_KEY.encode()).digest(),
            token=parts.token,
            call_id=partial(secrets.token_hex, 16),
            listeners=parts.listeners,
            session_expires_s=settings.SIP_SESSION_EXPIRES_S,
            session_min_s=settings.SIP_SESSION_MIN_S,
            always_100rel=settings.SIP_ALWAYS_100REL,
            passed_headers=Passing(settings.SIP_PASSED_HEADERS),
            random=random.random,
            event_packages=tuple(settings.SIP_EVENT_PACKAGES),
            worker=self._place.member.worker if self._place.member is not None else 0,
            registrar=registrar_config(self._place.share),
        )
        directory = _directory(self._snapshot)
        asker = DnsAsker(parse_servers(settings.DNS_SERVERS))
        locator = DnsLocator(asyncio.get_running_loop(), asker, reach_of(parts.listeners.rows))
        if settings.SIP_ROLE != roles.B2BUA:
            return roles.make(
                settings.SIP_ROLE, config, PROXY, parts.endpoint, directory, parts.store, parts.wake, locator
            )
        return Switch(
            config,
            parts.endpoint,
            directory,
            self._policy,
            parts.journal,
            parts.store,
            self._live,
            parts.wake,
            locator,
            NodeMessageStore(self._messages),
            self._guard,
        )

    def _make_journal(self, post: Post, on_error: object) -> Journal:
        return Journal(settings.SPOOL_DIR / self._node_name, self._node_name, post, on_error)  # type: ignore[arg-type]

    def _use(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        directory = _directory(snapshot)
        self._policy.use(snapshot, directory)
        if self._guard is not None:
            self._guard.use_emergency_numbers(emergency_numbers(line.country for line in snapshot.lines))
        node = getattr(self, "_node", None)
        switch = getattr(node, "switch", None)
        if switch is not None:
            switch.directory = directory
        self._first_snapshot.set()

    def _ended_calls(self) -> frozenset[str]:
        names = (self._node_name, *self._place.retired)
        return frozenset().union(*[ended_calls(settings.SPOOL_DIR / name) for name in names])

    def _open_call_ids(self) -> frozenset[str]:
        return self._node.switch.open_call_ids()

    def _ancestors(self, tenant_id: int) -> tuple[int, ...]:
        tenant = self._snapshot.tenants.get(tenant_id)
        return tenant.ancestor_ids if tenant is not None else ()


def _directory(snapshot: Snapshot) -> Directory:
    return Directory(snapshot.lines, snapshot.trunks, snapshot.routes)
