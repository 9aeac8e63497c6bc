"""Rating of many calls at once, in numpy: the same prices as ``billing.rating``, which a property test holds it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billing.decks import CompiledDeck, Ints, RateColumns
from billing.limits import DURATION_S_MAX


@dataclass(frozen=True, slots=True)
class ChargeColumns:
    """Prices of many calls, each of shape ``(calls,)``; a call without a rate has ``found`` False and zeros."""

    found: NDArray[np.bool_]
    billed_s: Ints
    raw: Ints
    amount_nanos: Ints


def charge_many(deck: CompiledDeck, numbers: Sequence[str], durations_s: Ints) -> ChargeColumns:
    """Rate whole-second durations, shape ``(calls,)``, to numbers with ``+``.

    Raises:
        ValueError: a duration is negative or over ``DURATION_S_MAX`` (64 bits hold no more), or the lengths differ.
    """
    if len(numbers) != len(durations_s):
        raise ValueError(f"{len(numbers)} numbers but {len(durations_s)} durations")
    if len(durations_s) and not (durations_s.min() >= 0 and durations_s.max() <= DURATION_S_MAX):
        raise ValueError(f"a duration is not within 0 to {DURATION_S_MAX} s")
    rates = deck.lookup_many(numbers)
    billed = billed_many(durations_s, rates)
    raw = np.where(billed > 0, 60 * rates.connect_fee_nanos + billed * rates.nanos_per_minute, 0)
    return ChargeColumns(rates.found, billed, raw, -(-raw // 60))


def billed_many(durations_s: Ints, rates: RateColumns) -> Ints:
    """Return ``billing.rating.billed_s`` of each call; 0 where there is no rate."""
    step = np.maximum(rates.next_s, 1)  # Rows without a rate have 0 here; they are zeroed below.
    beyond = np.maximum(durations_s - rates.first_s, 0)
    billed = rates.first_s + -(-beyond // step) * step
    return np.where(rates.found & (durations_s > 0), billed, 0)
