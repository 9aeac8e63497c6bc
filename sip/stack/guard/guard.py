"""The guard before the parser: from a message's first word and its source alone, is it heard at all?

What it costs matters more than anywhere else: it is paid for each message of a flood. So what is looked at here is the
source's own buckets, and the ban list only while it holds anybody. What a message means the switch tells later, by
``note``; whoever collects too many points is banned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sip.stack.addresses import source_of
from sip.stack.flow import Flow
from sip.stack.guard.bans import Ban, BanList
from sip.stack.guard.budgets import KINDS, Kind, Rates, Source, Trust
from sip.stack.guard.limits import (
    ABSORB_S,
    BAN_S,
    KNOWN_MAX,
    KNOWN_ORDER_S,
    KNOWN_S,
    PATIENCE_WITH_KNOWN,
    POINTS_MAX,
    SOURCES_MAX,
    UNKNOWN_BURST,
    UNKNOWN_PER_S,
)
from sip.stack.guard.overload import Measurement, Overload
from sip.stack.guard.replies import SHED_TAG, is_in_dialog, offers_feedback, refusal
from sip.stack.guard.signals import Signal, Suspects


class Verdict:
    """What becomes of a message: it passes, is dropped, or is answered by ``reply`` and dropped."""

    __slots__ = ("passes", "reply")

    def __init__(self, passes: bool, reply: tuple[Flow, bytes] | None = None) -> None:
        self.passes = passes
        self.reply = reply


PASS: Final = Verdict(True)
DROP: Final = Verdict(False)


class Counters:
    """What the guard did, since the start."""

    __slots__ = ("banned", "dropped_banned", "dropped_over_budget", "dropped_peak", "dropped_unknown", "shed")

    def __init__(self) -> None:
        self.banned = 0
        """Bans that were laid here."""
        self.dropped_banned = 0
        self.dropped_peak = 0
        self.dropped_over_budget = 0
        self.dropped_unknown = 0
        """Over the budget of all unknown sources together."""
        self.shed = 0
        """Requests refused because of overload."""


class Guard:
    """One node's guard. ``now`` is in seconds on a monotonic clock; it does not go back."""

    __slots__ = (
        "_emergency",
        "_known",
        "_never_banned",
        "_news",
        "_older",
        "_rates",
        "_shed_until",
        "_suspects",
        "_trunks",
        "_unknown_full_at",
        "_younger",
        "bans",
        "counters",
        "overload",
    )

    def __init__(
        self,
        emergency_numbers: Iterable[str] = ("112", "911"),
        scale: float = 1.0,
        never_banned: Iterable[str] = (),
    ) -> None:
        """``emergency_numbers`` pass while calls are shed; ``scale`` multiplies every budget a second."""
        self._never_banned = tuple(never_banned)
        self.bans = BanList()
        self.overload = Overload()
        self.counters = Counters()
        self._rates = Rates(scale)
        self._emergency: tuple[bytes, ...] = ()
        self.use_emergency_numbers(emergency_numbers)
        self._known: dict[str, Source] = {}
        self._younger: dict[str, Source] = {}
        self._older: dict[str, Source] = {}
        self._trunks: frozenset[str] = frozenset()
        self._suspects = Suspects()
        self._news: list[Ban] = []
        self._unknown_full_at = 0.0
        self._shed_until = 0.0
        self.use_trunks(())

    def admit(self, data: bytes, flow: Flow, now: float) -> Verdict:
        """Judge a message before it is parsed."""
        address = flow.remote[0]
        key = address if ":" not in address else source_of(address)
        source = self._known.get(key) or self._younger.get(key) or self._take_up(key, now)
        if len(self.bans) and self.bans.find(key, now) is not None:
            self.counters.dropped_banned += 1
            return DROP
        if source.quiet_until > now:
            self.counters.dropped_peak += 1
            return DROP
        kind = KINDS.get(data[:4], Kind.OTHER)
        trust = source.trust
        if not source.takes(kind, self._rates.intervals_s[trust][kind], self._rates.bursts_s[trust][kind], now):
            return self._over_budget(data, flow, key, source, kind, now)
        if trust == Trust.UNKNOWN and not self._takes_unknown(now):
            return DROP
        if self.overload.percent or self._shed_until > now:
            return self._under_load(data, flow, kind, trust, now)
        return PASS

    def _take_up(self, key: str, now: float) -> Source:
        """Find a source among the older ones, or begin to watch it."""
        source = self._older.pop(key, None)
        if source is None:
            source = Source(Trust.UNKNOWN)
        self._younger[key] = source
        if len(self._younger) > SOURCES_MAX // 2:
            self._older = self._younger
            self._younger = {}
        return source

    def _takes_unknown(self, now: float) -> bool:
        """Count a message against what all unknown sources may send together."""
        at = self._unknown_full_at
        if at < now:
            at = now
        at += 1.0 / UNKNOWN_PER_S
        if at - now > (UNKNOWN_BURST + 0.5) / UNKNOWN_PER_S:
            self.counters.dropped_unknown += 1
            return False
        self._unknown_full_at = at
        return True

    def _over_budget(self, data: bytes, flow: Flow, key: str, source: Source, kind: Kind, now: float) -> Verdict:
        """Drop a message over the budget; a call of somebody known gets an answer."""
        self.counters.dropped_over_budget += 1
        if source.note_drop(now) and source.trust == Trust.UNKNOWN:
            self._judge(key, Signal.PEAK, "", now)
        if kind is Kind.CALL and source.trust != Trust.UNKNOWN and not is_in_dialog(data):
            return self._refuse(data, flow, source.trust, now)
        return DROP

    def _under_load(self, data: bytes, flow: Flow, kind: Kind, trust: Trust, now: float) -> Verdict:
        """Shed what is new, and the ACKs of what was shed."""
        if kind is Kind.DIALOG:
            return DROP if data[:4] == b"ACK " and SHED_TAG in data else PASS
        if kind is Kind.CALL:
            if not self.overload.percent or data.startswith(self._emergency) or is_in_dialog(data):
                return PASS
            if trust == Trust.TRUNK and offers_feedback(data):
                return PASS  # It keeps back by itself what we ask it to, and sends only what matters.
            return self._refuse(data, flow, trust, now) if self.overload.sheds_call() else PASS
        if kind is Kind.REGISTER or (kind is Kind.OTHER and data[:4] in _SHED_LIKE_REGISTER):
            if not self.overload.percent or is_in_dialog(data):
                return PASS
            return self._refuse(data, flow, trust, now) if self.overload.sheds_register() else PASS
        return PASS

    def _refuse(self, data: bytes, flow: Flow, trust: Trust, now: float) -> Verdict:
        self._shed_until = now + ABSORB_S
        self.counters.shed += 1
        reply = refusal(data, flow, self.counters.shed, trust != Trust.TRUNK)
        return DROP if reply is None else Verdict(False, reply)

    def measure(self, measured: Measurement) -> bool:
        """Take a measurement of the load; returns whether the share that is shed has changed."""
        return self.overload.measure(measured)

    def use_emergency_numbers(self, numbers: Iterable[str]) -> None:
        """Set the numbers whose calls pass while others are shed."""
        self._emergency = _emergency_lines(numbers)

    def use_trunks(self, addresses: Iterable[str]) -> None:
        """Set the addresses of carriers: they have large budgets, and no ban ever, as has who is ``never_banned``."""
        trunks = frozenset([source_of(address) for address in (*addresses, *self._never_banned)])
        for key in self._trunks - trunks:
            self._known.pop(key, None)
        for key in trunks:
            if key not in self._known:
                self._known[key] = Source(Trust.TRUNK)
            self._known[key].trust = Trust.TRUNK
        self._trunks = trunks
        self.bans.allow(trunks)

    def prove(self, flow: Flow, now: float) -> None:
        """Learn that a source has proved a password, or holds a registration."""
        key = source_of(flow.remote[0])
        source = self._known.get(key)
        if source is None:
            source = self._younger.pop(key, None) or self._older.pop(key, None) or Source(Trust.KNOWN)
            source.trust = Trust.KNOWN
            source.full_at = [0.0, 0.0, 0.0, 0.0, 0.0]
            self._known[key] = source
            if len(self._known) > KNOWN_MAX:
                self._forget_known()
        elif now + KNOWN_S - source.known_until > KNOWN_ORDER_S:
            del self._known[key]
            self._known[key] = source
        source.known_until = now + KNOWN_S
        if len(self._suspects):
            self._suspects.add(key, Signal.PROVED, "", now)

    def _forget_known(self) -> None:
        """Drop the source that has not proved itself for longest, to within ``KNOWN_ORDER_S``; never a trunk."""
        for key, known in self._known.items():
            if known.trust != Trust.TRUNK:
                del self._known[key]
                return

    def is_banned(self, address: str, now: float) -> bool:
        """Tell whether nothing of an address is heard."""
        return len(self.bans) > 0 and self.bans.find(source_of(address), now) is not None

    def knows(self, flow: Flow, now: float) -> bool:
        """Tell whether a source has proved itself lately, or is a carrier's."""
        known = self._known.get(source_of(flow.remote[0]))
        return known is not None and (known.known_until > now or known.trust == Trust.TRUNK)

    def note(self, flow: Flow, signal: Signal, name: str, now: float) -> None:
        """Learn what a message that passed turned out to be; ``name`` is the user or number it was about."""
        self._judge(source_of(flow.remote[0]), signal, name, now)

    def _judge(self, key: str, signal: Signal, name: str, now: float) -> None:
        known = self._known.get(key)
        if self.bans.allows(key) or (known is not None and known.trust == Trust.TRUNK):
            return
        is_known = known is not None and known.known_until > now
        if signal is Signal.MALFORMED and is_known:
            return  # Keep-alives of phones behind one address look like it.
        patience = PATIENCE_WITH_KNOWN if is_known else 1.0
        suspect = self._suspects.add(key, signal, name, now, patience)
        if suspect is None or suspect.points < POINTS_MAX * patience:
            return
        ban_s = BAN_S[min(suspect.bans, len(BAN_S) - 1)]
        suspect.bans += 1
        suspect.points = 0.0
        suspect.names.clear()
        self._lay(Ban(key, now + ban_s, signal.value), now)

    def _lay(self, ban: Ban, now: float) -> None:
        if self.bans.add(ban, now):
            self.counters.banned += 1
            self._news.append(ban)

    def take_ban(self, ban: Ban, now: float) -> None:
        """Take a ban that another node laid; one of a source that has proved itself here holds only if a person did."""
        known = self._known.get(ban.source)
        if ban.by_operator or known is None or known.known_until <= now:
            self.bans.add(ban, now)

    def lift(self, source: str) -> bool:
        """End a ban because a person says so, and begin anew with its source; returns whether there was one."""
        self._suspects.forget(source)
        return self.bans.remove(source)

    def state(self) -> dict[str, int]:
        """Return what the guard did since the start, and how much it sheds now."""
        done = self.counters
        return {
            "bans": len(self.bans),
            "banned": done.banned,
            "dropped_banned": done.dropped_banned,
            "dropped_peak": done.dropped_peak,
            "dropped_over_budget": done.dropped_over_budget,
            "dropped_unknown": done.dropped_unknown,
            "shed": done.shed,
            "shed_percent": self.overload.percent,
            "overloads": self.overload.began,
        }

    def bans_to_tell(self) -> list[Ban]:
        """Return, once, the bans laid here that other nodes and people should hear of."""
        news, self._news = self._news, []
        return news

    def points(self, address: str) -> float:
        """Return the points of a source, for those who look into it."""
        return self._suspects.points(source_of(address))


def _emergency_lines(numbers: Iterable[str]) -> tuple[bytes, ...]:
    """Return how the first line of an emergency call begins (RFC 5031 §4.1 for the URN)."""
    begins = [b"INVITE urn:service:sos"]
    for number in numbers:
        begins += [f"INVITE {scheme}:{number}{end}".encode() for scheme in ("sip", "sips", "tel") for end in "@; "]
    return tuple(begins)


_SHED_LIKE_REGISTER: Final = frozenset({b"OPTI", b"MESS"})
