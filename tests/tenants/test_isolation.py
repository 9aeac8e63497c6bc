"""Tenants see their own rows only, whoever asks and however."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import OperationalError, ProgrammingError, connection, models, transaction

from sip.models import Line
from tenants.choices import Role
from tenants.models import AuditEntry, Tenant, User
from tenants.scope import system_scope, tenant_scope
from tests.cast import Cast
from tests.tenants.clients import api_client, fields_of

OWNED = sorted(
    {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is Tenant and field.name == "tenant"
    }
    | {"tenants_tenant"}
)


@pytest.mark.parametrize("table", OWNED)
def test_every_table_of_a_tenant_has_row_level_security_that_binds_its_owner_too(db: None, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", [table])
        assert cursor.fetchone() == (True, True)


def test_every_partition_of_a_tenants_table_is_closed_as_its_table_is(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
            " JOIN pg_class parent ON parent.oid = inhparent"
            " WHERE parent.relkind = 'p' AND child.relkind IN ('r', 'p') AND parent.relname = ANY(%s)"
            " AND has_table_privilege(current_user, child.oid, 'SELECT')"
            " AND NOT (child.relrowsecurity AND child.relforcerowsecurity)",
            [OWNED],
        )
        assert cursor.fetchall() == []


def test_the_web_runs_as_a_role_that_cannot_pass_row_level_security(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


def test_without_a_scope_nothing_is_visible(cast: Cast) -> None:
    with tenant_scope(()):
        assert [model.objects.count() for model in (Tenant, User, Line, AuditEntry)] == [0, 0, 0, 0]


def test_a_forgotten_filter_shows_the_scopes_rows_only(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]):
        assert set(Line.objects.values_list("username", flat=True)) == {"alice", "alice2"}
        assert list(Tenant.objects.values_list("name", flat=True)) == ["Alice"]


def test_a_row_for_a_tenant_outside_the_scope_is_refused_by_the_database(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            User.objects.create_user("spy@bob.example", "x", tenant=cast.bob, role=Role.TENANT_USER)
        assert Line.objects.filter(pk=cast.bob_line.pk).update(display_name="mine") == 0
    with system_scope():
        assert Line.objects.get(pk=cast.bob_line.pk).display_name == ""


def test_a_scope_inside_a_scope_narrows_and_comes_back(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk, cast.bob.pk]):
        with tenant_scope([cast.bob.pk]):
            assert set(Tenant.objects.values_list("name", flat=True)) == {"Bob"}
        assert set(Tenant.objects.values_list("name", flat=True)) == {"Alice", "Bob"}


def test_a_scope_left_by_an_error_inside_a_transaction_comes_back_too(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]):
        with pytest.raises(ProgrammingError), transaction.atomic(), tenant_scope([cast.bob.pk]):
            connection.cursor().execute("SELECT nothing FROM nowhere")
        assert set(Tenant.objects.values_list("name", flat=True)) == {"Alice"}


def test_a_scope_is_left_though_the_database_has_gone_and_holds_on_the_next_connection(
    committed_db: None, cast: Cast
) -> None:
    with tenant_scope([cast.alice.pk, cast.bob.pk]):
        with pytest.raises(OperationalError), tenant_scope([cast.bob.pk]):
            connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert set(Tenant.objects.values_list("name", flat=True)) == {"Alice", "Bob"}


def test_a_reseller_sees_its_customers_and_not_its_neighbours(cast: Cast) -> None:
    client = api_client(cast.resellco, Role.TENANT_ADMIN)
    names = [tenant["name"] for tenant in client.get("/api/v1/tenants/").json()["results"]]
    assert names == ["Carol", "Resellco"]


def test_an_operators_role_without_the_operators_tenant_sees_only_its_own(cast: Cast) -> None:
    User.objects.filter(pk=cast.ben.pk).update(role=Role.OPERATOR_ADMIN)
    ben = User.objects.select_related("tenant").get(pk=cast.ben.pk)
    assert (ben.is_operator, ben.is_staff, ben.is_superuser) == (False, False, False)


def test_a_tenant_named_in_a_body_must_be_in_the_callers_scope(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    body = {"email": "new@alice.example", "role": "tenant_user", "tenant": cast.bob.pk}
    refused = client.post("/api/v1/users/", body)
    assert (refused.status_code, fields_of(refused)) == (400, {"tenant"})
    assert User.objects.filter(email="new@alice.example").count() == 0
    assert client.post("/api/v1/users/", body | {"tenant": cast.alice.pk}).status_code == 201


def test_a_reseller_may_name_a_customer_of_its_own(cast: Cast) -> None:
    client = api_client(cast.resellco, Role.TENANT_ADMIN)
    made = client.post("/api/v1/users/", {"email": "c@carol.example", "role": "tenant_user", "tenant": cast.carol.pk})
    assert (made.status_code, made.json()["tenant"]) == (201, cast.carol.pk)


def test_nobody_moves_an_object_to_another_tenant(cast: Cast) -> None:
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    refused = client.patch(f"/api/v1/users/{cast.ben.pk}/", {"tenant": cast.alice.pk})
    assert (refused.status_code, fields_of(refused)) == (400, {"tenant"})
    assert User.objects.get(pk=cast.ben.pk).tenant_id == cast.bob.pk
