"""Every privileged write is recorded by the database: who, from where, before and after."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from tenants.choices import Role
from tenants.diff import changed_fields
from tenants.models import AuditEntry, Tenant
from tenants.scope import actor_scope, tenant_scope
from tests.cast import Cast
from tests.tenants.clients import api_client, page_client


def _last(table: str, row_id: int) -> AuditEntry:
    return AuditEntry.objects.about(table, [row_id]).order_by("-pk")[0]


def test_a_write_over_the_api_is_recorded_with_key_address_request_id_before_and_after(cast: Cast) -> None:
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    answer = client.patch(
        f"/api/v1/tenants/{cast.bob.pk}/", {"name": "Bobby"}, REMOTE_ADDR="192.0.2.9", HTTP_X_REQUEST_ID="order-66"
    )
    assert (answer.status_code, answer["X-Request-ID"]) == (200, "order-66")
    entry = _last("tenants_tenant", cast.bob.pk)
    assert (entry.actor, entry.ip, entry.request_id) == (f"key:{client.api_key.prefix}", "192.0.2.9", "order-66")
    assert (entry.action, entry.tenant_id) == ("update", cast.bob.pk)
    assert [(field.name, field.before, field.after) for field in changed_fields(entry.before, entry.after)] == [
        ("name", "Bob", "Bobby")
    ]


def test_a_write_in_the_admin_is_recorded_in_the_users_name(cast: Cast) -> None:
    page = page_client(cast.olga)
    form = {
        "name": "Bob & Sons", "slug": "bob", "country": "US", "time_zone": "UTC", "billing_email": "", "address": "",
        "is_active": "on", "users-TOTAL_FORMS": "0", "users-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = page.post(f"/admin/tenants/tenant/{cast.bob.pk}/change/", form, REMOTE_ADDR="192.0.2.10")
    assert answer.status_code == 302
    entry = _last("tenants_tenant", cast.bob.pk)
    assert (entry.actor, entry.ip) == ("olga@trunkco.example", "192.0.2.10")
    assert len(entry.request_id) == 24
    assert (entry.before or {})["name"] == "Bob"
    assert (entry.after or {})["name"] == "Bob & Sons"


def test_a_write_in_the_portal_is_recorded_in_the_users_name(cast: Cast) -> None:
    answer = page_client(cast.ann).post("/keys/new/", {"name": "export", "role": "read_only", "scopes": "*"})
    assert answer.status_code == 200
    entry = AuditEntry.objects.filter(table_name="tenants_apikey").order_by("-pk")[0]
    assert (entry.actor, entry.action, entry.tenant_id) == ("ann@alice.example", "insert", cast.alice.pk)
    assert (entry.after or {})["key_hash"] == "(secret)"


def test_a_changed_secret_is_said_to_have_changed_and_never_shown(cast: Cast) -> None:
    cast.ann.set_password("another long password")
    cast.ann.save()
    entry = _last("tenants_user", cast.ann.pk)
    assert ((entry.before or {})["password"], (entry.after or {})["password"]) == ("(secret)", "(changed)")


def test_a_write_that_changes_nothing_leaves_no_entry(cast: Cast) -> None:
    before = AuditEntry.objects.count()
    Tenant.objects.filter(pk=cast.bob.pk).update(name="Bob")
    assert AuditEntry.objects.count() == before


def test_a_write_that_is_rolled_back_leaves_no_entry(cast: Cast) -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic():
        Tenant.objects.filter(pk=cast.bob.pk).update(name="Rob")
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tenants_auditentry SET actor = 'nobody'",
        "DELETE FROM tenants_auditentry",
        "TRUNCATE tenants_auditentry",
        "INSERT INTO tenants_auditentry (at, actor, ip, request_id, action, table_name, row_id)"
        " VALUES (now(), 'x', '', '', 'insert', 'x', '1')",
    ],
)
def test_the_web_can_neither_change_nor_forge_an_entry(cast: Cast, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_tenant_reads_the_entries_of_its_own_rows_only(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]):
        assert set(AuditEntry.objects.values_list("tenant_id", flat=True)) == {cast.alice.pk}


def test_the_actor_of_an_inner_scope_ends_with_it(cast: Cast) -> None:
    with actor_scope("outer"):
        with actor_scope("inner"):
            pass
        Tenant.objects.filter(pk=cast.bob.pk).update(name="Robert")
    assert _last("tenants_tenant", cast.bob.pk).actor == "outer"


def test_the_audit_is_listed_over_the_api_newest_first_and_cannot_be_written(cast: Cast) -> None:
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    listed = client.get(f"/api/v1/audit-entries/?table_name=tenants_tenant&row_id={cast.bob.pk}").json()["results"]
    assert [entry["action"] for entry in listed] == ["insert"]
    assert client.post("/api/v1/audit-entries/", {}).status_code == 405
    assert client.delete(f"/api/v1/audit-entries/{listed[0]['id']}/").status_code == 405
