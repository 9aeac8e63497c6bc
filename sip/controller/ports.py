"""What the switch needs from outside, and the settings it is made with. No port may block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict

from sip.controller.headers import Passing
from sip.controller.registration.config import RegistrarConfig
from sip.stack.listeners import Listeners
from sip.stack.locating.enum import NumberAnswer
from sip.stack.locating.records import Hop as Hop
from sip.stack.message.grammar import is_address
from sip.stack.message.uri import Uri


class JournalPort(Protocol):
    """The append-only call journal (``sip.cdr.journal.Journal``)."""

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Write ``payload``; ``on_durable`` is called once it is on disk, on the switch's own thread.

        Raises:
            JournalFull, JournalClosed, FrameTooLong: it is not written, nor will it be.
        """
        ...


class LocationStore(Protocol):
    """Where bindings survive a restart; memory is the truth, this is its copy."""

    def save(self, username: str, bindings: list[dict[str, Any]], expires_at: float) -> None:
        """Keep the line's bindings until ``expires_at`` (wall clock); an empty list forgets them."""
        ...


class LiveCall(TypedDict):
    """One call in the live view; times are wall-clock seconds."""

    call_id: str
    tenant_id: int
    state: Literal["trying", "ringing", "answered"]
    caller: str
    called: str
    line_id: int | None
    trunk_id: int | None
    started_at: float
    answered_at: float | None


class LivePort(Protocol):
    """Who watches calls come and go."""

    def changed(self, call: LiveCall) -> None:
        """Learn that a call is new or in another state."""
        ...

    def ended(self, call_id: str) -> None:
        """Learn that a call is over."""
        ...


class NoLive:
    """A live port that nobody watches."""

    def changed(self, call: LiveCall) -> None:
        """Do nothing."""

    def ended(self, call_id: str) -> None:
        """Do nothing."""


class NoLocationStore:
    """A location store that keeps nothing."""

    def save(self, username: str, bindings: list[dict[str, Any]], expires_at: float) -> None:
        """Do nothing."""


class LocatorPort(Protocol):
    """Who finds the servers of a URI or a number.

    ``done`` is called once, on the switch's own thread, before the method returns when the answer is known already.
    ``sip.controller.sending`` brings a late answer into the switch's turn: ask through it.
    """

    def locate(self, uri: Uri, done: Callable[[Sequence[Hop]], None]) -> None:
        """Find the hops to try, best first; none when the name leads nowhere."""
        ...

    def look_up(self, number: str, suffix: str, done: Callable[[NumberAnswer], None]) -> None:
        """Find what ENUM says below ``suffix`` of an E.164 number."""
        ...


class NumericLocator:
    """A locator that knows no names: an address is its own server (RFC 3263 §4.1, §4.2)."""

    def locate(self, uri: Uri, done: Callable[[Sequence[Hop]], None]) -> None:
        """Answer at once."""
        transport = (uri.param("transport") or ("tls" if uri.scheme == "sips" else "udp")).upper()
        port = uri.port or (5061 if transport == "TLS" else 5060)
        done((Hop(transport, (uri.host, port)),) if is_address(uri.host) else ())

    def look_up(self, number: str, suffix: str, done: Callable[[NumberAnswer], None]) -> None:
        """Know nothing."""
        done(NumberAnswer())


def _middle() -> float:
    return 0.5


@dataclass(frozen=True, slots=True)
class SwitchConfig:
    """How one switch is set up."""

    node: str
    """Name in call records, unique among the nodes."""
    realm: str
    """Realm of digest and host of From and To towards the parties."""
    secret: bytes
    """Key of the nonces; the same after a restart, so that phones need not be challenged anew."""
    token: Callable[[], str]
    """Source of tags and Call-IDs: at least 64 bits, unguessable, characters of ``token``."""
    call_id: Callable[[], str]
    """Source of the platform's call ids: 32 hex digits, unique for ever."""
    listeners: Listeners
    """Our sockets by zone and transport: where requests of ours start, and the address parties are told to send to."""
    worker: int = 0
    """Number of this process among those of its node (``sip.stack.ownership``)."""
    server_name: str = "Trunkline"
    """User-Agent and Server."""
    overload_feedback: bool = True
    """Offer overload feedback to trunks, and heed it (RFC 7339)."""
    digest_algorithms: tuple[str, ...] = ("MD5",)
    """Algorithms challenged with, best first. All that ``digest.ALGORITHMS`` names are accepted always; many phones
    give up when they see a challenge with an algorithm they do not know beside one they do."""
    digest_qop: tuple[str, ...] = ("auth",)
    """What a challenge offers (RFC 7616 §3.3). ``auth-int`` is accepted always; a border element between phone and
    us that changes a body breaks it."""
    event_packages: tuple[str, ...] = ("dialog", "message-summary", "presence", "reg")
    """What may be subscribed to (``sip.controller.events``); a package that is left out is 489."""

    session_expires_s: int = 1800
    """Session interval asked for where the party knows RFC 4028; 0 leaves it to the party to ask."""
    session_min_s: int = 90
    """Shorter session intervals are answered 422: each costs a refresh."""
    always_100rel: bool = False
    """Callees are offered reliable provisional responses also for callers who do not know them (RFC 3262)."""
    passed_headers: Passing = field(default_factory=Passing)
    """Rows that cross from leg to leg by choice of the operator; by default none does."""
    random: Callable[[], float] = _middle
    """Numbers from 0 to 1, for delays that must not be those of others (RFC 3261 §14.1)."""
    registrar: RegistrarConfig = field(default_factory=RegistrarConfig)

    def local(self, transport: str, host: str = "", zone: str = "") -> tuple[str, int] | None:
        """Return our socket from which ``host`` is reached over a transport in a zone, ``None`` when we have none."""
        return self.listeners.local(transport, host, zone)
