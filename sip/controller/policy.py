"""What the switch asks of the business: four questions about a call, answered without blocking.

The controller knows no tenant, price or fraud rule; ``voip.callpolicy`` answers with all of them. ``screen`` and
``route`` answer at once from memory; ``authorise`` and ``extend`` may wait for the database and answer by callback,
on the controller's own thread, exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from sip.cdr.record import CallRecord


@dataclass(frozen=True, slots=True)
class CallOffer:
    """An authenticated caller wants a call."""

    call_id: str
    tenant_id: int
    line_id: int | None
    """The calling line, or ``None`` when the call comes from a trunk."""
    trunk_id: int | None
    caller: str
    """Number the caller claims (trunk) or owns (line: its caller number, else its extension or username)."""
    dialled: str
    """User part of the Request-URI, unescaped."""
    peer: str
    """``address:port`` the INVITE came from."""
    received_at: float
    """Wall clock, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call is not made: what the caller is told, and why in the platform's own words."""

    status: int
    reason: str
    q850_cause: int
    code: str
    """``fraud.<rule kind>``, ``billing.insufficient_funds``, ``billing.unavailable``, ``route.none`` …"""
    fraud_rule_id: int | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try: all contacts of a line at once, or one trunk."""

    kind: Literal["line", "trunk"]
    id: int
    called: str
    """User part for the B leg's Request-URI and To when it is a trunk; ignored for a line (its contact is used)."""
    caller: str
    """User part of the B leg's From."""
    caller_name: str = ""
    ring_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Where the call may go, in order of preference, and who pays."""

    tenant_id: int
    direction: Literal["internal", "outbound", "inbound"]
    called: str
    destination: str
    """E.164 that is charged, "" when the call is free by its kind (then ``authorise`` grants at once)."""
    account_id: int | None
    targets: tuple[Target, ...]
    is_emergency: bool = False


@dataclass(frozen=True, slots=True)
class Authorisation:
    """The call may last ``duration_max_s`` of talk; ``extendable`` when more may be asked for before that is over."""

    duration_max_s: float
    extendable: bool = False


class CallPolicy(Protocol):
    """The business behind the switch."""

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse a call before anything is spent on it: barring, fraud rules, caps. In memory."""
        ...

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Find where the dialled number goes. In memory."""
        ...

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Find the line behind an extension or a number of the platform, for what is no call (MESSAGE, mailboxes).

        Nothing is counted. In memory.
        """
        ...

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Hold money for the call; ``done`` is called once, perhaps before this returns."""
        ...

    def extend(self, call_id: str, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Hold more for a call that is up; the new ``duration_max_s`` counts from the answer of the call, in all."""
        ...

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Learn that the call is up (counters, live view)."""
        ...

    def settle(self, record: CallRecord) -> None:
        """Learn that the call is over, answered or not: counters back, spend noted. Money is settled from the spool."""
        ...
