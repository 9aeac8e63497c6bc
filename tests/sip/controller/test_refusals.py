"""Calls that are not made: what the caller hears, what the record says, and what is never asked."""

from __future__ import annotations

import pytest

from sip.controller.policy import Refusal
from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, alice_and_bob, only_record
from tests.sip.controller.phone import OFFER, Phone


def test_a_screened_call_is_refused_and_no_hold_is_placed() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.refusal = Refusal(403, "Barred", 21, "fraud.barred_destination", fraud_rule_id=9)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 403]
    assert alice.responses[-1].reason == "Barred"
    assert (network.policy.holds, bob.requests) == ([], [])
    record = only_record(network)
    assert (record.refusal_code, record.fraud_rule_id, record.q850_cause, record.ended_by) == (
        "fraud.barred_destination", 9, 21, "platform",
    )  # fmt: skip
    assert (record.attempts, record.tenant_id, record.destination) == ((), 7, "")


def test_a_caller_without_money_is_refused_and_nobody_rings() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.hold_refusal = Refusal(402, "", 21, "billing.insufficient_funds")
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 402]
    assert bob.requests == []
    assert only_record(network).refusal_code == "billing.insufficient_funds"


def test_an_unknown_number_is_not_found() -> None:
    network, alice, _ = alice_and_bob()
    alice.call("nobody")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 404]
    assert (only_record(network).refusal_code, network.policy.holds) == ("route.none", [])


def test_a_business_that_never_answers_is_unavailable_after_five_seconds() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.waiting = []
    alice.call("102")
    network.advance(4.9)
    assert alice.statuses == [407, 100]
    network.advance(0.2)
    assert alice.statuses == [407, 100, 503]
    assert only_record(network).refusal_code == "billing.unavailable"
    network.policy.waiting[0](network.policy.authorisation)
    network.advance(1.0)
    assert bob.requests == []


def test_a_refusal_says_when_to_try_again() -> None:
    network, alice, _ = alice_and_bob()
    network.policy.refusal = Refusal(503, "", 42, "caps.rate", retry_after_s=30)
    alice.call("102")
    network.advance(1.0)
    assert alice.responses[-1].get("Retry-After") == "30"


def test_a_blocked_line_gets_403_and_no_hold_is_placed() -> None:
    network = Network(directory(line(1, "mallory", is_active=False)))
    mallory = network.phone("192.0.2.66", "mallory", "pw-mallory")
    mallory.call("101")
    network.advance(1.0)
    assert mallory.statuses == [407, 100, 403]
    assert (network.policy.screened, network.policy.holds) == ([], [])
    record = only_record(network)
    assert (record.refusal_code, record.q850_cause, record.a_line_id) == ("line.blocked", 21, 1)


def test_a_blocked_line_reaches_the_emergency_service_over_a_full_trunk() -> None:
    blocked, full = line(1, "mallory", is_active=False, calls_max=0), trunk(1, "198.51.100.1", calls_max=0)
    network = Network(directory(blocked, full), FakePolicy((1,)))
    mallory, carrier = network.phone("192.0.2.66", "mallory", "pw-mallory"), network.phone("198.51.100.1")
    network.policy.is_emergency = True
    carrier.on_invite = (180, 200)
    mallory.call("+112")
    network.advance(1.0)
    assert mallory.statuses == [407, 100, 180, 200]
    assert network.policy.screened == []
    mallory.hang_up()
    network.advance(1.0)
    assert only_record(network).is_emergency


def test_a_wrong_password_gets_403_and_leaves_no_record() -> None:
    network, alice, bob = alice_and_bob()
    alice.password = "wrong"
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 403]
    assert (network.journal.records, bob.requests, network.policy.screened) == ([], [], [])


def test_an_unknown_user_is_answered_like_a_wrong_password() -> None:
    network, _, _ = alice_and_bob()
    stranger = network.phone("192.0.2.99", "stranger", "pw-stranger")
    stranger.call("102")
    network.advance(1.0)
    assert stranger.statuses == [407, 403]


def test_an_inactive_trunk_gets_403() -> None:
    network = Network(directory(line(1, "alice"), trunk(1, "198.51.100.1", is_active=False)))
    carrier = network.phone("198.51.100.1")
    carrier.call("101")
    network.advance(1.0)
    assert carrier.statuses == [100, 403]
    assert only_record(network).refusal_code == "trunk.inactive"


def test_a_line_with_all_its_calls_up_may_make_no_more() -> None:
    network = Network(directory(line(1, "alice", calls_max=1), line(2, "bob")))
    alice, bob = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    first = alice.dialog
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 486
    alice.dialog = first
    alice.hang_up()
    network.advance(1.0)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    assert [record.refusal_code for record in network.journal.records] == ["limit.line_calls", ""]


def test_a_callee_with_all_its_calls_up_is_busy_and_does_not_ring() -> None:
    network, alice, bob = alice_and_bob(calls_max=1)
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 486
    assert len(bob.ringing) == 1
    assert network.journal.records[0].refusal_code == "limit.line_calls"


