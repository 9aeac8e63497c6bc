"""The way to the DNS: asks what a search wants to know (dnspython), and hands over what is answered."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.resolver

from sip.io.limits import DNS_LIFETIME_S, DNS_SERVERS_MAX, DNS_TRY_S
from sip.stack.listeners import Listener
from sip.stack.locating.enum import NumberAnswer
from sip.stack.locating.records import FAILED, Answer, Hop, Naptr, Question, Srv, fold_name
from sip.stack.locating.searches import Searches
from sip.stack.message.grammar import parse_host_port
from sip.stack.message.uri import Uri

log = logging.getLogger(__name__)

Address = tuple[str, int]

_DNS_PORT = 53


class Asker(Protocol):
    """Who asks the DNS."""

    async def ask(self, question: Question) -> tuple[Answer, float]:
        """Return the answer and how many seconds it stands; ``FAILED`` when no server answers. Never raises."""
        ...


def parse_servers(text: str) -> list[Address]:
    """Read ``address``, ``address:port``, ``[IPv6]:port``, separated by blanks or commas; empty stays empty.

    Raises:
        ValueError: not an address, a bad port, or too many.
    """
    words = text.replace(",", " ").split()
    if len(words) > DNS_SERVERS_MAX:
        raise ValueError(f"at most {DNS_SERVERS_MAX} DNS servers")
    return [(host, port or _DNS_PORT) for host, port in map(parse_host_port, words)]


class DnsAsker:
    """Asks these servers in turn; without any, those of the system's ``resolv.conf``."""

    def __init__(self, servers: Sequence[Address] = ()) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:
            log.warning("no DNS server is configured: only addresses can be called, no names")
            self._resolver = dns.asyncresolver.Resolver(configure=False)
        if servers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in servers]
        self._resolver.timeout = DNS_TRY_S
        self._resolver.lifetime = DNS_LIFETIME_S

    async def ask(self, question: Question) -> tuple[Answer, float]:
        """Ask one question."""
        kind, name = question
        try:
            # The name is whole: no search list may be tried behind it.
            found = await self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            return Answer(), _ttl_s(next(iter(error.kwargs["responses"].values()), None))
        except (dns.exception.DNSException, OSError, ValueError) as error:
            log.info("DNS: %s %s is not answered: %s", kind, name, type(error).__name__)
            return FAILED, 0.0
        return _to_answer(kind, found), _ttl_s(found.response)


def _ttl_s(response: dns.message.Message | None) -> float:
    """Return the lowest TTL of the chain, or of an empty answer what the SOA says of it (RFC 2308 §5)."""
    if not isinstance(response, dns.message.QueryMessage):
        return 0.0
    try:
        return float(response.resolve_chaining().minimum_ttl)
    except dns.exception.DNSException:
        return 0.0


def _to_answer(kind: str, found: dns.resolver.Answer) -> Answer:
    if found.rrset is None:
        return Answer()
    records = list(found.rrset)
    if kind == "NAPTR":
        return Answer(naptrs=tuple(_naptr(record) for record in records))
    if kind == "SRV":
        return Answer(
            srvs=tuple(Srv(record.priority, record.weight, record.port, _name(record.target)) for record in records)
        )
    return Answer(addresses=tuple(record.address for record in records))


def _naptr(record: Any) -> Naptr:
    flags, service, regexp = (
        value.decode("utf-8", "replace") for value in (record.flags, record.service, record.regexp)
    )
    return Naptr(record.order, record.preference, flags, service, regexp, _name(record.replacement))


def _name(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else fold_name(name.to_text())


_LIKED: Final = ("UDP", "TCP", "TLS", "SCTP", "TLS-SCTP")
"""Transports that requests of ours can open, in the order tried where a domain states no preference."""


def reach_of(rows: Sequence[Listener]) -> dict[str, tuple[str, ...]]:
    """Return which kinds of address the sockets of a node reach, by transport; IPv6 first (RFC 7984 §3.1, RFC 6724)."""
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row.transport, set()).add("AAAA" if ":" in row.local[0] else "A")
    return {name: tuple(sorted(kinds[name], reverse=True)) for name in _LIKED if name in kinds}


class DnsLocator:
    """Finds the servers of URIs and numbers (``sip.controller.ports.LocatorPort``) on an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, asker: Asker, reach: Mapping[str, Sequence[str]]) -> None:
        self._loop = loop
        self._asker = asker
        self._searches = Searches(reach, lambda most: secrets.randbelow(most + 1))
        self._tasks: set[asyncio.Task[None]] = set()

    def locate(self, uri: Uri, done: Callable[[Sequence[Hop]], None]) -> None:
        """Find the hops of a URI."""
        self._searches.locate(uri, self._loop.time(), done)
        self._ask()

    def look_up(self, number: str, suffix: str, done: Callable[[NumberAnswer], None]) -> None:
        """Find what ENUM says of a number."""
        self._searches.look_up(number, suffix, self._loop.time(), done)
        self._ask()

    def close(self) -> None:
        """Ask no more; who waits is not told."""
        for task in self._tasks:
            task.cancel()

    def _ask(self) -> None:
        for question in self._searches.questions():
            task = self._loop.create_task(self._answer(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, question: Question) -> None:
        answer, ttl_s = await self._asker.ask(question)
        self._searches.tell(question, answer, ttl_s, self._loop.time())
        self._ask()
