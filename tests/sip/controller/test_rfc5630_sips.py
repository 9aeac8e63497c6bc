"""RFC 5630: a call to a ``sips:`` URI goes over TLS at every hop, or not at all."""

from __future__ import annotations

import pytest

from sip.stack.events import TransportFailed
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import SWITCH
from tests.sip.controller.phone import OFFER, SDP, Phone
from tests.sip.controller.test_tls_trunks import CARRIER, LISTENERS, TlsNetwork

ALICE, BOB = "192.0.2.10", "192.0.2.20"


def network_of(contact: str = "sips", over_tls: tuple[str, ...] = (ALICE, BOB), transport: str = "tls") -> TlsNetwork:
    """Return alice, and bob who registered with this scheme; a carrier behind trunk 1."""
    carrier = trunk(1, CARRIER[0], transport=transport, port=5061)
    network = TlsNetwork(directory(line(1, "alice"), line(2, "bob"), carrier), FakePolicy((1,)), LISTENERS)
    network.certificates = {(host, 5060): () for host in over_tls}
    alice, bob = network.phone(ALICE, "alice", "pw-alice"), network.phone(BOB, "bob", "pw-bob")
    alice.flow = Flow("TLS", (ALICE, 5060), ("10.0.0.1", 5061), 1)
    alice.register()
    bob.register(600, ("Contact", f"<{contact}:bob@{BOB}:5060>"))
    bob.on_invite = (180, 200)
    network.run()
    return network


def phones(network: TlsNetwork) -> tuple[Phone, Phone]:
    return network.phones[ALICE, 5060], network.phones[BOB, 5060]


def call(network: TlsNetwork, uri: str, to: str) -> Phone:
    """Have alice call a URI."""
    alice, _ = phones(network)
    alice.dialog = None
    alice._send(alice._request("INVITE", uri, to, [("Contact", f"<sips:alice@{ALICE}:5060>"), SDP], OFFER))
    network.advance(2.0)
    return alice


def test_a_sips_call_reaches_a_sips_contact_and_says_so_to_both() -> None:
    network = network_of()
    alice = call(network, "sips:102@trunkline.test", "102")
    _, bob = phones(network)
    assert alice.statuses[-1] == 200
    invite = bob.ringing[0].request
    assert invite.uri == f"sips:bob@{BOB}:5060"
    assert invite.get("Contact") == "<sips:10.0.0.1:5061>"
    assert alice.dialog is not None and alice.dialog.remote_target == "sips:10.0.0.1:5061"
    assert {flow.transport for flow in network.flows} == {"TLS"}


def test_a_contact_registered_with_sip_is_not_reached_by_sips() -> None:
    network = network_of("sip")
    alice = call(network, "sips:102@trunkline.test", "102")
    assert alice.statuses[-1] == 480
    assert phones(network)[1].ringing == []


def test_a_sips_contact_is_reached_by_sip_under_a_sip_uri_and_over_tls() -> None:
    network = network_of()
    alice = call(network, "sip:102@trunkline.test", "102")
    invite = phones(network)[1].ringing[0].request
    assert (alice.statuses[-1], invite.uri) == (200, f"sip:bob@{BOB}:5060")
    assert invite.get("Contact") == "<sip:10.0.0.1:5061;transport=tls>"
    assert [flow.transport for flow in network.flows if flow.remote[0] == BOB][-1] == "TLS"


def test_a_sips_call_that_came_in_the_clear_is_refused() -> None:
    network = network_of(over_tls=(BOB,))
    alice, bob = phones(network)
    request = alice._request("INVITE", "sips:102@trunkline.test", "102", [alice.contact, SDP], OFFER)
    request.prepend("Via", f"SIP/2.0/UDP {ALICE}:5060;branch=z9hG4bKclear")
    network.receive(bytes(request), Flow("UDP", SWITCH, (ALICE, 5060)), network.now)
    network.run()
    [sent] = [sent for sent in network.sent if sent.text == "480 INVITE"]
    assert b'\r\nWarning: 380 trunkline.test "SIPS Not Allowed"\r\n' in sent.data
    assert bob.ringing == [] and network.policy.screened == []


def test_a_sips_call_goes_to_a_trunk_over_tls_only() -> None:
    network = network_of()
    call(network, "sips:+441632960000@trunkline.test", "+441632960000")
    [sent] = [sent for sent in network.sent if sent.target == str(CARRIER)][:1]
    assert sent.data.startswith(b"INVITE sips:+441632960000@198.51.100.7:5061 SIP/2.0\r\n")
    plain = network_of(transport="udp")
    alice = call(plain, "sips:+441632960000@trunkline.test", "+441632960000")
    assert alice.statuses[-1] == 503
    assert [sent for sent in plain.sent if CARRIER[0] in sent.target] == []


def test_a_secure_call_is_secure_after_a_restart() -> None:
    network = network_of()
    call(network, "sips:102@trunkline.test", "102")
    assert network.restart() == 1
    [restored] = network.switch._core.calls.values()
    assert restored.is_secure


@pytest.mark.parametrize("transport", ["UDP", "TCP", "WS", "SCTP"])
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_sips_request_never_leaves_in_the_clear(transport: str, method: str) -> None:
    endpoint = network_of().endpoint
    endpoint.messages_to_send()
    rows = [("From", "<sip:a@b>;tag=1"), ("To", "<sip:b@b>"), ("Call-ID", "x"), ("CSeq", f"1 {method}")]
    flow = Flow(transport, ("10.0.0.1", 5060), (BOB, 5060))
    tx = endpoint.send_request(Request(method, "SIPS:bob@example.com", rows), flow, 100.0)
    assert endpoint.messages_to_send() == []
    event = endpoint.next_event()
    assert isinstance(event, TransportFailed) and event.tx is tx and tx.is_over
