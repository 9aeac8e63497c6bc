"""RFC 3261 §16: the stateful proxy. Alice and bob are one tenant's, carol another's."""

from __future__ import annotations

import random

import pytest

from sip.proxy.config import ProxyConfig
from sip.stack.flow import Flow
from sip.stack.listeners import Listener, Listeners
from sip.stack.message.message import Request, Response
from sip.stack.message.parse import parse_message
from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.network import SWITCH
from tests.sip.controller.phone import Phone
from tests.sip.proxy.world import World, three_phones, two_phones

BOB = "bob@trunkline.test"


def call_bob(alice: Phone, *rows: tuple[str, str], uri: str = f"sip:{BOB}") -> None:
    """Have alice call bob's address of record."""
    alice.dialog = None
    alice._send(alice._request("INVITE", uri, "bob", [alice.contact, *rows], b""))


def test_a_call_goes_through_and_its_end_too_and_nothing_is_left() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (180, 200)
    call_bob(alice)
    world.advance(2.0)
    assert alice.statuses == [407, 180, 200]
    assert (len(bob.acks), world.texts("switch", "bob").count("INVITE")) == (1, 1)
    alice.hang_up()
    world.advance(40.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert alice.responses[-1].status == 200
    assert world.endpoint.transactions == 0
    assert world.journal.payloads == []


def test_the_copy_is_one_hop_older_and_has_our_via_our_record_route_and_none_of_our_credentials() -> None:
    world, alice, _ = two_phones()
    call_bob(alice)
    world.advance(1.0)
    copy = world.request_to("bob", "INVITE")
    assert alice._last is not None
    assert (copy.get("From"), copy.call_id) == (alice._last.get("From"), alice._last.call_id)
    assert copy.uri == "sip:bob@192.0.2.20:5060"
    assert (copy.max_forwards, copy.get("Max-Breadth")) == (69, "60")
    assert [text.partition(";")[0] for text in copy.values("Via")] == [
        "SIP/2.0/UDP 10.0.0.1:5060",
        "SIP/2.0/UDP 192.0.2.10:5060",
    ]
    [route] = copy.record_routes
    assert (route.uri.host, route.uri.param("lr")) == ("10.0.0.1", "")
    assert copy.get("Proxy-Authorization") is None


def test_bobs_own_bye_finds_alice_along_the_recorded_route() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (200,)
    call_bob(alice)
    world.advance(1.0)
    bob.hang_up()
    world.advance(1.0)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert bob.responses[-1].status == 200


def test_both_phones_ring_one_answers_and_the_other_is_taken_back() -> None:
    world, alice, desk, mobile = three_phones()
    desk.on_invite = (180,)
    mobile.on_invite = (180,)
    call_bob(alice)
    world.advance(3.0)
    assert (len(desk.ringing), len(mobile.ringing)) == (1, 1)
    mobile.pick_up()
    world.advance(3.0)
    assert (desk.cancelled, mobile.cancelled) == (1, 0)
    assert alice.statuses == [407, 180, 180, 200]
    assert {response.to_tag for response in alice.responses if response.status == 180} == {
        desk.ringing[0].tag,
        mobile.ringing[0].tag,
    }


def test_two_200s_both_reach_the_caller() -> None:
    world, alice, desk, mobile = three_phones()
    desk.on_invite = mobile.on_invite = (200,)
    call_bob(alice)
    world.advance(2.0)
    answers = [response for response in alice.responses if response.cseq.method == "INVITE"]
    tags = [response.to_tag for response in answers if response.status == 200]
    assert set(tags) == {desk.ringing[0].tag, mobile.ringing[0].tag}
    assert (len(desk.acks), len(mobile.acks)) == (1, 1)


def test_contacts_of_lower_q_are_tried_when_the_higher_have_failed() -> None:
    world, alice, desk, mobile = three_phones()
    desk.register(600, ("Contact", "<sip:bob@192.0.2.20:5060>;q=0.9"))
    world.run()
    desk.on_invite = (180,)
    call_bob(alice)
    world.advance(1.0)
    assert (len(desk.ringing), len(mobile.ringing)) == (1, 0)
    desk.respond(486)
    world.advance(1.0)
    assert len(mobile.ringing) == 1
    mobile.respond(480)
    world.advance(1.0)
    # Of two that say the same the first.
    assert alice.statuses == [407, 180, 180, 486]


def test_a_603_ends_the_search_and_is_what_the_caller_hears() -> None:
    world, alice, desk, mobile = three_phones()
    call_bob(alice)
    world.advance(1.0)
    desk.respond(603)
    world.advance(1.0)
    assert mobile.cancelled == 1
    assert alice.statuses == [407, 180, 180, 603]


def test_cancel_takes_every_branch_back_and_the_caller_hears_487() -> None:
    world, alice, desk, mobile = three_phones()
    call_bob(alice)
    world.advance(1.0)
    alice.cancel()
    world.advance(1.0)
    assert (desk.cancelled, mobile.cancelled) == (1, 1)
    assert alice.statuses == [407, 180, 180, 487]
    world.advance(40.0)
    assert world.endpoint.transactions == 0


def test_a_200_that_crosses_the_cancel_reaches_the_caller() -> None:
    world, alice, bob = two_phones()
    call_bob(alice)
    world.advance(1.0)
    world.lose = lambda sent: sent.target == "bob" and sent.text == "CANCEL"
    alice.cancel()
    world.advance(0.1)
    bob.pick_up()
    world.advance(1.0)
    assert alice.statuses == [407, 180, 200]


def test_the_callees_200_is_repeated_by_the_callee_and_not_by_us() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (200,)
    alice.acknowledges = False
    call_bob(alice)
    world.advance(4.0)
    from_bob = [s.at for s in world.sent if s.source == "bob" and s.text == "200 INVITE"]
    to_alice = [s.at for s in world.sent_to("alice", "200 INVITE")]
    assert from_bob == to_alice
    assert len(to_alice) == 4


def test_a_challenge_of_each_branch_reaches_the_caller_in_one_answer() -> None:
    world, alice, desk, mobile = three_phones()
    desk.on_invite = mobile.on_invite = ()
    call_bob(alice)
    world.advance(0.3)
    for phone, realm in ((desk, "desk"), (mobile, "mobile")):
        ringing = phone.ringing[0]
        rows = [("WWW-Authenticate", f'Digest realm="{realm}", nonce="n"')]
        phone.endpoint.respond(
            ringing.tx, phone.endpoint.make_response(ringing.request, 401, "", ringing.tag, rows), world.now
        )
    world.advance(0.3)
    assert [alice.responses[-1].status, len(alice.responses[-1].get_all("WWW-Authenticate"))] == [401, 2]


@pytest.mark.parametrize(
    ("answers", "heard"),
    [((486, 404), 486), ((404, 486), 404), ((500, 486), 486), ((503, 503), 500), ((302, 486), 302), ((415, 404), 415)],
)
def test_the_best_of_two_failures_is_what_the_caller_hears(answers: tuple[int, int], heard: int) -> None:
    world, alice, desk, mobile = three_phones()
    desk.on_invite, mobile.on_invite = (answers[0],), (answers[1],)
    call_bob(alice)
    world.advance(1.0)
    assert alice.statuses[-1] == heard


def test_a_phone_that_says_nothing_ends_with_408_of_ours() -> None:
    world, alice, bob = two_phones()
    bob.is_dead = True
    call_bob(alice)
    world.advance(33.0)
    assert alice.statuses == [407, 100, 408]


def test_timer_c_takes_back_what_rings_for_ever() -> None:
    world, alice, bob = two_phones()
    call_bob(alice)
    world.advance(199.0)
    assert bob.cancelled == 0
    world.advance(2.0)
    assert bob.cancelled == 1
    assert alice.statuses[-1] == 487


def test_nobody_is_let_through_without_proof_of_who_it_is() -> None:
    world, alice, bob = two_phones()
    alice.password = "wrong"
    call_bob(alice)
    world.advance(1.0)
    assert (alice.statuses, bob.requests) == ([407, 403], [])


def test_a_line_of_another_tenant_is_answered_like_none_at_all() -> None:
    world, alice, _ = two_phones()
    carol = world.phone("192.0.2.30", "carol", "pw-carol")
    carol.register()
    world.run()
    call_bob(alice, uri="sip:carol@trunkline.test")
    call_bob(alice, uri="sip:nobody@trunkline.test")
    world.advance(1.0)
    assert alice.statuses[-1] == 404
    assert carol.requests == []


def test_an_extension_reaches_the_line_and_a_user_without_phone_is_480() -> None:
    world, alice, bob = two_phones()
    call_bob(alice, uri="sip:102@trunkline.test")
    world.advance(1.0)
    assert len(bob.ringing) == 1
    bob.register(0)
    world.run()
    call_bob(alice)
    world.advance(1.0)
    assert alice.statuses[-1] == 480


def test_a_foreign_domain_is_reached_by_lines_only_and_only_if_allowed() -> None:
    for allowed, expected in ((True, 1), (False, 0)):
        world, alice, _ = two_phones(config=ProxyConfig(relays_foreign=allowed))
        stranger = world.phone("198.51.100.7")
        call_bob(alice, uri="sip:dave@198.51.100.7")
        world.advance(1.0)
        assert len(stranger.requests) == expected
        assert alice.statuses[-1] == (180 if allowed else 403)


def test_a_trunk_reaches_lines_and_never_a_third_party() -> None:
    world = World(directory(line(2, "bob"), trunk(1, "198.51.100.1")))
    bob = world.phone("192.0.2.20", "bob", "pw-bob")
    carrier = world.phone("198.51.100.1")
    third = world.phone("198.51.100.9")
    bob.register()
    world.run()
    call_bob(carrier)
    world.advance(1.0)
    assert (carrier.statuses, len(bob.ringing)) == ([180], 1)
    call_bob(carrier, uri="sip:x@198.51.100.9")
    world.advance(1.0)
    assert (carrier.statuses[-1], third.requests) == (403, [])


def in_nobodys_dialog(alice: Phone, method: str, *routes: str) -> Request:
    """Return a request with a To tag and routes of alice's choice, to a third party."""
    rows = [("Route", route) for route in routes]
    request = alice._request(method, "sip:victim@198.51.100.9", "bob", [alice.contact, *rows], b"")
    request.set("To", "<sip:bob@trunkline.test>;tag=made-up")
    return request


def test_a_route_of_ours_without_our_proof_opens_nothing() -> None:
    world, alice, _ = two_phones()
    victim = world.phone("198.51.100.9")
    alice.password = ""
    for route in ("<sip:10.0.0.1:5060;lr>", "<sip:10.0.0.1:5060;lr;tl=00>"):
        alice.send(in_nobodys_dialog(alice, "BYE", route))
        world.advance(1.0)
        alice.endpoint.send_ack(in_nobodys_dialog(alice, "ACK", route), alice.flow, world.now)
        world.advance(1.0)
    assert [response.status for response in alice.responses[-2:]] == [407, 407]
    assert victim.requests == victim.acks == []


def test_the_proof_of_one_call_does_not_open_another() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (200,)
    call_bob(alice)
    world.advance(1.0)
    assert alice.dialog is not None
    [route] = alice.dialog.route_set
    alice.password = ""
    alice.send(in_nobodys_dialog(alice, "BYE", route))
    world.advance(1.0)
    assert alice.responses[-1].status == 407


def test_16_4_what_a_strict_router_did_is_undone() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (200,)
    call_bob(alice)
    world.advance(1.0)
    assert alice.dialog is not None
    bye = alice.dialog.request("BYE")
    [route] = bye.get_all("Route")
    bye.remove("Route")
    bye.prepend("Route", f"<{bye.uri}>")
    bye.uri = route.strip("<>")
    alice.send(bye)
    world.advance(1.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert bob.requests[-1].uri == "sip:bob@192.0.2.20:5060"
    assert bob.requests[-1].get("Route") is None


def test_16_6_a_strict_router_behind_us_gets_its_due() -> None:
    world, alice, _ = two_phones()
    router = world.phone("198.51.100.5")
    call_bob(alice, ("Route", "<sip:198.51.100.5>"), uri="sip:dave@198.51.100.7")
    world.advance(1.0)
    [request] = router.requests
    assert (request.uri, request.get_all("Route")) == ("sip:198.51.100.5", ["<sip:dave@198.51.100.7>"])


def test_16_6_a_loose_router_behind_us_gets_the_request_as_it_is() -> None:
    world, alice, _ = two_phones()
    router = world.phone("198.51.100.5")
    call_bob(alice, ("Route", "<sip:198.51.100.5;lr>"), uri="sip:dave@198.51.100.7")
    world.advance(1.0)
    [request] = router.requests
    assert (request.uri, request.get_all("Route")) == ("sip:dave@198.51.100.7", ["<sip:198.51.100.5;lr>"])


@pytest.mark.parametrize(
    ("rows", "uri", "status"),
    [
        ((("Max-Forwards", "0"),), f"sip:{BOB}", 483),
        ((("Proxy-Require", "nothing"),), f"sip:{BOB}", 420),
        ((), "fax:+4930", 416),
        ((("Max-Breadth", "0"),), f"sip:{BOB}", 400),
        ((("Max-Breadth", "many"),), f"sip:{BOB}", 400),
    ],
)
def test_16_3_what_may_not_go_on_is_refused(rows: tuple[tuple[str, str], ...], uri: str, status: int) -> None:
    world, alice, bob = two_phones()
    call_bob(alice, *rows, uri=uri)
    world.advance(1.0)
    assert (alice.statuses[-1], bob.requests) == (status, [])


def test_require_is_none_of_a_proxys_business() -> None:
    world, alice, bob = two_phones()
    call_bob(alice, ("Require", "something-new"))
    world.advance(1.0)
    assert bob.requests[0].get("Require") == "something-new"


def test_unknown_methods_and_headers_go_on_untouched() -> None:
    world, alice, bob = two_phones()
    alice._send(
        alice._request("NEWMETHOD", f"sip:{BOB}", "bob", [("X-Own", ' a ;; "b'), ("Content-Type", "x/y")], b"\0\xff")
    )
    world.advance(1.0)
    [request] = bob.requests
    assert (request.method, request.get("X-Own"), request.body) == ("NEWMETHOD", 'a ;; "b', b"\0\xff")
    assert alice.responses[-1].status == 200


def test_rfc_4320_a_request_that_is_no_invite_and_gets_no_answer_is_not_answered_408() -> None:
    world, alice, bob = two_phones()
    bob.is_dead = True
    alice._send(alice._request("MESSAGE", f"sip:{BOB}", "bob", [], b"hi"))
    world.advance(40.0)
    statuses = [response.status for response in alice.responses if response.cseq.method == "MESSAGE"]
    assert (statuses[0], set(statuses[1:])) == (407, {100})
    assert alice.timeouts == 1


def test_rfc_6026_a_response_nobody_waits_for_is_dropped() -> None:
    world, _, bob = two_phones()
    rows = [("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnone"), ("Via", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa")]
    rows += [("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>;tag=2"), ("Call-ID", "x"), ("CSeq", "1 INVITE")]
    before = len(world.sent)
    world.receive(bytes(Response(200, "OK", [*rows, ("Contact", "<sip:c@d>")])), bob.flow, world.now)
    world.advance(1.0)
    assert world.sent[before:] == []


def test_rfc_5658_a_dialog_between_two_zones_is_recorded_on_both_sides() -> None:
    inside, outside = ("10.0.0.1", 5060), ("203.0.113.1", 5060)
    rows = [Listener("UDP", inside, inside, "internal"), Listener("UDP", outside, ("198.51.100.99", 5060), "internet")]
    world = World(directory(line(1, "alice"), line(2, "bob")), listeners=Listeners(rows))
    alice = world.phone("192.0.2.10", "alice", "pw-alice", switch=inside)
    bob = world.phone("192.0.2.20", "bob", "pw-bob", switch=outside)
    for phone in (alice, bob):
        phone.register()
        phone.on_invite = (200,)
        world.run()
    call_bob(alice)
    world.advance(1.0)
    hosts = [route.uri.host for route in world.request_to("bob", "INVITE").record_routes]
    assert hosts == ["198.51.100.99", "10.0.0.1"]
    alice.hang_up()
    world.advance(1.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert bob.requests[-1].get("Route") is None


def test_a_caller_behind_nat_is_found_again_by_its_flow() -> None:
    """Its Via and Contact name an address of its own network; the proxy heard it from another."""
    world, alice, bob = two_phones()
    bob.on_invite = (200,)
    inner, alice.flow = alice.flow, Flow("UDP", ("192.168.1.5", 5060), SWITCH)
    world.nat[alice.flow.local] = inner.local
    alice._send(alice._request("INVITE", f"sip:{BOB}", "bob", [("Contact", "<sip:alice@192.168.1.5:5060>")], b""))
    world.advance(0.1)
    users = [route.uri.user for route in world.request_to("bob", "INVITE").record_routes]
    assert users == ["", "f-UDP-0-10.0.0.1-5060-192.0.2.10-5060"]
    bob.hang_up()
    world.advance(1.0)
    assert [request.method for request in alice.requests] == ["BYE"]


def test_over_the_bound_of_transactions_new_requests_get_503() -> None:
    world, alice, bob = two_phones()
    world.switch.stop(world.now, world.wall)
    call_bob(alice)
    world.advance(1.0)
    assert (alice.statuses, alice.responses[-1].get("Retry-After"), bob.requests) == ([503], "5", [])


def test_options_to_us_is_answered_and_to_a_user_is_passed_on() -> None:
    world, alice, bob = two_phones()
    alice._send(alice._request("OPTIONS", "sip:trunkline.test", "x", [], b""))
    world.advance(1.0)
    assert (alice.responses[-1].status, alice.responses[-1].get("Allow") is None) == (200, False)
    alice._send(alice._request("OPTIONS", f"sip:{BOB}", "bob", [], b""))
    world.advance(1.0)
    assert [request.method for request in bob.requests] == ["OPTIONS"]


def test_five_per_cent_of_loss_each_way_leave_every_call_whole() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (180, 200)
    lots = random.Random(5)
    world.lose = lambda sent: lots.random() < 0.05
    for _ in range(200):
        bob.register()
        world.advance(12.0)
        call_bob(alice)
        world.advance(12.0)
        alice.hang_up()
        world.advance(12.0)
    world.advance(70.0)
    methods = [request.method for request in bob.requests]
    assert (methods.count("INVITE"), methods.count("BYE")) == (200, 200)
    assert sum(sent.lost for sent in world.sent) > 100
    assert world.endpoint.transactions == 0


def test_the_response_that_came_with_one_via_is_not_passed_on() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = ()
    call_bob(alice)
    world.advance(0.3)
    ringing = bob.ringing[0]
    response = bob.endpoint.make_response(ringing.request, 486, "", ringing.tag)
    response.set("Via", response.values("Via")[0])
    world.receive(bytes(response), bob.flow, world.now)
    world.advance(1.0)
    assert alice.statuses[-1] == 502


def test_what_is_sent_on_can_be_read() -> None:
    world, alice, bob = two_phones()
    bob.on_invite = (180, 200)
    call_bob(alice)
    world.advance(2.0)
    alice.hang_up()
    world.advance(2.0)
    assert all(parse_message(sent.data) for sent in world.sent)
    assert SWITCH == ("10.0.0.1", 5060)
