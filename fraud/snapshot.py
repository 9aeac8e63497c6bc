"""Rules as a node reads them: one statement, positional. The cursor must see all tenants."""

from __future__ import annotations

import json

from fraud.screening import RuleEntry
from sip.snapshot import Cursor

# The operator's rules hold for everybody and stand there once; a reseller's stand there once a tenant below it.
# A spending rule holds for tenants of its currency only, so even the operator's is spread over them.
RULES_SQL = """
SELECT r.id, CASE WHEN r.is_general THEN NULL ELSE t.id END, r.kind, r.action, r.line_id, r.prefixes::text,
  coalesce(r.calls_max, 0), coalesce(r.spend_max_nanos, 0), r.counted_by
FROM (
  SELECT rule.*, owner.kind = 'operator' AND rule.kind <> 'spend_per_hour' AND rule.line_id IS NULL AS is_general
  FROM fraud_rule rule JOIN tenants_tenant owner ON owner.id = rule.tenant_id
  WHERE rule.is_active
) r
JOIN tenants_tenant t
  ON (t.id = r.tenant_id OR NOT r.is_general AND t.ancestor_ids @> to_jsonb(r.tenant_id))
  AND (r.kind <> 'spend_per_hour' OR t.currency = r.currency)
LEFT JOIN sip_line l ON l.id = r.line_id
WHERE r.line_id IS NULL OR l.tenant_id = t.id
ORDER BY r.id, t.id
"""


def load_rules(cursor: Cursor) -> list[RuleEntry]:
    """Return the active rules, each once for all tenants or once a tenant it holds for."""
    cursor.execute(RULES_SQL)
    return [
        RuleEntry(
            id=row[0],
            tenant_id=row[1],
            kind=row[2],
            action=row[3],
            line_id=row[4],
            prefixes=tuple(json.loads(row[5])),
            calls_max=row[6],
            spend_max_nanos=row[7],
            counted_by=row[8],
        )
        for row in cursor.fetchall()
    ]
