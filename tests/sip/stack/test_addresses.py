"""Where nothing is sent to, and who is one source."""

from __future__ import annotations

import pytest

from sip.stack.addresses import is_sendable, source_of


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "255.255.255.255", "224.0.1.75", "239.255.255.255", "::", "ff02::1", "ff05::1:3", "::ffff:224.0.0.1",
     "::ffff:0.0.0.0", "sip.example.com", ""],
)  # fmt: skip
def test_what_is_no_single_host_gets_nothing(host: str) -> None:
    assert not is_sendable((host, 5060))


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0", "169.254.0.1"])
def test_a_single_host_gets_what_is_meant_for_it_but_at_port_0(host: str) -> None:
    assert is_sendable((host, 5060))
    assert not is_sendable((host, 0))


def test_an_ipv4_address_and_an_ipv6_network_are_one_source_each() -> None:
    assert source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:3::9") != source_of("2001:db8:1:2::9")
    assert source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_of("fe80::1%eth0") == "fe80::/64"
    assert source_of("no:address") == "no:address"
