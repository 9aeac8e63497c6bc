"""Calls from line to line: the plain ways they begin and end, and what may never cross."""

from __future__ import annotations

import pytest

from sip.cdr.errors import JournalFull
from sip.cdr.frames import FrameTooLong
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import EPOCH, alice_and_bob, only_record, talking
from tests.sip.controller.phone import ANSWER, OFFER


def test_a_line_calls_a_line_talks_and_hangs_up() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(2.0)
    assert alice.statuses == [407, 100, 180]
    bob.pick_up()
    network.advance(10.0)
    assert alice.statuses == [407, 100, 180, 200]
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    record = only_record(network)
    assert (record.sip_status, record.sip_reason, record.q850_cause, record.ended_by) == (200, "OK", 16, "caller")
    assert (record.started_at, record.answered_at, record.ended_at) == (EPOCH, EPOCH + 2.0, EPOCH + 12.0)
    assert (record.duration_s, record.pdd_s) == (10.0, 0.0)
    assert (record.a_line_id, record.b_line_id, record.caller, record.dialled) == (1, 2, "101", "102")
    [attempt] = record.attempts
    assert (attempt.attempt, attempt.is_last, attempt.sip_status, attempt.peer) == (1, True, 200, "192.0.2.20:5060")
    assert network.live.over == [record.call_id]
    assert [state for _, state in network.live.states] == ["trying", "ringing", "answered"]
    assert network.switch.open_call_ids() == frozenset()


def test_the_session_descriptions_pass_untouched_both_ways() -> None:
    _, alice, bob = talking()
    assert bob.ringing[0].request.body == OFFER
    assert bob.ringing[0].request.get("Content-Type") == "application/sdp"
    assert alice.responses[-1].body == ANSWER
    assert alice.responses[-1].get("Content-Type") == "application/sdp"


def test_nothing_of_one_leg_is_seen_on_the_other() -> None:
    network, alice, bob = alice_and_bob()
    network.sent.clear()  # What a phone's own registration says comes back to it.
    bob.on_invite = (180, 200)
    alice.call("102", OFFER.replace(b"192.0.2.10", b"203.0.113.1"), ("Record-Route", "<sip:proxy-of-a.example;lr>"),
               ("P-Asserted-Identity", "<sip:internal@a-side.example>"), ("X-Secret", "alices-own"),
               ("Subject", "for both"))  # fmt: skip
    network.advance(2.0)
    bob.hang_up()
    network.advance(1.0)
    seen_by_bob, seen_by_alice = network.bytes_to("bob"), network.bytes_to("alice")
    assert alice.dialog is not None and bob.dialog is not None
    for secret in (b"192.0.2.10", b"a-side", b"ua-of-alice", b"secret name", b"call-id-of-alice", b"X-Secret",
                   b"proxy-of-a", alice.dialog.local_tag.encode(), alice.dialog.call_id.encode()):  # fmt: skip
        assert secret not in seen_by_bob
    for secret in (b"192.0.2.20:5060", b"ua-of-bob", bob.dialog.local_tag.encode(), bob.dialog.call_id.encode()):
        assert secret not in seen_by_alice
    assert b"Subject: for both" in seen_by_bob


def test_the_callee_is_shown_what_the_plan_says_of_the_caller() -> None:
    _, _, bob = talking()
    request = bob.ringing[0].request
    assert (request.from_.uri.user, request.from_.display_name, request.from_.uri.host) == (
        "101", "Caller Name", "trunkline.test",
    )  # fmt: skip
    assert request.get("User-Agent") == "Trunkline"
    assert request.max_forwards == 69


def test_the_callee_hangs_up() -> None:
    network, alice, bob = talking()
    network.advance(5.0)
    bob.hang_up(("Reason", 'Q.850;cause=31;text="whatever"'))
    network.advance(1.0)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert alice.requests[0].get("Reason") == 'Q.850;cause=31;text="Normal, unspecified"'
    record = only_record(network)
    assert (record.ended_by, record.q850_cause, record.duration_s) == ("callee", 31, 7.0)


def test_early_media_passes_with_its_session_description() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (183,)
    alice.call("102")
    network.advance(1.0)
    assert alice.responses[-1].status == 183
    assert alice.responses[-1].body == ANSWER
    assert alice.responses[-1].to_tag


def test_an_offer_that_comes_with_the_200_is_answered_in_the_ack() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    bob.reply_body, alice.ack_body = OFFER, ANSWER
    alice.call("102", b"")
    network.advance(1.0)
    assert bob.ringing[0].request.body == b""
    assert alice.responses[-1].body == OFFER
    assert [ack.body for ack in bob.acks] == [ANSWER]


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (603, 21), (600, 17), (404, 1), (480, 18), (488, 65)])
def test_a_callee_that_says_no_is_heard_by_the_caller(status: int, cause: int) -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, status)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180, status]
    assert (alice.responses[-1].get("Reason") or "").startswith(f"Q.850;cause={cause}")
    record = only_record(network)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (status, cause, "callee")
    assert (record.answered_at, record.duration_s) == (None, 0.0)
    assert [row.sip_status for row in record.attempts] == [status]
    assert network.policy.up == []


