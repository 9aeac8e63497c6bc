"""Where a request goes, and how we name ourselves in it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from sip.controller.ports import SwitchConfig
from sip.stack.flow import Flow
from sip.stack.message.grammar import format_host_port, is_address
from sip.stack.message.uri import Uri

DEFAULT_PORT = 5060
"""RFC 3261 §19.1.2."""

_ADDRESSES_KEPT = 8192
"""Hosts whose nature is remembered: phones and carriers repeat, names of attackers do not stay."""


@lru_cache(_ADDRESSES_KEPT)
def place_of(uri: str) -> tuple[str, int | None]:
    """Return host and port of a URI that has been parsed before; phones' contacts come again and again.

    One with ``ob`` (RFC 5626 §5.3.2) or ``gr`` (RFC 5627 §4.4: its host is ours) has no place of its own, host "": its
    phone is reached over the flow it came by.
    """
    parsed = Uri.parse(uri)
    if parsed.params and (parsed.param("ob") is not None or parsed.param("gr") is not None):
        return ("", None)
    return (parsed.host, parsed.port)


@lru_cache(_ADDRESSES_KEPT)
def is_host_address(address: str) -> bool:
    """Tell whether an IP address is one host's: not multicast, not unspecified, not the broadcast to all."""
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_multicast or parsed.is_unspecified or address == "255.255.255.255")


def follow(host: str, port: int | None, flow: Flow, behind_nat: bool) -> Flow:
    """Return the flow that reaches ``host`` and ``port`` of a URI, for a party heard over ``flow``.

    A party behind NAT, on a connection, or named by a host name or an address of the other family is reached the way
    it came: its own idea of its address is worth nothing to us. Otherwise the address in the URI is meant.
    """
    if behind_nat or flow.reliable or not is_address(host) or (":" in host) != (":" in flow.local[0]):
        return flow
    remote = (host, port or DEFAULT_PORT)
    return flow if remote == flow.remote else Flow(flow.transport, flow.local, remote)


def contact_row(config: SwitchConfig, flow: Flow, is_secure: bool = False) -> tuple[str, str]:
    """Return our Contact row towards a party reached over ``flow``: ``sips:`` in a secure call (RFC 5630 §5.1)."""
    host, port = config.listeners.advertised(flow)
    transport = flow.uri_transport
    if is_secure:
        # TLS is said by the scheme; only a websocket must be named (RFC 5630 §5.1.2, RFC 7118 §5.2).
        transport = "ws" if transport == "ws" else ""
    suffix = f";transport={transport}" if transport else ""
    return ("Contact", f"<{'sips' if is_secure else 'sip'}:{format_host_port(host, port)}{suffix}>")


def show_peer(flow: Flow) -> str:
    """Return ``address:port`` of the far end, as call records show it."""
    return format_host_port(*flow.remote)
