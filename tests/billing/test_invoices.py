"""Invoices: complete, gapless, immutable, every call on exactly one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Barrier

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from pypdf import PdfReader

from alerts.models import Event
from billing.charging import charge_calls
from billing.choices import AccountMode, InvoiceStatus
from billing.invoice_states import TRANSITIONS, InvoiceMove, after
from billing.ledger import check_books
from billing.models import Account, Charge, Invoice, InvoiceLine
from billing.pdf import document_of
from billing.services import (
    adjust_balance,
    draft_invoice,
    finalise_invoice,
    invoice_month,
    invoice_pdf,
    month_before,
    void_invoice,
)
from billing.services.invoices import accounts_to_invoice
from tenants.errors import Conflict, DomainError
from tenants.scope import system_scope
from tests.billing.world import NOON, UNIT, World, call, customer

NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
DECEMBER = (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
LATER = datetime(2027, 1, 2, tzinfo=UTC)


def calls_of(account: Account, *numbers: str) -> None:
    charge_calls([call(account, number) for number in numbers])


def final(account: Account) -> Invoice:
    invoice = draft_invoice(account, NOVEMBER, LATER)
    assert invoice is not None
    return finalise_invoice(invoice, LATER)


def test_an_invoice_sums_the_calls_of_its_period_by_destination(world: World) -> None:
    calls_of(world.bob, "+442071234567", "+442071234568", "+447700900123", "+12125550100")
    invoice = draft_invoice(world.bob, NOVEMBER, LATER)
    assert invoice is not None
    lines = list(invoice.lines.values_list("position", "destination", "call_count", "billed_s", "amount_nanos"))
    assert lines == [
        (1, "UK mobile", 1, 61, 40_500_000),
        (2, "United Kingdom", 2, 132, 27_500_000),
        (3, "United States", 1, 66, 6_600_000),
    ]
    assert (invoice.total_nanos, invoice.payable_nanos, invoice.number) == (74_600_000, 80_000_000, "")
    assert Charge.objects.filter(invoice=invoice).count() == 4


def test_every_call_is_on_exactly_one_invoice_and_late_ones_are_on_the_next(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    first = final(world.bob)
    december = NOON.replace(month=12).timestamp()
    charge_calls([call(world.bob), call(world.bob, started_at=december)])
    second = draft_invoice(world.bob, DECEMBER, LATER)
    assert second is not None
    rows = list(second.lines.values_list("destination", "is_late", "call_count"))
    assert rows == [("United Kingdom", False, 1), ("United Kingdom", True, 1)]
    assert first.lines.get().call_count == 1
    assert not Charge.objects.filter(invoice__isnull=True).exists()


def test_a_call_belongs_to_the_period_in_which_it_started(world: World) -> None:
    last = NOVEMBER[1] - timedelta(seconds=1)
    charge_calls([call(world.bob, started_at=last.timestamp()), call(world.bob, started_at=NOVEMBER[1].timestamp())])
    invoice = draft_invoice(world.bob, NOVEMBER, LATER)
    assert invoice is not None
    assert invoice.lines.get().call_count == 1


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
        ("Europe/Paris", "2026-09-30T22:00:00+00:00", "2026-10-31T23:00:00+00:00"),
        ("America/New_York", "2026-10-01T04:00:00+00:00", "2026-11-01T04:00:00+00:00"),
    ],
)
def test_a_month_begins_and_ends_at_the_sellers_midnight_across_a_change_of_clocks(
    zone: str, start: str, end: str
) -> None:
    period = month_before(datetime(2026, 11, 15, tzinfo=UTC), zone)
    assert tuple(moment.astimezone(UTC).isoformat() for moment in period) == (start, end)


def test_a_period_that_is_not_over_is_refused(world: World) -> None:
    with pytest.raises(DomainError, match="must lie in the past"):
        draft_invoice(world.bob, NOVEMBER, NOON)


def test_a_period_with_an_unrated_call_is_refused_and_nothing_is_claimed(world: World) -> None:
    calls_of(world.bob, "+442071234567", "+33123456789")
    with pytest.raises(DomainError) as caught:
        draft_invoice(world.bob, NOVEMBER, LATER)
    assert caught.value.code == "unrated_calls"
    assert not Charge.objects.filter(invoice__isnull=False).exists()


def test_no_calls_make_no_invoice_and_a_second_one_of_the_period_is_refused(world: World) -> None:
    assert draft_invoice(world.bob, NOVEMBER, LATER) is None
    calls_of(world.bob, "+442071234567")
    assert draft_invoice(world.bob, NOVEMBER, LATER) is not None
    with pytest.raises(Conflict):
        draft_invoice(world.bob, NOVEMBER, LATER)


def test_numbers_are_gapless_even_when_a_finalising_is_rolled_back(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    calls_of(world.alice, "+442071234567")
    drafts = [draft_invoice(account, NOVEMBER, LATER) for account in (world.bob, world.alice)]
    assert drafts[0] is not None and drafts[1] is not None
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        finalise_invoice(drafts[0], LATER)
        raise ZeroDivisionError
    assert finalise_invoice(drafts[1], LATER).number == "INV-000001"
    assert finalise_invoice(drafts[0], LATER).number == "INV-000002"


def test_a_final_invoice_names_both_parties_and_its_due_day_and_is_announced(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    invoice = final(world.bob)
    assert (invoice.status, invoice.seller_name, invoice.buyer_name) == ("finalised", "Trunkco", "Bob")
    assert (invoice.due_at, invoice.due_nanos) == (LATER + timedelta(days=14), 20_000_000)
    assert Event.objects.get(kind="invoice.finalised").payload["number"] == "INV-000001"


def test_a_prepaid_balance_pays_its_invoice_at_once(world: World) -> None:
    calls_of(world.alice, "+442071234567")
    invoice = final(world.alice)
    assert (invoice.status, invoice.due_nanos, invoice.paid_at) == ("paid", 0, LATER)


def test_a_prepaid_invoice_waits_while_the_balance_is_negative(world: World) -> None:
    calls_of(world.alice, "+442071234567")
    adjust_balance(world.alice, -10 * UNIT, key="k", memo="m")
    assert final(world.alice).status == "finalised"


@pytest.mark.parametrize(
    "change",
    [{"total_nanos": 1}, {"number": "X"}, {"buyer_name": "X"}, {"status": InvoiceStatus.DRAFT}, {"due_at": None}],
)
def test_the_database_keeps_a_final_invoice_as_it_is(world: World, change: dict[str, object]) -> None:
    calls_of(world.bob, "+442071234567")
    invoice = final(world.bob)
    with pytest.raises((InternalError, IntegrityError), match="is final"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**change)


def test_the_database_keeps_the_lines_and_calls_of_a_final_invoice(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    invoice = final(world.bob)
    for table, column in (("billing_invoiceline", "invoice_id"), ("billing_invoice", "id")):
        refused = pytest.raises((InternalError, IntegrityError), match="is final")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", [invoice.pk])
    with pytest.raises((InternalError, IntegrityError), match="is charged"), transaction.atomic():
        Charge.objects.update(amount_nanos=1)


def test_a_void_invoice_keeps_its_number_and_gives_its_calls_to_the_next(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    invoice = void_invoice(final(world.bob), "Wrong address", LATER)
    assert (invoice.status, invoice.number, invoice.void_reason) == ("void", "INV-000001", "Wrong address")
    assert final(world.bob).number == "INV-000002"
    assert Event.objects.filter(kind="invoice.voided").count() == 1


def test_a_paid_invoice_or_one_without_reason_is_not_voided(world: World) -> None:
    calls_of(world.alice, "+442071234567")
    invoice = final(world.alice)
    with pytest.raises(Conflict):
        void_invoice(invoice, "why", LATER)
    with pytest.raises(DomainError, match="say why"):
        void_invoice(invoice, " ", LATER)


def test_a_discarded_draft_leaves_no_number_behind(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    draft = draft_invoice(world.bob, NOVEMBER, LATER)
    assert draft is not None
    assert (void_invoice(draft, "again", LATER).status, final(world.bob).number) == ("void", "INV-000001")


def test_the_table_has_exactly_these_moves() -> None:
    assert len(TRANSITIONS) == 5
    with pytest.raises(Conflict, match="an invoice that is void cannot pay"):
        after(InvoiceStatus.VOID, InvoiceMove.PAY)


def test_the_monthly_run_makes_each_invoice_once(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    now = datetime(2026, 12, 3, tzinfo=UTC)
    todo = list(accounts_to_invoice(now))
    assert todo == [(world.bob.pk, NOVEMBER)]
    invoice = invoice_month(*todo[0], now)
    assert invoice is not None and invoice.status == "finalised"
    assert list(accounts_to_invoice(now)) == []
    assert invoice_month(*todo[0], now) is None
    assert Invoice.objects.count() == 1
    assert check_books() == 2


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def test_the_pdf_says_what_is_to_be_paid_by_whom_and_for_what(world: World) -> None:
    calls_of(world.bob, "+442071234567", "+447700900123")
    text = text_of(invoice_pdf(final(world.bob)))
    for part in ("Trunkco", "1 Exchange Street", "Bob", "2 Line Road", "INV-000001", "UK mobile", "0.0405", "1:06"):
        assert part in text
    assert "1 Nov 2026 to 30 Nov 2026" in text
    assert "Please pay 0.06 USD by 16 Jan 2027" in text


def test_the_same_invoice_gives_the_same_bytes_and_a_draft_is_stamped(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    draft = draft_invoice(world.bob, NOVEMBER, LATER)
    assert draft is not None
    assert "DRAFT" in text_of(invoice_pdf(draft))
    invoice = finalise_invoice(draft, LATER)
    assert invoice_pdf(invoice) == invoice_pdf(Invoice.objects.get(pk=invoice.pk))


def test_names_with_markup_of_the_typesetter_are_printed_as_they_are(world: World) -> None:
    world.bob.tenant.name = 'Bob & #import "x" *GmbH* $1 <b>'
    world.bob.tenant.save()
    calls_of(world.bob, "+442071234567")
    assert '#import "x" *GmbH* $1 <b>' in text_of(invoice_pdf(final(world.bob)))


def test_a_thousand_lines_run_over_pages_with_the_total_on_the_last(world: World) -> None:
    calls_of(world.bob, "+442071234567")
    draft = draft_invoice(world.bob, NOVEMBER, LATER)
    assert draft is not None
    for position in range(2, 200):
        InvoiceLine.objects.create(
            tenant_id=draft.tenant_id,
            invoice=draft,
            position=position,
            destination=f"Zone {position}",
            call_count=1,
            billed_s=60,
            amount_nanos=1,
        )
    pages = [page.extract_text() for page in PdfReader(BytesIO(invoice_pdf(draft))).pages]
    assert len(pages) > 3
    assert all("Destination" in page for page in pages[:-1])
    assert "Amount due" in pages[-1]
    assert document_of(draft)["omitted"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"nanos_per_minute": 1},
        {"destination": "X"},
        {"prefix": "1"},
        {"currency": "EUR"},
        {"duration_s": 1},
        {"raw": 1},
    ],
)
def test_the_database_keeps_the_rate_a_call_was_priced_at(world: World, change: dict[str, object]) -> None:
    calls_of(world.bob, "+442071234567")
    with pytest.raises((InternalError, IntegrityError), match="is charged"), transaction.atomic():
        Charge.objects.update(**change)


def test_numbers_are_gapless_and_each_used_once_when_many_finalise_at_once(committed_world: World) -> None:
    """Eight sellers' clerks press the button together, and two of them change their mind."""
    operator, deck = committed_world.operator, committed_world.deck
    accounts = [customer(operator, f"Buyer {number}", deck, AccountMode.POSTPAID) for number in range(8)]
    drafts = []
    for account in accounts:
        calls_of(account, "+442071234567")
        drafts.append(draft_invoice(account, NOVEMBER, LATER))
    together = Barrier(len(drafts))

    def press(draft: Invoice, changes_mind: bool) -> str:
        try:
            with system_scope():
                together.wait(timeout=30)
                with transaction.atomic():
                    number = finalise_invoice(draft, LATER).number
                    transaction.set_rollback(changes_mind)
                return "" if changes_mind else number
        finally:
            connection.close()

    with ThreadPoolExecutor(len(drafts)) as clerks:
        numbers = list(clerks.map(press, drafts, [place in {2, 5} for place in range(len(drafts))]))
    assert sorted(filter(None, numbers)) == [f"INV-{number:06d}" for number in range(1, 7)]
    assert Invoice.objects.filter(status=InvoiceStatus.DRAFT, number="").count() == 2
