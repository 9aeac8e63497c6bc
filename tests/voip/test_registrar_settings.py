"""The operator's settings for registrations."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from voip.node.registrar import registrar_config, service_route


def test_by_default_phones_behind_nat_are_pinged_and_the_public_host_is_ours(settings: Settings) -> None:
    settings.SIP_PUBLIC_HOST = "SIP.Example.org"
    config = registrar_config()
    assert (config.pings, config.ping_interval_s, config.path_support) == ("nat", 30.0, "required")
    assert config.domains == {"sip.example.org"}
    assert config.service_route == ()


def test_workers_share_the_contacts_and_what_a_node_may_send() -> None:
    config = registrar_config((2, 4))
    assert (config.ping_share, config.pings_per_s_max) == ((2, 4), 50)


def test_domains_and_routes_are_taken_over(settings: Settings) -> None:
    settings.SIP_DOMAINS = ["Example.COM"]
    settings.SIP_PUBLIC_HOST = ""
    settings.SIP_SERVICE_ROUTE = ["sip:edge.example.com;lr", "sips:core.example.com;lr"]
    config = registrar_config()
    assert config.domains == {"example.com"}
    assert config.service_route == ("<sip:edge.example.com;lr>", "<sips:core.example.com;lr>")


@pytest.mark.parametrize(("name", "value"), [("SIP_PINGS", "some"), ("SIP_PATH_SUPPORT", "")])
def test_a_value_that_means_nothing_is_named(settings: Settings, name: str, value: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ValueError, match=name):
        registrar_config()


@pytest.mark.parametrize("uri", ["sip:edge.example.com", "tel:+1;lr", "edge"])
def test_a_route_that_is_no_loose_router_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="URI"):
        service_route([uri])
