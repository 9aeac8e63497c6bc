"""Registrations as real phones make them: sipp, baresip with outbound flows, linphonec with GRUUs, behind kamailio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.baresip import Baresip
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from tests.sip.peers.edge import EdgeProxy
from tests.sip.peers.linphone import Linphone
from tests.sip.peers.test_baresip import wait_for

pytestmark = pytest.mark.integration


def checked(status: int, pattern: str) -> str:
    """Return the step that waits for a response in which something fits."""
    rule = f'<ereg regexp="{pattern}" search_in="msg" check_it="true" assign_to="1"/>'
    return f'<recv response="{status}"><action>{rule}</action></recv>\n<Reference variables="1"/>\n'


OWN_CONTACT = "<sip:[field0]@[local_ip]:[local_port]>"


def proven(cseq: int, rows: str, contact: str = OWN_CONTACT) -> str:
    """Return the steps of a REGISTER up to its second request, which has credentials."""
    rows = rows.replace("\n", "\n      ")
    steps = (
        sipp.send("REGISTER", "[field0]", cseq, extra=rows)
        + sipp.recv(401, auth=True)
        + sipp.send("REGISTER", "[field0]", cseq + 1, extra=f"[field1]\n      {rows}")
    )
    return steps.replace(OWN_CONTACT, contact)


def test_sipp_binds_asks_is_refused_and_takes_all_back(node: StaticNode) -> None:
    steps = (
        proven(1, "Expires: 300")
        + checked(200, "Contact:.*expires=(300|299)")
        + proven(3, "Expires: 5")
        + checked(423, "Min-Expires:.*30")
        + proven(
            5,
            "Require: gruu\nSupported: gruu\nExpires: 300",
            '<sip:x@[local_ip]:[local_port]>;+sip.instance="<urn:x:1>"',
        )
        + checked(200, "Contact:.*+sip.instance.*;temp-gruu=")
        + proven(7, "Expires: 300", "*")
        + sipp.recv(400)
        + proven(9, "Expires: 0", "*")
        + checked(200, "Date:.*GMT")
    )
    node.sipp("registrar", steps, free_port()).wait()
    # Nobody is there any more.
    node.sipp(
        "caller", sipp.invite("1001") + sipp.recv(480) + sipp.ack_failure("1001", 2), free_port(), user="u2"
    ).wait()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_registers_a_flow_and_is_called_over_it(node: StaticNode, transport: str) -> None:
    proxy = f"sip:{node.host}:{node.port};transport={transport}"
    # What follows the password in the account's line are further parameters of the account.
    password = f'secret;sipnat=outbound;outbound="{proxy}"'
    phone = Baresip(
        node.folder / "phone", "u1", password, node.host, free_port(), 30_040, node.address, 440.0, True, transport,
        "module uuid.so\n",
    )  # fmt: skip
    try:
        phone.start()
        wait_for(phone, "[1 binding]")
        assert "outbound not supported" not in phone.log()
        node.sipp("caller", sipp.call("1001", 500), free_port(), user="u2").wait()
    finally:
        phone.stop()
    [record] = node.records(1)
    assert (record.sip_status, record.b_line_id) == (200, 1)


@pytest.fixture
def linphone(node: StaticNode) -> Iterator[Linphone]:
    """A linphonec that answers, registered as u1."""
    phone = Linphone(
        node.folder / "linphone", "u1", "secret", sipp.REALM, free_port("127.0.0.1"), 30_060, node.address, True
    )
    try:
        phone.start()
        phone.wait_for("LinphoneRegistrationOk")
        yield phone
    finally:
        phone.stop()


def test_linphonec_registers_with_gruus_calls_and_is_called(node: StaticNode, linphone: Linphone) -> None:
    linphone.wait_for("temp-gruu=")
    node.sipp("caller", sipp.call("1001", 500), free_port(), user="u2").wait()
    port = free_port()
    node.register(port, "u3")
    callee = node.sipp("callee", sipp.answer(), port)
    linphone.type(f"call sip:1003@{node.host}")
    linphone.wait_for(f"Call 2 with sip:1003@{node.host} connected")
    linphone.type("terminate")
    callee.wait()
    first, second = node.records(2)
    assert (first.sip_status, first.b_line_id, first.ended_by) == (200, 1, "caller")
    assert (second.sip_status, second.a_line_id, second.b_line_id, second.ended_by) == (200, 1, 3, "caller")


@pytest.fixture
def edge(node: StaticNode, tmp_path: Path) -> Iterator[EdgeProxy]:
    """A kamailio in front of the node."""
    made = EdgeProxy(tmp_path, HOST, free_port(), node.address)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def run_behind(node: StaticNode, edge: EdgeProxy, name: str, steps: str, port: int) -> sipp.Run:
    """Start a sipp whose server is the proxy; what it sends and receives is kept in ``<name>.msg``."""
    trace = ("-trace_msg", "-message_file", str(node.folder / f"{name}.msg"))
    run = sipp.start(node.folder, name, steps, (HOST, port), edge.address, extra=trace)
    node.runs.append(run)
    return run


def test_a_path_that_kamailio_added_is_refused_when_the_phone_knows_nothing_of_it(
    node: StaticNode, edge: EdgeProxy
) -> None:
    run_behind(node, edge, "phone", proven(1, "Expires: 300") + checked(420, "Unsupported:.*path"), free_port()).wait()


def test_a_phone_behind_kamailio_is_called_through_it_and_hung_up_through_it(node: StaticNode, edge: EdgeProxy) -> None:
    port = free_port()
    steps = proven(1, "Supported: path\nExpires: 300") + checked(200, f"Path:.*:{edge.port}.*lr")
    run_behind(node, edge, "register", steps, port).wait()
    phone = run_behind(node, edge, "phone", sipp.answer(), port)
    node.sipp("caller", sipp.call("1001", 500), free_port(), user="u2").wait()
    phone.wait()
    received = (node.folder / "phone.msg").read_text()
    assert f"Record-Route: <sip:{HOST}:{edge.port}" in received
    # Two Vias in the INVITE and in the BYE: neither came past the proxy.
    assert received.count(f"Via: SIP/2.0/UDP {HOST}:{edge.port}") >= 3
    [record] = node.records(1)
    assert (record.sip_status, record.b_line_id, record.ended_by) == (200, 1, "caller")
