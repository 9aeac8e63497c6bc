"""Screening before a call, from memory: rules in, calls counted, a hit or nothing out.

Pure: no Django, no clock (``now`` is seconds on any clock that does not run backwards), no I/O. One screener belongs
to one node and one thread. Inbound and emergency calls are never screened, and never counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from fraud.limits import CALLS_UP_MAX, WINDOWS_MAX
from fraud.window import HourWindow

RuleKind = Literal["barred_destination", "concurrent_calls", "spend_per_hour"]
RuleAction = Literal["refuse", "refuse_and_block"]
CountedBy = Literal["line", "tenant"]


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One active or sleeping rule; the same ``id`` may come once for each tenant of a reseller's tree."""

    id: int
    tenant_id: int | None
    """``None`` for all tenants."""
    kind: RuleKind
    action: RuleAction = "refuse"
    line_id: int | None = None
    """Only this line, or ``None`` for all lines of the tenant."""
    prefixes: tuple[str, ...] = ()
    """barred_destination: digits of E.164 without ``+``."""
    calls_max: int = 0
    """concurrent_calls: so many may be up or ringing at once."""
    spend_max_nanos: int = 0
    """spend_per_hour: so much may be spent in any sixty minutes, calls that are up included."""
    counted_by: CountedBy = "line"
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    """A call must not be made: which rule says so, and what it saw."""

    rule_id: int
    kind: RuleKind
    action: RuleAction
    observed: str
    """The matching prefix, the calls that are up, or the nano-units spent."""

    @property
    def code(self) -> str:
        """Refusal code of the call record."""
        return f"fraud.{self.kind}"


@dataclass(slots=True)
class _CallUp:
    tenant_id: int
    line_id: int
    price_per_minute_nanos: int = 0
    answered_at: float = 0.0


_KIND_ORDER: dict[RuleKind, int] = {"barred_destination": 0, "concurrent_calls": 1, "spend_per_hour": 2}
_Key = tuple[CountedBy, int]


