"""Calls of real peers through the whole platform, up to the row, the price and the books."""

from __future__ import annotations

import pytest

from tests.e2e.office import UNIT
from tests.e2e.peers import BRITISH, FRENCH, GERMAN, Peers
from tests.e2e.platform import Platform, wait_for
from tests.sip.peers import sipp

pytestmark = pytest.mark.integration

EARLY = sipp.recv(180, optional=True) + sipp.recv(183, optional=True)


def refused(to: str, status: int, *, log: str = "") -> str:
    """Call and be refused."""
    return sipp.invite(to) + EARLY + sipp.recv(status, log=log) + sipp.ack_failure(to, 2)


def test_a_line_calls_a_line_of_its_tenant_for_nothing(peers: Peers) -> None:
    customer = peers.customer()
    phone = peers.phone(customer.user("101"), sipp.answer())
    peers.caller(customer.user("100"), sipp.call("101", 300)).wait()
    phone.wait()
    [record] = peers.records(customer, 1)
    assert (record["direction"], record["sip_status"], record["ended_by"]) == ("internal", 200, "caller")
    assert (record["a_line_id"], record["b_line_id"]) == tuple(customer.lines.values())
    assert peers.charges(customer) == []
    assert peers.account(customer)["balance_nanos"] == 1_000 * UNIT


def test_a_call_through_the_trunk_is_charged_by_its_begun_minutes(peers: Peers, network: dict[str, int]) -> None:
    customer = peers.customer()
    carrier = peers.carrier(sipp.answer())
    peers.caller(customer.user("100"), sipp.call(GERMAN, 200)).wait()
    carrier.wait()
    [record] = peers.records(customer, 1)
    assert (record["direction"], record["destination"], record["sip_status"]) == ("outbound", GERMAN, 200)
    assert (record["b_trunk_id"], record["account_id"]) == (network["trunk"], customer.account)
    [charge] = peers.charges(customer)
    assert (charge["call_id"], charge["status"], charge["prefix"]) == (record["call_id"], "rated", "49")
    assert (charge["billed_s"], charge["amount_nanos"]) == (60, 600_000_000)
    account = peers.account(customer)
    assert (account["balance_nanos"], account["held_nanos"]) == (999_400_000_000, 0)


def test_a_call_from_the_trunk_to_a_number_rings_its_line(peers: Peers, platform: Platform) -> None:
    customer = peers.customer()
    number = platform.ask(
        "give_number", number="+12125550199", tenant=customer.tenant, line=customer.lines[customer.user("101")]
    )
    phone = peers.phone(customer.user("101"), sipp.answer())
    steps = sipp.open_call(number, 200)
    wait_for("the number is known", lambda: not peers.peer("carrier", steps, peers.trunk).fails())
    phone.wait()
    [record] = peers.records(customer, 1)
    assert (record["direction"], record["called"], record["sip_status"]) == ("inbound", number, 200)
    assert record["b_line_id"] == customer.lines[customer.user("101")]
    assert peers.charges(customer) == []


def test_a_caller_who_gives_up_pays_nothing(peers: Peers) -> None:
    customer = peers.customer()
    carrier = peers.carrier(sipp.ring_until_cancelled())
    steps = sipp.invite(FRENCH) + sipp.recv(180) + sipp.pause(200) + sipp.cancel(FRENCH, 2) + sipp.recv(200)
    peers.caller(customer.user("100"), steps + sipp.recv(487) + sipp.ack_failure(FRENCH, 2)).wait()
    carrier.wait()
    [record] = peers.records(customer, 1)
    assert (record["sip_status"], record["ended_by"], record["answered_at"]) == (487, "caller", None)
    assert peers.charges(customer) == []
    assert peers.account(customer)["held_nanos"] == 0


def test_a_busy_carrier_costs_nothing(peers: Peers) -> None:
    customer = peers.customer()
    carrier = peers.carrier(sipp.recv("INVITE") + sipp.reply("486 Busy Here") + sipp.recv("ACK"))
    peers.caller(customer.user("100"), refused(FRENCH, 486)).wait()
    carrier.wait()
    [record] = peers.records(customer, 1)
    assert (record["sip_status"], record["q850_cause"], record["ended_by"]) == (486, 17, "callee")
    assert peers.charges(customer) == []
    assert peers.account(customer)["held_nanos"] == 0


def test_a_phone_that_is_not_there_is_not_available(peers: Peers) -> None:
    customer = peers.customer()
    peers.caller(customer.user("100"), refused("101", 480)).wait()
    [record] = peers.records(customer, 1)
    assert (record["sip_status"], record["q850_cause"], record["answered_at"]) == (480, 20, None)


