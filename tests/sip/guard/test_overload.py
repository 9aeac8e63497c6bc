"""Overload: how much is shed, when it ends, and what passes all the same."""

from __future__ import annotations

import pytest

from sip.stack.flow import Flow
from sip.stack.guard.guard import DROP, PASS, Guard
from sip.stack.guard.limits import (
    ABSORB_S,
    LAG_HIGH_S,
    LAG_LOW_S,
    RETRY_AFTER_S_MIN,
    RETRY_AFTER_SPREAD_S,
    SHED_REGISTER_FROM_PERCENT,
    SHED_STEP_DOWN_PERCENT,
    SHED_STEP_UP_PERCENT,
    TRANSACTIONS_HIGH_PERCENT,
    UNDRAINED_HIGH_S,
)
from sip.stack.guard.overload import Measurement, Overload
from sip.stack.message import Response, parse_message
from tests.fuzz import seeds

LOCAL = ("192.0.2.1", 5060)
PHONE = Flow("UDP", LOCAL, ("198.51.100.7", 5060))
CARRIER = Flow("UDP", LOCAL, ("203.0.113.9", 5060))
INVITE = seeds.request("INVITE")
REGISTER = seeds.request("REGISTER")
TOO_MUCH = Measurement(lag_s=LAG_HIGH_S)
LITTLE = Measurement()


def overloaded(percent: int = 100) -> Guard:
    guard = Guard(emergency_numbers=("112", "999"))
    guard.use_trunks([CARRIER.remote[0]])
    guard.prove(PHONE, 0.0)
    guard.overload.percent = percent
    return guard


def refused(guard: Guard, data: bytes, flow: Flow = PHONE, count: int = 1) -> int:
    return sum(not guard.admit(data, flow, 1.0).passes for _ in range(count))


def response(guard: Guard, data: bytes, flow: Flow = PHONE) -> Response:
    verdict = guard.admit(data, flow, 1.0)
    assert verdict.reply is not None
    message = parse_message(verdict.reply[1])
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize(
    "measured",
    [
        Measurement(lag_s=LAG_HIGH_S),
        Measurement(undrained_s=UNDRAINED_HIGH_S),
        Measurement(transactions_percent=TRANSACTIONS_HIGH_PERCENT),
    ],
)
def test_any_measure_that_is_too_much_sheds_more_each_time_until_all(measured: Measurement) -> None:
    overload = Overload()
    seen = []
    for _ in range(7):
        overload.measure(measured)
        seen.append(overload.percent)
    assert seen == [20, 40, 60, 80, 100, 100, 100]
    assert SHED_STEP_UP_PERCENT == 20
    assert overload.began == 1


def test_in_between_the_share_stays_and_only_when_all_is_little_it_falls() -> None:
    overload = Overload()
    overload.measure(TOO_MUCH)
    overload.measure(TOO_MUCH)
    assert not overload.measure(Measurement(lag_s=(LAG_HIGH_S + LAG_LOW_S) / 2))
    assert not overload.measure(Measurement(lag_s=LAG_LOW_S))
    assert overload.percent == 40
    assert overload.measure(LITTLE)
    assert overload.percent == 40 - SHED_STEP_DOWN_PERCENT


def test_without_overload_nothing_is_shed_and_nothing_changes() -> None:
    overload = Overload()
    assert not overload.measure(LITTLE)
    assert not any(overload.sheds_call() for _ in range(1000))
    assert not any(overload.sheds_register() for _ in range(1000))
    assert overload.began == 0


@pytest.mark.parametrize("percent", [5, 20, 35, 60, 95, 100])
def test_the_share_is_exact(percent: int) -> None:
    overload = Overload()
    overload.percent = percent
    assert sum(overload.sheds_call() for _ in range(1000)) == 10 * percent


def test_registrations_are_shed_later_than_calls_and_all_with_the_last_of_them() -> None:
    overload = Overload()
    shares = []
    for percent in (SHED_REGISTER_FROM_PERCENT, 70, 80, 90, 100):
        overload.percent = percent
        shares.append(overload.register_percent)
    assert shares == [0, 25, 50, 75, 100]


def test_a_shed_call_gets_503_with_a_time_to_wait_and_nothing_is_kept_of_it() -> None:
    guard = overloaded()
    answer = response(guard, INVITE)
    assert (answer.status, answer.cseq.method, answer.call_id) == (503, "INVITE", "seed-INVITE-0@192.0.2.7")
    assert answer.to_tag.startswith("shed.")
    assert answer.via.param("received") == "198.51.100.7"
    assert guard.counters.shed == 1


def test_callers_are_told_different_times_to_wait() -> None:
    guard = overloaded()
    waits = {int(response(guard, INVITE).get("Retry-After") or "0") for _ in range(50)}
    assert waits == set(range(RETRY_AFTER_S_MIN, RETRY_AFTER_S_MIN + RETRY_AFTER_SPREAD_S + 1))


