"""RFC 5627: URIs that lead to one phone of a line."""

from __future__ import annotations

import base64

import pytest

from sip.controller.registration.config import RegistrarConfig
from sip.controller.registration.sealer import Sealer
from sip.stack.message.message import Response
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri
from tests.sip.controller.network import SECRET, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import CONTACT, INSTANCE, UUID, answer, bindings, refused, registrar

GRUU = ("Supported", "gruu")
PUBLIC = f"sip:alice@trunkline.test;gr={UUID}"
OTHER_INSTANCE = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'


def contact(uri: str = CONTACT, instance: str = INSTANCE, more: str = "") -> tuple[str, str]:
    return ("Contact", f"{uri}{instance}{more}")


def temporary(response: Response, which: int = -1) -> str:
    """Return the temporary GRUU of a contact in a 200."""
    return NameAddr.parse(response.get_all("Contact")[which]).param("temp-gruu") or ""


def two_phones() -> tuple[Network, Phone, Phone, Response]:
    """Return alice's two phones, the first one's GRUUs asked for; bob is registered too."""
    network, desk = registrar()
    cell = network.phone("192.0.2.11", "alice", "pw-alice", 5070)
    answer(network, cell, contact("<sip:alice@192.0.2.11:5070>", OTHER_INSTANCE))
    network.phone("192.0.2.20", "bob", "pw-bob").register()
    return network, desk, cell, answer(network, desk, GRUU, contact(), ("Call-ID", "desk"))


def dial(network: Network, uri: str) -> list[int]:
    """Call a URI from bob's phone and return what he heard."""
    bob = network.phones["192.0.2.20", 5060]
    bob.statuses.clear()
    bob._send(bob._request("INVITE", uri, "alice", [bob.contact], b""))
    network.advance(1.0)
    return bob.statuses


def test_who_asks_gets_a_public_and_a_temporary_gruu_for_each_phone() -> None:
    _, _, _, response = two_phones()
    first, second = [NameAddr.parse(row) for row in response.get_all("Contact")]
    assert first.param("pub-gruu") == "sip:alice@trunkline.test;gr=urn:uuid:00000000-0000-1000-8000-000a95a0e128"
    assert second.param("pub-gruu") == PUBLIC
    uri = Uri.parse(second.param("temp-gruu") or "")
    assert (uri.host, uri.param("gr"), uri.user[:6]) == ("trunkline.test", "", "tgruu.")


@pytest.mark.parametrize("rows", [(), (("Supported", "path"),)])
def test_who_does_not_ask_gets_none(rows: tuple[tuple[str, str], ...]) -> None:
    network, alice = registrar()
    assert "gruu" not in (answer(network, alice, contact(), *rows).get("Contact") or "")


def test_a_contact_without_instance_and_an_operator_without_gruus_give_none() -> None:
    network, alice = registrar()
    assert "gruu" not in (answer(network, alice, GRUU).get("Contact") or "")
    network, alice = registrar(RegistrarConfig(with_gruu=False))
    assert "gruu" not in (answer(network, alice, GRUU, contact()).get("Contact") or "")


def test_gruus_that_the_phone_proposes_are_ignored() -> None:
    network, alice = registrar()
    mine = ';pub-gruu="sip:bob@trunkline.test;gr=x";temp-gruu="sip:y@trunkline.test;gr"'
    response = answer(network, alice, GRUU, contact(more=mine))
    assert NameAddr.parse(response.get("Contact") or "").param("pub-gruu") == PUBLIC
    assert temporary(response) != "sip:y@trunkline.test;gr"


def test_a_call_to_the_public_gruu_rings_that_phone_alone() -> None:
    network, desk, cell, _ = two_phones()
    assert dial(network, PUBLIC) == [407, 100, 180]
    assert (len(desk.ringing), len(cell.ringing)) == (1, 0)
    assert desk.ringing[0].request.uri == "sip:alice@192.0.2.10:5060"


def test_a_call_to_the_temporary_gruu_rings_that_phone_alone() -> None:
    network, desk, cell, response = two_phones()
    assert dial(network, temporary(response)) == [407, 100, 180]
    assert (len(desk.ringing), len(cell.ringing)) == (1, 0)


def test_the_public_gruu_of_a_phone_that_is_away_is_temporarily_unavailable() -> None:
    network, desk, cell, _ = two_phones()
    answer(network, desk, contact(more=";expires=0"))
    assert dial(network, PUBLIC) == [407, 100, 480]
    assert cell.ringing == []


def test_a_temporary_gruu_ends_with_its_registration() -> None:
    network, desk, cell, response = two_phones()
    answer(network, desk, contact(more=";expires=0"))
    assert dial(network, temporary(response)) == [407, 404]
    assert (desk.ringing, cell.ringing) == ([], [])


@pytest.mark.parametrize(
    "uri",
    [
        "sip:nobody@trunkline.test;gr=urn:uuid:1",
        "sip:tgruu.AAAA@trunkline.test;gr",
        "sip:tgruu.@trunkline.test;gr",
        f"sip:tgruu.{'A' * 43}@trunkline.test;gr",
        f"sip:tgruu.{'%C3%A4' * 10}@trunkline.test;gr",
        "sip:alice@trunkline.test;gr",
        "sip:102@trunkline.test;gr",
    ],
)
def test_a_gruu_that_was_never_given_is_not_found_but_only_for_callers_we_know(uri: str) -> None:
    network, desk, _, _ = two_phones()
    assert dial(network, uri) == [407, 404]
    assert desk.ringing == []


