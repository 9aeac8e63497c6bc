"""Networks around one node: IPv6 through ``::1``, and two zones on two loopback addresses with a call across."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode, free_port

pytestmark = pytest.mark.integration

INSIDE, OUTSIDE, CARRIER = "127.0.0.31", "127.0.0.38", "127.0.0.39"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[StaticNode]]:
    """Nodes that a test starts; stopped after it."""
    made: list[StaticNode] = []
    yield made
    for node in made:
        node.stop()


def started(nodes: list[StaticNode], node: StaticNode) -> StaticNode:
    nodes.append(node)
    node.start()
    return node


@pytest.mark.parametrize(("transport", "mode"), [("udp", "u1"), ("tcp", "t1")])
def test_rfc5118_two_phones_talk_over_ipv6(nodes: list[StaticNode], tmp_path: Path, transport: str, mode: str) -> None:
    port = free_port("::1")
    listen = f"default=udp:[::1]:{port},tcp:[::1]:{port}"
    node = started(nodes, StaticNode(tmp_path, port, "[::1]", settings={"listen": listen}))
    extra = ("-t", mode, "-trace_msg", "-message_file", str(tmp_path / f"messages-{transport}"))
    node.register(port + 2, "u2")
    callee = node.sipp("callee", sipp.answer(), port + 2)
    caller = node.sipp("caller", sipp.call("1002", 200), port + 4, user="u1", extra=extra)
    caller.wait()
    callee.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.b_line_id) == (200, 2)
    messages = (tmp_path / f"messages-{transport}").read_text()
    assert f"Contact: <sip:[::1]:{port}" in messages, "an address in a URI stands in brackets (RFC 5118 §4.1)"


def heads(path: Path) -> str:
    """Return what stands in a sipp's message file without the bodies: SDP passes as it is."""
    return "\n".join(row for row in path.read_text().splitlines() if row[:2] not in ("o=", "c="))


def test_a_call_across_two_zones_shows_no_address_of_one_in_the_other(nodes: list[StaticNode], tmp_path: Path) -> None:
    port = free_port()
    trunk = {"host": CARRIER, "port": port + 6, "zone": "carrier", "source_addresses": [CARRIER], "calls_max": 9}
    node = started(nodes, StaticNode(tmp_path, port, INSIDE, settings={
        "listen": f"internal=udp:{INSIDE}:{port};carrier=udp:{OUTSIDE}:{port + 8}",
        "trunks": [trunk],
    }))  # fmt: skip

    def trace(name: str) -> tuple[str, ...]:
        return ("-trace_msg", "-message_file", str(tmp_path / name))

    outside = (OUTSIDE, port + 8)
    carrier = sipp.start(
        tmp_path, "carrier", sipp.answer(), (CARRIER, port + 6), outside, extra=trace("carrier.msg")
    )  # fmt: skip
    node.runs.append(carrier)
    node.sipp("caller", sipp.call("+441632960000", 200), port + 4, user="u1", extra=trace("caller.msg")).wait()
    carrier.wait()
    node.register(port + 2, "u2")
    callee = node.sipp("callee", sipp.answer(), port + 2, user="u2", extra=trace("callee.msg"))
    back = sipp.start(
        tmp_path, "back", sipp.open_call("1002", 200), (CARRIER, port + 6), outside, extra=trace("back.msg")
    )  # fmt: skip
    node.runs.append(back)
    back.wait()
    callee.wait()
    records = node.records(2)
    assert [record.sip_status for record in records] == [200, 200]
    for name in ("carrier.msg", "back.msg"):
        text = heads(tmp_path / name)
        assert f"Contact: <sip:{OUTSIDE}:{port + 8}>" in text and INSIDE not in text
    for name in ("caller.msg", "callee.msg"):
        text = heads(tmp_path / name)
        assert f"Contact: <sip:{INSIDE}:{port}>" in text and OUTSIDE not in text and CARRIER not in text
