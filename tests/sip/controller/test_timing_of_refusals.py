"""An unknown user and a wrong password cannot be told apart: not by what is answered, and not by the work it takes.

Time is not measured: what costs time is counted, the hashes computed and the look-ups made on the way to the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sip.stack import digest
from sip.stack.digest import Challenge
from sip.stack.flow import Flow
from sip.stack.message import Request, Response, parse_message
from tests.sip.controller.business import REALM, directory, line
from tests.sip.controller.network import SWITCH, Network

SOURCE = ("198.51.100.9", 5060)


class Hashes:
    """How often each algorithm was started, and over how many bytes."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashes]:
    counted = Hashes()

    def counting(name: str, real: Any) -> Any:
        def make(data: bytes = b"", **options: Any) -> Any:
            counted.seen.append((name, len(data)))
            return real(data, **options)

        return make

    for name in ("md5", "sha256"):
        monkeypatch.setattr(hashlib, name, counting(name, getattr(hashlib, name)))
    yield counted


class Caller:
    """Sends requests from one address and reads the answers."""

    def __init__(self) -> None:
        self.network = Network(directory(line(1, "alice"), line(2, "bob")))
        self._number = 0

    def send(self, method: str, username: str, credentials: str = "") -> Response:
        self._number += 1
        name, asks = ("Authorization", "sip:trunkline.test") if method == "REGISTER" else _INVITE
        rows = [
            ("Via", f"SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bKt{self._number};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{username}@{REALM}>;tag=f{self._number:04}"),
            ("To", f"<sip:{username if method == 'REGISTER' else '102'}@{REALM}>"),
            ("Call-ID", f"call-{self._number:04}"),
            ("CSeq", f"1 {method}"),
            ("Contact", "<sip:x@198.51.100.9>"),
            *([(name, credentials)] if credentials else []),
        ]
        data = bytes(Request(method, asks, rows, b"v=0\r\n" * 20))
        self.network.endpoint.receive_datagram(data, Flow("UDP", SWITCH, SOURCE), self.network.now)
        self.network.run()
        answer = parse_message(self.network.sent[-1].data)
        assert isinstance(answer, Response)
        return answer

    def challenged(self, method: str, username: str) -> Challenge:
        answer = self.send(method, username)
        name = "WWW-Authenticate" if method == "REGISTER" else "Proxy-Authenticate"
        return Challenge.parse(answer.get(name) or "")

    def fails(self, method: str, username: str, algorithm: str = "MD5") -> Response:
        """Answer a challenge with a wrong password."""
        challenge = replace(self.challenged(method, username), algorithm=algorithm)
        ha1 = digest.make_ha1(algorithm, username, REALM, "wrong")
        uri = "sip:trunkline.test" if method == "REGISTER" else _INVITE[1]
        made = digest.answer(challenge, method, uri, username, ha1, "cnonce12")
        return self.send(method, username, str(made))


_INVITE = ("Proxy-Authorization", "sip:102@trunkline.test")


def shape(response: Response) -> list[tuple[str, str]]:
    """Return a response without what differs from one request to the next."""
    fresh = {"Via", "From", "To", "Call-ID", "WWW-Authenticate", "Proxy-Authenticate"}
    rows = [(name, "" if name in fresh else value) for name, value in response.headers]
    return [("", f"{response.status} {response.reason}"), ("bytes", str(len(bytes(response)))), *rows]


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_a_challenge_looks_the_same_for_a_line_and_for_nobody(method: str) -> None:
    caller = Caller()
    assert shape(caller.send(method, "alice")) == shape(caller.send(method, "nobod"))


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_refusal_looks_the_same_for_a_wrong_password_and_for_nobody(method: str, algorithm: str) -> None:
    caller = Caller()
    known, unknown = caller.fails(method, "alice", algorithm), caller.fails(method, "nobod", algorithm)
    assert known.status == 403
    assert shape(known) == shape(unknown)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_refusal_takes_the_same_hashes_over_as_many_bytes(method: str, algorithm: str, hashes: Hashes) -> None:
    caller = Caller()
    counted = []
    for username in ("alice", "nobod", "bob", "ghost", "alice"):
        before = len(hashes.seen)
        caller.fails(method, username, algorithm)
        counted.append([name for name, _ in hashes.seen[before:]])
    assert counted[0]
    assert all(seen == counted[0] for seen in counted)


def test_the_same_bytes_are_hashed_for_names_of_the_same_length(hashes: Hashes) -> None:
    caller = Caller()
    hashes.seen.clear()
    caller.fails("REGISTER", "alice")
    known = list(hashes.seen)
    hashes.seen.clear()
    caller.fails("REGISTER", "nobod")
    assert hashes.seen == known


def test_a_name_of_a_line_without_a_secret_for_the_algorithm_is_refused_like_any_other(hashes: Hashes) -> None:
    caller = Caller()
    caller.network = Network(directory(line(1, "alice", ha1_sha256=""), line(2, "bob")))
    counted = []
    for username in ("alice", "nobod"):
        before = len(hashes.seen)
        assert caller.fails("REGISTER", username, "SHA-256").status == 403
        counted.append(hashes.seen[before:])
    assert counted[0] == counted[1]
