"""Nobody who has not proved who he is gets more than one and a half times the bytes he sent, now or later."""

from __future__ import annotations

import pytest

from sip.stack.amplification import AMPLIFICATION_MAX, shorten
from sip.stack.flow import Flow
from sip.stack.message import Response
from tests.fuzz import seeds
from tests.fuzz.mutator import Mutator
from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.network import SWITCH, Network

VICTIM = ("203.0.113.77", 5060)
LONGEST_S = 40.0
"""Every timer of a transaction has fired by then (64 * T1)."""

SHORT = (
    b"%s sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\nContact: <sip:a@b>\r\n\r\n"
)

IN_DIALOG = seeds.request("INVITE").replace(b"To: <sip:1002@trunkline.test>", b"To: <sip:1002@trunkline.test>;tag=none")


def without_credentials(data: bytes) -> bytes:
    rows = data.split(b"\r\n")
    return b"\r\n".join([row for row in rows if b"uthorization:" not in row])


def with_via(data: bytes) -> bytes:
    """Put a chain of 60 hops into a request: all of it comes back in each response."""
    hops = b"".join(b"Via: SIP/2.0/UDP hop%d.example.com;branch=z9hG4bKhop%d\r\n" % (n, n) for n in range(60))
    return data.replace(b"Max-Forwards:", hops + b"Max-Forwards:")


REQUESTS = {
    **{method: without_credentials(seeds.request(method)) for method in seeds.METHODS},
    **{f"{method}, wrong credentials": seeds.request(method) for method in ("INVITE", "REGISTER", "SUBSCRIBE")},
    **{f"{method}, short": SHORT % (method.encode(), method.encode()) for method in seeds.METHODS},
    "INVITE in a dialog that is not there": IN_DIALOG,
    "INVITE, many Via": with_via(without_credentials(seeds.request("INVITE"))),
    "INVITE, no hops left": seeds.request("INVITE").replace(b"Max-Forwards: 70", b"Max-Forwards: 0"),
    "INVITE, extension required": seeds.request("INVITE").replace(b"Supported:", b"Require:"),
    "INVITE, two Contacts": seeds.request("INVITE").replace(b"Contact:", b"Contact: <sip:x@y>\r\nContact:"),
    "INVITE, bad row": seeds.request("INVITE").replace(b"Allow:", b"\xff\xff"),
    "INVITE, too many rows": seeds.request("INVITE").replace(b"Allow:", b"X: y\r\n" * 300 + b"Allow:"),
    "INVITE, other scheme": seeds.request("INVITE").replace(b"INVITE sip:", b"INVITE urn:"),
    "OPTIONS, bad version": seeds.request("OPTIONS").replace(b"SIP/2.0\r\nVia", b"SIP/9.0\r\nVia"),
    "REGISTER, elsewhere": seeds.request("REGISTER").replace(b"127.0.0.1:5060", b"elsewhere.example.com"),
    "CANCEL of nothing": seeds.request("CANCEL"),
    "keep-alive": b"\r\n\r\n",
    "nonsense": b"\x00\x01\x02" * 50,
    "a response": seeds.response(200),
}


class Traffic:
    """A switch, and what goes between it and an address somebody forged."""

    def __init__(self) -> None:
        self.network = Network(directory(line(1, "u1"), line(2, "u2"), trunk(9, "203.0.113.9")))
        self.sent = 0

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self.network.endpoint.receive_datagram(data, Flow("UDP", SWITCH, VICTIM), self.network.now)
        self.network.run()

    @property
    def got(self) -> int:
        return sum(len(item.data) for item in self.network.sent if item.source == "switch")


@pytest.mark.parametrize("name", REQUESTS)
def test_one_request_earns_at_most_its_share_with_all_repetitions(name: str) -> None:
    traffic = Traffic()
    traffic.send(REQUESTS[name])
    at_once = traffic.got
    traffic.network.advance(LONGEST_S)
    assert traffic.got <= AMPLIFICATION_MAX * traffic.sent
    assert traffic.got == at_once


@pytest.mark.parametrize("name", REQUESTS)
def test_a_repeated_request_earns_its_share_each_time(name: str) -> None:
    traffic = Traffic()
    for _ in range(7):
        traffic.send(REQUESTS[name])
        traffic.network.advance(1.0)
        assert traffic.got <= AMPLIFICATION_MAX * traffic.sent
    traffic.network.advance(LONGEST_S)
    assert traffic.got <= AMPLIFICATION_MAX * traffic.sent


def test_requests_of_every_kind_are_answered_when_they_are_of_usual_length() -> None:
    for method in seeds.METHODS:
        if method != "ACK":
            traffic = Traffic()
            traffic.send(without_credentials(seeds.request(method)))
            assert traffic.got > 0, method


@pytest.mark.parametrize("seed", range(8))
def test_hostile_requests_earn_at_most_their_share_each(seed: int) -> None:
    mutator = Mutator(seed, [without_credentials(seed_) for seed_ in seeds.all_seeds()])
    traffic = Traffic()
    for _ in range(300):
        before_sent, before_got = traffic.sent, traffic.got
        data = mutator.make()
        traffic.send(data)
        traffic.network.advance(0.01)
        assert traffic.got - before_got <= AMPLIFICATION_MAX * (traffic.sent - before_sent), data
    traffic.network.advance(LONGEST_S)
    assert traffic.got <= AMPLIFICATION_MAX * traffic.sent


def test_a_challenged_invite_leaves_no_transaction_and_its_ack_is_absorbed() -> None:
    traffic = Traffic()
    traffic.send(without_credentials(seeds.request("INVITE")))
    [answer] = traffic.network.sent
    assert (answer.text, traffic.network.endpoint.transactions) == ("407 INVITE", 0)
    ack = seeds.request("ACK").replace(b"seedACK0", b"seedINVITE0")
    traffic.send(ack)
    assert len(traffic.network.sent) == 1


def test_a_response_loses_first_what_says_least_and_last_the_second_challenge() -> None:
    rows = [
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
        ("Server", "Trunkline"),
        ("Allow", "INVITE, ACK"),
        ("Proxy-Authenticate", 'Digest realm="r", algorithm=SHA-256'),
        ("Proxy-Authenticate", 'Digest realm="r", algorithm=MD5'),
    ]
    whole = len(bytes(Response(407, "Proxy Authentication Required", rows)))

    def at(received: float) -> list[str]:
        response = Response(407, "Proxy Authentication Required", list(rows))
        data = shorten(response, int(received / AMPLIFICATION_MAX) + 1)
        return [name for name, _ in response.headers if name != "Content-Length"] if data else []

    assert at(whole) == ["Via", "Server", "Allow", "Proxy-Authenticate", "Proxy-Authenticate"]
    assert at(whole - 5) == ["Via", "Allow", "Proxy-Authenticate", "Proxy-Authenticate"]
    assert at(whole - 25) == ["Via", "Proxy-Authenticate", "Proxy-Authenticate"]
    assert at(whole - 50) == ["Via", "Proxy-Authenticate"]
    assert at(60) == []
