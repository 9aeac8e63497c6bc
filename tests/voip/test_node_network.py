"""Where a node listens, as its settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sip.io.errors import ListenError
from sip.io.listeners import ListenerConfig
from sip.io.tls import Certificate
from tests.sip.io.certificates import make_authority
from voip.node import run
from voip.node.network import node_config


def test_without_zones_there_is_one_with_udp_and_tcp(settings: Any) -> None:
    settings.LISTEN_HOST, settings.SIP_PORT = "192.0.2.1", 5070
    config = node_config()
    [zone] = config.all_zones()
    assert [str(listener) for listener in zone.listeners] == ["udp:192.0.2.1:5070", "tcp:192.0.2.1:5070"]
    assert config.streams.tls is None


def test_zones_certificates_and_origins_come_from_the_settings(settings: Any, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    chain = authority.issue("a", "sip.example.com")
    settings.SIP_LISTEN = "internet=mtls:192.0.2.1:5061,wss:192.0.2.1:443"
    settings.SIP_TLS_CERTIFICATES = f"sip.example.com={chain}"
    settings.SIP_TLS_CA = str(authority.path)
    settings.SIP_WS_ORIGINS = "https://a.example, https://b.example,"
    config = node_config()
    assert config.zones[0].listeners == (
        ListenerConfig("MTLS", "192.0.2.1", 5061),
        ListenerConfig("WSS", "192.0.2.1", 443),
    )
    assert config.streams.tls is not None
    assert config.streams.tls.certificates == (Certificate("sip.example.com", chain),)
    assert config.streams.tls.authorities == authority.path
    assert config.streams.ws_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"), [("SIP_LISTEN", "internal=udp:10.0.0.1"), ("SIP_TLS_CERTIFICATES", "a.example")]
)
def test_a_wrong_setting_ends_the_node_with_one_line(settings: Any, name: str, value: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ListenError):
        node_config()
    with pytest.raises(SystemExit) as raised:
        run.run()
    assert str(raised.value).startswith(f"the node cannot start: {name}: ")
    assert "\n" not in str(raised.value)


def test_a_certificate_that_is_not_there_ends_the_node_with_one_line(settings: Any) -> None:
    settings.SIP_TLS_CERTIFICATES = "a.example=/nowhere/a.pem"
    with pytest.raises(SystemExit, match=r"^the node cannot start: certificate of a.example, /nowhere/a.pem: "):
        run.run()
