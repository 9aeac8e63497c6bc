"""A rate file is taken whole or not at all, and every row at fault is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from billing import limits
from billing.deck_file import read_rates
from billing.errors import FileTooLarge, ImportRefused, RowError
from billing.models import DeckVersion, Rate, RateDeck
from billing.services import end_rate, import_deck, quote, set_rate
from billing.snapshot import load_decks
from tenants.errors import Conflict, DomainError
from tests.billing.world import BEGIN, HEADER, NOON, World

GOOD = "44,United Kingdom,0.0125,0,60,6\n"


def errors_of(data: str | bytes, currency: str = "USD") -> list[RowError]:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(ImportRefused) as caught:
        read_rates(raw, currency=currency, valid_from=BEGIN)
    return list(caught.value.rows)


def test_decimals_become_nanos_without_a_float_between() -> None:
    frame = read_rates((HEADER + "44,UK,0.123456789,1.1,1,1\n").encode(), currency="USD", valid_from=BEGIN)
    assert frame["nanos_per_minute"].tolist() == [123_456_789]
    assert frame["connect_fee_nanos"].tolist() == [1_100_000_000]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("+44,UK,0.1,0,1,1", "prefix", "'+44' is not 1 to 15 digits"),
        ("1234567890123456,UK,0.1,0,1,1", "prefix", "'1234567890123456' is not 1 to 15 digits"),
        ("4.4E+05,UK,0.1,0,1,1", "prefix", "'4.4E+05' is not 1 to 15 digits"),
        (",UK,0.1,0,1,1", "prefix", "'' is not 1 to 15 digits"),
        ("44,,0.1,0,1,1", "destination", "is empty"),
        ("44,=HYPERLINK(1),0.1,0,1,1", "destination", "'=HYPERLINK(1)' would be a formula in a spreadsheet"),
        ("44,@x,0.1,0,1,1", "destination", "'@x' would be a formula in a spreadsheet"),
        (f"44,{'x' * 121},0.1,0,1,1", "destination", "over 120 characters"),
        (f"44,{'x' * 201},0.1,0,1,1", "destination", "over 200 characters"),
        ("44,U\tK,0.1,0,1,1", "destination", "a control character or line break"),
        ("44,UK,-0.1,0,1,1", "rate_per_minute", "-0.1 is negative"),
        ("44,UK,0.1,-1,1,1", "connect_fee", "-1 is negative"),
        ("44,UK,0.0000000001,0,1,1", "rate_per_minute", "0.0000000001 has more than 9 decimals"),
        ("44,UK,1e-3,0,1,1", "rate_per_minute", "'1e-3' is not a decimal such as 0.0125"),
        ('44,UK,"0,01",0,1,1', "rate_per_minute", "'0,01' is not a decimal such as 0.0125"),
        ("44,UK,,0,1,1", "rate_per_minute", "'' is not a decimal such as 0.0125"),
        (
            "44,UK,125.5,0,1,1",
            "rate_per_minute",
            "125.5 USD: the unit looks wrong; rates are per minute, in whole units",
        ),
        ("44,UK,0.1,0,0,1", "first_s", "an increment of 0 s"),
        ("44,UK,0.1,0,1,0", "next_s", "an increment of 0 s"),
        ("44,UK,0.1,0,1,3601", "next_s", "3601 s is over 3600 s"),
        ("44,UK,0.1,0,1.5,1", "first_s", "'1.5' is not a whole number of seconds"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_reason(row: str, field: str, reason: str) -> None:
    assert errors_of(f"{HEADER}1,United States,0.006,0,6,6\n{row}\n") == [RowError(3, field, reason)]


def test_every_bad_row_is_reported_and_good_ones_are_not() -> None:
    rows = errors_of(f"{HEADER}x,UK,0.1,0,1,1\n{GOOD}1,US,-1,0,0,1\n")
    assert [(row.line, row.field) for row in rows] == [(2, "prefix"), (4, "first_s"), (4, "rate_per_minute")]


def test_a_prefix_that_comes_twice_names_its_first_line() -> None:
    rows = errors_of(f"{HEADER}{GOOD}1,US,0.1,0,1,1\n{GOOD}{GOOD}")
    assert rows == [
        RowError(4, "prefix", "44 stands already on line 2"),
        RowError(5, "prefix", "44 stands already on line 2"),
    ]


def test_lines_after_a_quoted_line_break_are_numbered_as_in_the_file() -> None:
    rows = errors_of(f'{HEADER}44,"U\nK",0.1,0,1,1\nx,UK,0.1,0,1,1\n')
    assert [(row.line, row.field) for row in rows] == [(3, "destination"), (4, "prefix")]


def test_blank_lines_are_skipped_and_counted() -> None:
    assert errors_of(f"{HEADER}\n{GOOD}\nx,UK,0.1,0,1,1\n\n")[0].line == 5


def test_a_currency_without_cents_may_have_larger_rates() -> None:
    frame = read_rates((HEADER + "44,UK,150,0,1,1\n").encode(), currency="JPY", valid_from=BEGIN)
    assert frame["nanos_per_minute"].tolist() == [150_000_000_000]
    assert errors_of(HEADER + "44,UK,10001,0,1,1\n", "JPY")[0].field == "rate_per_minute"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "the file has a header and no rows"),
        (b"prefix,destination\n44,UK\n", "line 1, connect_fee: this column is missing"),
        ((HEADER.strip() + ",colour\n44,UK,1,0,1,1,red\n").encode(), "line 1, colour: no such column"),
        ((HEADER + GOOD).encode() + b"4\x004", "line 3: a NUL byte: this is no text file"),
        ((HEADER + GOOD).encode() + b"1,\xff,0,0,1,1\n", "line 3: not UTF-8 (byte 0xff)"),
        ((HEADER + GOOD + "44,UK,0.1,0,1,1,9\n").encode(), "line 3: 7 fields instead of 6"),
    ],
)
def test_what_is_no_rate_file_is_refused_whole(data: bytes, error: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        read_rates(data, currency="USD", valid_from=BEGIN)
    assert error in str(caught.value)
    assert caught.value.status == 400


def test_a_byte_order_mark_and_windows_line_ends_are_taken() -> None:
    data = b"\xef\xbb\xbf" + (HEADER + GOOD).replace("\n", "\r\n").encode()
    assert read_rates(data, currency="USD", valid_from=BEGIN)["prefix"].tolist() == ["44"]


def test_too_many_bytes_or_rows_answer_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.deck_file.DECK_ROWS_MAX", 1)
    with pytest.raises(FileTooLarge, match="more than 1 rows"):
        read_rates((HEADER + GOOD * 3).encode(), currency="USD", valid_from=BEGIN)
    monkeypatch.setattr("billing.deck_file.DECK_FILE_BYTES_MAX", 10)
    with pytest.raises(FileTooLarge) as caught:
        read_rates((HEADER + GOOD).encode(), currency="USD", valid_from=BEGIN)
    assert caught.value.status == 413


def test_a_refused_file_lists_the_first_rows_and_counts_all() -> None:
    data = HEADER + "".join(f"x{n},UK,0.1,0,1,1\n" for n in range(300))
    with pytest.raises(ImportRefused, match="300 rows are wrong; nothing was imported") as caught:
        read_rates(data.encode(), currency="USD", valid_from=BEGIN)
    assert (len(caught.value.rows), caught.value.row_count) == (limits.DECK_ERRORS_MAX, 300)


def in_force(deck: RateDeck, at: datetime) -> dict[str, int]:
    return dict(Rate.objects.filter(deck=deck).in_force(at).values_list("prefix", "nanos_per_minute"))


def test_a_bad_file_leaves_deck_versions_and_rates_as_they_were(world: World) -> None:
    before = list(Rate.objects.order_by("pk").values())
    with pytest.raises(ImportRefused):
        import_deck(world.deck, f"{HEADER}{GOOD}x,UK,1,0,1,1\n".encode(), source="bad.csv")
    assert list(Rate.objects.order_by("pk").values()) == before
    assert DeckVersion.objects.filter(deck=world.deck).count() == 1


def test_a_new_price_list_ends_what_it_does_not_name(world: World) -> None:
    version = import_deck(world.deck, (HEADER + "44,UK,0.02,0,1,1\n").encode(), source="b.csv", valid_from=NOON)
    assert (version.number, version.row_count, version.is_complete) == (2, 1, True)
    assert in_force(world.deck, NOON - timedelta(seconds=1)) == {"44": 12_500_000, "447": 30_000_000, "1": 6_000_000}
    assert in_force(world.deck, NOON) == {"44": 20_000_000}
    revision = world.deck.revision
    world.deck.refresh_from_db()
    assert world.deck.revision == revision + 1


def test_a_row_with_a_later_date_leaves_the_former_rate_in_force_until_then(world: World) -> None:
    data = HEADER.strip() + ",valid_from\n44,UK,0.02,0,1,1,2026-11-20\n1,US,0.001,0,1,1,\n44,UK,0.03,0,1,1,2026-11-25\n"
    import_deck(world.deck, data.encode(), source="b.csv", valid_from=NOON)
    assert in_force(world.deck, NOON) == {"44": 12_500_000, "1": 1_000_000}
    assert in_force(world.deck, datetime(2026, 11, 20, tzinfo=UTC)) == {"44": 20_000_000, "1": 1_000_000}
    assert in_force(world.deck, datetime(2026, 11, 25, tzinfo=UTC)) == {"44": 30_000_000, "1": 1_000_000}


def test_dates_that_are_none_or_too_early_are_reported() -> None:
    rows = errors_of(HEADER.strip() + ",valid_from\n44,UK,1,0,1,1,soon\n45,DK,1,0,1,1,2026-10-01\n")
    assert rows == [
        RowError(2, "valid_from", "'soon' is not a date or time (ISO 8601)"),
        RowError(3, "valid_from", "2026-10-01 is before the version's 2026-11-01 00:00"),
    ]


def test_an_older_price_list_cannot_come_after_a_newer_one(world: World) -> None:
    with pytest.raises(Conflict, match="a price list is in force from 2026-11-01"):
        import_deck(world.deck, (HEADER + GOOD).encode(), source="b.csv", valid_from=BEGIN)


def test_a_single_rate_cuts_the_one_in_force_and_ends_with_the_next_price_list(world: World) -> None:
    import_deck(world.deck, (HEADER + "44,UK,0.02,0,1,1\n").encode(), source="b", valid_from=NOON)
    rate = set_rate(world.deck, prefix="44", destination="UK", nanos_per_minute=5, valid_from=NOON - timedelta(hours=1))
    assert rate.valid_to == NOON
    assert in_force(world.deck, NOON - timedelta(minutes=1))["44"] == 5
    assert in_force(world.deck, NOON - timedelta(hours=2))["44"] == 12_500_000
    assert in_force(world.deck, NOON) == {"44": 20_000_000}
    with pytest.raises(Conflict):
        set_rate(world.deck, prefix="44", destination="UK", nanos_per_minute=6, valid_from=NOON - timedelta(hours=1))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prefix": "+44"}, "prefix"),
        ({"prefix": "44\n"}, "prefix"),
        ({"nanos_per_minute": -1}, "nanos_per_minute"),
        ({"next_s": 0}, "next_s"),
        ({"destination": " "}, "destination"),
    ],
)
def test_a_single_rate_out_of_range_is_refused_with_its_field(
    world: World, values: dict[str, object], field: str
) -> None:
    good: dict[str, object] = {"prefix": "45", "destination": "DK", "nanos_per_minute": 1}
    with pytest.raises(DomainError) as caught:
        set_rate(world.deck, **(good | values))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert Rate.objects.filter(deck=world.deck).count() == 3


def test_an_ended_rate_leaves_its_numbers_to_the_shorter_prefix(world: World) -> None:
    end_rate(Rate.objects.get(prefix="447"), NOON)
    before, after = (quote(world.deck, "+447700900123", 60, at) for at in (NOON - timedelta(seconds=1), NOON))
    assert before is not None and after is not None
    assert (before.rate.prefix, after.rate.prefix) == ("447", "44")
    with pytest.raises(Conflict):
        end_rate(Rate.objects.get(prefix="447"), NOON)


def test_a_quote_is_the_rating_functions_price_and_nothing_without_a_rate(world: World) -> None:
    answer = quote(world.deck, "+442071234567", 61, NOON)
    assert answer is not None
    assert (answer.charge.amount_nanos, answer.currency) == (13_750_000, "USD")
    assert quote(world.deck, "+33123456789", 61, NOON) is None


def test_the_nodes_snapshot_holds_the_decks_in_force_and_follows_a_change(world: World) -> None:
    with connection.cursor() as cursor:
        first = load_decks(cursor, NOON)[world.deck.pk]
        assert load_decks(cursor, NOON)[world.deck.pk] is first
        set_rate(world.deck, prefix="44", destination="UK", nanos_per_minute=7, valid_from=BEGIN + timedelta(days=1))
        second = load_decks(cursor, NOON)[world.deck.pk]
    rates = [deck.lookup("+4420") for deck in (first, second)]
    assert [rate.nanos_per_minute for rate in rates if rate] == [12_500_000, 7]


def test_twenty_thousand_rows_are_taken_at_once(world: World) -> None:
    rows = "".join(f"{prefix},Zone {prefix % 500},0.0{prefix % 90 + 10},0,60,6\n" for prefix in range(200_00, 400_00))
    version = import_deck(world.deck, (HEADER + rows).encode(), source="big.csv", valid_from=NOON)
    assert version.row_count == 20_000
    assert Rate.objects.filter(deck=world.deck).in_force(NOON).count() == 20_000
