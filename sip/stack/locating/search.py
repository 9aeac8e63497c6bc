"""Which servers a URI leads to (RFC 3263 §4), as a function of what is known.

``find_hops`` is evaluated from the start each time something new is known, until no question is open: so there is no
state to keep, and a name whose answers are all in the cache costs some look-ups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sip.stack.locating.limits import ADDRESSES_MAX, HOPS_MAX, NAME_BYTES_MAX, NAPTRS_MAX
from sip.stack.locating.order import Pick, order_naptrs, order_srvs
from sip.stack.locating.records import Answer, Hop, Naptr, Question, Srv, fold_name
from sip.stack.message.grammar import is_address
from sip.stack.message.uri import Uri

Reach = Mapping[str, Sequence[str]]
"""Transports we can send over, the one we like best first, each with the kinds of address it reaches (``A``, ``AAAA``,
the better first)."""

Known = Callable[[Question], Answer | None]

_PORTS: Final = {"TLS": 5061, "TLS-SCTP": 5061}
_PORT: Final = 5060

_SRV_NAMES: Final = {
    "UDP": "_sip._udp.",
    "TCP": "_sip._tcp.",
    "TLS": "_sips._tcp.",
    "SCTP": "_sip._sctp.",
    "TLS-SCTP": "_sips._sctp.",
}
"""RFC 3263 §4.2, RFC 4168 §5."""

_SERVICES: Final = {
    "SIP+D2U": "UDP",
    "SIP+D2T": "TCP",
    "SIPS+D2T": "TLS",
    "SIP+D2S": "SCTP",
    "SIPS+D2S": "TLS-SCTP",
}
"""NAPTR services (RFC 3263 §4.1, RFC 4168 §5)."""

_SECURE: Final = {"TCP": "TLS", "TLS": "TLS", "SCTP": "TLS-SCTP", "TLS-SCTP": "TLS-SCTP"}
"""What a transport becomes for a sips URI (RFC 3261 §26.2.2)."""


def transport_of(uri: Uri) -> str:
    """Return the transport a URI asks for by itself, "" for none, ``none`` for one that cannot be (sips over UDP)."""
    name = (uri.param("transport") or "").upper()
    if uri.scheme != "sips" or not name:
        return name
    return _SECURE.get(name, "none")


def find_hops(uri: Uri, reach: Reach, known: Known, pick: Pick) -> tuple[list[Hop], list[Question]]:
    """Return the hops to try in order, and the questions that must be answered before they are all known.

    With an open question the hops are not to be used. A URI without a host, and one that asks for a transport that
    we have not, leads nowhere.
    """
    finder = _Finder(uri, reach, known, pick)
    finder.run()
    return finder.hops[:HOPS_MAX], finder.missing


class _Finder:
    __slots__ = ("_default", "_host", "_known", "_pick", "_reach", "_uri", "hops", "missing")

    def __init__(self, uri: Uri, reach: Reach, known: Known, pick: Pick) -> None:
        self._uri = uri
        # RFC 3261 §16.6 step 6, 19.1.1: the request is really sent to maddr where it is there.
        self._host = uri.param("maddr") or uri.host
        self._default = "TLS" if uri.scheme == "sips" else "UDP"
        self._reach = reach
        self._known = known
        self._pick = pick
        self.hops: list[Hop] = []
        self.missing: list[Question] = []

    def run(self) -> None:
        uri, host = self._uri, self._host
        if not host or uri.scheme not in ("sip", "sips") or len(host) > NAME_BYTES_MAX:
            return
        transport = transport_of(uri)
        if is_address(host):
            transport = transport or self._default
            if self._reaches(transport, host):
                self.hops.append(Hop(transport, (host, uri.port or _PORTS.get(transport, _PORT))))
        elif uri.port is not None:
            self._by_address(host, transport or self._default, uri.port)
        elif transport:
            self._by_service(transport)
        else:
            self._by_naptr()

    def _reaches(self, transport: str, address: str) -> bool:
        return ("AAAA" if ":" in address else "A") in self._reach.get(transport, ())

    def _by_naptr(self) -> None:
        """RFC 3263 §4.1: the domain says which transports it has; without NAPTR its SRV records do."""
        answer = self._ask("NAPTR", self._host)
        if answer is None:
            return
        rules = [rule for rule in order_naptrs(answer.naptrs)[:NAPTRS_MAX] if self._is_usable(rule)]
        if not rules:
            self._by_any_service()
            return
        for rule in rules:
            # RFC 3403 §4.1: once an order has a rule that fits, higher orders are not looked at.
            if rule.order == rules[0].order:
                self._follow(rule)

    def _is_usable(self, rule: Naptr) -> bool:
        transport = _SERVICES.get(rule.service.upper(), "")
        if self._uri.scheme == "sips" and not transport.startswith("TLS"):
            return False
        return transport in self._reach and rule.flags.lower() in ("s", "a") and bool(rule.replacement)

    def _follow(self, rule: Naptr) -> None:
        transport = _SERVICES[rule.service.upper()]
        if rule.flags.lower() == "a":
            self._by_address(rule.replacement, transport, _PORTS.get(transport, _PORT))
            return
        answer = self._ask("SRV", rule.replacement)
        if answer is not None:
            self._by_servers(answer.srvs, transport)

    def _by_any_service(self) -> None:
        secure = self._uri.scheme == "sips"
        transports = [name for name in self._reach if name in _SRV_NAMES and (name.startswith("TLS") or not secure)]
        answers = [self._ask("SRV", _SRV_NAMES[name] + self._host) for name in transports]
        if self.missing:
            return
        found = False
        for transport, answer in zip(transports, answers, strict=True):
            if answer is not None and answer.srvs:
                found = True
                self._by_servers(answer.srvs, transport)
        if not found:
            self._by_address(self._host, self._default, _PORTS.get(self._default, _PORT))

    def _by_service(self, transport: str) -> None:
        """RFC 3263 §4.2: a transport is named and no port."""
        if transport not in self._reach or transport not in _SRV_NAMES:
            return
        answer = self._ask("SRV", _SRV_NAMES[transport] + self._host)
        if answer is None:
            return
        if answer.srvs:
            self._by_servers(answer.srvs, transport)
        else:
            self._by_address(self._host, transport, _PORTS.get(transport, _PORT))

    def _by_servers(self, servers: Sequence[Srv], transport: str) -> None:
        for server in order_srvs(servers, self._pick):
            if server.target:
                self._by_address(server.target, transport, server.port)

    def _by_address(self, host: str, transport: str, port: int) -> None:
        kinds = self._reach.get(transport, ())
        answers = [self._ask(kind, host) for kind in kinds]
        for answer in answers:
            for address in answer.addresses[:ADDRESSES_MAX] if answer is not None else ():
                hop = Hop(transport, (address, port), self._host)
                if hop not in self.hops:
                    self.hops.append(hop)

    def _ask(self, kind: str, name: str) -> Answer | None:
        question = (kind, fold_name(name))
        answer = self._known(question)
        if answer is None and question not in self.missing:
            self.missing.append(question)
        return answer
