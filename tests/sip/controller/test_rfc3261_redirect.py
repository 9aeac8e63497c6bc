"""RFC 3261 §8.1.3.4, §21.3: a 3xx of a callee is followed with the rights of who redirects, or not at all."""

from __future__ import annotations

import pytest

from sip.controller.limits import AUTHORISE_S_MAX
from sip.controller.outbound.limits import REDIRECTS_MAX
from sip.controller.policy import CallOffer, Refusal, RoutePlan
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.names import Names
from tests.sip.controller.network import Network, only_record
from tests.sip.controller.phone import Phone

CARRIER, OTHER = "198.51.100.1", "198.51.100.2"
NUMBER = "+442071838750"


class Strict(FakePolicy):
    """Remembers who asked for a route; refuses barred lines."""

    def __init__(self) -> None:
        super().__init__((1,))
        self.routed: list[CallOffer] = []
        self.barred: set[int] = set()

    def screen(self, offer: CallOffer) -> Refusal | None:
        self.screened.append(offer)
        return Refusal(403, "", 21, "fraud.barred", 9) if offer.line_id in self.barred else None

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        self.routed.append(offer)
        return super().route(offer)


def office(**changes: object) -> tuple[Network, Strict, Phone, Phone, Phone]:
    """Return alice, bob whose phone sends calls on, and a carrier; ``changes`` are of bob's line."""
    policy = Strict()
    bobs = {"tenant_id": 8, "caller_number": "+441111"} | changes
    network = Network(directory(line(1, "alice"), line(2, "bob", **bobs), line(3, "carol"), trunk(1, CARRIER)), policy)
    alice, bob = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    bob.on_invite = (302,)
    carrier = network.phone(CARRIER)
    carrier.on_invite = (180, 200)
    return network, policy, alice, bob, carrier


def send_on(network: Network, alice: Phone, bob: Phone, *uris: str) -> int:
    bob.redirect_to = uris
    alice.statuses.clear()
    alice.call("102")
    network.advance(1.0)
    return alice.statuses[-1]


TO_NUMBER = f"sip:{NUMBER}@trunkline.test"


def test_a_phone_sends_a_call_on_and_its_line_is_asked_about_as_if_it_had_dialled() -> None:
    network, policy, alice, bob, _carrier = office()
    assert send_on(network, alice, bob, TO_NUMBER) == 200
    first, second = policy.routed
    assert (first.line_id, first.tenant_id, first.dialled) == (1, 7, "102")
    assert (second.line_id, second.tenant_id, second.trunk_id, second.dialled) == (2, 8, None, NUMBER)
    assert (second.call_id, policy.screened[1]) == (first.call_id, second)
    assert len(policy.holds) == 2
    alice.hang_up()
    network.advance(1.0)
    record = only_record(network)
    assert [(row.line_id, row.trunk_id, row.sip_status) for row in record.attempts] == [(2, None, 302), (None, 1, 200)]
    assert (record.destination, record.a_line_id, record.b_trunk_id) == (NUMBER, 1, 1)


def test_the_carrier_hears_who_calls_and_who_sent_the_call_on() -> None:
    network, _, alice, bob, carrier = office()
    send_on(network, alice, bob, TO_NUMBER)
    [invite] = carrier.requests
    assert invite.from_.uri.user == "101"
    assert invite.get("Diversion") == "<sip:+441111@trunkline.test>;reason=unconditional;counter=1"
    assert b"192.0.2.20" not in network.bytes_to(CARRIER)


def test_a_phone_that_rang_before_deflects() -> None:
    network, _, alice, bob, carrier = office()
    bob.on_invite = (180, 302)
    send_on(network, alice, bob, TO_NUMBER)
    assert ";reason=deflection;" in (carrier.requests[0].get("Diversion") or "")


def test_a_call_nobody_sent_on_carries_no_diversion() -> None:
    network, _, alice, _, carrier = office()
    alice.call(NUMBER)
    network.advance(1.0)
    assert carrier.requests[0].get("Diversion") is None


def test_a_line_that_is_barred_sends_no_call_on_and_the_caller_hears_nothing_of_it() -> None:
    network, policy, alice, bob, carrier = office()
    policy.barred.add(2)
    assert send_on(network, alice, bob, TO_NUMBER) == 480
    assert carrier.requests == []
    record = only_record(network)
    assert (record.refusal_code, record.fraud_rule_id, len(policy.holds)) == ("fraud.barred", 9, 1)


def test_a_line_without_money_sends_no_call_on() -> None:
    network, policy, alice, bob, carrier = office()
    policy.waiting = []
    alice.call("102")
    network.advance(0.5)
    policy.waiting.pop()(policy.authorisation)
    bob.redirect_to = (TO_NUMBER,)
    network.advance(0.5)
    policy.waiting.pop()(Refusal(402, "", 21, "billing.insufficient_funds"))
    network.advance(0.5)
    assert (alice.statuses[-1], carrier.requests) == (480, [])
    assert only_record(network).refusal_code == "billing.insufficient_funds"


