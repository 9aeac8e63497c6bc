"""RFC 3263, RFC 6116 and RFC 2308 against a real DNS server: bind9, through dnspython."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import uvloop

from sip.io.resolver import DnsAsker, DnsLocator, parse_servers, reach_of
from sip.stack.listeners import Listener
from sip.stack.locating.enum import NumberAnswer
from sip.stack.locating.records import FAILED, Answer, Hop, Question
from sip.stack.message.uri import Uri
from tests.sip.peers.named import Named

pytestmark = pytest.mark.integration

ZONE = """
@            IN NAPTR 10 50 "s" "SIP+D2T" "" _sip._tcp.west
@            IN NAPTR 20 50 "s" "SIP+D2U" "" _sip._udp
_sip._udp    IN SRV 0 1 5060 a
_sip._tcp.west IN SRV 5 0 5070 b
_sip._tcp.west IN SRV 1 0 5080 a
a            IN A 192.0.2.1
a            IN AAAA 2001:db8::1
b            IN A 192.0.2.2
alias        IN CNAME b
_sip._udp.srvonly IN SRV 0 0 5090 b
_sip._udp.dot IN SRV 0 0 0 .
dot          IN A 192.0.2.7
short   5    IN A 192.0.2.5
"""
ENUM = r"""
8.4.1.0.6.4.9.7.0.2.4.4 IN NAPTR 10 10 "u" "E2U+sip" "!^\\+44(.*)$!sip:\\1@gw.carrier.example!" .
8.4.1.0.6.4.9.7.0.2.4.4 IN NAPTR 10 20 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;npdi;rn=+442000!" .
"""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    server = Named(tmp_path_factory.mktemp("named"))
    server.zone("carrier.example", ZONE, ttl_s=120, negative_s=45)
    server.zone("enum.example", ENUM)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Counting:
    """Asks through another, and keeps what was asked and for how long its answers stand."""

    def __init__(self, asker: DnsAsker) -> None:
        self._asker = asker
        self.asked: list[Question] = []
        self.ttls: list[float] = []

    async def ask(self, question: Question) -> tuple[Answer, float]:
        self.asked.append(question)
        answer, ttl_s = await self._asker.ask(question)
        self.ttls.append(ttl_s)
        return answer, ttl_s


def run(named: Named, job: Callable[[DnsLocator, Counting], Awaitable[None]], *transports: str) -> Counting:
    """Run ``job`` on uvloop, as nodes do."""
    reach = dict.fromkeys(transports or ("UDP", "TCP"), ("A",))

    async def main() -> Counting:
        asker = Counting(DnsAsker([named.address]))
        locator = DnsLocator(asyncio.get_running_loop(), asker, reach)
        try:
            await job(locator, asker)
        finally:
            locator.close()
        return asker

    return uvloop.run(main())


async def locate(locator: DnsLocator, uri: str) -> list[tuple[str, str, int]]:
    found: asyncio.Future[Sequence[Hop]] = asyncio.get_running_loop().create_future()
    locator.locate(Uri.parse(uri), found.set_result)
    return [(hop.transport, *hop.remote) for hop in await asyncio.wait_for(found, 10)]


@pytest.mark.parametrize(
    ("uri", "hops"),
    [
        ("sip:carrier.example", [("TCP", "192.0.2.1", 5080), ("TCP", "192.0.2.2", 5070)]),
        ("sip:carrier.example;transport=udp", [("UDP", "192.0.2.1", 5060)]),
        ("sip:srvonly.carrier.example", [("UDP", "192.0.2.2", 5090)]),
        ("sip:b.carrier.example", [("UDP", "192.0.2.2", 5060)]),
        ("sip:B.Carrier.Example:5099", [("UDP", "192.0.2.2", 5099)]),
        ("sip:alias.carrier.example:5060", [("UDP", "192.0.2.2", 5060)]),
        ("sip:dot.carrier.example;transport=udp", []),
        ("sip:nothing.carrier.example", []),
        ("sip:elsewhere.example", []),
    ],
)
def test_a_uri_leads_to_its_servers(named: Named, uri: str, hops: list[tuple[str, str, int]]) -> None:
    async def job(locator: DnsLocator, asker: Counting) -> None:
        assert await locate(locator, uri) == hops

    run(named, job)


def test_answers_stand_as_long_as_the_zone_says_and_negative_ones_as_its_soa_says(named: Named) -> None:
    async def job(locator: DnsLocator, asker: Counting) -> None:
        assert await locate(locator, "sip:a.carrier.example") == [("UDP", "192.0.2.1", 5060)]
        assert await locate(locator, "sip:short.carrier.example:5060") == [("UDP", "192.0.2.5", 5060)]
        assert await locate(locator, "sip:nothing.carrier.example:5060") == []

    asker = run(named, job, "UDP")
    assert dict(zip(asker.asked, asker.ttls, strict=True)) == {
        ("NAPTR", "a.carrier.example"): 45.0,
        ("SRV", "_sip._udp.a.carrier.example"): 45.0,
        ("A", "a.carrier.example"): 120.0,
        ("A", "short.carrier.example"): 5.0,
        ("A", "nothing.carrier.example"): 45.0,
    }


def test_a_second_call_asks_nothing_and_a_hundred_at_once_ask_once(named: Named) -> None:
    async def job(locator: DnsLocator, asker: Counting) -> None:
        found = await asyncio.gather(*(locate(locator, "sip:b.carrier.example:5060") for _ in range(100)))
        assert found == [[("UDP", "192.0.2.2", 5060)]] * 100
        told: list[Sequence[Hop]] = []
        locator.locate(Uri.parse("sip:b.carrier.example:5060"), told.append)
        assert len(told) == 1

    assert run(named, job).asked == [("A", "b.carrier.example")]


def test_ipv6_is_asked_for_where_there_is_a_socket_of_it(named: Named) -> None:
    rows = [
        Listener("UDP", ("127.0.0.1", 5060), ("127.0.0.1", 5060)),
        Listener("UDP", ("::1", 5060), ("::1", 5060)),
        Listener("WS", ("127.0.0.1", 80), ("127.0.0.1", 80)),
    ]
    assert reach_of(rows) == {"UDP": ("AAAA", "A")}

    async def main() -> None:
        locator = DnsLocator(asyncio.get_running_loop(), DnsAsker([named.address]), reach_of(rows))
        hops = await locate(locator, "sip:a.carrier.example:5060")
        assert hops == [("UDP", "2001:db8::1", 5060), ("UDP", "192.0.2.1", 5060)]

    uvloop.run(main())


def test_a_number_is_found_by_enum(named: Named) -> None:
    async def job(locator: DnsLocator, asker: Counting) -> None:
        found: asyncio.Future[NumberAnswer] = asyncio.get_running_loop().create_future()
        locator.look_up("+442079460148", "enum.example", found.set_result)
        answer = await found
        assert [str(uri) for uri in answer.uris] == ["sip:2079460148@gw.carrier.example"]
        assert (answer.routing_number, answer.is_dipped) == ("+442000", True)
        missing: asyncio.Future[NumberAnswer] = asyncio.get_running_loop().create_future()
        locator.look_up("+4930", "enum.example", missing.set_result)
        assert await missing == NumberAnswer()

    run(named, job)


def test_a_server_that_is_silent_is_a_failure_and_not_an_empty_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        async def main() -> None:
            asker = DnsAsker([silent.getsockname()])
            asker._resolver.timeout, asker._resolver.lifetime = 0.1, 0.2
            assert await asker.ask(("A", "a.carrier.example")) == (FAILED, 0.0)

        uvloop.run(main())


def test_a_name_that_is_no_name_is_a_failure(named: Named) -> None:
    async def job(locator: DnsLocator, asker: Counting) -> None:
        assert (await asker.ask(("A", "a..b")))[0] == FAILED
        assert (await asker.ask(("A", "x" * 64 + ".example")))[0] == FAILED

    run(named, job)


@pytest.mark.parametrize(
    ("text", "servers"),
    [("", []), ("127.0.0.1", [("127.0.0.1", 53)]), ("127.0.0.1:5353, [::1]:54", [("127.0.0.1", 5353), ("::1", 54)])],
)
def test_servers_are_read(text: str, servers: list[tuple[str, int]]) -> None:
    assert parse_servers(text) == servers


@pytest.mark.parametrize("text", ["127.0.0.1:x", "127.0.0.1 " * 9, "a:0:b"])
def test_bad_servers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_servers(text)