def test_a_line_may_call_itself() -> None:
    network, alice, _ = alice_and_bob()
    alice.on_invite = (486,)
    alice.call("101")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 486]
    assert only_record(network).b_line_id == 1


def test_a_line_that_is_not_registered_is_unavailable() -> None:
    network, alice, bob = alice_and_bob()
    bob.register(0)
    network.run()
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 480]
    record = only_record(network)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (480, 20, "platform")
    assert bob.requests == []


def test_the_caller_gets_its_200_only_when_the_start_is_on_disk() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180]
    assert [item["t"] for item in network.journal.payloads] == ["open"]
    assert len(bob.acks) == 1
    network.journal.flush()
    network.run()
    assert alice.statuses == [407, 100, 180, 200]


def test_a_bye_is_answered_only_when_the_record_is_on_disk() -> None:
    network, alice, bob = talking()
    network.journal.is_slow = True
    before = len(alice.responses)
    alice.hang_up()
    network.run()
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert len(alice.responses) == before
    network.journal.flush()
    network.run()
    assert [response.status for response in alice.responses[before:]] == [200]


def test_a_refused_call_is_answered_only_when_its_record_is_on_disk() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (486,)
    alice.call("102")
    network.run()
    assert alice.statuses == [407, 100]
    network.journal.flush()
    network.run()
    assert alice.statuses == [407, 100, 486]


def test_a_broken_journal_stops_no_call_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    network.switch.journal_failed("disk full")
    bob.on_invite = (180, 200)
    for _ in range(2):
        alice.call("102")
        network.advance(1.0)
        assert alice.statuses[-1] == 200
        alice.hang_up()
        network.advance(1.0)
        assert alice.responses[-1].status == 200
    assert [row.message for row in caplog.records].count(
        "journal is broken, calls go on without it: disk full"
    ) == 1  # fmt: skip


def test_a_journal_that_hangs_counts_as_broken_after_four_seconds() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(3.9)
    assert alice.statuses[-1] == 180
    network.advance(0.2)
    assert alice.statuses[-1] == 200


def test_a_journal_that_is_full_refuses_new_calls_and_keeps_those_that_are_up() -> None:
    network, alice, bob = talking()
    up = alice.dialog
    network.journal.refusal = JournalFull("full")
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 200  # Nobody could know before this call's own start was refused.
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 503
    network.journal.refusal = None
    alice.dialog = up
    alice.hang_up()
    network.advance(1.0)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    assert len(bob.ringing) == 3


def test_a_state_too_large_for_the_journal_stops_neither_its_call_nor_others() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    network.journal.refusal = FrameTooLong("300000 bytes")
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    network.journal.refusal = None
    alice.hang_up()
    network.advance(1.0)
    assert only_record(network).sip_status == 200


def test_both_parties_hang_up_at_once_and_there_is_one_record() -> None:
    network, alice, bob = talking()
    network.journal.is_slow = True
    alice.hang_up()
    bob.hang_up()
    network.advance(1.0)
    network.journal.flush()
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    assert bob.responses[-1].status == 200
    assert only_record(network).ended_by == "caller"


def test_a_caller_that_never_acknowledges_is_hung_up() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.acknowledges = False
    alice.call("102")
    network.advance(33.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert [request.method for request in alice.requests] == ["BYE"]
    record = only_record(network)
    assert (record.sip_status, record.ended_by, record.q850_cause) == (200, "platform", 102)


def test_a_callee_that_hangs_up_before_the_callers_ack_waits_for_it() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.acknowledges = False
    alice.call("102")
    network.advance(1.0)
    bob.hang_up()
    network.advance(1.0)
    assert alice.requests == []
    assert bob.responses[-1].status == 200
    alice.acknowledges = True
    network.advance(4.0)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert only_record(network).ended_by == "callee"


def test_a_replaced_directory_counts_for_the_next_call() -> None:
    network, alice, _ = talking()
    network.switch.directory = directory(line(1, "alice"))
    alice.hang_up()
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 480


def test_a_second_call_of_a_network_has_its_own_record() -> None:
    network, alice, bob = talking()
    alice.hang_up()
    network.advance(1.0)
    bob.call("101")
    network.advance(1.0)
    alice.pick_up()
    network.advance(1.0)
    bob.hang_up()
    network.advance(1.0)
    records = network.journal.records
    assert [(record.a_line_id, record.b_line_id) for record in records] == [(1, 2), (2, 1)]
    assert len({record.call_id for record in records}) == 2
