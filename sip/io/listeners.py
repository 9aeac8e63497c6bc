"""Where a node listens: zones read from a setting, and their sockets opened, fed and closed together.

``SIP_LISTEN`` names zones, each with its listeners, the first zone being the default one::

    internal=udp:10.0.0.1:5060,tcp:10.0.0.1:5060; carrier=udp:192.0.2.1:5060@203.0.113.9,mtls:[2001:db8::1]:5061

``mtls`` is TLS with nobody who shows no certificate of a known authority. What follows ``@`` is the address parties are
told (Via, Contact): an IP address or a name, with a port if it differs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from sip.io.binding import Binder, OwnSockets
from sip.io.codecs import Codec, SipCodec
from sip.io.errors import ListenError, TlsError
from sip.io.limits import CERTIFICATES_LOOK_S, LISTENERS_MAX
from sip.io.pump import Pump, Sender
from sip.io.streams import Census, StreamLimits, StreamShell
from sip.io.tls import Contexts, TlsConfig
from sip.io.udp import UdpShell
from sip.io.ws import WsCodec
from sip.stack.flow import Flow
from sip.stack.listeners import Address, Listener, Listeners
from sip.stack.message.grammar import format_host_port, parse_host_port

TRANSPORTS = ("UDP", "TCP", "TLS", "MTLS", "WS", "WSS", "SCTP")
_SECURE = ("TLS", "MTLS", "WSS")
_ZONE = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One socket to be bound."""

    word: str
    """One of ``TRANSPORTS``."""
    host: str
    """IP address; IPv6 without brackets."""
    port: int
    """0 takes a free one, the same for all listeners of a zone with the same host."""
    advertised_host: str = ""
    """Address parties are told to send to when it is not ``host``: behind a 1:1 NAT, or bound to all."""
    advertised_port: int = 0
    """0 stands for the bound port."""

    @property
    def transport(self) -> str:
        """As it stands in Via."""
        return "TLS" if self.word == "MTLS" else self.word

    def __str__(self) -> str:
        return f"{self.word.lower()}:{format_host_port(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """One network the node is in."""

    name: str
    listeners: tuple[ListenerConfig, ...]


def parse_zones(text: str) -> tuple[ZoneConfig, ...]:
    """Read ``SIP_LISTEN``.

    Raises:
        ListenError: what is wrong, and in which part of the setting.
    """
    zones = tuple(_parse_zone(part.strip()) for part in text.split(";") if part.strip())
    if not zones:
        raise ListenError("SIP_LISTEN: no zone")
    names = [zone.name for zone in zones]
    if len(set(names)) < len(names):
        raise ListenError(f"SIP_LISTEN: a zone is named twice: {', '.join(names)}")
    taken = [
        (_kernel_protocol(item.word), item.host, item.port) for zone in zones for item in zone.listeners if item.port
    ]
    if len(taken) > LISTENERS_MAX:
        raise ListenError(f"SIP_LISTEN: more than {LISTENERS_MAX} listeners")
    for protocol, host, port in taken:
        if taken.count((protocol, host, port)) > 1:
            raise ListenError(f"SIP_LISTEN: {format_host_port(host, port)} is bound twice")
    return zones


def _kernel_protocol(word: str) -> str:
    return word if word in ("UDP", "SCTP") else "TCP"


def _parse_zone(text: str) -> ZoneConfig:
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not _ZONE.fullmatch(name):
        raise ListenError(f"SIP_LISTEN: {text!r} is not zone=listener,… with a zone of small letters, digits, hyphens")
    listeners = tuple(_parse_listener(part.strip()) for part in rest.split(",") if part.strip())
    if not listeners:
        raise ListenError(f"SIP_LISTEN: zone {name!r} has no listener")
    return ZoneConfig(name, listeners)


def _parse_listener(text: str) -> ListenerConfig:
    """Read ``transport:address:port`` with an optional ``@advertised`` behind."""
    bound, at, advertised = text.partition("@")
    transport, colon, where = bound.partition(":")
    if not colon or transport.upper() not in TRANSPORTS:
        known = ", ".join(TRANSPORTS).lower()
        raise ListenError(f"SIP_LISTEN: {text!r} does not begin with a transport ({known}) and a colon")
    host, port = _place(where, text)
    if port is None:
        raise ListenError(f"SIP_LISTEN: {text!r} has no port")
    try:
        is_wild = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        raise ListenError(f"SIP_LISTEN: {host!r} in {text!r} is not an IP address") from None
    if is_wild and not at:
        raise ListenError(f"SIP_LISTEN: {text!r} is bound to all addresses: say with @ which one parties are told")
    if not at:
        return ListenerConfig(transport.upper(), host, port)
    shown_host, shown_port = _place(advertised, text)
    return ListenerConfig(transport.upper(), host, port, shown_host, shown_port or 0)


def _place(where: str, text: str) -> tuple[str, int | None]:
    try:
        return parse_host_port(where)
    except ValueError as error:
        raise ListenError(f"SIP_LISTEN: {text!r}: {error}") from None


class Senders:
    """The way out for each listener."""

    def __init__(self) -> None:
        self._by_listener: dict[tuple[str, Address], Sender] = {}
        self._by_transport: dict[str, Sender] = {}

    def add(self, transport: str, local: Address, sender: Sender) -> None:
        """Have ``sender`` carry what leaves by this listener."""
        self._by_listener[transport, local] = sender
        self._by_transport.setdefault(transport, sender)

    def find(self, flow: Flow) -> Sender | None:
        """Return who carries a flow; of a listener that is not there any more, the first of its transport."""
        return self._by_listener.get((flow.transport, flow.local)) or self._by_transport.get(flow.transport)


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What listeners of streams share."""

    tls: TlsConfig | None = None
    """Needed by TLS and WSS listeners."""
    ws_origins: tuple[str, ...] = ()
    """Web sites whose pages may connect; empty for any."""
    limits: StreamLimits = field(default_factory=StreamLimits)


