"""Rules of money that PostgreSQL itself keeps, whichever code writes; listed in the migrations that make the tables."""

from __future__ import annotations

from django.db import migrations

from tenants.dbops import APP_ROLE

ACCOUNT_SETTINGS = (
    "tenant_id, seller_id, currency, mode, credit_limit_nanos, low_balance_nanos, deck_id, terms_days, is_active"
)
"""What people change. Holds and charges move the other columns many times a second: no audit, no notice of those."""

ACCOUNT_TRIGGERS = migrations.RunSQL(
    f"""
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF {ACCOUNT_SETTINGS} ON billing_account
  FOR EACH ROW EXECUTE FUNCTION tenants_audit_row();
CREATE TRIGGER snapshot_accounts AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF {ACCOUNT_SETTINGS} ON billing_account
  FOR EACH STATEMENT EXECUTE FUNCTION tenants_notify_snapshot('accounts');
""",
    "DROP TRIGGER audit ON billing_account; DROP TRIGGER snapshot_accounts ON billing_account;",
)

ENTRIES_BALANCE = migrations.RunSQL(
    # A statement trigger over the new rows instead of a deferred constraint trigger a row: it also demands that an
    # entry comes whole in one statement, and costs one aggregate for thousands of calls instead of a query a posting.
    """
CREATE FUNCTION billing_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT entry_id, currency, sum(amount_nanos) AS rest INTO wrong
  FROM added GROUP BY entry_id, currency HAVING sum(amount_nanos) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % does not sum to zero in %: %', wrong.entry_id, wrong.currency, wrong.rest
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_sums_to_zero';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER entries_balance AFTER INSERT ON billing_posting REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_entries_balance();

CREATE FUNCTION billing_postings_are_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'postings are append-only: write a reversal' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE ON billing_posting
  FOR EACH ROW EXECUTE FUNCTION billing_postings_are_for_ever();
CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE ON billing_entry
  FOR EACH ROW EXECUTE FUNCTION billing_postings_are_for_ever();
""",
    """
DROP TRIGGER for_ever ON billing_entry; DROP TRIGGER for_ever ON billing_posting;
DROP FUNCTION billing_postings_are_for_ever();
DROP TRIGGER entries_balance ON billing_posting; DROP FUNCTION billing_entries_balance();
""",
)

INVOICES_STAND = migrations.RunSQL(
    """
CREATE FUNCTION billing_invoice_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  may_move text[] := ARRAY['status', 'paid_nanos', 'paid_at', 'voided_at', 'void_reason'];
BEGIN
  IF OLD.status <> 'draft' AND (TG_OP = 'DELETE' OR NEW.status = 'draft'
      OR to_jsonb(OLD) - may_move IS DISTINCT FROM to_jsonb(NEW) - may_move) THEN
    RAISE EXCEPTION 'invoice % is final', OLD.number USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON billing_invoice
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_stands();

CREATE FUNCTION billing_invoice_lines_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  line record := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
  IF EXISTS (SELECT FROM billing_invoice i WHERE i.id = line.invoice_id AND i.status <> 'draft') THEN
    RAISE EXCEPTION 'invoice of line % is final', line.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER stands BEFORE INSERT OR UPDATE OR DELETE ON billing_invoiceline
  FOR EACH ROW EXECUTE FUNCTION billing_invoice_lines_stand();
""",
    """
DROP TRIGGER stands ON billing_invoiceline; DROP FUNCTION billing_invoice_lines_stand();
DROP TRIGGER stands ON billing_invoice; DROP FUNCTION billing_invoice_stands();
""",
)

CHARGE_TABLE = migrations.RunSQL(
    """
CREATE TABLE billing_charge (
  call_id uuid NOT NULL,
  tenant_id bigint NOT NULL,
  account_id bigint NOT NULL,
  status text NOT NULL,
  problem text NOT NULL,
  started_at timestamptz NOT NULL,
  number text NOT NULL,
  duration_s integer NOT NULL CHECK (duration_s > 0),
  billed_s integer NOT NULL,
  amount_nanos bigint NOT NULL CHECK (amount_nanos >= 0),
  raw bigint NOT NULL,
  currency char(3) NOT NULL,
  deck_id bigint,
  deck_version integer,
  prefix text NOT NULL,
  destination text NOT NULL,
  nanos_per_minute bigint NOT NULL,
  connect_fee_nanos bigint NOT NULL,
  first_s smallint NOT NULL,
  next_s smallint NOT NULL,
  trunk_id bigint,
  cost_nanos bigint,
  cost_currency text NOT NULL,
  cost_deck_id bigint,
  cost_prefix text NOT NULL,
  cost_nanos_per_minute bigint,
  invoice_id bigint,
  charged_at timestamptz NOT NULL,
  PRIMARY KEY (call_id, started_at, tenant_id)
) PARTITION BY RANGE (started_at);
CREATE INDEX charge_tenant_started ON billing_charge (tenant_id, started_at);
CREATE INDEX charge_started ON billing_charge (started_at);
CREATE INDEX charge_uninvoiced ON billing_charge (account_id, started_at) WHERE invoice_id IS NULL;
CREATE INDEX charge_invoice ON billing_charge (invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX charge_unrated ON billing_charge (started_at) WHERE status = 'unrated';
""",
    "DROP TABLE billing_charge",
)

CHARGES_STAND = migrations.RunSQL(
    # Every column but the invoice: an invoice run, which writes that one in every row, does not pay for the check.
    f"""
CREATE FUNCTION billing_charge_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'rated' AND to_jsonb(OLD) - 'invoice_id' IS DISTINCT FROM to_jsonb(NEW) - 'invoice_id' THEN
    RAISE EXCEPTION 'call % is charged: write a reversal', OLD.call_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stands BEFORE UPDATE OF call_id, tenant_id, account_id, status, problem, started_at, number, duration_s,
  billed_s, amount_nanos, raw, currency, deck_id, deck_version, prefix, destination, nanos_per_minute,
  connect_fee_nanos, first_s, next_s, trunk_id, cost_nanos, cost_currency, cost_deck_id, cost_prefix,
  cost_nanos_per_minute, charged_at ON billing_charge FOR EACH ROW EXECUTE FUNCTION billing_charge_stands();
REVOKE DELETE, TRUNCATE ON billing_charge FROM "{APP_ROLE}";
""",
    "DROP TRIGGER stands ON billing_charge; DROP FUNCTION billing_charge_stands();",
)