def test_the_ack_of_a_shed_call_is_absorbed_and_that_of_another_passes() -> None:
    guard = overloaded()
    tag = response(guard, INVITE).to_tag
    ack = seeds.request("ACK").replace(b";tag=t0", f";tag={tag}".encode())
    assert guard.admit(ack, PHONE, 1.1) is DROP
    assert guard.admit(seeds.request("ACK"), PHONE, 1.1) is PASS
    guard.overload.percent = 0
    assert guard.admit(ack, PHONE, ABSORB_S) is DROP
    assert guard.admit(ack, PHONE, ABSORB_S + 1.1) is PASS


@pytest.mark.parametrize("method", ["ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "NOTIFY", "REFER"])
def test_requests_in_dialogs_pass(method: str) -> None:
    assert refused(overloaded(), seeds.request(method)) == 0


@pytest.mark.parametrize("row", [b"To:", b"t:", b"TO :", b"T\t:"])
def test_a_reinvite_passes(row: bytes) -> None:
    data = INVITE.replace(b"To: <sip:1002@trunkline.test>", row + b" <sip:1002@trunkline.test> ; tag=x")
    assert refused(overloaded(), data) == 0


def test_a_tag_elsewhere_makes_no_reinvite() -> None:
    data = INVITE.replace(b"User-Agent: fuzz/1.0", b"User-Agent: To: x;tag=1\r\nX-To: a;tag=1")
    assert refused(overloaded(), data) == 1


def test_responses_pass() -> None:
    assert refused(overloaded(), seeds.response(200)) == 0


@pytest.mark.parametrize(
    "uri",
    [b"sip:112@h", b"sip:999@h", b"sips:112@h:5061", b"tel:112", b"tel:112;phone-context=x", b"urn:service:sos.fire"],
)
def test_an_emergency_call_passes(uri: bytes) -> None:
    assert refused(overloaded(), INVITE.replace(b"sip:1002@127.0.0.1:5060", uri)) == 0


@pytest.mark.parametrize("uri", [b"sip:1125551234@h", b"sip:0112@h", b"sip:x@112", b"tel:9990", b"urn:service:taxi"])
def test_what_only_begins_like_an_emergency_does_not(uri: bytes) -> None:
    assert refused(overloaded(), INVITE.replace(b"sip:1002@127.0.0.1:5060", uri)) == 1


def test_registrations_pass_while_calls_are_shed_in_part_and_are_shed_at_last() -> None:
    assert refused(overloaded(SHED_REGISTER_FROM_PERCENT), REGISTER, count=100) == 0
    assert refused(overloaded(80), REGISTER, count=100) == 50
    assert response(overloaded(), REGISTER).status == 503


def test_a_carrier_is_told_no_time_lest_it_leaves_us_alone_altogether() -> None:
    """RFC 7339 §5.10.2; RFC 3261 §21.5.4 would have it send nothing at all for so long."""
    answer = response(overloaded(), INVITE, CARRIER)
    assert (answer.status, answer.get("Retry-After")) == (503, None)


def test_a_carrier_that_keeps_back_by_itself_is_not_shed_but_a_phone_that_says_so_is() -> None:
    offering = INVITE.replace(b";rport", b';rport;oc;oc-algo="loss"')
    assert refused(overloaded(), offering, CARRIER) == 0
    assert refused(overloaded(), offering, PHONE) == 1


@pytest.mark.parametrize(
    "change",
    [
        (b";rport", b""),
        (b";rport", b";rport=5060"),
        (b"Via: ", b"Via: SIP/2.0/UDP a;branch=z9hG4bKa;rport, "),
        (b"Call-ID:", b"X: a\r\n b\r\nCall-ID:"),
        (b"From:", b"from:"),
        (b"To:", b"t :"),
    ],
)
def test_a_request_that_is_not_plain_is_answered_all_the_same(change: tuple[bytes, bytes]) -> None:
    answer = response(overloaded(), INVITE.replace(*change, 1))
    assert (answer.status, answer.to_tag[:5]) == (503, "shed.")


@pytest.mark.parametrize("cut", [b"CSeq:", b"Via:"])
def test_a_request_that_cannot_be_answered_is_dropped(cut: bytes) -> None:
    rows = [row for row in INVITE.split(b"\r\n") if not row.startswith(cut)]
    assert overloaded().admit(b"\r\n".join(rows), PHONE, 1.0) is DROP


def test_a_request_whose_to_cannot_be_read_is_dropped() -> None:
    data = INVITE.replace(b"To: <sip:1002@trunkline.test>", b'To: <sip:1002@trunkline.tes"').replace(b";rport", b"")
    assert overloaded().admit(data, PHONE, 1.0) is DROP


def test_a_refusal_is_as_short_as_any_answer_to_a_stranger() -> None:
    for method in ("INVITE", "REGISTER"):
        verdict = overloaded().admit(seeds.request(method), PHONE, 1.0)
        assert verdict.reply is not None
        assert len(verdict.reply[1]) <= 1.5 * len(seeds.request(method))
