"""The business behind the switch: the only place where SIP meets numbers, money and fraud.

Everything is answered from the node's snapshot in memory; only holds wait for the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from billing.holds import HoldRequest
from billing.rating import Rate, affordable_s, charge_nanos, whole_seconds
from dids.snapshot import DidEntry
from e164 import E164, ShortCode, is_emergency, normalise_dialled
from fraud.screening import Screener
from sip.cdr.record import CallRecord
from sip.controller.directory import Directory, LineEntry
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from voip.node import limits
from voip.node.holds import HoldDesk
from voip.node.routing import RouteTable
from voip.node.snapshot import Snapshot

UNKNOWN_NUMBER = Refusal(404, "Not Found", 1, "route.unknown_number")
NO_ROUTE = Refusal(404, "No Route To Destination", 3, "route.none")
NOT_REACHABLE = Refusal(480, "Temporarily Unavailable", 20, "route.line_inactive")
NO_ACCOUNT = Refusal(403, "No Account", 21, "billing.no_account")
NO_RATE = Refusal(403, "No Rate For Destination", 21, "billing.no_rate")
NO_FUNDS = Refusal(402, "Payment Required", 21, "billing.insufficient_funds")
NO_DATABASE = Refusal(503, "Service Unavailable", 38, "billing.unavailable", retry_after_s=limits.RETRY_AFTER_S)
TENANT_INACTIVE = Refusal(403, "Forbidden", 21, "tenant.inactive")


@dataclass(slots=True)
class _Priced:
    rate: Rate
    account_id: int
    granted_s: int
    line_id: int | None = None
    """The line that pays: the caller, or the one that sent the call on."""


class BusinessPolicy:
    """Answers the switch (``sip.controller.policy.CallPolicy``) from a snapshot that may be replaced at any time.

    ``clock`` is monotonic seconds; it drives the fraud rules' sliding windows.
    """

    def __init__(self, desk: HoldDesk, screener: Screener, clock: Callable[[], float]) -> None:
        self._desk = desk
        self._screener = screener
        self._clock = clock
        self._snapshot = Snapshot()
        self._directory = Directory()
        self._routes = RouteTable(())
        self._accounts: dict[int, int] = {}
        self._priced: dict[str, _Priced] = {}
        self._read: tuple[CallOffer | None, E164 | ShortCode | None] = (None, None)

    def use(self, snapshot: Snapshot, directory: Directory) -> None:
        """Answer from this snapshot from now on."""
        self._snapshot = snapshot
        self._directory = directory
        self._routes = RouteTable(snapshot.routes)
        self._accounts = {entry.tenant_id: entry.id for entry in snapshot.accounts.values() if entry.is_active}
        self._screener.use(snapshot.rules)

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse calls of switched-off tenants and calls a fraud rule forbids; emergency calls pass every rule."""
        if offer.line_id is None:
            return None
        number = self._number(offer)
        if number is None or isinstance(number, ShortCode):
            return None  # An extension, a short code or nothing we know: routing says what becomes of it.
        tenant = self._snapshot.tenants.get(offer.tenant_id)
        if tenant is None or not tenant.is_active:
            return TENANT_INACTIVE
        if number in self._snapshot.dids:
            return None
        rate = self._rate(offer.tenant_id, number)
        hit = self._screener.screen(
            offer.tenant_id,
            offer.line_id,
            number.digits,
            rate.nanos_per_minute if rate else None,
            self._clock(),
        )
        if hit is None:
            return None
        return Refusal(403, "Forbidden", 21, hit.code, fraud_rule_id=hit.rule_id)

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Find the line or the trunks the dialled number leads to."""
        if offer.line_id is not None:
            line = self._directory.line_by_extension(offer.tenant_id, offer.dialled)
            if line is not None:
                return self._to_line(offer, line, line.extension, offer.tenant_id, "internal")
        number = self._number(offer)
        if number is None:
            return UNKNOWN_NUMBER
        if isinstance(number, ShortCode):
            return self._to_short_code(offer, number)
        did = self._snapshot.dids.get(number)
        if did is not None:
            return self._to_did(offer, did)
        return self._to_trunks(offer, number) if offer.line_id is not None else UNKNOWN_NUMBER

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Find the line behind an extension or a number of the platform; no fraud counter hears of it."""
        if offer.line_id is not None:
            tenant = self._snapshot.tenants.get(offer.tenant_id)
            if tenant is None or not tenant.is_active:
                return TENANT_INACTIVE
            line = self._directory.line_by_extension(offer.tenant_id, offer.dialled)
            if line is not None:
                return _first_target(self._to_line(offer, line, line.extension, offer.tenant_id, "internal"))
        number = self._number(offer)
        did = self._snapshot.dids.get(number) if isinstance(number, E164) else None
        return _first_target(self._to_did(offer, did)) if did is not None else UNKNOWN_NUMBER

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Hold the price of the first minutes; free and emergency calls are granted at once."""
        if plan.is_emergency or not plan.destination:
            done(Authorisation(limits.CALL_TALK_S_MAX))
            return
        if plan.account_id is None:
            done(NO_ACCOUNT)
            return
        rate = self._rate(offer.tenant_id, plan.destination)
        if rate is None:
            done(NO_RATE)
            return
        request = _hold(offer.call_id, plan.account_id, rate, limits.HOLD_TALK_S)
        if request.amount_nanos == 0:
            done(Authorisation(limits.CALL_TALK_S_MAX))
            return
        priced = _Priced(rate, plan.account_id, 0, offer.line_id)
        self._desk.place(request, lambda granted: done(self._granted(offer.call_id, priced, request, granted)))

    def extend(self, call_id: str, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Raise the call's hold by another block of talk."""
        priced = self._priced.get(call_id) or self._priced_again(plan)
        if priced is None:
            done(NO_RATE)
            return
        request = _hold(call_id, priced.account_id, priced.rate, priced.granted_s + limits.HOLD_TALK_S)
        self._desk.extend(request, lambda granted: done(self._granted(call_id, priced, request, granted)))

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Let the call's price run into the hour's spending; the hold stands as it is."""
        priced = self._priced.get(offer.call_id)
        if priced is not None:
            self._screener.answered(offer.call_id, priced.rate.nanos_per_minute, self._clock())

    def settle(self, record: CallRecord) -> None:
        """Give the fraud counters back and note what the call cost."""
        priced = self._priced.pop(record.call_id, None)
        now = self._clock()
        # Of any call: one that a line sent on was counted before it was known whether it would have a destination.
        self._screener.ended(record.call_id, now)
        if priced is not None and record.destination and record.answered_at is not None:
            amount = charge_nanos(whole_seconds(record.duration_s, answered=True), priced.rate).amount_nanos
            line_id = record.a_line_id if priced.line_id is None else priced.line_id
            self._screener.spent(record.tenant_id, line_id, amount, now)

    def _number(self, offer: CallOffer) -> E164 | ShortCode | None:
        if self._read[0] is offer:  # screen and route ask for the same call one after the other
            return self._read[1]
        try:
            number = normalise_dialled(offer.dialled, self._country(offer))
        except ValueError:
            number = None
        self._read = (offer, number)
        return number

    def _country(self, offer: CallOffer) -> str:
        entry = (
            self._directory.lines.get(offer.line_id)
            if offer.line_id is not None
            else self._directory.trunks.get(offer.trunk_id or 0)
        )
        return entry.country if entry is not None else ""

    def _owners(self, tenant_id: int) -> frozenset[int]:
        tenant = self._snapshot.tenants.get(tenant_id)
        return frozenset((tenant_id, *(tenant.ancestor_ids if tenant else ())))

    def _to_line(
        self, offer: CallOffer, line: LineEntry, called: str, payer: int, direction: str
    ) -> RoutePlan | Refusal:
        if not line.is_active:
            return NOT_REACHABLE
        caller = self._directory.lines.get(offer.line_id or 0)
        shown = caller.extension or caller.username if caller and caller.tenant_id == line.tenant_id else offer.caller
        target = Target("line", line.id, called, shown, caller.display_name if caller else "")
        return RoutePlan(payer, direction, called, "", self._accounts.get(payer), (target,))  # type: ignore[arg-type]

    def _to_did(self, offer: CallOffer, did: DidEntry) -> RoutePlan | Refusal:
        line = self._directory.lines.get(did.line_id) if did.line_id is not None else None
        if line is None:
            return UNKNOWN_NUMBER
        if offer.line_id is None:
            return self._to_line(offer, line, did.number, did.tenant_id, "inbound")
        return self._to_line(offer, line, did.number, offer.tenant_id, "internal")

    def _to_short_code(self, offer: CallOffer, code: ShortCode) -> RoutePlan | Refusal:
        if offer.line_id is None or not is_emergency(code, self._country(offer)):
            return UNKNOWN_NUMBER
        targets = self._targets(offer, str(code), str(code))
        if not targets:
            return NO_ROUTE
        account_id = self._accounts.get(offer.tenant_id)
        return RoutePlan(offer.tenant_id, "outbound", str(code), "", account_id, targets, is_emergency=True)

    def _to_trunks(self, offer: CallOffer, number: E164) -> RoutePlan | Refusal:
        targets = self._targets(offer, number.lstrip("+"), str(number))
        if not targets:
            return NO_ROUTE
        self._screener.started(offer.call_id, offer.tenant_id, offer.line_id)
        account_id = self._accounts.get(offer.tenant_id)
        return RoutePlan(offer.tenant_id, "outbound", str(number), str(number), account_id, targets)

    def _targets(self, offer: CallOffer, digits: str, called: str) -> tuple[Target, ...]:
        found = (
            self._directory.trunks.get(id_) for id_ in self._routes.trunk_ids(digits, self._owners(offer.tenant_id))
        )
        return tuple(Target("trunk", trunk.id, called, offer.caller) for trunk in found if trunk and trunk.is_active)

    def _rate(self, tenant_id: int, number: str) -> Rate | None:
        account = self._snapshot.accounts.get(self._accounts.get(tenant_id, 0))
        deck = self._snapshot.decks.get(account.deck_id) if account is not None and account.deck_id else None
        return deck.lookup(number) if deck is not None else None

    def _priced_again(self, plan: RoutePlan) -> _Priced | None:
        """Price a call that was restored after a restart; its first block was held before."""
        rate = self._rate(plan.tenant_id, plan.destination) if plan.account_id is not None else None
        return _Priced(rate, plan.account_id, limits.HOLD_TALK_S) if rate and plan.account_id is not None else None

    def _granted(
        self, call_id: str, priced: _Priced, request: HoldRequest, granted: int | None
    ) -> Authorisation | Refusal:
        if granted is None:
            return NO_DATABASE
        seconds = affordable_s(granted, priced.rate) if granted else 0
        if seconds <= priced.granted_s:
            return NO_FUNDS
        priced.granted_s = seconds
        if len(self._priced) < limits.PRICES_KEPT_MAX:
            self._priced[call_id] = priced
        return Authorisation(float(seconds), extendable=granted >= request.amount_nanos)


def _first_target(plan: RoutePlan | Refusal) -> Target | Refusal:
    return plan if isinstance(plan, Refusal) else plan.targets[0]


def _hold(call_id: str, account_id: int, rate: Rate, talk_s: int) -> HoldRequest:
    amount = charge_nanos(talk_s, rate).amount_nanos
    return HoldRequest(call_id, account_id, amount, charge_nanos(1, rate).amount_nanos)
