"""What pages say is for people: decimals instead of nano-units, words instead of columns and keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from billing.charging import charge_calls
from billing.choices import InvoiceStatus
from billing.models import Account
from billing.services import draft_invoice, finalise_invoice
from tenants.choices import Role
from tenants.models import AuditEntry, User
from tests.billing.world import World, call, make_world
from tests.cast import Cast
from tests.tenants.clients import page_client

PERIOD = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def user(world: World, role: Role) -> User:
    tenant = world.alice.tenant if role is Role.TENANT_ADMIN else world.operator
    return User.objects.create_user(f"{role}@example.org", "correct horse battery", tenant=tenant, role=role)


def test_a_statement_names_the_number_a_call_went_to(world: World) -> None:
    charge_calls([call(world.alice, started_at=timezone.now().timestamp() - 600)])
    portal = page_client(user(world, Role.TENANT_ADMIN)).get("/balance/").content.decode()
    assert "+44 20 7123 4567" in portal
    assert "Opening balance" in portal
    page = page_client(user(world, Role.OPERATOR_ADMIN)).get(f"/admin/billing/account/{world.alice.pk}/change/")
    assert "+442071234567</a> United Kingdom, 66 s" in page.content.decode()
    assert "call:" not in page.content.decode()


def test_the_audit_shows_amounts_as_decimals_under_a_columns_words(world: World) -> None:
    world.alice.low_balance_nanos = 2_500_000_000
    world.alice.save()
    entry = AuditEntry.objects.filter(table_name="billing_account", action="update").latest("pk")
    page = page_client(user(world, Role.OPERATOR_ADMIN)).get(f"/admin/tenants/auditentry/{entry.pk}/change/")
    text = page.content.decode()
    assert "low balance</td>" in text
    assert ">2.5</ins>" in text
    assert "_nanos" not in text


@pytest.mark.parametrize(
    ("status", "offered"),
    [(InvoiceStatus.DRAFT, {"finalise", "void"}), (InvoiceStatus.FINALISED, {"void"}), (InvoiceStatus.PAID, set())],
)
def test_an_invoice_offers_what_its_state_allows(world: World, status: InvoiceStatus, offered: set[str]) -> None:
    account = world.alice if status == InvoiceStatus.PAID else world.bob  # Alice's balance pays at once.
    charge_calls([call(account)])
    invoice = draft_invoice(account, PERIOD)
    assert invoice is not None
    if status != InvoiceStatus.DRAFT:
        invoice = finalise_invoice(invoice)
    assert invoice.status == status
    client = page_client(user(world, Role.OPERATOR_ADMIN))
    text = client.get(f"/admin/billing/invoice/{invoice.pk}/change/").content.decode()
    assert {deed for deed in ("finalise", "void") if f"/{invoice.pk}/{deed}" in text} == offered


def test_a_list_says_show_all_only_where_a_search_left_something_out(cast: Cast) -> None:
    client = page_client(cast.olga)
    assert "Show all" not in client.get("/admin/sip/line/").content.decode()
    assert "Show all" in client.get("/admin/sip/line/?q=alice").content.decode()
    nothing = client.get("/admin/billing/payment/").content.decode()
    assert "They appear here as they happen." in nothing


def test_an_account_opened_without_a_currency_takes_the_tenants(cast: Cast) -> None:
    form = {"tenant": cast.resellco.pk, "mode": "prepaid", "currency": "", "terms_days": "14"}
    assert page_client(cast.olga).post("/admin/billing/account/add/", form).status_code == 302
    assert Account.objects.get(tenant=cast.resellco).currency == cast.resellco.currency
