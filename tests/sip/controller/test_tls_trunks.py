"""Trunks known by the name in their certificate (RFC 5922 §7.4), and reached only where it is shown (§7.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sip.controller.directory import TrunkEntry
from sip.stack.flow import Flow
from sip.stack.listeners import single_zone
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone

CARRIER = ("198.51.100.7", 5061)
ELSEWHERE = ("203.0.113.200", 40_000)
LISTENERS = single_zone({"UDP": SWITCH, "TLS": ("10.0.0.1", 5061)})


class TlsNetwork(Network):
    """Whoever is in ``certificates`` comes over TLS and has proved these names; flows of the switch are kept."""

    certificates: dict[tuple[str, int], tuple[str, ...]] = {}
    flows: list[Flow]

    def _carry(self, source: str, flow: Flow, data: bytes) -> None:
        if source == "switch":
            self.flows.append(flow)
        super()._carry(source, flow, data)

    def start(self) -> None:
        """Start the switch, and have TLS come in as such."""
        self.flows = []
        super().start()
        plain = self.receive

        def receive(data: bytes, flow: Flow, now: float) -> None:
            names = self.certificates.get(flow.remote)
            if names is None:
                plain(data, flow, now)
            else:
                over_tls = replace(flow, transport="TLS", local=("10.0.0.1", 5061), connection=7, peer_names=names)
                self.endpoint.receive_message(data, over_tls, now)

        self.receive = receive


def network_with(*trunks: TrunkEntry) -> tuple[TlsNetwork, Phone]:
    network = TlsNetwork(directory(line(1, "alice"), *trunks), FakePolicy((1,)), LISTENERS)
    network.certificates = {}
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    alice.on_invite = (200,)
    alice.register()
    network.run()
    return network, alice


def tls_trunk(**changes: Any) -> TrunkEntry:
    values: dict[str, Any] = {"transport": "tls", "port": 5061, "source_addresses": (), "tls_name": "carrier.example"}
    return trunk(1, CARRIER[0], **(values | changes))


def calls_in(network: TlsNetwork, source: tuple[str, int], *names: str) -> Phone:
    """Return a carrier that called alice's extension from ``source`` with these names in its certificate."""
    if names:
        network.certificates[source] = names
    carrier = network.phone(source[0], port=source[1])
    carrier.call("101")
    network.advance(2.0)
    return carrier


def test_who_proves_the_name_is_the_carrier_wherever_it_comes_from() -> None:
    network, alice = network_with(tls_trunk())
    carrier = calls_in(network, ELSEWHERE, "other.example", "carrier.example")
    assert carrier.statuses[-1] == 200
    assert len(alice.ringing) == 1
    assert network.policy.screened[0].trunk_id == 1
    assert network.switch._core.guard.knows(Flow("TLS", ("10.0.0.1", 5061), ELSEWHERE, 7), network.now)


@pytest.mark.parametrize("names", [(), ("mallory.example",), ("sip.carrier.example",), ("example",)])
def test_another_name_or_none_is_challenged_even_from_the_trunks_own_host(names: tuple[str, ...]) -> None:
    network, alice = network_with(tls_trunk())
    carrier = calls_in(network, CARRIER, *names)
    assert carrier.statuses == [407]
    assert alice.ringing == [] and network.policy.screened == []


def test_a_strange_certificate_proves_nothing_to_the_guard() -> None:
    network, _ = network_with(tls_trunk())
    calls_in(network, ELSEWHERE, "mallory.example")
    assert not network.switch._core.guard.knows(Flow("TLS", ("10.0.0.1", 5061), ELSEWHERE, 7), network.now)


def test_addresses_that_are_configured_beside_the_name_still_count() -> None:
    network, _ = network_with(tls_trunk(source_addresses=(ELSEWHERE[0],)))
    assert calls_in(network, ELSEWHERE).statuses[-1] == 200


def test_the_certificate_decides_before_the_address() -> None:
    network, _ = network_with(tls_trunk(), trunk(2, ELSEWHERE[0]))
    calls_in(network, ELSEWHERE, "carrier.example")
    assert network.policy.screened[0].trunk_id == 1


def test_a_trunk_that_is_switched_off_is_off_with_its_certificate_too() -> None:
    network, alice = network_with(tls_trunk(is_active=False))
    assert calls_in(network, ELSEWHERE, "carrier.example").statuses[-1] == 403
    assert alice.ringing == []


@pytest.mark.parametrize(("tls_name", "domain"), [("carrier.example", "carrier.example"), ("", "")])
def test_a_call_out_asks_the_far_end_for_the_name(tls_name: str, domain: str) -> None:
    network, alice = network_with(tls_trunk(tls_name=tls_name))
    alice.call("+441632960000")
    network.advance(0.1)
    [invite] = [flow for flow in network.flows if flow.remote == CARRIER]
    assert invite == Flow("TLS", ("10.0.0.1", 5061), CARRIER, 0, domain)
