"""The demo's rates and calls: real prefixes, a plausible week, and the same each time."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime

from billing.deck_file import read_rates
from voip.demo import deck, history

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
PARTIES = [history.Party(2, 7, 10, "100", "+12125550100"), history.Party(2, 7, 11, "101", "+12125550101")]
CARRIER = history.Carrier(50, "127.0.0.1:5070")


def rows() -> dict[str, dict[str, str]]:
    return {row["prefix"]: row for row in csv.DictReader(io.StringIO(deck.as_csv()))}


def test_the_deck_has_thousands_of_real_prefixes_each_once_and_the_importer_takes_it() -> None:
    text = deck.as_csv()
    assert len(rows()) == text.count("\n") - 1 > 2_000
    frame = read_rates(text.encode(), currency="USD", valid_from=datetime(2026, 1, 1, tzinfo=UTC))
    assert len(frame) == len(rows())


def test_plus_one_is_not_all_united_states_and_mexico_is_billed_by_the_minute() -> None:
    found = rows()
    assert found["1876"]["destination"] == "Jamaica 876"
    assert found["1212"]["destination"] == "United States 212"
    assert (found["52"]["first_s"], found["52"]["next_s"]) == ("60", "60")
    assert (found["44"]["first_s"], found["44"]["next_s"]) == ("1", "1")


def test_a_markup_raises_each_price_by_its_share_in_whole_units_of_the_fifth_decimal() -> None:
    dear = {row["prefix"]: row for row in csv.DictReader(io.StringIO(deck.as_csv(markup_percent=50)))}
    for prefix, row in rows().items():
        cents = int(row["rate_per_minute"].replace(".", ""))
        assert int(dear[prefix]["rate_per_minute"].replace(".", "")) == cents * 150 // 100


def test_the_week_is_the_same_each_time_and_ends_before_now() -> None:
    first = list(history.week(PARTIES, CARRIER, NOON))
    assert first == list(history.week(PARTIES, CARRIER, NOON))
    assert max(record.started_at for record in first) < NOON
    assert min(record.started_at for record in first) >= NOON - 7 * history.DAY_S
    assert len({record.call_id for record in first}) == len(first)


def test_days_are_busy_nights_quiet_and_weekends_calm() -> None:
    records = list(history.week(PARTIES, CARRIER, NOON))
    hours = Counter(int(record.started_at // 3600 % 24) for record in records)
    assert sum(hours[hour] for hour in range(8, 18)) > 10 * sum(hours[hour] for hour in range(6))
    days = Counter(datetime.fromtimestamp(record.started_at, UTC).weekday() for record in records)
    assert max(days[5], days[6]) < min(days[1], days[2], days[3])


def test_only_answered_calls_have_a_duration_and_only_outbound_ones_a_price() -> None:
    for record in history.week(PARTIES, CARRIER, NOON):
        assert (record.answered_at is not None) == (record.sip_status == 200) == (record.duration_s > 0)
        assert bool(record.destination) == (record.direction == "outbound")
        assert [attempt.is_last for attempt in record.attempts] == [True]
