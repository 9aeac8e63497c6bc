"""Screening where a node has several workers: calls and spending of all of them count, whoever carries the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fraud.screening import Screener
from sip.controller.crew.port import CrewPort

_TOPIC = "screening"


class SharedScreener(Screener):
    """A screener that tells the siblings what it counts, and counts what they tell; alone it is a plain one.

    News take a round of two event loops: calls that come within it at several workers are each judged without the
    others. ``clock`` is one that all processes of the machine share, as the monotonic one is.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._crew: CrewPort | None = None
        self._theirs: dict[int, dict[str, None]] = {}
        """Calls that each sibling has."""

    def join(self, crew: CrewPort) -> None:
        """Count together with the siblings from now on; before their news come."""
        self._crew = crew
        crew.on_news(_TOPIC, self._hear)
        crew.tell(_TOPIC, {"begin": True})

    def started(self, call_id: str, tenant_id: int, line_id: int | None) -> None:
        """Count a call, and tell of it."""
        super().started(call_id, tenant_id, line_id)
        if self._crew is not None and line_id is not None:
            self._crew.tell(_TOPIC, {"started": [call_id, tenant_id, line_id]})

    def answered(self, call_id: str, price_per_minute_nanos: int | None, now: float) -> None:
        """Let a call's price run, and tell of it."""
        super().answered(call_id, price_per_minute_nanos, now)
        if self._crew is not None and price_per_minute_nanos:
            self._crew.tell(_TOPIC, {"answered": [call_id, price_per_minute_nanos, now]})

    def ended(self, call_id: str, now: float) -> None:
        """Stop counting a call, and tell of it."""
        super().ended(call_id, now)
        if self._crew is not None:
            self._crew.tell(_TOPIC, {"ended": [call_id, now]})

    def spent(self, tenant_id: int, line_id: int | None, amount_nanos: int, now: float) -> None:
        """Note what a call cost, and tell of it."""
        super().spent(tenant_id, line_id, amount_nanos, now)
        if self._crew is not None and line_id is not None and amount_nanos > 0:
            self._crew.tell(_TOPIC, {"spent": [tenant_id, line_id, amount_nanos, now]})

    def _hear(self, sibling: int, news: dict[str, Any]) -> None:
        """Take a sibling's news.

        Raises:
            KeyError, TypeError, ValueError: it is none; whoever calls logs it.
        """
        theirs = self._theirs.setdefault(sibling, {})
        if "started" in news:
            call_id, tenant_id, line_id = news["started"]
            super().started(str(call_id), int(tenant_id), int(line_id))
            theirs[str(call_id)] = None
        elif "answered" in news:
            call_id, price, now = news["answered"]
            super().answered(str(call_id), int(price), float(now))
        elif "ended" in news:
            call_id, now = news["ended"]
            super().ended(str(call_id), float(now))
            theirs.pop(str(call_id), None)
        elif "spent" in news:
            tenant_id, line_id, amount, now = news["spent"]
            super().spent(int(tenant_id), int(line_id), int(amount), float(now))
        elif news["begin"]:
            self._greet(sibling)

    def _greet(self, sibling: int) -> None:
        """Forget what a sibling's former process had up, and tell the new one what is up here."""
        for call_id in self._theirs.pop(sibling, {}):
            super().ended(call_id, self._clock())
        if self._crew is None:
            return
        foreign = {call_id for calls in self._theirs.values() for call_id in calls}
        for call_id, call in self._calls.items():
            if call_id not in foreign:
                self._crew.tell(_TOPIC, {"started": [call_id, call.tenant_id, call.line_id]}, sibling)
                if call.price_per_minute_nanos:
                    news = [call_id, call.price_per_minute_nanos, call.answered_at]
                    self._crew.tell(_TOPIC, {"answered": news}, sibling)
