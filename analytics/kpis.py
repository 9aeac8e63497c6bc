"""What every figure means, in one place: label, formula, unit, source, and the arithmetic itself. Pure.

Two rules stand above all figures. A figure without data is ``None``, never 0: an hour without calls has no answer
rate. And a customer's figures count calls, each by its last attempt, while a trunk's figures count every attempt that
was sent to it: a call that failed over twice is one seizure for the customer and one for each of three trunks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

EFFECTIVE_STATUSES = frozenset({200, 480, 486, 600, 603})
"""Final statuses that show a network which did its part (E.425): answer, no reply, busy, refusal by the callee."""
EFFECTIVE_AFTER_RINGING = frozenset({487})
"""The caller gave up: the network's success if it rang, its failure if it did not."""

PDD_BOUNDS_MS = (
    100, 250, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 15_000, 20_000, 30_000,
    60_000,
)  # fmt: skip
"""Upper bounds (inclusive) of the post-dial delay's classes; one open class follows. Fine where callers notice."""
PDD_CLASSES = len(PDD_BOUNDS_MS) + 1


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure as the user interface, the API and the documentation name it."""

    key: str
    label: str
    name: str
    unit: str
    """``%``, ``s``, ``min``, ``calls``, or ``money`` in the currency of the row."""
    formula: str
    source: str
    better: str = "none"
    """``high`` or ``low`` where more or less of it is better, else ``none``."""

    @property
    def definition(self) -> str:
        """Return the sentence that stands beside the figure wherever it is shown."""
        return f"{self.name}: {self.formula} ({self.source})"


_HOUSE = "this platform's definition"
_TABLE = (
    Kpi(
        "seizures",
        "Seizures",
        "Seizures",
        "calls",
        "calls the platform took and tried to connect; for a trunk, INVITEs sent to it or taken from it. Not counted: "
        "callers who failed to authenticate, and calls the platform itself refused before any attempt",
        "ITU-T E.425",
    ),
    Kpi("answered", "Answered", "Answered calls", "calls", "seizures that got a 200 to their INVITE", "ITU-T E.425"),
    Kpi(
        "refused",
        "Refused",
        "Calls refused by the platform",
        "calls",
        "calls refused before any attempt (fraud rule, no funds, no rate, no route, over a limit); not in the seizures",
        _HOUSE,
    ),
    Kpi(
        "asr",
        "ASR",
        "Answer-seizure ratio",
        "%",
        "answered ÷ seizures × 100; busy and no answer count as failures",
        "ITU-T E.411 and E.425",
        "high",
    ),
    Kpi(
        "ner",
        "NER",
        "Network effectiveness ratio",
        "%",
        "(answered + busy + no answer + refused by the callee) ÷ seizures × 100; in SIP: 200, 480, 486, 600, 603, "
        "and 487 if it had rung",
        "ITU-T E.425",
        "high",
    ),
    Kpi(
        "acd_s",
        "ACD",
        "Average call duration",
        "s",
        "answered time ÷ answered calls",
        "mean session duration time, RFC 6076 §4.5.1",
    ),
    Kpi("minutes", "Minutes", "Answered minutes", "min", "answered time, from 200 to BYE, not rounded", _HOUSE),
    Kpi(
        "pdd_mean_s",
        "PDD",
        "Post-dial delay, mean",
        "s",
        "time from INVITE to the first 180 or 183, mean of the calls that rang; a 100 does not end it",
        "successful session request delay, RFC 6076 §4.3.1",
        "low",
    ),
    Kpi(
        "pdd_p95_s",
        "PDD 95 %",
        "Post-dial delay, 95th percentile",
        "s",
        "the delay that 95 of 100 ringing calls did not exceed, interpolated within 19 classes",
        "RFC 6076 §4.3.1",
        "low",
    ),
    Kpi("revenue", "Revenue", "Revenue", "money", "charges to customers for calls, without tax", _HOUSE, "high"),
    Kpi("charges", "Charges", "Charges for calls", "money", "prices of the calls, without tax", _HOUSE),
    Kpi("cost", "Cost", "Cost", "money", "what carriers charge for the same calls, by their decks", _HOUSE, "low"),
    Kpi("margin", "Margin", "Margin", "money", "revenue − cost", _HOUSE, "high"),
    Kpi("margin_percent", "Margin %", "Margin by revenue", "%", "margin ÷ revenue × 100", _HOUSE, "high"),
    Kpi("calls_now", "Calls now", "Calls in progress", "calls", "calls from INVITE until they end", _HOUSE),
    Kpi(
        "attempts_per_s",
        "Calls a second",
        "New calls a second",
        "calls",
        "calls whose INVITE came in that second, answered or not; counted since the page was opened",
        _HOUSE,
    ),
)
KPIS: dict[str, Kpi] = {kpi.key: kpi for kpi in _TABLE}


def is_seizure(refusal_code: str, was_attempted: bool) -> bool:
    """Return whether a call counts as a seizure: it was routed, or some target was tried before it was refused."""
    return refusal_code == "" or was_attempted


def is_effective(sip_status: int, is_answered: bool, has_rung: bool) -> bool:
    """Return whether the network did its part for a seizure (ITU-T E.425), whoever did not want the call.

    An answered call is effective whatever status its end left.
    """
    return is_answered or sip_status in EFFECTIVE_STATUSES or (has_rung and sip_status in EFFECTIVE_AFTER_RINGING)


def pdd_class(pdd_ms: int) -> int:
    """Return the index of the class a post-dial delay falls into, 0 to ``PDD_CLASSES - 1``."""
    return bisect_left(PDD_BOUNDS_MS, pdd_ms)


def percentile_s(histogram: Sequence[int], share: float) -> float | None:
    """Return the delay in seconds that ``share`` (0 to 1) of the counted calls did not exceed; ``None`` without any.

    Interpolated linearly within a class. In the open last class the answer is its lower bound: at least that.
    """
    total = sum(histogram)
    if total == 0:
        return None
    wanted = share * total
    below = 0
    for index, count in enumerate(histogram):
        if count and below + count >= wanted:
            low = PDD_BOUNDS_MS[index - 1] if index else 0
            if index == len(PDD_BOUNDS_MS):
                return low / 1000
            return (low + (PDD_BOUNDS_MS[index] - low) * (wanted - below) / count) / 1000
        below += count
    return PDD_BOUNDS_MS[-1] / 1000


def _no_delays() -> tuple[int, ...]:
    return (0,) * PDD_CLASSES


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts all figures of quality come from; two tallies add up, figures do not."""

    seizures: int = 0
    answered: int = 0
    effective: int = 0
    refused: int = 0
    duration_ms: int = 0
    pdd_count: int = 0
    pdd_sum_ms: int = 0
    pdd_histogram: tuple[int, ...] = field(default_factory=_no_delays)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.seizures + other.seizures,
            self.answered + other.answered,
            self.effective + other.effective,
            self.refused + other.refused,
            self.duration_ms + other.duration_ms,
            self.pdd_count + other.pdd_count,
            self.pdd_sum_ms + other.pdd_sum_ms,
            tuple(mine + its for mine, its in zip(self.pdd_histogram, other.pdd_histogram, strict=True)),
        )

    @property
    def asr(self) -> float | None:
        """Answer-seizure ratio in per cent."""
        return ratio(100 * self.answered, self.seizures)

    @property
    def ner(self) -> float | None:
        """Network effectiveness ratio in per cent."""
        return ratio(100 * self.effective, self.seizures)

    @property
    def acd_s(self) -> float | None:
        """Average duration of an answered call in seconds."""
        return ratio(self.duration_ms / 1000, self.answered)

    @property
    def minutes(self) -> float | None:
        """Answered minutes; ``None`` when there was no call at all."""
        return self.duration_ms / 60_000 if self.seizures else None

    @property
    def pdd_mean_s(self) -> float | None:
        """Mean post-dial delay in seconds."""
        return ratio(self.pdd_sum_ms / 1000, self.pdd_count)

    @property
    def pdd_p95_s(self) -> float | None:
        """95th percentile of the post-dial delay in seconds."""
        return percentile_s(self.pdd_histogram, 0.95)

    def figures(self) -> dict[str, float | int | None]:
        """Return every figure of quality by the key it has in ``KPIS``."""
        return {
            "seizures": self.seizures,
            "answered": self.answered,
            "refused": self.refused,
            "minutes": self.minutes,
            "asr": self.asr,
            "ner": self.ner,
            "acd_s": self.acd_s,
            "pdd_mean_s": self.pdd_mean_s,
            "pdd_p95_s": self.pdd_p95_s,
        }


def ratio(part: float, whole: float) -> float | None:
    """Return ``part ÷ whole``, ``None`` where there is no whole."""
    return part / whole if whole else None


def margin_percent(revenue_nanos: int, cost_nanos: int) -> float | None:
    """Return the margin as a share of the revenue in per cent; ``None`` without revenue."""
    return ratio(100 * (revenue_nanos - cost_nanos), revenue_nanos)
