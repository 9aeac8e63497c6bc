"""The tenant's portal: what each page shows, to whom, and what it does."""

from __future__ import annotations

import csv
import re
import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Account, Payment
from sip.models import Call, Line
from tenants.choices import Role
from tenants.models import ApiKey, User
from tests.cast import PASSWORD, UNIT, Cast
from tests.tenants.clients import page_client
from tests.tenants.mails import Mails, mails
from voip.portal import limits

__all__ = ["mails"]


def _call(cast: Cast, *, minutes_ago: int = 5, **fields: Any) -> Call:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    values: dict[str, Any] = {
        "call_id": uuid.uuid4(), "node": "n", "tenant": cast.alice, "direction": "outbound",
        "caller": "+12125550111", "called": "+4930901820", "dialled": "+4930901820", "a_line": cast.alice_line,
        "sip_call_id": "x", "from_tag": "y", "peer": "192.0.2.1:5060", "started_at": at,
        "answered_at": at, "ended_at": at + timedelta(seconds=61), "duration_s": 61.0, "ended_by": "caller",
        "sip_status": 200, "q850_cause": 16, "a_q850_cause": 16, "b_q850_cause": 16, "loaded_at": at,
    }  # fmt: skip
    return Call.objects.create(**(values | fields))


@pytest.fixture
def ann(cast: Cast) -> Client:
    """Alice's administrator at a browser."""
    return page_client(cast.ann)


def test_the_first_page_shows_what_is_available(ann: Client) -> None:
    text = ann.get("/").content.decode()
    assert "10.00 USD" in text
    assert "No calls yet" in text


def test_a_blocked_line_is_told_on_the_first_page(cast: Cast) -> None:
    mallory = User.objects.create_user("m@mallory.example", PASSWORD, tenant=cast.mallory, role=Role.TENANT_ADMIN)
    assert "1 line blocked" in page_client(mallory).get("/").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("number=4930", 2),
        ("number=%2B1%20212-555-0111", 3),
        ("direction=inbound", 0),
        ("status=answered", 2),
        ("status=failed", 1),
        ("number=555&status=failed", 1),
        ("first=2020-01-01&last=2020-02-01", 0),
    ],
)
def test_calls_are_found_by_date_number_direction_and_outcome(cast: Cast, ann: Client, query: str, found: int) -> None:
    _call(cast)
    _call(cast, called="+442079460000")
    _call(cast, answered_at=None, sip_status=486, duration_s=0.0)
    _call(cast, tenant=cast.bob)
    text = ann.get(f"/calls/?{query}").content.decode()
    assert len(re.findall(r'href="/calls/[0-9a-f-]{36}/"', text)) == found


@pytest.mark.parametrize("query", ["first=2026-02-01&last=2026-01-01", "first=2020-01-01&last=2026-01-01", "first=x"])
def test_foolish_dates_are_told_and_find_nothing(cast: Cast, ann: Client, query: str) -> None:
    _call(cast)
    answer = ann.get(f"/calls/?{query}")
    assert answer.status_code == 200
    assert 'class="notice error"' in answer.content.decode()


def test_a_bad_cursor_of_a_page_is_answered_400(ann: Client) -> None:
    assert ann.get("/calls/?cursor=nonsense").status_code == 400


