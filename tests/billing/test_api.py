"""Money over the REST API: who sees and does what, and what is refused with which field."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from billing.charging import charge_calls
from billing.models import Invoice, Payment, Rate
from billing.services import create_deck, draft_invoice, finalise_invoice
from sip.cdr.record import CallRecord
from tenants.choices import Role
from tenants.services import create_tenant
from tests.billing.test_charging import trunk_of
from tests.billing.world import HEADER, UNIT, World, call
from tests.tenants.clients import KeyClient, api_client, fields_of

PERIOD = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
LATER = datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture
def operator(world: World) -> KeyClient:
    return api_client(world.operator, Role.OPERATOR_ADMIN)


@pytest.fixture
def alice(world: World) -> KeyClient:
    return api_client(world.alice.tenant, Role.TENANT_ADMIN)


@pytest.fixture
def bob(world: World) -> KeyClient:
    return api_client(world.bob.tenant, Role.TENANT_ADMIN)


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    return response.json()["results"]  # type: ignore[no-any-return]


def charged(world: World, **values: Any) -> CallRecord:
    record = call(world.bob, **values)
    charge_calls([record])
    return record


def open_invoice(world: World) -> Invoice:
    charged(world)
    draft = draft_invoice(world.bob, PERIOD, LATER)
    assert draft is not None
    return finalise_invoice(draft, LATER)


def upload(client: KeyClient, deck_id: int, text: str | bytes, **values: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    body = {"file": SimpleUploadedFile("rates.csv", data, "text/csv"), **values}
    return client.post(f"/api/v1/rate-decks/{deck_id}/import/", body, format="multipart")


def test_each_sees_the_accounts_in_its_scope_with_money_as_text(
    world: World, operator: KeyClient, alice: KeyClient
) -> None:
    assert len(results(operator.get("/api/v1/accounts/"))) == 2
    account = results(alice.get("/api/v1/accounts/"))[0]
    assert (account["balance"], account["balance_nanos"], account["available"]) == ("10.00", 10 * UNIT, "10.00")
    assert alice.get(f"/api/v1/accounts/{world.bob.pk}/").status_code == 404
    assert alice.post("/api/v1/accounts/", {}).status_code == 405


def test_a_statement_shows_only_the_callers_own_side_of_each_entry(
    world: World, operator: KeyClient, bob: KeyClient
) -> None:
    charged(world, b_trunk_id=trunk_of(world).pk)
    assert [row["amount"] for row in results(bob.get(f"/api/v1/postings/?account={world.bob.pk}"))] == ["-0.01375"]
    entry = results(bob.get("/api/v1/ledger-entries/?kind=call"))[0]
    assert [posting["kind"] for posting in entry["postings"]] == ["customer"]
    entry = results(operator.get("/api/v1/ledger-entries/?kind=call"))[0]
    assert sorted(row["kind"] for row in entry["postings"]) == ["customer", "revenue", "vendor_cost", "vendor_payable"]


def test_a_charge_shows_its_rate_and_the_vendors_price_to_the_operator_only(
    world: World, operator: KeyClient, bob: KeyClient, alice: KeyClient
) -> None:
    record = charged(world, b_trunk_id=trunk_of(world).pk)
    shown = operator.get(f"/api/v1/charges/{record.call_id}/").json()
    assert (shown["amount"], shown["rate_per_minute"], shown["cost"]) == ("0.01375", "0.0125", "0.010166667")
    own = bob.get(f"/api/v1/charges/{record.call_id}/").json()
    assert (own["amount"], own["prefix"], own["destination"]) == ("0.01375", "44", "United Kingdom")
    assert not {"cost", "cost_nanos", "cost_prefix", "trunk_id"} & own.keys()
    assert alice.get(f"/api/v1/charges/{record.call_id}/").status_code == 404
    assert len(results(bob.get("/api/v1/charges/?destination=United Kingdom&ordering=-started_at"))) == 1


def test_a_customer_sees_no_deck_but_gets_quotes_from_it(world: World, alice: KeyClient) -> None:
    assert results(alice.get("/api/v1/rate-decks/")) == []
    assert results(alice.get("/api/v1/rates/")) == []
    quote = alice.post("/api/v1/quotes/", {"number": "+442071234567", "duration_s": 61})
    assert quote.status_code == 200, quote.content
    assert (quote.json()["amount"], quote.json()["billed_s"], quote.json()["first_s"]) == ("0.01375", 66, 60)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"number": "442071234567"}, "number"),
        ({"number": "+44\n"}, "number"),
        ({"number": "+33123456789"}, "number"),
        ({"number": "+4420712345", "duration_s": -1}, "duration_s"),
        ({"number": "+4420712345", "duration_s": 86_401}, "duration_s"),
        ({"number": "+4420712345", "deck": 1_000_000}, "deck"),
        ({"number": "+4420712345", "account": 1_000_000}, "account"),
        ({}, "number"),
    ],
)
def test_a_bad_question_for_a_quote_names_its_field(alice: KeyClient, body: dict[str, Any], field: str) -> None:
    response = alice.post("/api/v1/quotes/", body)
    assert (response.status_code, fields_of(response)) == (400, {field})


def test_the_operator_makes_a_deck_imports_a_file_and_quotes_from_it(operator: KeyClient) -> None:
    deck = operator.post("/api/v1/rate-decks/", {"name": "Wholesale"}).json()
    assert (deck["currency"], deck["kind"]) == ("USD", "customer")
    response = upload(operator, deck["id"], HEADER + "49,Germany,0.01,0,1,1\n", valid_from="2026-11-01T00:00:00Z")
    assert (response.status_code, response.json()["row_count"], response.json()["source"]) == (201, 1, "rates.csv")
    rates = results(operator.get(f"/api/v1/rates/?deck={deck['id']}&number=%2B493012345&in_force=true"))
    assert [(rate["prefix"], rate["rate_per_minute"]) for rate in rates] == [("49", "0.01")]
    quote = operator.post("/api/v1/quotes/", {"number": "+493012345", "deck": deck["id"]})
    assert quote.json()["amount"] == "0.01"
    assert [row["number"] for row in operator.get(f"/api/v1/rate-decks/{deck['id']}/versions/").json()] == [1]


def test_a_bad_file_answers_each_row_with_line_and_reason_and_imports_nothing(
    world: World, operator: KeyClient
) -> None:
    before = Rate.objects.count()
    response = upload(operator, world.deck.pk, HEADER + "49,DE,-1,0,1,1\nx,UK,1,0,0,1\n")
    assert response.status_code == 400
    assert [error["message"] for error in response.json()["errors"]][1:] == [
        "line 2, rate_per_minute: -1 is negative",
        "line 3, first_s: an increment of 0 s",
        "line 3, prefix: 'x' is not 1 to 15 digits",
    ]
    assert Rate.objects.count() == before


def test_an_over_long_file_answers_413(world: World, operator: KeyClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.api.views.DECK_FILE_BYTES_MAX", 10)
    response = upload(operator, world.deck.pk, HEADER)
    assert (response.status_code, fields_of(response)) == (413, {"file"})


def test_a_customer_imports_nothing_into_its_sellers_deck(world: World, alice: KeyClient) -> None:
    assert upload(alice, world.deck.pk, HEADER + "49,DE,1,0,1,1\n").status_code == 404
    assert alice.post("/api/v1/rate-decks/", {"name": "Mine"}).status_code == 400
    body = {"deck": world.deck.pk, "prefix": "49", "destination": "DE", "rate_per_minute": "1"}
    assert fields_of(alice.post("/api/v1/rates/", body)) == {"deck"}


def test_a_reseller_keeps_its_own_deck_and_sees_nobody_elses(world: World) -> None:
    reseller = create_tenant(name="Resellco", kind="reseller", parent=world.operator)
    client = api_client(reseller, Role.TENANT_ADMIN)
    deck = client.post("/api/v1/rate-decks/", {"name": "Own"}).json()
    assert upload(client, deck["id"], HEADER + "49,Germany,0.01,0,1,1\n").status_code == 201
    assert [row["id"] for row in results(client.get("/api/v1/rate-decks/"))] == [deck["id"]]
    staff = api_client(reseller, Role.TENANT_USER)
    assert upload(staff, deck["id"], HEADER + "49,Germany,0.02,0,1,1\n").status_code == 403


def test_a_rate_is_set_from_now_and_ended_and_never_changed(world: World, operator: KeyClient) -> None:
    body = {"deck": world.deck.pk, "prefix": "33", "destination": "France", "rate_per_minute": "0.02", "next_s": 6}
    rate = operator.post("/api/v1/rates/", body).json()
    assert (rate["rate_per_minute"], rate["nanos_per_minute"], rate["valid_to"]) == ("0.02", 20_000_000, None)
    assert operator.patch(f"/api/v1/rates/{rate['id']}/", {"prefix": "34"}).status_code == 405
    assert operator.post(f"/api/v1/rates/{rate['id']}/end/").json()["valid_to"] is not None
    assert operator.post(f"/api/v1/rates/{rate['id']}/end/").status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rate_per_minute": 0.1}, "rate_per_minute"),
        ({"rate_per_minute": "0.0000000001"}, "rate_per_minute"),
        ({"rate_per_minute": "1e2"}, "rate_per_minute"),
        ({"rate_per_minute": "9" * 40}, "rate_per_minute"),
        ({"rate_per_minute": "-1"}, "nanos_per_minute"),
        ({"first_s": 0}, "first_s"),
        ({"prefix": "+33"}, "prefix"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_rate_names_its_field(world: World, operator: KeyClient, change: dict[str, Any], field: str) -> None:
    body = {"deck": world.deck.pk, "prefix": "33", "destination": "France", "rate_per_minute": "1"} | change
    response = operator.post("/api/v1/rates/", body)
    assert (response.status_code, fields_of(response)) == (400, {field})


def test_the_seller_drafts_an_invoice_of_any_past_period_and_the_buyer_does_not(
    world: World, operator: KeyClient, bob: KeyClient
) -> None:
    body = {"account": world.bob.pk, "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-11-15T00:00:00Z"}
    assert bob.post("/api/v1/invoices/", body).status_code == 403
    assert fields_of(operator.post("/api/v1/invoices/", body)) == {"period_end"}
    charged(world)
    draft = operator.post("/api/v1/invoices/", body)
    assert (draft.status_code, draft.json()["status"], draft.json()["total"]) == (201, "draft", "0.01375")
    assert operator.post("/api/v1/invoices/", body).status_code == 409
    final = operator.post(f"/api/v1/invoices/{draft.json()['id']}/finalise/").json()
    assert (final["status"], final["number"]) == ("finalised", "INV-000001")


def test_an_invoice_goes_its_way_by_the_sellers_hand(world: World, operator: KeyClient, bob: KeyClient) -> None:
    invoice = open_invoice(world)
    shown = bob.get(f"/api/v1/invoices/{invoice.pk}/").json()
    assert (shown["status"], shown["payable"], shown["due"]) == ("finalised", "0.02", "0.02")
    assert shown["lines"][0]["destination"] == "United Kingdom"
    for move in ("finalise", "void"):
        assert bob.post(f"/api/v1/invoices/{invoice.pk}/{move}/", {"reason": "x"}).status_code == 403
    assert operator.post(f"/api/v1/invoices/{invoice.pk}/finalise/").status_code == 409
    assert fields_of(operator.post(f"/api/v1/invoices/{invoice.pk}/void/", {})) == {"reason"}
    voided = operator.post(f"/api/v1/invoices/{invoice.pk}/void/", {"reason": "wrong"}).json()
    assert (voided["status"], voided["number"]) == ("void", "INV-000001")


def test_an_invoice_can_be_had_as_pdf_by_its_buyer_and_nobody_else(
    world: World, bob: KeyClient, alice: KeyClient
) -> None:
    invoice = open_invoice(world)
    response = bob.get(f"/api/v1/invoices/{invoice.pk}/pdf/", headers={"Accept": "application/pdf"})
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert BytesIO(response.content).read(5) == b"%PDF-"
    assert response["Content-Disposition"] == 'attachment; filename="INV-000001.pdf"'
    assert alice.get(f"/api/v1/invoices/{invoice.pk}/pdf/").status_code == 404


def test_a_buyer_pays_its_invoice_once_however_often_the_request_comes(world: World, bob: KeyClient) -> None:
    invoice = open_invoice(world)
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": timezone.now().year + 1}
    body = {"invoice": invoice.pk, "gateway": "sandbox", "card": card}
    headers = {"Idempotency-Key": "pay-1"}
    first = bob.post("/api/v1/payments/", body, headers=headers)
    assert (first.status_code, first.json()["status"], first.json()["amount"]) == (201, "succeeded", "0.02")
    invoice.refresh_from_db()
    assert invoice.status == "paid"
    other = {**body, "amount": "5", "invoice": None}
    assert fields_of(bob.post("/api/v1/payments/", other, headers=headers)) == {"idempotency_key"}
    assert Payment.objects.count() == 1
    assert "4242424242424242" not in first.content.decode()


def test_a_top_up_waits_for_its_payer_and_is_confirmed(world: World, alice: KeyClient) -> None:
    body = {"amount": "5.00", "gateway": "sandbox", "method_token": "pm_card_authenticationRequired"}
    payment = alice.post("/api/v1/payments/", body).json()
    assert (payment["status"], payment["next_action_url"] != "") == ("requires_action", True)
    assert alice.post(f"/api/v1/payments/{payment['id']}/confirm/").json()["status"] == "requires_action"


def test_only_the_seller_refunds(world: World, alice: KeyClient, operator: KeyClient, bob: KeyClient) -> None:
    body = {"amount": "5.00", "gateway": "sandbox", "method_token": "pm_card_visa"}
    payment = alice.post("/api/v1/payments/", body).json()
    url = f"/api/v1/payments/{payment['id']}/refund/"
    assert alice.post(url, {"amount": "1"}).status_code == 403
    assert bob.post(url, {"amount": "1"}).status_code == 404
    assert operator.post(url, {"amount": "1", "idempotency_key": "r"}).json()["refunded"] == "1.00"
    assert operator.post(url, {"amount": "1", "idempotency_key": "r"}).json()["refunded"] == "1.00"
    assert operator.post(url, {}).json()["refunded"] == "5.00"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"amount"}),
        ({"amount": "0.001"}, {"amount"}),
        ({"amount": "-1"}, {"amount"}),
        ({"amount": 1.5}, {"amount"}),
        ({"amount": "1", "invoice": 10**9}, {"invoice"}),
        ({"amount": "1", "gateway": "nobody"}, {"gateway"}),
        ({"amount": "1", "idempotency_key": "x" * 81}, {"idempotency_key"}),
        ({"amount": "1", "return_url": "javascript:alert(1)"}, {"return_url"}),
        ({"amount": "1", "tenant": 10**9}, {"tenant"}),
    ],
)
def test_a_bad_payment_names_its_field(alice: KeyClient, body: dict[str, Any], fields: set[str]) -> None:
    response = alice.post("/api/v1/payments/", {"gateway": "sandbox", "method_token": "pm_card_visa"} | body)
    assert (response.status_code, fields_of(response)) == (400, fields)
    assert Payment.objects.count() == 0


def test_nobody_pays_from_an_account_that_is_not_in_scope(world: World, alice: KeyClient) -> None:
    invoice = open_invoice(world)
    for body in ({"invoice": invoice.pk}, {"tenant": world.bob.tenant_id, "amount": "1"}):
        assert alice.post("/api/v1/payments/", {"gateway": "sandbox", **body}).status_code == 400
    assert alice.get(f"/api/v1/payments/{uuid4()}/").status_code == 404


def test_a_key_for_reading_only_reads_and_support_writes_nothing(world: World) -> None:
    reader = api_client(world.alice.tenant, Role.TENANT_ADMIN, ["payments:read"])
    assert reader.get("/api/v1/payments/").status_code == 200
    assert reader.post("/api/v1/payments/", {"amount": "1"}).status_code == 403
    assert reader.get("/api/v1/accounts/").status_code == 403
    support = api_client(world.operator, Role.OPERATOR_SUPPORT)
    assert support.get("/api/v1/accounts/").status_code == 200
    assert support.post("/api/v1/rate-decks/", {"name": "X"}).status_code == 403


def test_a_vendors_deck_is_listed_by_kind(world: World, operator: KeyClient) -> None:
    create_deck(tenant=world.operator, name="Carrier", kind="vendor")
    assert [row["name"] for row in results(operator.get("/api/v1/rate-decks/?kind=vendor"))] == ["Carrier"]
    assert operator.get("/api/v1/rate-decks/?kind=odd").status_code == 400
    assert operator.get("/api/v1/charges/?colour=red").status_code == 400
