"""What a proxy has in place of a business and a journal: it makes no calls of its own, so nobody ever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sip.cdr.record import CallRecord
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target

NO_CALLS: Final = Refusal(405, "", 79, "role.proxy")
"""ITU-T Q.850 cause 79: service not implemented."""


class NoPolicy:
    """Refuses every call."""

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse."""
        return NO_CALLS

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Refuse."""
        return NO_CALLS

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Refuse."""
        return NO_CALLS

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Refuse."""
        done(NO_CALLS)

    def extend(self, call_id: str, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Refuse."""
        done(NO_CALLS)

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Do nothing."""

    def settle(self, record: CallRecord) -> None:
        """Do nothing."""


class NoJournal:
    """A journal with nothing to write."""

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Say at once that nothing is lost."""
        if on_durable is not None:
            on_durable()

    @property
    def recovered(self) -> list[dict[str, Any]]:
        """No call outlives a proxy: the parties hold them."""
        return []

    def close(self) -> bool:
        """Close nothing."""
        return True