def test_calls_are_downloaded_as_csv_and_a_formula_stays_a_text(cast: Cast, ann: Client) -> None:
    _call(cast, caller="=1+1")
    answer = ann.get("/calls/?format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(answer.content.decode())))
    assert [(row["caller"], row["called"], row["outcome"]) for row in rows] == [
        ("'=1+1", "+4930901820", "Answered, the caller hung up")
    ]


def test_too_many_calls_for_a_file_are_refused_with_advice(
    cast: Cast, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CSV_ROWS_MAX", 1)
    _call(cast)
    _call(cast)
    answer = ann.get("/calls/?format=csv", follow=True)
    assert "narrow the dates" in answer.content.decode()


def test_one_call_says_what_happened_in_words(cast: Cast, ann: Client) -> None:
    call = _call(cast, answered_at=None, sip_status=402, refusal_code="billing.insufficient_funds", duration_s=0.0)
    text = ann.get(f"/calls/{call.pk}/").content.decode()
    assert "Not enough credit" in text
    assert "costs nothing" in text


def test_a_line_gets_a_new_password_that_is_shown_once(cast: Cast, ann: Client) -> None:
    before = Line.objects.get(pk=cast.alice_line.pk).ha1_md5
    answer = ann.post(f"/lines/{cast.alice_line.pk}/password/")
    assert answer["Cache-Control"] == "no-store"
    assert "only time it is shown" in answer.content.decode()
    assert Line.objects.get(pk=cast.alice_line.pk).ha1_md5 != before
    assert "only time" not in ann.get("/connect/").content.decode()


def test_a_user_is_invited_changed_and_removed(cast: Cast, ann: Client, mails: Mails) -> None:
    with mails() as sent:
        ann.post("/users/new/", {"email": "new@alice.example", "role": "tenant_user"})
    assert [message.to for message in sent] == [["new@alice.example"]]
    user = User.objects.get(email="new@alice.example")
    ann.post(f"/users/{user.pk}/", {"email": "new@alice.example", "role": "read_only", "full_name": "N"})
    user.refresh_from_db()
    assert (user.role, user.full_name, user.is_active) == ("read_only", "N", False)
    ann.post(f"/users/{user.pk}/remove/")
    assert User.objects.filter(pk=user.pk).count() == 0


def test_a_refused_change_is_told_at_its_field(cast: Cast, ann: Client) -> None:
    answer = ann.post("/users/new/", {"email": "ben@bob.example", "role": "tenant_user"})
    assert "a user with this e-mail exists" in answer.content.decode()
    own = ann.post(f"/users/{cast.ann.pk}/", {"email": "ann@alice.example", "role": "tenant_user", "is_active": "on"})
    assert "ask another administrator" in own.content.decode()


def test_removing_oneself_is_refused_with_a_message(cast: Cast, ann: Client) -> None:
    answer = ann.post(f"/users/{cast.ann.pk}/remove/", HTTP_REFERER="http://testserver/users/", follow=True)
    assert "ask another administrator to remove you" in answer.content.decode()
    assert User.objects.filter(pk=cast.ann.pk).count() == 1


def test_a_key_is_made_shown_once_and_revoked(cast: Cast, ann: Client) -> None:
    made = ann.post("/keys/new/", {"name": "export", "role": "read_only", "scopes": "calls:read, users:read"})
    key = ApiKey.objects.get(name="export")
    assert key.scopes == ["calls:read", "users:read"]
    assert f"tk_{key.prefix}_" in made.content.decode()
    assert made["Cache-Control"] == "no-store"
    listed = ann.get("/keys/").content.decode()
    assert f"tk_{key.prefix}_…" in listed
    ann.post(f"/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.state == "revoked"


@pytest.mark.parametrize(("path", "status"), [("/users/", 403), ("/keys/", 403), ("/calls/", 200), ("/balance/", 200)])
def test_a_user_who_is_no_administrator_sees_calls_and_money_only(cast: Cast, path: str, status: int) -> None:
    assert page_client(cast.ben).get(path).status_code == status


def test_a_reader_cannot_pay_or_give_a_password(cast: Cast) -> None:
    reader = User.objects.create_user("r@alice.example", PASSWORD, tenant=cast.alice, role=Role.READ_ONLY)
    client = page_client(reader)
    assert client.get("/balance/").status_code == 200
    assert client.get("/balance/top-up/").status_code == 403
    assert client.post(f"/lines/{cast.alice_line.pk}/password/").status_code == 403


def _top_up(client: Client, card: str, key: str = "", **fields: str) -> Any:
    form = {"key": key or str(uuid.uuid4()), "amount": "25.00", "number": card, "expiry": "12/39", "cvc": "123"}
    return client.post("/balance/top-up/", form | fields)


def test_a_top_up_by_card_is_on_the_balance_at_once_and_the_same_form_twice_pays_once(cast: Cast, ann: Client) -> None:
    key = str(uuid.uuid4())
    first, second = (_top_up(ann, "4242 4242 4242 4242", key) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Account.objects.get(pk=cast.alice_account.pk).balance_nanos == 35 * UNIT
    assert "it is paid" in ann.get(first["Location"]).content.decode()


def test_a_declined_card_charges_nothing_and_is_not_shown_back(cast: Cast, ann: Client) -> None:
    answer = _top_up(ann, "4000000000000002")
    text = answer.content.decode()
    assert "Nothing was charged" in text
    assert "The card was declined." in text
    assert "4000000000000002" not in text
    assert Account.objects.get(pk=cast.alice_account.pk).balance_nanos == 10 * UNIT


def test_a_card_that_asks_the_bank_pays_after_the_confirmation(cast: Cast, ann: Client) -> None:
    sent_to = _top_up(ann, "4000000000003220")["Location"]
    payment = Payment.objects.get()
    assert (payment.status, Account.objects.get(pk=cast.alice_account.pk).balance_nanos) == (
        "requires_action",
        10 * UNIT,
    )
    ann.post(sent_to.split("8000", 1)[-1] if "8000" in sent_to else sent_to, {"answer": "confirm"})
    back = ann.get(f"/payments/return/{payment.idempotency_key}/", follow=True)
    assert "it is paid" in back.content.decode()
    assert Account.objects.get(pk=cast.alice_account.pk).balance_nanos == 35 * UNIT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "0"), ("amount", "-5"), ("amount", "1e9"), ("amount", "10.001"), ("amount", "99999"),
        ("number", "4242"), ("number", "x" * 40), ("expiry", "13/30"), ("expiry", "soon"), ("cvc", "12"), ("key", "x"),
    ],
)  # fmt: skip
def test_a_wrong_payment_form_is_told_and_nothing_is_sent(ann: Client, field: str, value: str) -> None:
    answer = _top_up(ann, "4242424242424242", **{field: value})
    assert answer.status_code == 200
    assert Payment.objects.count() == 0


def test_the_statement_works_back_from_the_balance(cast: Cast, ann: Client) -> None:
    _top_up(ann, "4242424242424242")
    text = ann.get("/balance/").content.decode()
    assert text.index("35.0000 USD") < text.index("10.0000 USD")
    assert "Opening balance" not in ann.get("/balance/?kind=payment").content.decode()


def test_a_page_asks_nobody_else_for_anything(ann: Client) -> None:
    text = ann.get("/").content.decode()
    assert "http://" not in text.replace("http://testserver", "").replace("http://www.w3.org", "")
    assert "https://" not in text
