"""One login for staff and tenants, with limits; passwords by mail."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tenants import limits
from tenants.choices import Role
from tenants.models import AuditEntry, Tenant, User
from tenants.scope import tenant_scope
from tests.cast import PASSWORD, Cast
from tests.tenants.clients import page_client
from tests.tenants.mails import Mails, mails

__all__ = ["mails"]


def _log_in(client: Client, email: str, password: str = PASSWORD, path: str = "/login/", **extra: Any) -> Any:
    with tenant_scope(()):
        return client.post(path, {"username": email, "password": password}, **extra)


@pytest.mark.parametrize(
    ("email", "path", "leads_to"),
    [
        ("olga@trunkco.example", "/login/", "/admin/"),
        ("ann@alice.example", "/login/", "/"),
        ("ANN@Alice.Example", "/login/", "/"),
        ("ann@alice.example", "/login/?next=/invoices/", "/invoices/"),
        ("olga@trunkco.example", "/login/?next=/admin/sip/call/", "/admin/sip/call/"),
        ("ann@alice.example", "/login/?next=/admin/", "/"),
        ("ann@alice.example", "/login/?next=https://evil.example/", "/"),
    ],
)
def test_everybody_comes_in_by_one_door_and_lands_at_home(cast: Cast, email: str, path: str, leads_to: str) -> None:
    answer = _log_in(Client(), email, path=path)
    assert (answer.status_code, answer["Location"]) == (302, leads_to)


def test_the_admins_own_login_leads_to_the_one_door(db: None) -> None:
    answer = Client().get("/admin/login/?next=/admin/sip/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/admin/sip/")


def test_a_tenant_at_the_admin_is_led_home_without_a_loop(cast: Cast) -> None:
    answer = page_client(cast.ann).get("/admin/", follow=True)
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/")


def test_staff_at_the_portal_are_led_to_the_admin(cast: Cast) -> None:
    answer = page_client(cast.olga).get("/calls/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("path", ["/", "/calls/", "/balance/", "/invoices/1/", "/users/", "/analytics/live/"])
def test_a_stranger_is_led_to_the_login_and_back(db: None, path: str) -> None:
    with tenant_scope(()):
        answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@alice.example", "wrong"), ("nobody@alice.example", PASSWORD), ("ann@alice.example", "")],
)
def test_a_wrong_login_says_the_same_whoever_it_was(cast: Cast, email: str, password: str) -> None:
    client = Client()
    answer = _log_in(client, email, password)
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_user_or_tenant_that_is_switched_off_cannot_log_in_and_is_thrown_out(cast: Cast) -> None:
    client = Client()
    _log_in(client, "ann@alice.example")
    Tenant.objects.filter(pk=cast.alice.pk).update(is_active=False)
    with tenant_scope(()):
        assert client.get("/calls/").status_code == 302
    assert _log_in(Client(), "ann@alice.example").status_code == 200


def test_after_five_wrong_passwords_even_the_right_one_is_refused_with_429(cast: Cast) -> None:
    client = Client()
    for _ in range(limits.LOGIN_FAILURES_PER_PAIR):
        assert _log_in(client, "ann@alice.example", "wrong").status_code == 200
    answer = _log_in(client, "ann@alice.example")
    assert answer.status_code == 429
    assert "Too many wrong passwords" in answer.content.decode()


def test_a_stranger_elsewhere_cannot_lock_somebody_out(cast: Cast) -> None:
    for _ in range(limits.LOGIN_FAILURES_PER_PAIR + 1):
        _log_in(Client(), "ann@alice.example", "wrong", REMOTE_ADDR="198.51.100.9")
    assert _log_in(Client(), "ann@alice.example", REMOTE_ADDR="192.0.2.1").status_code == 302


def test_a_right_password_forgets_the_wrong_ones_before_it(cast: Cast) -> None:
    for _ in range(2):
        for _ in range(limits.LOGIN_FAILURES_PER_PAIR - 1):
            _log_in(Client(), "ann@alice.example", "wrong")
        assert _log_in(Client(), "ann@alice.example").status_code == 302


def test_a_login_is_in_the_audit_in_the_users_own_name(cast: Cast) -> None:
    _log_in(Client(), "ann@alice.example", REMOTE_ADDR="192.0.2.7")
    entry = AuditEntry.objects.about("tenants_user", [cast.ann.pk]).order_by("-pk")[0]
    assert (entry.actor, entry.ip) == ("ann@alice.example", "192.0.2.7")
    assert (entry.after or {})["last_login"] is not None


def test_logging_out_takes_a_post(cast: Cast) -> None:
    client = page_client(cast.ann)
    assert client.get("/logout/")["Location"] == "/"
    assert "_auth_user_id" in client.session
    assert client.post("/logout/")["Location"] == "/login/"
    assert "_auth_user_id" not in client.session


def test_a_mailed_link_sets_a_password_once(cast: Cast, mails: Mails) -> None:
    client = Client()
    with tenant_scope(()):
        with mails() as sent:
            answer = client.post("/password/reset/", {"email": "Ann@alice.example"})
        assert answer["Location"] == "/password/reset/sent/"
        path = re.search(r"http://[^/]+(/\S+)", str(sent[0].body))[1]  # type: ignore[index]
        form = client.get(path, follow=True)
        chosen = {"new_password1": "a brand new secret", "new_password2": "a brand new secret"}
        done = client.post(form.request["PATH_INFO"], chosen)
        assert done["Location"] == "/password/reset/complete/"
        assert "no longer works" in Client().get(path, follow=True).content.decode()
    assert _log_in(Client(), "ann@alice.example", "a brand new secret").status_code == 302
    assert _log_in(Client(), "ann@alice.example").status_code == 200


def test_a_reset_for_nobody_answers_the_same_and_mails_nothing(cast: Cast, mails: Mails) -> None:
    with tenant_scope(()), mails() as sent:
        answer = Client().post("/password/reset/", {"email": "nobody@alice.example"})
    assert answer["Location"] == "/password/reset/sent/"
    assert sent == []


def test_nobodys_mailbox_is_filled_by_resets(cast: Cast, mails: Mails) -> None:
    with tenant_scope(()), mails() as sent:
        for _ in range(limits.PASSWORD_RESETS_PER_ACCOUNT + 3):
            Client().post("/password/reset/", {"email": "ann@alice.example"})
    assert len(sent) == limits.PASSWORD_RESETS_PER_ACCOUNT


def test_a_user_changes_the_own_password_and_other_sessions_end(cast: Cast) -> None:
    here, elsewhere = Client(), Client()
    _log_in(here, "ann@alice.example")
    _log_in(elsewhere, "ann@alice.example")
    change = {"old_password": PASSWORD, "new_password1": "a brand new secret", "new_password2": "a brand new secret"}
    with tenant_scope(()):
        assert here.post("/password/", change)["Location"] == "/password/done/"
        assert here.get("/calls/").status_code == 200
        assert elsewhere.get("/calls/").status_code == 302


def test_an_operators_reader_sees_the_admin_and_changes_nothing(cast: Cast) -> None:
    reader = User.objects.create_user("r@trunkco.example", PASSWORD, tenant=cast.trunkco, role=Role.READ_ONLY)
    client = page_client(reader)
    assert client.get("/admin/tenants/tenant/").status_code == 200
    assert client.get("/admin/tenants/tenant/add/").status_code == 403