def test_a_trunk_with_all_its_calls_up_gets_503() -> None:
    network = Network(directory(line(1, "alice"), trunk(1, "198.51.100.1", calls_max=0)))
    carrier = network.phone("198.51.100.1")
    carrier.call("101")
    network.advance(1.0)
    assert carrier.statuses == [100, 503]
    assert only_record(network).refusal_code == "limit.trunk_calls"


def test_a_node_that_stops_ends_calls_in_set_up_and_keeps_those_that_are_up() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    up = alice.dialog
    bob.on_invite = (180,)
    alice.call("102")
    network.advance(1.0)
    network.switch.stop(network.now, network.wall)
    network.advance(1.0)
    assert alice.statuses[-1] == 503
    assert bob.cancelled == 1
    assert only_record(network).refusal_code == "limit.node_stops"
    assert len(network.journal.open_states()) == 1
    assert up is not None
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 503


def out_of_dialog(phone: Phone, method: str, *rows: tuple[str, str], uri: str = "sip:102@trunkline.test") -> None:
    """Send a request as it stands."""
    headers = [
        ("From", "<sip:alice@trunkline.test>;tag=x"), ("To", "<sip:102@trunkline.test>"),
        ("Call-ID", phone.token()), ("CSeq", f"1 {method}"), phone.contact, *rows,
    ]  # fmt: skip
    if not any(name == "Max-Forwards" for name, _ in rows):
        headers.append(("Max-Forwards", "70"))
    phone.send(Request(method, uri, headers))


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("REFER", 403), ("SUBSCRIBE", 489), ("MESSAGE", 407), ("FROBNICATE", 501), ("BYE", 481),
     ("INFO", 481), ("UPDATE", 481)],
)  # fmt: skip
def test_requests_outside_a_dialog_get_their_answer(method: str, status: int) -> None:
    network, alice, _ = alice_and_bob()
    out_of_dialog(alice, method)
    network.advance(1.0)
    assert alice.responses[-1].status == status
    if status in (200, 405, 501):
        assert "INVITE, ACK, CANCEL, BYE" in (alice.responses[-1].get("Allow") or "")
    assert network.journal.records == []


def test_a_request_without_hops_left_gets_483() -> None:
    network, alice, _ = alice_and_bob()
    out_of_dialog(alice, "INVITE", ("Max-Forwards", "0"))
    network.advance(1.0)
    assert alice.responses[-1].status == 483


def test_hops_are_counted_down_over_the_switch_and_never_raised() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102", OFFER, ("Max-Forwards", "5"))
    network.advance(1.0)
    assert bob.ringing[0].request.max_forwards == 4
    alice.call("102", OFFER, ("Max-Forwards", "255"))
    network.advance(1.0)
    assert bob.ringing[1].request.max_forwards == 69


def test_an_extension_we_do_not_know_gets_420_and_its_name() -> None:
    network, alice, bob = alice_and_bob()
    out_of_dialog(alice, "INVITE", ("Require", "100rel, gruu"))
    network.advance(1.0)
    assert alice.responses[-1].status == 420
    assert alice.responses[-1].get("Unsupported") == "gruu"
    assert bob.requests == []


@pytest.mark.parametrize(
    ("uri", "status"),
    [("mailto:bob@example.com", 416), ("sip:" + "1" * 200 + "@trunkline.test", 414)],
)
def test_a_number_that_is_none_is_refused(uri: str, status: int) -> None:
    network, alice, _ = alice_and_bob()
    out_of_dialog(alice, "INVITE", uri=uri)
    network.advance(1.0)
    assert alice.responses[-1].status == status


def test_the_same_call_over_another_path_is_a_loop() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(1.0)
    assert alice.invite is not None
    sent = alice.invite.request
    alice.send(Request("INVITE", sent.uri, [row for row in sent.headers if row[0] != "Via"], sent.body))
    network.advance(1.0)
    assert alice.statuses[-1] == 482
    assert len(bob.ringing) == 1


@pytest.mark.parametrize("row", [("Call-ID", "x" * 300), ("From", "<sip:a@b>;tag=" + "x" * 300)])
def test_an_over_long_call_id_or_tag_gets_400(row: tuple[str, str]) -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102", OFFER, row)
    network.advance(1.0)
    assert alice.statuses[-1] == 400
    assert bob.requests == []


def test_garbage_changes_nothing() -> None:
    network, alice, bob = alice_and_bob()
    for data in (
        b"\0" * 50,
        b"INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n",
    ):
        network.endpoint.receive_datagram(data, bob.ringing[0].tx.flow if bob.ringing else alice.flow, network.now)
    network.advance(1.0)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 180


def test_a_tel_uri_is_dialled_like_the_number_it_holds() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    request = alice._request("INVITE", "tel:1-0(2);phone-context=trunkline.test", "102", [alice.contact], b"")
    alice._send(request)
    network.advance(2.0)
    assert [offer.dialled for offer in network.policy.screened] == ["102"]
    assert alice.statuses == [407, 100, 180, 200]


def test_a_tel_uri_without_a_number_gets_400_and_makes_no_call() -> None:
    network, alice, _ = alice_and_bob()
    alice._send(alice._request("INVITE", "tel:nobody", "102", [alice.contact], b""))
    network.advance(2.0)
    assert (alice.statuses, network.policy.screened) == ([400], [])
