"""What ``SIP_LISTEN`` may say, and what of it is bound."""

from __future__ import annotations

import asyncio

import pytest

from sip.io.errors import ListenError
from sip.io.listeners import ListenerConfig, Sockets, ZoneConfig, parse_zones
from sip.stack.flow import Flow
from sip.stack.listeners import Listener

HOST = "127.0.0.34"


def test_zones_and_listeners_come_in_their_order_with_what_is_advertised() -> None:
    text = (
        "internal=udp:10.0.0.1:5060, tcp:10.0.0.1:5060 ;"
        "carrier=udp:0.0.0.0:5070@sip.example.com,udp:[2001:db8::1]:5060@[2001:db8::2]:5099;"
    )
    assert parse_zones(text) == (
        ZoneConfig("internal", (ListenerConfig("UDP", "10.0.0.1", 5060), ListenerConfig("TCP", "10.0.0.1", 5060))),
        ZoneConfig(
            "carrier",
            (
                ListenerConfig("UDP", "0.0.0.0", 5070, "sip.example.com"),
                ListenerConfig("UDP", "2001:db8::1", 5060, "2001:db8::2", 5099),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no zone"),
        ("udp:10.0.0.1:5060", "is not zone=listener"),
        ("Internal=udp:10.0.0.1:5060", "is not zone=listener"),
        ("internal=", "has no listener"),
        ("internal=quic:10.0.0.1:5060", "does not begin with a transport"),
        ("internal=10.0.0.1:5060", "does not begin with a transport"),
        ("internal=udp:10.0.0.1", "has no port"),
        ("internal=udp:10.0.0.1:99999", "10.0.0.1:99999"),
        ("internal=udp:sip.example.com:5060", "is not an IP address"),
        ("internal=udp:0.0.0.0:5060", "say with @ which one"),
        ("internal=udp:[::]:5060", "say with @ which one"),
        ("a=udp:10.0.0.1:5060;a=tcp:10.0.0.1:5060", "named twice"),
        ("a=udp:10.0.0.1:5060;b=udp:10.0.0.1:5060", "10.0.0.1:5060 is bound twice"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ListenError, match=r"SIP_LISTEN: ") as raised:
        parse_zones(text)
    assert complaint in str(raised.value)


@pytest.mark.asyncio
async def test_all_listeners_are_bound_and_port_0_is_one_port_for_a_zones_host() -> None:
    sockets = Sockets(
        asyncio.get_running_loop(),
        [
            ZoneConfig("a", (ListenerConfig("UDP", HOST, 0), ListenerConfig("TCP", HOST, 0, "192.0.2.9"))),
            ZoneConfig("b", (ListenerConfig("UDP", "::1", 0, "2001:db8::9", 5066),)),
        ],
    )
    await sockets.open()
    try:
        udp, tcp, six = sockets.listeners.rows
        assert udp == Listener("UDP", (HOST, udp.local[1]), (HOST, udp.local[1]), "a")
        assert tcp == Listener("TCP", udp.local, ("192.0.2.9", udp.local[1]), "a")
        assert six == Listener("UDP", ("::1", six.local[1]), ("2001:db8::9", 5066), "b")
        first = sockets.senders.find(Flow("UDP", udp.local, (HOST, 9)))
        second = sockets.senders.find(Flow("UDP", six.local, ("::1", 9)))
        assert first is not None and second is not None and first is not second
        assert sockets.senders.find(Flow("UDP", ("10.9.9.9", 5060), (HOST, 9))) is first
        assert sockets.senders.find(Flow("WS", udp.local, (HOST, 9))) is None
    finally:
        await sockets.close()


@pytest.mark.asyncio
async def test_an_address_that_is_not_ours_is_named_and_nothing_stays_bound() -> None:
    loop = asyncio.get_running_loop()
    zones = [
        ZoneConfig("a", (ListenerConfig("UDP", HOST, 0),)),
        ZoneConfig("b", (ListenerConfig("TCP", "192.0.2.1", 5060),)),
    ]
    sockets = Sockets(loop, zones)
    with pytest.raises(ListenError, match=r"^zone b, tcp:192.0.2.1:5060: .*assign requested address"):
        await sockets.open()
    assert sockets.listeners.rows == ()
