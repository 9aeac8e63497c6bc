"""What PostgreSQL itself allows the application's role: asked of the catalogue, not of our models."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from tests.cast import Cast

# Facts of a node, a provider or Django that belong to no tenant, and hold no tenant's data that is shown to anybody.
OF_NO_TENANT = {
    "billing_gatewayevent",
    "billing_sandboxintent",
    "billing_sandboxrefund",
    "sip_spooloffset",
}
APPEND_ONLY = {
    "alerts_deliveryattempt",
    "billing_allocation",
    "billing_entry",
    "billing_gatewayevent",
    "billing_posting",
    "fraud_evidence",
    "sip_call",
    "sip_callattempt",
    "tenants_auditentry",
}
OURS = (
    "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    " AND relname !~ '^(django|auth)_'"
)


def names(condition: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT relname {OURS} AND {condition}")
        return {str(name) for (name,) in cursor.fetchall()}


def test_every_table_but_four_hides_its_rows_from_who_is_not_in_scope(db: None) -> None:
    closed = "relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)"
    assert names(f"NOT relispartition AND NOT ({closed})") == OF_NO_TENANT


def test_every_table_with_a_tenants_column_is_closed_its_partitions_too_unless_out_of_reach(db: None) -> None:
    with_tenant = "EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id')"
    reachable = "has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')"
    assert len(names(f"NOT relispartition AND {with_tenant}")) >= 30
    assert names(f"{with_tenant} AND {reachable} AND NOT (relrowsecurity AND relforcerowsecurity)") == set()


def test_the_apps_role_owns_nothing_is_no_member_of_who_does_and_passes_no_policy(db: None) -> None:
    assert names("pg_has_role(relowner, 'MEMBER')") == set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, has_schema_privilege('public', 'CREATE')"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)


def test_exactly_these_tables_can_be_added_to_and_never_changed(db: None) -> None:
    # Partitions are left out: the role reaches them through their table only.
    assert names("NOT relispartition AND NOT has_table_privilege(oid, 'UPDATE')") == APPEND_ONLY
    # A charge is given its price where there was none, and its invoice; a trigger keeps the rest.
    assert names("NOT relispartition AND NOT has_table_privilege(oid, 'DELETE')") == APPEND_ONLY | {"billing_charge"}
    assert names("has_table_privilege(oid, 'TRUNCATE')") == set()


def test_no_partition_is_changed_behind_its_tables_back(db: None) -> None:
    assert names("relispartition AND has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE')") == set()


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_a_row_that_is_for_ever_is_refused_to_the_app(cast: Cast, table: str, statement: str) -> None:
    if table == "billing_gatewayevent":
        statement = statement.replace("tenant_id", "gateway")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement.format(table))
