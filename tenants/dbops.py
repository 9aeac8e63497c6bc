"""Migration operations that put the house rules into PostgreSQL itself, for whichever code writes.

``TenantOwned``: row-level security. ``Audited``: who changed what. ``AppendOnly``: the app's role cannot change or
delete. ``Notifies``: running nodes learn of a change. Each takes the table's name, in the migration that creates it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import migrations

from tenants.notify import SNAPSHOT_CHANNEL

APP_ROLE = settings.DATABASES["default"]["USER"]

# In subqueries, which PostgreSQL evaluates once a statement and guesses to keep half of the rows. Bare, the settings
# would be read for each row, and the planner, guessing one row in two hundred, would sort whole tables to show a page.
VISIBLE = (
    "(SELECT current_setting('app.all_tenants', true) = 'on')"
    " OR {column} = ANY"
    " ((SELECT coalesce(nullif(current_setting('app.tenant_ids', true), ''), '{{}}')::bigint[])::bigint[])"
)


class TenantOwned(migrations.RunSQL):
    """Show and accept only rows whose tenant is in the session's scope, for the table's owner too.

    Of several columns one is enough: a tenant that is just being made is told by its parent.
    """

    def __init__(self, table: str, *columns: str) -> None:
        visible = " OR ".join(VISIBLE.format(column=column) for column in columns or ("tenant_id",))
        super().__init__(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant_isolation ON {table} USING ({visible}) WITH CHECK ({visible});",
            f"DROP POLICY tenant_isolation ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
        )
        self._arguments = (table, *columns)

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return (type(self).__name__, list(self._arguments), {})


class Audited(migrations.RunSQL):
    """Record every insert, update and delete in ``tenants_auditentry``.

    ``secret`` columns are masked. A change of ``quiet`` columns alone (counters, time stamps) is not recorded.
    """

    def __init__(self, table: str, secret: Sequence[str] = (), quiet: Sequence[str] = ()) -> None:
        arguments = ", ".join(f"'{column}'" for column in (*secret, *(f"-{name}" for name in quiet)))
        super().__init__(
            f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION tenants_audit_row({arguments});",
            f"DROP TRIGGER audit ON {table};",
        )
        self._arguments = (table, tuple(secret), tuple(quiet))

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return (type(self).__name__, list(self._arguments), {})


class AppendOnly(migrations.RunSQL):
    """Take UPDATE, DELETE and TRUNCATE from the app's role: a correction is a new row."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f'REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM "{APP_ROLE}";',
            f'GRANT UPDATE, DELETE ON {table} TO "{APP_ROLE}";',
        )
        self._arguments = (table,)

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return (type(self).__name__, list(self._arguments), {})


class Notifies(migrations.RunSQL):
    """Tell listeners on channel ``snapshot`` that this section changed, once a statement, on commit."""

    def __init__(self, table: str, section: str) -> None:
        super().__init__(
            f"CREATE TRIGGER snapshot_{section} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION tenants_notify_snapshot('{section}');",
            f"DROP TRIGGER snapshot_{section} ON {table};",
        )
        self._arguments = (table, section)

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return (type(self).__name__, list(self._arguments), {})


CREATE_FUNCTIONS = migrations.RunSQL(
    f"""
CREATE FUNCTION tenants_notify_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('{SNAPSHOT_CHANNEL}', TG_ARGV[0]);
  RETURN NULL;
END $$;

CREATE FUNCTION tenants_audit_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN to_jsonb(NEW) END;
  whole jsonb := coalesce(new_row, old_row);
  secret text;
  quiet text[] := '{{}}';
BEGIN
  FOREACH secret IN ARRAY coalesce(TG_ARGV, '{{}}'::text[]) LOOP
    IF secret LIKE '-%' THEN
      quiet := quiet || substr(secret, 2);
    END IF;
  END LOOP;
  IF TG_OP = 'UPDATE' AND old_row - quiet = new_row - quiet THEN
    RETURN NULL;
  END IF;
  FOREACH secret IN ARRAY coalesce(TG_ARGV, '{{}}'::text[]) LOOP
    CONTINUE WHEN secret LIKE '-%';
    -- Masked after a change has been told apart, so that the entry says *that* a secret changed, never to what.
    IF TG_OP = 'UPDATE' AND old_row -> secret IS DISTINCT FROM new_row -> secret THEN
      new_row := new_row || jsonb_build_object(secret, '(changed)');
    ELSIF new_row ? secret THEN
      new_row := new_row || jsonb_build_object(secret, '(secret)');
    END IF;
    IF old_row ? secret THEN
      old_row := old_row || jsonb_build_object(secret, '(secret)');
    END IF;
  END LOOP;
  INSERT INTO tenants_auditentry (at, actor, ip, request_id, action, table_name, row_id, tenant_id, before, after)
  VALUES (
    clock_timestamp(),
    coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    coalesce(current_setting('app.ip', true), ''),
    coalesce(current_setting('app.request_id', true), ''),
    lower(TG_OP), TG_TABLE_NAME, coalesce(whole ->> 'id', whole ->> 'call_id', ''),
    CASE WHEN TG_TABLE_NAME = 'tenants_tenant' THEN (whole ->> 'id')::bigint ELSE (whole ->> 'tenant_id')::bigint END,
    old_row, new_row
  );
  RETURN NULL;
END $$;
""",
    "DROP FUNCTION tenants_audit_row(); DROP FUNCTION tenants_notify_snapshot();",
)

AUDIT_ENTRY_POLICY = migrations.RunSQL(
    # Only the trigger function, which runs as the owner, writes; a reader sees the entries of its tenants.
    f"""
ALTER TABLE tenants_auditentry ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants_auditentry FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON tenants_auditentry FOR SELECT USING ({VISIBLE.format(column="tenant_id")});
CREATE POLICY trigger_writes ON tenants_auditentry FOR INSERT WITH CHECK (true);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON tenants_auditentry FROM "{APP_ROLE}";
""",
    "DROP POLICY tenant_reads ON tenants_auditentry; DROP POLICY trigger_writes ON tenants_auditentry;",
)