def test_a_wrong_password_is_refused_and_leaves_no_record(peers: Peers) -> None:
    customer = peers.customer()
    peers.caller(customer.user("100"), refused(FRENCH, 403), password="wrong").wait()
    peers.peer("register", sipp.register().replace('response="200"', 'response="403"'), user=customer.user("100"),
               password="wrong").wait()  # fmt: skip
    assert peers.records(customer, 0) == []


def test_two_hundred_calls_at_fifty_a_second_are_charged_once_each(peers: Peers, platform: Platform) -> None:
    customer = peers.customer(1_000)
    carrier = peers.carrier(sipp.answer(), calls=200)
    caller = peers.caller(customer.user("100"), sipp.call(GERMAN, 300, log="answered"), calls=200, rate=50)
    caller.wait()
    carrier.wait()
    records = peers.records(customer, 200)
    charges = peers.charges(customer)
    assert sorted(record["sip_call_id"] for record in records) == sorted(caller.logged("answered"))
    assert len(set(caller.logged("answered"))) == 200
    assert {(record["sip_status"], record["ended_by"]) for record in records} == {(200, "caller")}
    assert sorted(charge["call_id"] for charge in charges) == sorted(record["call_id"] for record in records)
    assert {(charge["status"], charge["amount_nanos"]) for charge in charges} == {("rated", 600_000_000)}
    account = peers.account(customer)
    assert (account["balance_nanos"], account["held_nanos"]) == (880 * UNIT, 0)
    entries = platform.rows(
        "SELECT e.key, sum(p.amount_nanos) FILTER (WHERE l.account_id = %s) AS paid, sum(p.amount_nanos) AS rest"
        " FROM billing_entry e JOIN billing_posting p ON p.entry_id = e.id"
        " JOIN billing_ledgeraccount l ON l.id = p.ledger_account_id"
        " WHERE e.tenant_id = %s AND e.kind = 'call' GROUP BY e.key", customer.account, customer.tenant,
    )  # fmt: skip
    assert sorted(entry["key"] for entry in entries) == sorted(f"call:{record['call_id'].hex}" for record in records)
    assert {(entry["paid"], entry["rest"]) for entry in entries} == {(-600_000_000, 0)}
    assert platform.ask("check_books") > 0


def test_a_balance_for_seventeen_lets_seventeen_of_fifty_simultaneous_calls_through(
    peers: Peers, platform: Platform
) -> None:
    customer = peers.customer(17)
    carrier = peers.carrier(sipp.answer(), calls=17)
    steps = (
        sipp.invite(FRENCH) + EARLY + sipp.recv(402, optional=True, log="refused", jump="refused")
        + sipp.recv(200, route=True, log="answered") + sipp.hang_up_after(FRENCH, 2_000) + sipp.stop()
        + sipp.label("refused") + sipp.ack_failure(FRENCH, 2) + sipp.label("end")
    )  # fmt: skip
    caller = peers.caller(customer.user("100"), steps, calls=50, rate=1_000)
    caller.wait()
    carrier.wait()
    assert (len(set(caller.logged("answered"))), len(set(caller.logged("refused")))) == (17, 33)
    records = peers.records(customer, 50)
    assert sorted(record["sip_status"] for record in records) == [200] * 17 + [402] * 33
    assert {record["refusal_code"] for record in records} == {"", "billing.insufficient_funds"}
    assert [charge["amount_nanos"] for charge in peers.charges(customer)] == [UNIT] * 17
    account = peers.account(customer)
    assert (account["balance_nanos"], account["held_nanos"]) == (0, 0)
    peers.caller(customer.user("100"), refused(FRENCH, 402)).wait()
    peers.records(customer, 51)
    assert platform.ask("check_books") > 0


def test_what_a_call_costs_follows_from_its_length(peers: Peers) -> None:
    customer = peers.customer()
    carrier = peers.carrier(sipp.answer(), calls=10)
    peers.caller(customer.user("100"), sipp.call(BRITISH, 1_100), calls=10).wait()
    carrier.wait()
    records = {record["call_id"]: record for record in peers.records(customer, 10)}
    charges = peers.charges(customer)
    assert len(charges) == 10
    for charge in charges:
        seconds = -int(-records[charge["call_id"]]["duration_s"] // 1)
        assert charge["amount_nanos"] == seconds * 10_000_000 >= 20_000_000
    paid = 1_000 * UNIT - peers.account(customer)["balance_nanos"]
    assert paid == sum(charge["amount_nanos"] for charge in charges)