def held() -> tuple[Network, Strict, Phone, Phone]:
    """Return a call that bob has sent on while the business still thinks about it."""
    network, policy, alice, bob, carrier = office()
    policy.waiting = []
    bob.redirect_to = (TO_NUMBER,)
    alice.call("102")
    network.advance(0.5)
    policy.waiting.pop()(policy.authorisation)
    network.advance(0.5)
    assert len(policy.waiting) == 1
    return network, policy, alice, carrier


def test_a_caller_may_give_up_while_the_business_thinks_about_the_second_part() -> None:
    network, policy, alice, carrier = held()
    alice.cancel()
    network.advance(0.5)
    assert policy.waiting is not None
    policy.waiting.pop()(policy.authorisation)
    network.advance(0.5)
    assert (alice.statuses[-1], carrier.requests) == (487, [])
    assert only_record(network).ended_by == "caller"
    assert (len(network.core.line_calls), len(network.core.calls)) == (0, 0)


def test_a_business_that_never_answers_ends_the_call_and_its_late_answer_changes_nothing() -> None:
    network, policy, alice, carrier = held()
    network.advance(AUTHORISE_S_MAX)
    assert alice.statuses[-1] == 480
    assert policy.waiting is not None
    policy.waiting.pop()(policy.authorisation)
    network.advance(1.0)
    assert carrier.requests == []
    assert only_record(network).refusal_code == "billing.unavailable"


@pytest.mark.parametrize(
    "uri",
    [
        f"sip:{NUMBER}@elsewhere.example",
        f"sip:{NUMBER}@{CARRIER}",
        "sip:trunkline.test",
        "mailto:bob@trunkline.test",
        "sip:999999999999@trunkline.test",
        "sip:102@trunkline.test",
    ],
)
def test_what_is_not_ours_to_route_or_leads_back_is_not_followed(uri: str) -> None:
    network, _, alice, bob, carrier = office()
    assert send_on(network, alice, bob, uri) == 480
    assert (carrier.requests, len(bob.requests)) == ([], 1)
    assert only_record(network).attempts[0].sip_status == 302


@pytest.mark.parametrize(
    "uri", [TO_NUMBER, f"tel:{NUMBER}", f"sip:{NUMBER}@10.0.0.1", f"sips:{NUMBER}@Trunkline.Test;user=phone?Route=x"]
)
def test_a_number_of_ours_is_followed_however_it_is_written(uri: str) -> None:
    network, _, alice, bob, carrier = office()
    assert send_on(network, alice, bob, uri) == 200
    assert carrier.requests[0].uri == f"sip:{NUMBER}@{CARRIER}:5060"
    assert carrier.requests[0].get("Route") is None


def test_the_contact_with_the_highest_q_is_taken_that_can_be() -> None:
    network, policy, alice, bob, _carrier = office()
    bob.redirect_rest = (";q=0.1", ";q=0.9", ";q=0.5")
    assert send_on(network, alice, bob, "sip:+4411@trunkline.test", "sip:x@else.example", TO_NUMBER) == 200
    assert policy.routed[1].dialled == NUMBER


def test_a_colleague_is_called_with_the_first_callers_name() -> None:
    network, _, alice, bob, _ = office()
    carol = network.phone("192.0.2.30", "carol", "pw-carol")
    carol.register()
    network.run()
    carol.on_invite = (180, 200)
    assert send_on(network, alice, bob, "sip:103@trunkline.test") == 200
    assert carol.requests[0].from_.uri.user == "101"


def test_two_lines_that_send_calls_to_each_other_end_it() -> None:
    network, _policy, alice, bob, _ = office()
    carol = network.phone("192.0.2.30", "carol", "pw-carol")
    carol.register()
    network.run()
    carol.on_invite, carol.redirect_to = (302,), ("sip:102@trunkline.test",)
    assert send_on(network, alice, bob, "sip:103@trunkline.test") == 480
    assert (len(bob.requests), len(carol.requests)) == (1, 1)
    assert only_record(network).refusal_code == "redirect.loop"


def test_a_chain_of_lines_ends_after_some_redirections() -> None:
    lines = [line(number, f"u{number}") for number in range(1, REDIRECTS_MAX + 4)]
    network = Network(directory(*lines), Strict())
    phones = [network.phone(f"192.0.2.{n}", f"u{n}", f"pw-u{n}") for n in range(1, REDIRECTS_MAX + 4)]
    for number, phone in enumerate(phones, 1):
        phone.register()
        network.run()
        phone.on_invite, phone.redirect_to = (302,), (f"sip:{101 + number}@trunkline.test",)
    phones[0].call("102")
    network.advance(5.0)
    assert phones[0].statuses[-1] == 480
    assert [len(phone.requests) for phone in phones] == [0] + [1] * (REDIRECTS_MAX + 1) + [0]


