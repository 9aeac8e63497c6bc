"""RFC 3263 and RFC 6116 whole: a node, a real bind9 with its zone, and carriers that are silent, busy or there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from tests.sip.peers.named import Named

pytestmark = pytest.mark.integration

Ports = Callable[[], int]
NUMBER = "+442071838750"
BUSY = sipp.recv("INVITE") + sipp.reply("503 Service Unavailable") + sipp.recv("ACK")


class World:
    """A node whose trunk is ``carrier.example``: its first server at port + 20, its second at port + 30."""

    def __init__(self, folder: Path) -> None:
        self.node = StaticNode(folder, free_port())
        self.named = Named(folder)
        first, second = self.node.port + 20, self.node.port + 30
        self.named.zone(
            "carrier.example",
            f'@ IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp\n'
            f"_sip._udp IN SRV 1 0 {first} a\n_sip._udp IN SRV 2 0 {second} b\n"
            f"a IN A {HOST}\nb IN A {HOST}\n",
        )
        self.named.zone(
            "enum.example",
            f'0.5.7.8.3.8.1.7.0.2.4.4 IN NAPTR 1 1 "u" "E2U+sip" "!^\\\\+(.*)$!sip:\\\\1@{HOST}:{second}!" .\n',
        )
        self.ports = (first, second)

    def start(self, *trunks: dict[str, object]) -> None:
        """Start all, with these trunks."""
        self.named.start()
        self.node.settings |= {"trunks": list(trunks), "dns": f"{self.named.host}:{self.named.port}"}
        self.node.start()

    def stop(self) -> None:
        """End all."""
        self.node.stop()
        self.named.stop()


CARRIER: dict[str, object] = {
    # Callers and carriers of these tests share an address, so the name's must not count as the carrier's.
    "host": "carrier.example", "port": None, "transport": "", "source_addresses": ["192.0.2.1"],
}  # fmt: skip
ENUM: dict[str, object] = {
    "host": "", "port": None, "transport": "", "source_addresses": [], "enum_suffix": "enum.example",
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.stop()


def test_a_carrier_by_name_is_found_by_naptr_and_srv(world: World, ports: Ports) -> None:
    world.start(CARRIER)
    carrier = world.node.sipp("first", sipp.answer(), world.ports[0])
    world.node.sipp("uac", sipp.call(NUMBER, 100), ports()).wait()
    carrier.wait()
    [record] = world.node.records(1)
    assert [(row.sip_status, row.peer) for row in record.attempts] == [(200, f"{HOST}:{world.ports[0]}")]


def test_the_second_server_takes_the_call_when_the_first_says_503(world: World, ports: Ports) -> None:
    world.start(CARRIER)
    first = world.node.sipp("first", BUSY, world.ports[0])
    second = world.node.sipp("second", sipp.answer(), world.ports[1])
    world.node.sipp("uac", sipp.call(NUMBER, 100), ports()).wait()
    first.wait()
    second.wait()
    [record] = world.node.records(1)
    assert [(row.sip_status, row.peer) for row in record.attempts] == [(200, f"{HOST}:{world.ports[1]}")]


def test_the_second_server_takes_the_call_when_the_first_is_silent(world: World, ports: Ports) -> None:
    world.start(CARRIER)
    silent = world.node.sipp("first", sipp.recv("INVITE") + sipp.pause(7000), world.ports[0])
    second = world.node.sipp("second", sipp.answer(), world.ports[1])
    world.node.sipp("uac", sipp.call(NUMBER, 100), ports()).wait()
    second.wait()
    silent.stop()
    [record] = world.node.records(1)
    assert record.attempts[0].peer == f"{HOST}:{world.ports[1]}"
    assert record.started_at + 5.0 <= (record.answered_at or 0.0) <= record.started_at + 7.0


def test_a_number_in_enum_is_called_where_the_dns_says(world: World, ports: Ports) -> None:
    world.start(ENUM, CARRIER)
    peer = world.node.sipp("second", sipp.answer(), world.ports[1])
    world.node.sipp("uac", sipp.call(NUMBER, 100), ports()).wait()
    peer.wait()
    [record] = world.node.records(1)
    assert [(row.trunk_id, row.sip_status) for row in record.attempts] == [(1, 200)]


def test_a_number_that_is_not_in_enum_goes_to_the_carrier(world: World, ports: Ports) -> None:
    world.start(ENUM, CARRIER)
    carrier = world.node.sipp("first", sipp.answer(), world.ports[0])
    world.node.sipp("uac", sipp.call("+442071838751", 100), ports()).wait()
    carrier.wait()
    [record] = world.node.records(1)
    assert [(row.trunk_id, row.sip_status) for row in record.attempts] == [(1, 404), (2, 200)]


def test_a_dns_that_is_gone_ends_calls_to_names_and_no_others(world: World, ports: Ports) -> None:
    world.start(CARRIER)
    world.named.stop()
    callee = ports()
    world.node.register(callee, "u2")
    phone = world.node.sipp("uas", sipp.answer(), callee)
    failed = sipp.invite(NUMBER) + sipp.recv(504) + sipp.ack_failure(NUMBER, 2)
    outside = world.node.sipp("out", failed, ports())
    world.node.sipp("uac", sipp.call("1002", 100), ports()).wait()
    phone.wait()
    outside.wait()
    assert sorted(record.sip_status for record in world.node.records(2)) == [200, 504]