def test_a_gruu_never_leads_where_the_business_sends_its_number() -> None:
    network, desk, _, _ = two_phones()
    network.policy.targets = ()
    network.policy.trunks = ()
    assert dial(network, PUBLIC.replace("alice", "bob")) == [407, 100, 480]
    assert desk.ringing == []


def test_renewed_under_the_same_call_id_all_temporary_gruus_stay_good() -> None:
    network, desk, _, response = two_phones()
    again = answer(network, desk, GRUU, contact(), ("Call-ID", "desk"), ("CSeq", "7 REGISTER"))
    assert temporary(again) != temporary(response)
    assert dial(network, temporary(response)) == [407, 100, 180]
    assert dial(network, temporary(again)) == [407, 100, 180]


@pytest.mark.parametrize("host", ["trunkline.test", "10.0.0.1"])
def test_a_phone_that_answers_with_its_gruu_is_reached_over_its_flow(host: str) -> None:
    network, desk, _, _ = two_phones()
    gruu = f"sip:alice@{host};gr={UUID}"
    desk.on_invite = ()
    dial(network, PUBLIC)
    call = desk.ringing[0]
    made = desk.endpoint.make_response(call.request, 200, "", call.tag, [("Contact", f"<{gruu}>")])
    desk.endpoint.respond(call.tx, made, network.now)
    network.advance(1.0)
    assert [ack.uri for ack in desk.acks] == [gruu]
    network.phones["192.0.2.20", 5060].hang_up()
    network.advance(1.0)
    assert desk.requests[-1].method == "BYE"


def test_another_call_id_ends_those_before_it() -> None:
    network, desk, _, response = two_phones()
    again = answer(network, desk, GRUU, contact(), ("Call-ID", "rebooted"))
    assert dial(network, temporary(response)) == [407, 404]
    assert dial(network, temporary(again)) == [407, 100, 180]


def flow(network: Network, port: int, reg_id: int, call_id: str) -> str:
    """Register one flow of alice's phone and return the temporary GRUU that came with it."""
    phone = network.phone("192.0.2.10", "alice", "pw-alice", port)
    rows = ("Supported", "gruu, outbound"), contact(more=f";reg-id={reg_id}"), ("Call-ID", call_id)
    return temporary(answer(network, phone, *rows))


def test_they_stay_good_while_any_flow_of_the_phone_is_registered() -> None:
    network, _ = registrar()
    network.phone("192.0.2.20", "bob", "pw-bob").register()
    first = flow(network, 5081, 1, "one")
    flow(network, 5082, 2, "two")
    gone = network.phones["192.0.2.10", 5081]
    answer(network, gone, contact(more=";reg-id=1"), ("Call-ID", "one"), ("CSeq", "9 REGISTER"), expires_s=0)
    assert [binding.reg_id for binding in bindings(network)] == [2]
    assert dial(network, first) == [407, 100, 180]


def test_another_call_id_of_one_flow_ends_those_of_all_flows() -> None:
    network, _ = registrar()
    network.phone("192.0.2.20", "bob", "pw-bob").register()
    first, second = flow(network, 5081, 1, "one"), flow(network, 5082, 2, "two")
    third = flow(network, 5083, 1, "rebooted")
    assert dial(network, first) == [407, 404]
    assert dial(network, second) == [407, 404]
    assert dial(network, third) == [407, 100, 180]


def test_they_outlive_a_restart_of_ours() -> None:
    network, _, _, response = two_phones()
    network.restart()
    assert dial(network, temporary(response)) == [407, 100, 180]


def test_a_gruu_of_the_line_is_no_contact_for_it() -> None:
    network, desk, _, response = two_phones()
    assert refused(network, desk, ("Contact", f"<{PUBLIC}>")) == 403
    assert refused(network, desk, ("Contact", f"<{temporary(response)}>")) == 403


def test_no_two_are_alike_and_none_shows_whose_it_is() -> None:
    network, desk, _, response = two_phones()
    seen = {temporary(response, 0), temporary(response, 1)}
    for number in range(10, 30):
        again = answer(network, desk, GRUU, contact(), ("Call-ID", "desk"), ("CSeq", f"{number} REGISTER"))
        seen |= {temporary(again)}
    assert len(seen) == 22
    raw = [base64.urlsafe_b64decode(Uri.parse(text).user[6:] + "=") for text in seen]
    for column in range(32):
        assert len({row[column] for row in raw}) > 10, f"byte {column} is nearly the same in all"


def test_a_changed_character_or_another_key_opens_nothing() -> None:
    network, _, _, response = two_phones()
    user = Uri.parse(temporary(response)).user
    assert network.core.sealer.open(user) is not None
    assert Sealer(b"another secret of at least 16 bytes").open(user) is None
    assert Sealer(SECRET).open(user) is not None
    for position in range(6, len(user) - 1):
        changed = user[:position] + ("A" if user[position] != "A" else "B") + user[position + 1 :]
        assert network.core.sealer.open(changed) is None