def test_one_phone_that_sends_on_waits_until_the_other_has_answered_too() -> None:
    network, _, alice, bob, carrier = office()
    mobile = network.phone("192.0.2.21", "bob", "pw-bob")
    mobile.register()
    network.run()
    assert send_on(network, alice, bob, TO_NUMBER) == 180
    assert carrier.requests == []
    mobile.respond(486)
    network.advance(1.0)
    assert alice.statuses[-1] == 200


def test_a_phone_that_declines_for_all_is_stronger_than_one_that_sends_on() -> None:
    network, _, alice, bob, carrier = office()
    mobile = network.phone("192.0.2.21", "bob", "pw-bob")
    mobile.register()
    network.run()
    mobile.on_invite = (603,)
    assert send_on(network, alice, bob, TO_NUMBER) == 603
    assert carrier.requests == []


def test_the_second_part_is_one_of_the_lines_calls() -> None:
    network, _, alice, bob, _carrier = office(calls_max=1)
    assert send_on(network, alice, bob, TO_NUMBER) == 200
    assert network.core.line_calls[2] == 1
    alice.hang_up()
    network.advance(1.0)
    assert network.core.line_calls[2] == 0


def test_a_call_that_is_paid_for_already_is_not_sent_on() -> None:
    network, _, alice, bob, carrier = office()

    class Paid(Strict):
        def route(self, offer: CallOffer) -> RoutePlan | Refusal:
            plan = super().route(offer)
            assert isinstance(plan, RoutePlan)
            return self._plan("outbound", plan.called, NUMBER, plan.targets)

    network.core.policy = Paid()
    assert send_on(network, alice, bob, TO_NUMBER) == 480
    assert carrier.requests == []


def carriers(**changes: object) -> tuple[Network, Names, Phone, Phone, Phone]:
    """Return alice and a carrier that moves calls to its other server."""
    names = Names(carrier_example=(CARRIER,))
    values = {"port": None, "source_addresses": (CARRIER, OTHER), "follows_redirects": True} | changes
    entries = (line(1, "alice"), trunk(1, "carrier.example", **values), trunk(2, "198.51.100.9"))
    network = Network(directory(*entries), Strict(), locator=names)
    alice, first, second = (
        network.phone("192.0.2.10", "alice", "pw-alice"),
        network.phone(CARRIER),
        network.phone(OTHER),
    )
    first.on_invite, second.on_invite = (302,), (180, 200)
    return network, names, alice, first, second


def call(network: Network, alice: Phone) -> int:
    alice.call(NUMBER)
    network.advance(1.0)
    return alice.statuses[-1]


def test_a_carrier_moves_a_call_to_another_server_of_its_own() -> None:
    network, _, alice, first, second = carriers()
    first.redirect_to = (f"sip:+4499;npdi@{OTHER}",)
    assert call(network, alice) == 200
    assert second.requests[0].uri == f"sip:+4499;npdi@{OTHER}"
    assert len(network.policy.holds) == 1
    alice.hang_up()
    network.advance(1.0)
    record = only_record(network)
    assert [(row.trunk_id, row.sip_status) for row in record.attempts] == [(1, 200)]
    assert record.destination == NUMBER


@pytest.mark.parametrize(
    ("changes", "uri"),
    [
        ({"follows_redirects": False}, f"sip:x@{OTHER}"),
        ({}, "sip:x@203.0.113.1"),
        ({}, "sip:x@elsewhere.example"),
        ({}, f"sip:{OTHER}"),
        ({}, "sip:101@trunkline.test"),
        ({"source_addresses": (CARRIER,)}, f"sip:x@{OTHER}"),
    ],
)
def test_a_carrier_moves_no_call_to_where_it_is_not_or_may_not(changes: dict[str, object], uri: str) -> None:
    network, _, alice, first, second = carriers(**changes)
    first.redirect_to = (uri,)
    assert call(network, alice) == 480
    assert (second.requests, len(network.policy.holds)) == ([], 1)


def test_a_carrier_that_moves_a_call_in_a_circle_is_left() -> None:
    network, _, alice, first, second = carriers()
    first.redirect_to, second.redirect_to = (f"sip:x@{OTHER}",), ("sip:x@carrier.example",)
    second.on_invite = (302,)
    assert call(network, alice) == 480
    assert (len(first.requests), len(second.requests)) == (2, 1)


def test_a_carrier_that_moves_a_call_again_and_again_is_left_after_some() -> None:
    network, _, alice, first, _ = carriers()
    first.moves = True
    assert call(network, alice) == 480
    assert len(first.requests) == 1 + REDIRECTS_MAX