def contexts_for(zones: Sequence[ZoneConfig], settings: StreamSettings) -> Contexts | None:
    """Return what TLS listeners are made of, ``None`` where there are no certificates.

    Raises:
        TlsError: a certificate cannot be used, or what a listener needs is not set.
    """
    words = {config.word for zone in zones for config in zone.listeners}
    if "MTLS" in words and settings.tls is not None and settings.tls.authorities is None:
        raise TlsError("an mtls listener needs SIP_TLS_CA: who vouches for those who connect")
    if settings.tls is not None:
        return Contexts(settings.tls)
    if not words.isdisjoint(_SECURE):
        raise TlsError("a TLS listener needs SIP_TLS_CERTIFICATES")
    return None


class Sockets:
    """All sockets of a node."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        zones: Sequence[ZoneConfig],
        settings: StreamSettings | None = None,
        binder: Binder | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._loop = loop
        self._binder = binder or OwnSockets()
        self._numbers = numbers or count(1)
        self._zones = zones
        self._settings = settings or StreamSettings()
        self._census = Census(self._settings.limits)
        self._tls: Contexts | None = None
        self._udp: list[UdpShell] = []
        self._streams: list[StreamShell] = []
        self._look: asyncio.TimerHandle | None = None
        self._rows: list[Listener] = []
        self.senders = Senders()
        self.listeners = Listeners()
        """What is bound, once ``open`` is done."""

    async def open(self) -> None:
        """Bind everything; nothing is fed before ``start``.

        Raises:
            ListenError: an address is not ours or taken, the kernel lacks the transport, a certificate is missing.
        """
        self._tls = contexts_for(self._zones, self._settings)
        for zone in self._zones:
            taken: dict[str, int] = {}
            for config in zone.listeners:
                asked = replace(config, port=config.port or taken.get(config.host, 0))
                try:
                    local = await self._bind(asked)
                except OSError as error:
                    await self.close()
                    raise ListenError(f"zone {zone.name}, {asked}: {error.strerror or error}") from error
                taken[config.host] = local[1]
                shown = (config.advertised_host or local[0], config.advertised_port or local[1])
                self._rows.append(Listener(config.transport, local, shown, zone.name))
        self.listeners = Listeners(self._rows)

    async def _bind(self, config: ListenerConfig) -> Address:
        if config.transport == "UDP":
            udp = UdpShell(self._loop, config.host, config.port, self._binder)
            self._udp.append(udp)
            self.senders.add("UDP", udp.local, udp)
            return udp.local
        stream = self._stream(config)
        stream.listen(config.host, config.port)
        self._streams.append(stream)
        self.senders.add(config.transport, stream.local, stream)
        return stream.local

    def _stream(self, config: ListenerConfig) -> StreamShell:
        settings = self._settings
        is_web = config.word in ("WS", "WSS")

        def make_codec() -> Codec:
            return WsCodec(settings.ws_origins) if is_web else SipCodec()

        return StreamShell(
            self._loop,
            config.transport,
            make_codec,
            self._census,
            settings.limits,
            self._tls if config.word in _SECURE else None,
            self._binder,
            self._numbers,
            asks=not is_web,  # A browser would trouble its user with the question.
            requires=config.word == "MTLS",
            opens=not is_web,
        )

    def start(self, pump: Pump) -> None:
        """Feed ``pump`` from now on."""
        for udp in self._udp:
            udp.start(pump)
        for stream in self._streams:
            stream.start(pump)
        self._look = self._loop.call_later(CERTIFICATES_LOOK_S, self._look_at_certificates)

    def reload(self) -> None:
        """Read certificates anew, for connections to come."""
        if self._tls is not None:
            self._tls.reload()

    def _look_at_certificates(self) -> None:
        if self._tls is not None:
            self._tls.reload_if_changed()
        self._look = self._loop.call_later(CERTIFICATES_LOOK_S, self._look_at_certificates)

    async def close(self) -> None:
        """Close everything."""
        if self._look is not None:
            self._look.cancel()
        for udp in self._udp:
            udp.close()
        for stream in self._streams:
            await stream.close()
