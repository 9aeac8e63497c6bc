"""RFC 3261 §10.3 step by step; what a restart and a wrong password do is in ``test_registrar.py``."""

from __future__ import annotations

import pytest

from sip.controller.registration.answer import date_row
from sip.controller.registration.config import RegistrarConfig
from sip.stack.message.message import Request
from tests.sip.controller.network import EPOCH
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import CONTACT, INSTANCE, answer, bindings, refused, registrar, uris


def register_at(phone: Phone, uri: str, to: str = "<sip:alice@trunkline.test>") -> Request:
    """Return a REGISTER with another Request-URI than the phone's own."""
    return phone._request("REGISTER", uri, "alice", [phone.contact, ("To", to)], b"", 600)


@pytest.mark.parametrize(
    "uri",
    ["sip:trunkline.test", "sip:TRUNKLINE.test", "sip:pbx.trunkline.test", "sip:10.0.0.1", "sip:other.example"],
)
def test_step_1_our_realm_names_below_it_our_addresses_and_aliases_are_served(uri: str) -> None:
    network, alice = registrar(RegistrarConfig(domains=frozenset({"other.example"})))
    alice._send(register_at(alice, uri))
    network.run()
    assert alice.responses[-1].status == 200


@pytest.mark.parametrize("uri", ["sip:elsewhere.example", "sip:nottrunkline.test", "sip:192.0.2.99", "tel:+1"])
def test_step_1_another_domain_is_not_found_and_its_phone_not_even_challenged(uri: str) -> None:
    network, alice = registrar()
    alice._send(register_at(alice, uri))
    network.run()
    assert [response.status for response in alice.responses] == [404]
    assert bindings(network) == ()


def test_step_2_an_unknown_extension_is_named_and_a_known_one_is_not() -> None:
    network, alice = registrar()
    alice.register(600, ("Require", "path, frobnicate, gruu"))
    network.run()
    assert [response.status for response in alice.responses] == [420]
    assert alice.responses[0].get("Unsupported") == "frobnicate"
    assert answer(network, alice, ("Require", "path")).status == 200


def test_step_4_nobody_registers_in_anothers_name() -> None:
    network, alice = registrar()
    assert refused(network, alice, ("To", "<sip:bob@trunkline.test>")) == 403
    assert bindings(network, "bob") == ()


def test_step_5_an_address_of_another_domain_is_not_found() -> None:
    network, alice = registrar()
    assert refused(network, alice, ("To", "<sip:alice@elsewhere.example>")) == 404


def test_step_5_escapes_and_parameters_of_the_address_do_not_count() -> None:
    network, alice = registrar()
    assert answer(network, alice, ("To", "<sip:%61lice@trunkline.test;user=phone>")).status == 200
    assert len(bindings(network)) == 1


@pytest.mark.parametrize("more", ["*, <sip:alice@192.0.2.10>", "<sip:alice@192.0.2.10>, *"])
def test_step_6_a_star_beside_another_contact_is_refused(more: str) -> None:
    network, alice = registrar()
    answer(network, alice)
    alice.register(0, ("Contact", more))
    network.run()
    assert alice.responses[-1].status == 400
    assert len(bindings(network)) == 1


def test_step_6_a_star_that_was_overtaken_forgets_nothing() -> None:
    network, alice = registrar()
    answer(network, alice, ("Call-ID", "same"), ("CSeq", "20 REGISTER"))
    answer(network, alice, ("Contact", "<sip:alice@192.0.2.11>"))
    assert (
        answer(network, alice, ("Contact", "*"), ("Call-ID", "same"), ("CSeq", "7 REGISTER"), expires_s=0).status == 500
    )
    assert len(bindings(network)) == 2


def test_step_7_a_binding_of_another_call_id_may_be_taken_back_with_any_number() -> None:
    network, alice = registrar()
    answer(network, alice, ("CSeq", "900 REGISTER"))
    assert answer(network, alice, ("CSeq", "3 REGISTER"), expires_s=0).status == 200
    assert bindings(network) == ()


@pytest.mark.parametrize(
    ("wish", "header_s", "granted"),
    [
        (";expires=0", 600, None),
        ("", 600, 600),
        ("", -1, 600),
        (";expires=60", 600, 60),
        (";expires=4294967296", 600, 3600),
    ],
)
def test_step_7_the_contacts_own_time_wins_then_the_headers_then_ours(
    wish: str, header_s: int, granted: int | None
) -> None:
    network, alice = registrar()
    shown = answer(network, alice, ("Contact", CONTACT + wish), expires_s=header_s).get("Contact")
    assert shown == (None if granted is None else f"{CONTACT};expires={granted}")


def test_step_7_one_bad_contact_leaves_all_as_it_was() -> None:
    network, alice = registrar()
    answer(network, alice)
    rows = ("<sip:alice@192.0.2.20>", f"{CONTACT};expires=0", "<sip:alice@192.0.2.30>;expires=5")
    assert refused(network, alice, *[("Contact", row) for row in rows]) == 423
    assert uris(network) == ["sip:alice@192.0.2.10:5060"]


