"""RFC 7616 and RFC 3261 §22.2 as a client: which challenges of a carrier are answered, how often, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from sip.controller.directory import TrunkEntry
from sip.controller.outbound import login as logins
from sip.controller.outbound.limits import NONCE_USES_MAX
from sip.controller.outbound.login import TrunkLogin
from sip.stack.digest import Challenge, Credentials, make_ha1, verify
from sip.stack.message.message import Request, Response
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import Phone

REALM = "carrier.example"
CARRIER = "198.51.100.1"
SECRETS = {name: make_ha1(name, "us", REALM, "pw") for name in ("MD5", "SHA-256", "SHA-512-256")}


def our_trunk(**changes: Any) -> TrunkEntry:
    values: dict[str, Any] = {
        "username": "us",
        "realm": REALM,
        "ha1_md5": SECRETS["MD5"],
        "ha1_sha256": SECRETS["SHA-256"],
        "ha1_sha512_256": SECRETS["SHA-512-256"],
    }
    return trunk(1, CARRIER, **(values | changes))


def request(method: str = "INVITE", body: bytes = b"") -> Request:
    return Request(method, "sip:+44@carrier.example", [("CSeq", f"1 {method}")], body)


def challenge(*challenges: Challenge, status: int = 407) -> Response:
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    return Response(status, "x", [(name, str(one)) for one in challenges])


def answer(
    response: Response, entry: TrunkEntry | None = None, answers: int = 0, login: TrunkLogin | None = None
) -> Credentials | None:
    row = logins.answer(login or TrunkLogin(), entry or our_trunk(), request(), response, answers, lambda: "cn")
    if row is None:
        return None
    assert row[0] == ("Proxy-Authorization" if response.status == 407 else "Authorization")
    return Credentials.parse(row[1])


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256", "MD5-sess", "SHA-256-sess"])
def test_a_challenge_of_the_trunks_realm_is_answered_in_its_algorithm(status: int, algorithm: str) -> None:
    made = answer(challenge(Challenge(REALM, "n1", algorithm), status=status))
    assert made is not None
    assert (made.username, made.realm, made.nonce, made.algorithm, made.nc) == (
        "us",
        REALM,
        "n1",
        algorithm,
        "00000001",
    )
    assert verify(made, "INVITE", SECRETS[algorithm.removesuffix("-sess")])


@pytest.mark.parametrize("realm", ["callee.example", "CARRIER.EXAMPLE", "carrier.example ", ""])
def test_another_realm_is_never_answered(realm: str) -> None:
    assert answer(challenge(Challenge(realm, "n1"))) is None


def test_among_challenges_of_several_realms_only_ours_is_answered() -> None:
    made = answer(challenge(Challenge("callee.example", "theirs"), Challenge(REALM, "ours")))
    assert made is not None
    assert (made.realm, made.nonce) == (REALM, "ours")


@pytest.mark.parametrize(
    "changes", [{"realm": ""}, {"username": ""}, {"ha1_md5": "", "ha1_sha256": "", "ha1_sha512_256": ""}]
)
def test_a_trunk_without_realm_name_or_secret_answers_nothing(changes: dict[str, Any]) -> None:
    assert answer(challenge(Challenge(REALM, "n1"), Challenge("", "n1")), our_trunk(**changes)) is None


def test_the_first_algorithm_we_have_a_secret_for_is_taken() -> None:
    offered = [Challenge(REALM, "n", name) for name in ("SHA-3", "SHA-512-256", "SHA-256", "MD5")]
    assert [made.algorithm for made in [answer(challenge(*offered))] if made] == ["SHA-512-256"]
    old = our_trunk(ha1_sha256="", ha1_sha512_256="")
    assert [made.algorithm for made in [answer(challenge(*offered), old)] if made] == ["MD5"]


@pytest.mark.parametrize("text", ["Basic realm=x", "Digest realm=", 'Digest realm="carrier.example"', ""])
def test_what_is_no_challenge_is_passed_over(text: str) -> None:
    response = Response(407, "x", [("Proxy-Authenticate", text)])
    assert answer(response) is None
    response.add("Proxy-Authenticate", str(Challenge(REALM, "n1")))
    assert answer(response) is not None


def test_a_qop_we_do_not_know_is_not_answered() -> None:
    assert answer(challenge(Challenge(REALM, "n1", qop=("auth-x",)))) is None


def test_a_second_challenge_says_the_secret_is_wrong_unless_it_calls_the_nonce_stale() -> None:
    assert answer(challenge(Challenge(REALM, "n2")), answers=1) is None
    made = answer(challenge(Challenge(REALM, "n2", stale=True)), answers=1)
    assert made is not None
    assert (made.nonce, made.nc) == ("n2", "00000001")
    assert answer(challenge(Challenge(REALM, "n3", stale=True)), answers=2) is None


def test_the_nonce_serves_further_requests_with_its_count_going_up() -> None:
    login = TrunkLogin()
    assert logins.preempt(login, our_trunk(), request("BYE"), lambda: "cn") is None
    answer(challenge(Challenge(REALM, "n1")), login=login)
    for count in (2, 3):
        row = logins.preempt(login, our_trunk(), request("BYE"), lambda: "cn")
        assert row is not None
        made = Credentials.parse(row[1])
        assert (row[0], made.nc) == ("Proxy-Authorization", f"{count:08x}")
        assert verify(made, "BYE", SECRETS["MD5"])


def test_a_nonce_is_not_used_without_a_count_nor_for_ever_nor_for_another_realm() -> None:
    login = TrunkLogin()
    answer(challenge(Challenge(REALM, "n1", qop=())), login=login)
    assert logins.preempt(login, our_trunk(), request("BYE"), lambda: "cn") is None
    answer(challenge(Challenge(REALM, "n1")), login=login)
    assert logins.preempt(login, our_trunk(realm="new.example"), request("BYE"), lambda: "cn") is None
    login.count = NONCE_USES_MAX
    assert logins.preempt(login, our_trunk(), request("BYE"), lambda: "cn") is None


def test_auth_int_covers_the_body() -> None:
    login = TrunkLogin()
    asked = challenge(Challenge(REALM, "n1", qop=("auth-int",)))
    row = logins.answer(login, our_trunk(), request("INVITE", b"v=0"), asked, 0, lambda: "cn")
    assert row is not None
    made = Credentials.parse(row[1])
    assert verify(made, "INVITE", SECRETS["MD5"], b"v=0")
    assert not verify(made, "INVITE", SECRETS["MD5"], b"v=1")


def charged_call(**changes: Any) -> tuple[Network, Phone, Phone]:
    """Return alice and a carrier that challenges; ``changes`` are of its challenge."""
    network = Network(directory(line(1, "alice"), our_trunk(), trunk(2, "198.51.100.2")), FakePolicy((1, 2)))
    alice, carrier = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone(CARRIER)
    carrier.challenge = Challenge(changes.pop("realm", REALM), "nonce1", **changes)
    carrier.on_invite = (180, 200)
    alice.call("+442071838750")
    network.advance(1.0)
    return network, alice, carrier


def counts(requests: list[Request], method: str) -> list[str]:
    texts = [sent.get("Proxy-Authorization") for sent in requests if sent.method == method]
    return [Credentials.parse(text).nc if text else "" for text in texts]


def test_an_invite_is_challenged_once_and_the_rest_of_the_dialog_not_at_all() -> None:
    network, alice, carrier = charged_call(algorithm="SHA-256")
    assert alice.statuses == [407, 100, 180, 200]
    alice.in_dialog("INVITE", b"v=0 again")
    network.advance(1.0)
    alice.in_dialog("INFO", b"")
    network.advance(1.0)
    alice.hang_up()
    network.advance(1.0)
    assert counts(carrier.requests, "INVITE") == ["", "00000001", "00000002"]
    assert counts(carrier.requests, "INFO") == ["00000003"]
    assert counts(carrier.requests, "BYE") == ["00000004"]
    assert counts(carrier.acks, "ACK") == ["00000001", "00000002"]


def test_an_ack_carries_the_credentials_of_its_invite() -> None:
    _, _, carrier = charged_call()
    [ack] = carrier.acks
    invite = carrier.requests[-1]
    assert ack.get("Proxy-Authorization") == invite.get("Proxy-Authorization")


def test_a_stale_nonce_within_the_dialog_is_answered_with_the_new_one() -> None:
    network, alice, carrier = charged_call()
    carrier.expects_nonce = "nonce2"
    carrier.challenge = Challenge(REALM, "nonce2", stale=True)
    alice.hang_up()
    network.advance(1.0)
    byes = [
        Credentials.parse(sent.get("Proxy-Authorization") or "") for sent in carrier.requests if sent.method == "BYE"
    ]
    assert [(made.nonce, made.nc) for made in byes] == [("nonce1", "00000002"), ("nonce2", "00000001")]
    assert network.core.dialogs == {}


def test_a_challenge_that_a_callee_sends_through_earns_no_hash_and_no_detour() -> None:
    network, alice, carrier = charged_call(realm="callee.example")
    assert counts(carrier.requests, "INVITE") == [""]
    assert b"Proxy-Authorization" not in network.bytes_to(CARRIER)
    assert alice.challenge is None
    assert alice.statuses[-1] != 407
    assert b"callee.example" not in network.bytes_to("alice")


def test_a_carrier_that_rejects_our_secret_is_not_asked_a_third_time() -> None:
    network = Network(directory(line(1, "alice"), our_trunk()), FakePolicy((1,)))
    alice, carrier = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone(CARRIER)
    carrier.challenge, carrier.expects_nonce = Challenge(REALM, "nonce1", stale=True), "never"
    alice.call("+442071838750")
    network.advance(1.0)
    assert len(carrier.requests) == 3
    assert alice.statuses == [407, 100, 503]


def test_a_line_that_challenges_gets_nothing() -> None:
    network = Network(directory(line(1, "alice"), line(2, "bob"), our_trunk()))
    alice, bob = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    bob.challenge = Challenge(REALM, "nonce1")
    alice.call("102")
    network.advance(1.0)
    assert counts(bob.requests, "INVITE") == [""]
    assert alice.statuses[-1] == 403
