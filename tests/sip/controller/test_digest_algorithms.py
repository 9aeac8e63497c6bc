"""Digest at the switch: every algorithm is taken, the challenge says what is set, and nobody learns who exists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.stack import digest
from sip.stack.digest import ALGORITHMS, Challenge, Credentials
from tests.sip.controller.business import REALM
from tests.sip.controller.network import Network, alice_and_bob
from tests.sip.controller.phone import Phone


def challenged(qop: tuple[str, ...] = ("auth",)) -> tuple[Network, Phone, Challenge]:
    """Return a network, alice and a challenge of the switch's."""
    network, alice, _ = alice_and_bob()
    nonce = network.switch._core.auth._nonces.make(network.wall, REALM)
    return network, alice, Challenge(REALM, nonce, "MD5", qop)


def statuses_of(network: Network, alice: Phone, given: Credentials, body: bytes = b"") -> list[str]:
    """Return what the switch says to a REGISTER with these credentials."""
    before = len(network.sent)
    rows = [alice.contact, ("Authorization", str(given))]
    alice.send(alice._request("REGISTER", f"sip:{REALM}", "alice", rows, body))
    network.run()
    return [sent.text for sent in network.sent[before:] if sent.source == "switch"]


def credentials(challenge: Challenge, algorithm: str, password: str = "pw-alice", body: bytes = b"") -> Credentials:
    ha1 = digest.make_ha1(digest.base_algorithm(algorithm), "alice", REALM, password)
    asked = replace(challenge, algorithm=algorithm)
    return digest.answer(asked, "REGISTER", f"sip:{REALM}", "alice", ha1, "cn", body=body)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "SHA-256-sess"])
def test_credentials_of_every_algorithm_are_taken_whatever_was_offered(algorithm: str) -> None:
    network, alice, challenge = challenged()
    assert statuses_of(network, alice, credentials(challenge, algorithm)) == ["200 REGISTER"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_wrong_password_is_refused_in_every_algorithm(algorithm: str) -> None:
    network, alice, challenge = challenged()
    assert statuses_of(network, alice, credentials(challenge, algorithm, "guess")) == ["403 REGISTER"]


def test_auth_int_binds_the_body_to_the_credentials() -> None:
    network, alice, challenge = challenged(("auth-int",))
    given = credentials(challenge, "SHA-256", body=b"as signed")
    assert statuses_of(network, alice, given, b"another") == ["403 REGISTER"]
    assert statuses_of(network, alice, given, b"as signed") == ["200 REGISTER"]


def test_a_line_without_secret_for_the_algorithm_is_refused_like_a_wrong_password() -> None:
    network, alice, challenge = challenged()
    lines = [replace(line, ha1_sha512_256="") for line in network.switch.directory.lines.values()]
    network.switch.directory = type(network.switch.directory)(lines)
    assert statuses_of(network, alice, credentials(challenge, "SHA-512-256")) == ["403 REGISTER"]
    assert statuses_of(network, alice, credentials(challenge, "MD5")) == ["200 REGISTER"]


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer() -> None:
    network, alice, challenge = challenged()
    wrong = credentials(challenge, "MD5", "guess")
    unknown = replace(wrong, username="nobody")
    assert statuses_of(network, alice, unknown) == statuses_of(network, alice, wrong) == ["403 REGISTER"]
