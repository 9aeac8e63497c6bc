"""Users: invited, changed, removed, and never without an administrator."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from tenants.choices import Role
from tenants.errors import Conflict, DomainError
from tenants.models import User
from tenants.people import delete_user, invite_user, send_password_link, update_user
from tests.cast import Cast
from tests.tenants.clients import api_client, fields_of
from tests.tenants.mails import Mails, mails

__all__ = ["mails"]


def test_an_invited_user_has_no_password_and_gets_a_link_by_mail(cast: Cast, mails: Mails) -> None:
    with mails():
        user = invite_user(tenant=cast.alice, email="New@Alice.example", role=Role.TENANT_USER, full_name="New")
    assert (user.email, user.has_usable_password()) == ("new@alice.example", False)
    assert [message.to for message in mail.outbox] == [["new@alice.example"]]
    assert re.search(r"http://\S+/password/reset/\S+/\S+/\n", str(mail.outbox[0].body))


@pytest.mark.parametrize(
    ("email", "role", "field"),
    [
        ("BEN@bob.example", Role.TENANT_USER, "email"),
        ("x@alice.example", Role.OPERATOR_ADMIN, "role"),
        ("x@alice.example", Role.OPERATOR_FINANCE, "role"),
    ],
)
def test_a_user_with_a_taken_mail_or_a_foreign_role_is_refused(cast: Cast, email: str, role: Role, field: str) -> None:
    with pytest.raises(DomainError) as caught:
        invite_user(tenant=cast.alice, email=email, role=role)
    assert caught.value.field == field
    assert mail.outbox == []


def test_a_tenants_role_does_not_exist_at_the_operator(cast: Cast) -> None:
    with pytest.raises(DomainError, match="may be"):
        invite_user(tenant=cast.trunkco, email="x@trunkco.example", role=Role.TENANT_ADMIN)


def test_nobody_changes_the_own_role_or_locks_oneself_out(cast: Cast) -> None:
    for changes in ({"role": Role.TENANT_USER}, {"is_active": False}):
        with pytest.raises(DomainError) as caught:
            update_user(cast.ann, changes, by=cast.ann)
        assert caught.value.code == "own_account"
    with pytest.raises(DomainError):
        delete_user(cast.ann, by=cast.ann)


def test_the_last_administrator_stays(cast: Cast) -> None:
    for changes in ({"role": Role.TENANT_USER}, {"is_active": False}):
        with pytest.raises(Conflict) as caught:
            update_user(cast.ann, changes, by=cast.olga)
        assert caught.value.code == "last_admin"
    with pytest.raises(Conflict):
        delete_user(cast.ann, by=cast.olga)
    User.objects.create_user("second@alice.example", None, tenant=cast.alice, role=Role.TENANT_ADMIN)
    assert update_user(cast.ann, {"is_active": False}, by=cast.olga).is_active is False


def test_the_name_of_a_last_administrator_can_be_changed(cast: Cast) -> None:
    assert update_user(cast.ann, {"full_name": "Ann Archer"}, by=cast.ann).full_name == "Ann Archer"


def test_a_key_of_a_tenant_manages_its_users_over_the_api(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    made = client.post("/api/v1/users/", {"email": "x@alice.example", "role": "tenant_user"}).json()
    assert (made["tenant"], made["is_active"]) == (cast.alice.pk, True)
    changed = client.patch(f"/api/v1/users/{made['id']}/", {"role": "read_only", "is_active": False}).json()
    assert (changed["role"], changed["is_active"]) == ("read_only", False)
    refused = client.patch(f"/api/v1/users/{made['id']}/", {"role": "operator_admin"})
    assert (refused.status_code, fields_of(refused)) == (400, {"role"})
    assert client.delete(f"/api/v1/users/{made['id']}/").status_code == 204
    assert client.delete(f"/api/v1/users/{cast.ann.pk}/").status_code == 409


def test_the_text_of_the_mail_says_how_long_the_link_works(cast: Cast, mails: Mails) -> None:
    with mails():
        send_password_link(cast.ann)
    assert "within 24 hours" in str(mail.outbox[0].body)
    assert "somebody asked for a new password" in str(mail.outbox[0].body)
