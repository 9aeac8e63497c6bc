"""The money pages of the admin, as an operator uses them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.charging import charge_calls
from billing.ledger import check_books
from billing.models import Account, Entry, Invoice, Payment, Rate, RateDeck, TrunkDeck
from billing.services import create_deck, draft_invoice, finalise_invoice, start_payment
from tenants.choices import Role
from tenants.models import User
from tenants.services import create_tenant
from tests.billing.test_charging import trunk_of
from tests.billing.world import HEADER, UNIT, World, call

PERIOD = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
LATER = datetime(2027, 1, 2, tzinfo=UTC)
SENT = {"_form_submitted": "True"}
PAGES = ("account", "ratedeck", "rate", "trunkdeck", "charge", "entry", "invoice", "payment")


def client_of(world: World, role: Role) -> Client:
    user = User.objects.create_user(f"{role}@trunkco.example", "correct horse", tenant=world.operator, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(world: World) -> Client:
    return client_of(world, Role.OPERATOR_FINANCE)


def page(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


def draft(world: World) -> Invoice:
    charge_calls([call(world.bob, b_trunk_id=trunk_of(world).pk)])
    made = draft_invoice(world.bob, PERIOD, LATER)
    assert made is not None
    return made


def top_up(world: World) -> Payment:
    return start_payment(world.alice, UNIT, idempotency_key="k", gateway="sandbox", method_token="pm_card_visa")


def test_every_list_and_page_of_money_opens(world: World, admin: Client) -> None:
    finalise_invoice(draft(world), LATER)
    top_up(world)
    for name in PAGES:
        text = page(admin.get(f"/admin/billing/{name}/"))
        found = text.split(f"/admin/billing/{name}/")
        links = [part.split("/change/")[0] for part in found if "/change/" in part[:60]]
        assert links, name
        page(admin.get(f"/admin/billing/{name}/{links[0]}/change/"))


def test_an_account_is_opened_with_its_books(world: World, admin: Client) -> None:
    tenant = create_tenant(name="Carol", kind="customer", parent=world.operator)
    form = {
        "tenant": tenant.pk,
        "mode": "postpaid",
        "currency": "USD",
        "deck": world.deck.pk,
        "credit_limit_nanos": "12.5",
        "low_balance_nanos": "",
        "terms_days": 30,
    }
    assert admin.post("/admin/billing/account/add/", form).status_code == 302
    account = Account.objects.get(tenant=tenant)
    assert (account.credit_limit_nanos, account.seller_id, account.ledger_account.kind) == (
        12_500_000_000,
        world.operator.pk,
        "customer",
    )


def test_what_an_account_cannot_be_is_said_beside_the_field(world: World, admin: Client) -> None:
    euro = create_deck(tenant=world.operator, name="Euro", currency="EUR")
    form = {"deck": euro.pk, "credit_limit_nanos": "0", "terms_days": 14, "is_active": "on"}
    path = f"/admin/billing/account/{world.alice.pk}/change/"
    assert "the deck is in EUR, the account in USD" in page(admin.post(path, form))
    assert "A decimal with at most nine places" in page(admin.post(path, form | {"credit_limit_nanos": "a lot"}))
    world.alice.refresh_from_db()
    assert world.alice.deck_id == world.deck.pk


def test_changing_an_account_leaves_its_balance_alone(world: World, admin: Client) -> None:
    path = f"/admin/billing/account/{world.alice.pk}/change/"
    form = {"deck": world.deck.pk, "credit_limit_nanos": "", "low_balance_nanos": "1.5", "terms_days": 7}
    assert admin.post(path, form | {"is_active": "on"}).status_code == 302
    world.alice.refresh_from_db()
    assert (world.alice.balance_nanos, world.alice.low_balance_nanos, world.alice.terms_days) == (
        10 * UNIT,
        1_500_000_000,
        7,
    )


def test_an_adjustment_is_an_entry_in_the_books(world: World, admin: Client) -> None:
    path = f"/admin/billing/account/{world.alice.pk}/adjust/"
    assert "Positive credits the customer" in page(admin.get(path))
    assert Entry.objects.filter(kind="adjustment").count() == 1
    admin.post(path, SENT | {"amount": "-2.5", "memo": "Fee"})
    world.alice.refresh_balance()
    assert world.alice.balance_nanos == 7_500_000_000
    assert "-2.500000 USD" in page(admin.get(f"/admin/billing/account/{world.alice.pk}/change/"))
    assert check_books() == 2


def test_a_good_price_list_is_imported_and_a_bad_one_reported_row_by_row(world: World, admin: Client) -> None:
    path = f"/admin/billing/ratedeck/{world.deck.pk}/price-list/"
    assert "rate_per_minute" in page(admin.get(path))
    bad = SimpleUploadedFile("bad.csv", (HEADER + "49,<b>DE</b>,-1,0,1,1\nx,UK,1,0,0,1\n").encode())
    response = admin.post(path, {"file": bad})
    assert response.status_code == 400
    text = response.content.decode()
    assert "2 rows are wrong; nothing was imported" in text
    assert "-1 is negative" in text
    assert Rate.objects.filter(deck=world.deck).count() == 3
    good = SimpleUploadedFile("good.csv", (HEADER + "49,Germany,0.01,0,1,1\n").encode())
    assert admin.post(path, {"file": good}).status_code == 302
    assert Rate.objects.filter(deck=world.deck, prefix="49").count() == 1
    again = SimpleUploadedFile("old.csv", (HEADER + "49,Germany,0.01,0,1,1\n").encode())
    early = {"file": again, "valid_from_0": "2026-10-01", "valid_from_1": "00:00:00"}
    assert "a price list is in force from" in page(admin.post(path, early))


def test_a_rate_is_set_and_ended_and_cannot_be_changed(world: World, admin: Client) -> None:
    form = {
        "deck": world.deck.pk,
        "prefix": "33",
        "destination": "France",
        "nanos_per_minute": "0.02",
        "connect_fee_nanos": "0",
        "first_s": 1,
        "next_s": 1,
    }
    assert admin.post("/admin/billing/rate/add/", form).status_code == 302
    rate = Rate.objects.get(prefix="33")
    assert (rate.nanos_per_minute, rate.valid_to) == (20_000_000, None)
    assert admin.post(f"/admin/billing/rate/{rate.pk}/change/", form).status_code == 403
    admin.post(f"/admin/billing/rate/{rate.pk}/end/", SENT)
    rate.refresh_from_db()
    assert rate.valid_to is not None


def test_a_deck_is_made_and_given_to_a_trunk(world: World, admin: Client) -> None:
    trunk = trunk_of(world)
    form = {"name": "Other", "tenant": world.operator.pk, "kind": "vendor", "currency": "USD"}
    assert admin.post("/admin/billing/ratedeck/add/", form).status_code == 302
    deck = RateDeck.objects.get(name="Other")
    assigned = TrunkDeck.objects.get(trunk=trunk)
    path = f"/admin/billing/trunkdeck/{assigned.pk}/change/"
    assert admin.post(path, {"trunk": trunk.pk, "deck": deck.pk}).status_code == 302
    assigned.refresh_from_db()
    assert assigned.deck_id == deck.pk


def test_an_invoice_is_finalised_by_a_post_only_downloaded_and_voided(world: World, admin: Client) -> None:
    invoice = draft(world)
    base = f"/admin/billing/invoice/{invoice.pk}"
    page(admin.get(f"{base}/finalise/"))
    invoice.refresh_from_db()
    assert invoice.status == "draft"
    admin.post(f"{base}/finalise/", SENT)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.number) == ("finalised", "INV-000001")
    response = admin.get(f"{base}/pdf/")
    assert (response["Content-Type"], response.content[:5]) == ("application/pdf", b"%PDF-")
    admin.post(f"{base}/void/", SENT | {"reason": "Wrong"})
    invoice.refresh_from_db()
    assert (invoice.status, invoice.void_reason) == ("void", "Wrong")


def test_a_payment_is_asked_for_and_refunded(world: World, admin: Client) -> None:
    payment = top_up(world)
    base = f"/admin/billing/payment/{payment.pk}"
    admin.post(f"{base}/ask/", SENT)
    admin.post(f"{base}/refund/", SENT | {"amount": "0.25"})
    payment.refresh_from_db()
    assert (payment.status, payment.refunded_nanos) == ("succeeded", 250_000_000)


def test_an_entry_is_reversed_once(world: World, admin: Client) -> None:
    entry = Entry.objects.get(kind="adjustment")
    for _ in range(2):
        admin.post(f"/admin/billing/entry/{entry.pk}/reverse/", SENT | {"reason": "Mistake"})
    world.alice.refresh_balance()
    assert (world.alice.balance_nanos, Entry.objects.count()) == (0, 2)


def test_support_looks_and_moves_no_money(world: World) -> None:
    support = client_of(world, Role.OPERATOR_SUPPORT)
    invoice = draft(world)
    assert "draft" in page(support.get(f"/admin/billing/invoice/{invoice.pk}/change/"))
    assert support.post(f"/admin/billing/invoice/{invoice.pk}/finalise/", SENT).status_code == 403
    assert support.get(f"/admin/billing/ratedeck/{world.deck.pk}/price-list/").status_code == 403
    invoice.refresh_from_db()
    assert invoice.status == "draft"


def test_the_list_of_calls_charges_shows_price_cost_and_margin(world: World, admin: Client) -> None:
    draft(world)
    text = page(admin.get("/admin/billing/charge/"))
    assert "0.013750 USD" in text
    assert "0.010167 USD" in text
    assert "0.003583 USD" in text
