"""Roles by settings: what is refused at the start, and what each is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.proxy import roles
from sip.proxy.config import ProxyConfig
from sip.proxy.proxy import Proxy
from sip.proxy.redirect import RedirectServer, RegistrarServer
from sip.proxy.routing import Neighbourhood, pack_flow, unpack_flow
from sip.proxy.stateless import StatelessProxy
from sip.stack.flow import Flow
from sip.stack.message import Uri
from tests.sip.proxy.world import two_phones

HOPS = ProxyConfig(next_hops=("sip:10.1.0.1",))


@pytest.mark.parametrize(
    ("role", "config", "complaint"),
    [
        ("switchboard", HOPS, "SIP_ROLE: 'switchboard' is none of b2bua, registrar, redirect, proxy, stateless"),
        ("stateless", ProxyConfig(), "SIP_PROXY_NEXT_HOPS: a stateless proxy needs at least one"),
        ("proxy", ProxyConfig(next_hops=("10.1.0.1",)), "SIP_PROXY_NEXT_HOPS: URI: no scheme"),
        ("proxy", ProxyConfig(next_hops=("tel:+4930",)), "SIP_PROXY_NEXT_HOPS: 'tel:\\+4930' is no SIP URI"),
    ],
)
def test_settings_nothing_can_be_made_of_are_refused(role: str, config: ProxyConfig, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        roles.check(role, config)


@pytest.mark.parametrize(
    ("role", "made"),
    [
        ("registrar", RegistrarServer),
        ("redirect", RedirectServer),
        ("proxy", Proxy),
        ("stateless", StatelessProxy),
    ],
)
def test_each_role_has_its_element(role: str, made: type[Proxy]) -> None:
    world, _, _ = two_phones()
    roles.check(role, HOPS)
    core = world.switch._core
    element = roles.make(role, core.config, HOPS, world.endpoint, core.directory, None, lambda: None, None)
    assert type(element) is made


def test_a_registrar_alone_takes_registrations_and_refuses_calls() -> None:
    world, alice, bob = two_phones("registrar")
    alice._send(alice._request("INVITE", "sip:bob@trunkline.test", "bob", [alice.contact], b""))
    world.advance(1.0)
    assert (alice.statuses, bob.requests) == ([405], [])
    assert len(world.switch.locations.bindings("bob", world.wall)) == 1


def test_a_domain_of_the_registrar_is_the_proxys_too() -> None:
    world, _, _ = two_phones()
    config = world.switch._core.config
    uri = Uri.parse("sip:bob@phones.example")
    assert not Neighbourhood(config, HOPS).answers_for(uri)
    served = replace(config, registrar=replace(config.registrar, domains=frozenset({"phones.example"})))
    assert Neighbourhood(served, HOPS).answers_for(uri)


@pytest.mark.parametrize(
    "flow",
    [
        Flow("UDP", ("10.0.0.1", 5060), ("192.0.2.10", 31000)),
        Flow("TLS", ("2001:db8::1", 5061), ("2001:db8::2", 40000), 77),
    ],
)
def test_a_flow_in_a_route_comes_back_as_it_was(flow: Flow) -> None:
    assert unpack_flow(pack_flow(flow)) == flow


@pytest.mark.parametrize("user", ["", "alice", "f-UDP-0-10.0.0.1-5060-192.0.2.10", "a-b-c-d-e-f-g"])
def test_another_user_part_is_no_flow(user: str) -> None:
    assert unpack_flow(user) is None
