"""Kamailio as the proxy in front of a node and behind it: it stays in the path, and lets nothing past its route set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from tests.sip.peers.kamailio import Kamailio

pytestmark = pytest.mark.integration

Ports = Callable[[], int]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[tuple[StaticNode, Kamailio]]:
    """A node, and a proxy in front of it that phones call."""
    node = StaticNode(tmp_path, free_port())
    proxy = Kamailio(tmp_path, (HOST, free_port()), node.address)
    yield from _both(node, proxy)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[tuple[StaticNode, Kamailio]]:
    """A node, and a proxy behind it that is its trunk and sends calls to a carrier at the node's port + 10."""
    node = StaticNode(tmp_path, free_port())
    proxy = Kamailio(tmp_path, (HOST, free_port()), (HOST, node.port + 10))
    node.settings["trunks"] = [{"host": HOST, "port": proxy.address[1], "source_addresses": [], "calls_max": 100}]
    yield from _both(node, proxy)


def _both(node: StaticNode, proxy: Kamailio) -> Iterator[tuple[StaticNode, Kamailio]]:
    try:
        node.start()
        proxy.start()
        yield node, proxy
    finally:
        node.stop()
        proxy.stop()


def through(proxy: Kamailio, folder: Path, name: str, steps: str, port: int, **settings: object) -> sipp.Run:
    return sipp.start(folder, name, steps, (HOST, port), proxy.address, **settings)  # type: ignore[arg-type]


def talk(to: str, talk_ms: int) -> str:
    """Return the steps of a call that follows the route set it was given."""
    answered = sipp.invite(to) + sipp.recv(180, optional=True) + sipp.recv(200, route=True)
    ack = sipp.send("ACK", to, 2, in_dialog=True, extra="[routes]")
    bye = sipp.send("BYE", to, 3, in_dialog=True, extra="[routes]")
    return answered + ack + sipp.pause(talk_ms) + bye + sipp.recv(200)


def test_a_phone_behind_a_proxy_is_challenged_calls_talks_and_hangs_up(
    front: tuple[StaticNode, Kamailio], ports: Ports
) -> None:
    node, proxy = front
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    through(proxy, node.folder, "uac", talk("1002", 300), ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by, record.a_line_id, record.b_line_id) == (200, "caller", 1, 2)
    assert record.peer == f"{HOST}:{proxy.address[1]}"


def test_a_node_hangs_up_through_the_proxy_in_front(front: tuple[StaticNode, Kamailio], ports: Ports) -> None:
    node, proxy = front
    node.kill()
    node.settings["talk_s"] = 1.0
    node.start()
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    steps = sipp.invite("1002") + sipp.recv(180, optional=True) + sipp.recv(200, route=True)
    steps += sipp.send("ACK", "1002", 2, in_dialog=True, extra="[routes]")
    steps += sipp.recv("BYE") + sipp.reply("200 OK", tag=False)
    through(proxy, node.folder, "uac", steps, ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.ended_by, record.sip_status) == ("platform", 200)
    assert 0.9 <= record.duration_s <= 1.5


def test_a_caller_gives_up_through_the_proxy_in_front(front: tuple[StaticNode, Kamailio], ports: Ports) -> None:
    node, proxy = front
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.ring_until_cancelled(), callee)
    steps = sipp.invite("1002") + sipp.recv(180) + sipp.pause(300) + sipp.cancel("1002", 2) + sipp.recv(200)
    steps += sipp.recv(487) + sipp.ack_failure("1002", 2)
    through(proxy, node.folder, "uac", steps, ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by) == (487, "caller")


def test_a_carrier_behind_a_proxy_gets_ack_and_bye_by_the_route_set(
    behind: tuple[StaticNode, Kamailio], ports: Ports
) -> None:
    node, proxy = behind
    carrier = node.sipp("carrier", sipp.answer(), node.port + 10)
    node.sipp("uac", sipp.call("+442071838750", 300), ports()).wait()
    # The carrier's scenario ends only when ACK and BYE came, and the proxy answers 404 what does not follow its route.
    carrier.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.b_trunk_id, record.ended_by) == (200, 1, "caller")
    assert record.attempts[0].peer == f"{HOST}:{proxy.address[1]}"


def test_fifty_calls_through_a_proxy_behind_leave_fifty_records(
    behind: tuple[StaticNode, Kamailio], ports: Ports
) -> None:
    node, _ = behind
    carrier = node.sipp("carrier", sipp.answer(), node.port + 10, calls=50)
    node.sipp("uac", sipp.call("+442071838750", 100), ports(), calls=50, rate=25).wait()
    carrier.wait()
    records = node.records(50)
    assert (len(records), {record.sip_status for record in records}) == (50, {200})


def test_a_proxy_behind_whose_carrier_is_gone_ends_the_call_and_is_not_waited_for(
    behind: tuple[StaticNode, Kamailio], ports: Ports
) -> None:
    node, _ = behind
    refused = sipp.recv("INVITE") + sipp.reply("503 Service Unavailable") + sipp.recv("ACK")
    carrier = node.sipp("carrier", refused, node.port + 10)
    failed = sipp.invite("+442071838750") + sipp.recv(500) + sipp.ack_failure("+442071838750", 2)
    node.sipp("uac", failed, ports()).wait()
    carrier.wait()
    [record] = node.records(1)
    # RFC 3261 §16.7 step 6: a proxy turns a 503 into a 500, since it is no overload of its own.
    assert record.attempts[0].sip_status == 500