class Screener:
    """Answers whether a call may be made, and keeps the counters its rules need."""

    def __init__(self, rules: Iterable[RuleEntry] = ()) -> None:
        self._rules: dict[int | None, list[tuple[RuleEntry, frozenset[str]]]] = {}
        self._calls: dict[str, _CallUp] = {}
        self._calls_up: dict[_Key, int] = defaultdict(int)
        self._windows: dict[_Key, HourWindow] = {}
        self.use(rules)

    def use(self, rules: Iterable[RuleEntry]) -> None:
        """Replace the rules by those of a newer snapshot; what was counted so far stays."""
        by_tenant: dict[int | None, list[tuple[RuleEntry, frozenset[str]]]] = defaultdict(list)
        for rule in sorted(rules, key=_order):
            if rule.is_active:
                by_tenant[rule.tenant_id].append((rule, frozenset(rule.prefixes)))
        self._rules = dict(by_tenant)

    def screen(
        self,
        tenant_id: int,
        line_id: int | None,
        destination: str,
        price_per_minute_nanos: int | None,
        now: float,
        *,
        is_emergency: bool = False,
    ) -> Hit | None:
        """Return the rule that forbids a call to ``destination`` (digits, with or without ``+``), if one does.

        A rule that blocks the line is found before one that only refuses. ``line_id`` is ``None`` for an inbound
        call, ``price_per_minute_nanos`` is ``None`` for a call that costs nothing, which no spending cap forbids.
        """
        if line_id is None or is_emergency:
            return None
        digits = destination.removeprefix("+")
        hits = []
        for owner in (tenant_id, None):
            for rule, prefixes in self._rules.get(owner, ()):
                if rule.line_id is not None and rule.line_id != line_id:
                    continue
                observed = self._observed(rule, prefixes, tenant_id, line_id, digits, price_per_minute_nanos, now)
                if observed is not None:
                    hits.append((_order(rule), Hit(rule.id, rule.kind, rule.action, observed)))
                    break  # rules are sorted: the first hit of an owner is its weightiest
        return min(hits, key=lambda pair: pair[0])[1] if hits else None

    def started(self, call_id: str, tenant_id: int, line_id: int | None) -> None:
        """Count a call that ``screen`` let pass, ringing or up, until ``ended``. Not for emergency calls."""
        if line_id is None or call_id in self._calls or len(self._calls) >= CALLS_UP_MAX:
            return
        self._calls[call_id] = _CallUp(tenant_id, line_id)
        for key in _keys(tenant_id, line_id):
            self._calls_up[key] += 1

    def answered(self, call_id: str, price_per_minute_nanos: int | None, now: float) -> None:
        """Let a call's price run into the hour's spending while it is up; a cap must not wait for the call's end."""
        call = self._calls.get(call_id)
        if call is None or not price_per_minute_nanos or call.price_per_minute_nanos:
            return
        call.price_per_minute_nanos = price_per_minute_nanos
        call.answered_at = now
        for key in _keys(call.tenant_id, call.line_id):
            self._window(key, now).answered(price_per_minute_nanos, now)

    def ended(self, call_id: str, now: float) -> None:
        """Stop counting a call and take its running price back; an unknown call (of before a restart) is passed over.

        ``spent`` notes what it cost in truth.
        """
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        for key in _keys(call.tenant_id, call.line_id):
            self._calls_up[key] -= 1
            if self._calls_up[key] == 0:
                del self._calls_up[key]
            if call.price_per_minute_nanos:
                self._window(key, now).ended(call.price_per_minute_nanos, call.answered_at)

    def spent(self, tenant_id: int, line_id: int | None, amount_nanos: int, now: float) -> None:
        """Note what a call cost that ended just now."""
        if line_id is None or amount_nanos <= 0:
            return
        for key in _keys(tenant_id, line_id):
            self._window(key, now).add(amount_nanos, now)

    def spent_last_hour_nanos(self, counted_by: CountedBy, owner_id: int, now: float) -> int:
        """Return what a line or a tenant spent in the last sixty minutes, calls that are up included."""
        window = self._windows.get((counted_by, owner_id))
        return window.total_nanos(now) if window else 0

    def calls_up(self, counted_by: CountedBy, owner_id: int) -> int:
        """Return how many counted calls of a line or a tenant are ringing or up."""
        return self._calls_up.get((counted_by, owner_id), 0)

    def _observed(
        self,
        rule: RuleEntry,
        prefixes: frozenset[str],
        tenant_id: int,
        line_id: int,
        digits: str,
        price_per_minute_nanos: int | None,
        now: float,
    ) -> str | None:
        """Return what makes the rule say no, or ``None`` where it does not."""
        if rule.kind == "barred_destination":
            return next((digits[:n] for n in range(len(digits), 0, -1) if digits[:n] in prefixes), None)
        owner_id = line_id if rule.counted_by == "line" else tenant_id
        if rule.kind == "concurrent_calls":
            up = self.calls_up(rule.counted_by, owner_id)
            return str(up) if up >= rule.calls_max else None
        if not price_per_minute_nanos:
            return None
        spent = self.spent_last_hour_nanos(rule.counted_by, owner_id, now)
        # The first minute counts as spent: a call that would pass the cap before it can be looked at again is refused.
        return str(spent) if spent + price_per_minute_nanos > rule.spend_max_nanos else None

    def _window(self, key: _Key, now: float) -> HourWindow:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= WINDOWS_MAX:
                self._forget_idle(now)
            window = self._windows[key] = HourWindow()
        return window

    def _forget_idle(self, now: float) -> None:
        """Drop windows in which nothing is spent any more; when few are idle, the oldest tenth with no call up."""
        for key in [key for key, window in self._windows.items() if window.is_idle(now)]:
            del self._windows[key]
        without_calls = (key for key in list(self._windows) if key not in self._calls_up)
        for key in islice(without_calls, max(0, len(self._windows) - WINDOWS_MAX * 9 // 10)):
            del self._windows[key]


def _keys(tenant_id: int, line_id: int) -> tuple[_Key, _Key]:
    return ("line", line_id), ("tenant", tenant_id)


def _order(rule: RuleEntry) -> tuple[bool, int, int]:
    """Sort blocking rules before others, then by kind, then by age."""
    return rule.action != "refuse_and_block", _KIND_ORDER[rule.kind], rule.id