def test_step_7_contacts_written_otherwise_are_the_same() -> None:
    network, alice = registrar()
    answer(network, alice, ("Contact", "<sip:%61lice@PHONE.example;transport=UDP>"))
    answer(network, alice, ("Contact", "<sip:alice@phone.example;transport=udp;line=1>"))
    assert uris(network) == ["sip:alice@phone.example;transport=udp;line=1"]


def test_step_7_the_same_contact_twice_in_one_request_is_one() -> None:
    network, alice = registrar()
    assert answer(network, alice, ("Contact", f"{CONTACT}, {CONTACT};q=0.5")).get_all("Contact") == [
        f"{CONTACT};expires=600;q=0.5"
    ]


def test_step_7_two_contacts_of_one_instance_in_one_request_are_two() -> None:
    network, alice = registrar()
    both = f"{CONTACT}{INSTANCE}, <sip:alice@192.0.2.10:5080>{INSTANCE}"
    answer(network, alice, ("Contact", both))
    assert len(bindings(network)) == 2


def test_step_7_a_renewed_contact_keeps_the_time_it_first_came() -> None:
    network, alice = registrar()
    answer(network, alice, ("Call-ID", "same"))
    network.advance(100.0)
    answer(network, alice, ("Call-ID", "same"), ("CSeq", "9 REGISTER"))
    [binding] = bindings(network)
    assert (binding.registered_at, binding.expires_at) == (EPOCH, EPOCH + 700)


@pytest.mark.parametrize("q", ["2", "1.001", "0.1234", "-1", "0,5", "x", "."])
def test_a_q_value_that_is_none_is_refused(q: str) -> None:
    network, alice = registrar()
    assert refused(network, alice, ("Contact", f'{CONTACT};q="{q}"')) == 400


@pytest.mark.parametrize("q", ["0", "1", "0.5", "1.000", "0.125"])
def test_a_q_value_comes_back_as_it_was_given(q: str) -> None:
    network, alice = registrar()
    assert answer(network, alice, ("Contact", f"{CONTACT};q={q}")).get("Contact") == f"{CONTACT};expires=600;q={q}"


@pytest.mark.parametrize("uri", ["tel:+442079460000", "mailto:alice@example.com", "http://192.0.2.10/"])
def test_a_contact_that_would_be_a_forwarding_is_not_for_a_phone_to_bind(uri: str) -> None:
    network, alice = registrar()
    assert refused(network, alice, ("Contact", f"<{uri}>")) == 403


def test_a_sips_contact_must_come_over_tls() -> None:
    network, alice = registrar()
    secure = ("Contact", "<sips:alice@192.0.2.10:5061>")
    assert refused(network, alice, secure) == 400
    over_tls = network.phone("192.0.2.11", "alice", "pw-alice", 40_001, (alice.flow.remote[0], 5061), "TLS")
    assert answer(network, over_tls, secure).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_a_contact_at_nobodys_address_is_refused(host: str) -> None:
    network, alice = registrar()
    assert refused(network, alice, ("Contact", f"<sip:alice@{host}>")) == 400


@pytest.mark.parametrize("uri", ["sip:alice@198.51.100.1:5060", "sip:x@198.51.100.1", "sip:alice@trunkline.test"])
def test_a_contact_that_leads_back_to_us_is_refused(uri: str) -> None:
    network, alice = registrar(advertised_host="198.51.100.1")
    assert refused(network, alice, ("Contact", f"<{uri}>")) == 403


def test_more_contacts_than_any_phone_has_are_refused() -> None:
    network, alice = registrar(contacts_max=100)
    rows = [("Contact", f"<sip:alice@192.0.2.10:{6000 + number}>") for number in range(21)]
    assert refused(network, alice, *rows) == 400


def test_step_8_the_answer_tells_the_time_and_every_contact() -> None:
    network, alice = registrar()
    answer(network, alice, ("Contact", "<sip:alice@192.0.2.11>;expires=300"))
    network.advance(60.0)
    response = answer(network, alice)
    assert response.get_all("Contact") == ["<sip:alice@192.0.2.11>;expires=240", f"{CONTACT};expires=600"]
    assert response.get("Date") == "Fri, 15 Jan 2027 08:01:00 GMT"
    assert response.get("Record-Route") is None


def test_a_record_route_in_the_request_is_ignored() -> None:
    network, alice = registrar()
    response = answer(network, alice, ("Record-Route", "<sip:proxy.example;lr>"))
    assert (response.status, response.get("Record-Route")) == (200, None)


@pytest.mark.parametrize(
    ("wall", "text"),
    [(0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT")],
)
def test_dates_are_written_as_rfc_1123_says(wall: int, text: str) -> None:
    assert date_row(wall) == ("Date", text)


def test_who_left_his_last_contact_is_told_as_gone_and_who_came_as_registered() -> None:
    network, alice = registrar()
    heard: list[tuple[int, int, str]] = []
    network.switch.locations.subscribe(
        lambda name, before, after, wall, reason: heard.append((len(before), len(after), reason))
    )
    answer(network, alice)
    answer(network, alice, expires_s=0)
    alice.fetch()
    network.run()
    assert heard == [(0, 1, "registered"), (1, 0, "unregistered")]
