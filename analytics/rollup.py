"""Makes whole hours anew out of calls, attempts and charges, in one statement an hour.

Never by adding to what is there: a record that comes late, or a price that changes, is then simply right. The SQL
states the definitions of ``analytics.kpis``; a test holds both against a recomputation from the raw records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from analytics.destinations import INTERNAL, OTHER, PREFIX_CHARS, SHORT, groups_of
from analytics.kpis import EFFECTIVE_AFTER_RINGING, EFFECTIVE_STATUSES, PDD_BOUNDS_MS, PDD_CLASSES

HOUR = timedelta(hours=1)

_NUMBER = "coalesce(nullif(c.destination, ''), c.called)"

_PREFIXES = f"""
SELECT left({_NUMBER}, {PREFIX_CHARS}), min({_NUMBER})
FROM sip_call c
WHERE c.tenant_id = ANY (%(tenants)s) AND c.started_at >= %(start)s AND c.started_at < %(end)s
  AND c.direction <> 'internal' AND {_NUMBER} LIKE '+%%'
GROUP BY 1
"""

_EFFECTIVE = (
    "({row}.answered_at IS NOT NULL OR {row}.sip_status = ANY (%(effective)s)"
    " OR {row}.ringing_at IS NOT NULL AND {row}.sip_status = ANY (%(effective_after_ringing)s))"
)

# One row a call. What the platform refused before any target was tried is no seizure.
_CALLS = f"""
calls AS MATERIALIZED (
  SELECT c.call_id, c.started_at, c.tenant_id, c.direction, c.a_trunk_id,
    CASE WHEN c.direction = 'internal' THEN '{INTERNAL}'
      WHEN {_NUMBER} NOT LIKE '+%%' THEN '{SHORT}'
      ELSE coalesce(g.destination, '{OTHER}') END AS destination,
    coalesce(m.currency, t.currency) AS currency,
    c.refusal_code = '' OR c.b_line_id IS NOT NULL OR c.b_trunk_id IS NOT NULL AS is_seizure,
    c.answered_at IS NOT NULL AS is_answered,
    {_EFFECTIVE.format(row="c")} AS is_effective,
    CASE WHEN c.answered_at IS NOT NULL THEN round(c.duration_s * 1000)::bigint ELSE 0 END AS duration_ms,
    round(c.pdd_s * 1000)::bigint AS pdd_ms,
    CASE WHEN m.status = 'rated' THEN m.amount_nanos ELSE 0 END AS revenue_nanos,
    m.cost_nanos, m.cost_currency,
    (m.status = 'unrated')::int AS unrated,
    (m.call_id IS NOT NULL AND c.b_trunk_id IS NOT NULL AND m.cost_nanos IS NULL)::int AS uncosted
  FROM sip_call c
  JOIN tenants_tenant t ON t.id = c.tenant_id
  LEFT JOIN unnest(%(prefixes)s::text[], %(groups)s::text[]) AS g(prefix, destination)
    ON g.prefix = left({_NUMBER}, {PREFIX_CHARS})
  -- The charge holds the call's start too, rounded by other code: a second to either side finds it for certain.
  LEFT JOIN billing_charge m ON m.call_id = c.call_id AND m.tenant_id = c.tenant_id
    AND m.started_at >= %(start)s - interval '1 second' AND m.started_at < %(end)s + interval '1 second'
  WHERE c.tenant_id = ANY (%(tenants)s) AND c.started_at >= %(start)s AND c.started_at < %(end)s
)"""

_CALL_FACTS = """
  SELECT tenant_id, {basis} AS basis, direction, {trunk} AS trunk_id, destination, currency, is_seizure, is_answered,
    is_effective, duration_ms, pdd_ms, revenue_nanos,
    CASE WHEN cost_currency = currency THEN cost_nanos ELSE 0 END AS cost_nanos, unrated, uncosted, true AS counts
  FROM calls WHERE {where}"""

# An attempt counts for its trunk whatever came of the call; the call's money and time belong to its last attempt.
_ATTEMPT_FACTS = f"""
  SELECT c.tenant_id, 'trunk', c.direction, a.trunk_id, c.destination, c.currency, true, a.answered_at IS NOT NULL,
    {_EFFECTIVE.format(row="a")},
    CASE WHEN a.is_last AND a.answered_at IS NOT NULL THEN c.duration_ms ELSE 0 END,
    round((extract(epoch FROM a.ringing_at - a.started_at) * 1000)::double precision)::bigint,
    CASE WHEN a.is_last THEN c.revenue_nanos ELSE 0 END,
    CASE WHEN a.is_last AND c.cost_currency = c.currency THEN c.cost_nanos ELSE 0 END,
    CASE WHEN a.is_last THEN c.unrated ELSE 0 END,
    CASE WHEN a.is_last THEN c.uncosted ELSE 0 END, true
  FROM sip_callattempt a
  JOIN calls c ON c.call_id = a.call_id AND c.started_at = a.call_started_at AND c.tenant_id = a.tenant_id
  WHERE a.trunk_id IS NOT NULL AND a.call_started_at >= %(start)s AND a.call_started_at < %(end)s"""

_FOREIGN_COSTS = """
  SELECT c.tenant_id, {basis}, c.direction, {trunk}, c.destination, c.cost_currency, false, false, false, 0, NULL, 0,
    c.cost_nanos, 0, 0, false
  FROM calls c {join} WHERE c.cost_nanos <> 0 AND c.cost_currency <> c.currency"""

_FACTS = "\nUNION ALL".join(
    (
        _CALL_FACTS.format(basis="'call'", trunk="NULL::bigint", where="true"),
        _CALL_FACTS.format(basis="'trunk'", trunk="a_trunk_id", where="a_trunk_id IS NOT NULL"),
        _ATTEMPT_FACTS,
        _FOREIGN_COSTS.format(basis="'call'", trunk="NULL::bigint", join=""),
        _FOREIGN_COSTS.format(
            basis="'trunk'",
            trunk="a.trunk_id",
            join=(
                "JOIN sip_callattempt a ON a.call_id = c.call_id AND a.call_started_at = c.started_at"
                " AND a.is_last AND a.trunk_id IS NOT NULL"
            ),
        ),
    )
)

# ``width_bucket(x - 1, bounds)`` counts the bounds below x: the class whose upper bound is inclusive.
_HISTOGRAM = "ARRAY[{}]".format(
    ", ".join(
        f"count(*) FILTER (WHERE is_seizure AND width_bucket(pdd_ms - 1, %(bounds)s::bigint[]) = {index})"
        for index in range(PDD_CLASSES)
    )
)

_INSERT = f"""
WITH {_CALLS}, facts AS ({_FACTS})
INSERT INTO analytics_hourlytraffic (hour, tenant_id, basis, direction, trunk_id, destination, currency, seizures,
  answered, effective, refused, duration_ms, pdd_count, pdd_sum_ms, pdd_histogram, revenue_nanos, cost_nanos, unrated,
  uncosted)
SELECT %(start)s, tenant_id, basis, direction, trunk_id, destination, currency,
  count(*) FILTER (WHERE is_seizure),
  count(*) FILTER (WHERE is_seizure AND is_answered),
  count(*) FILTER (WHERE is_seizure AND is_effective),
  count(*) FILTER (WHERE counts AND NOT is_seizure),
  coalesce(sum(duration_ms), 0),
  count(pdd_ms) FILTER (WHERE is_seizure),
  coalesce(sum(pdd_ms) FILTER (WHERE is_seizure), 0),
  {_HISTOGRAM},
  coalesce(sum(revenue_nanos), 0), coalesce(sum(cost_nanos), 0), coalesce(sum(unrated), 0), coalesce(sum(uncosted), 0)
FROM facts
GROUP BY tenant_id, basis, direction, trunk_id, destination, currency
"""


def recompute_hour(hour: datetime, tenant_ids: Sequence[int]) -> int:
    """Make one hour of these tenants anew; returns how many rows it has now. The caller holds the hour's lock.

    ``hour`` is the first moment of an hour, UTC.
    """
    values: dict[str, Any] = {
        "start": hour,
        "end": hour + HOUR,
        "tenants": sorted(tenant_ids),
        "effective": sorted(EFFECTIVE_STATUSES),
        "effective_after_ringing": sorted(EFFECTIVE_AFTER_RINGING),
        "bounds": list(PDD_BOUNDS_MS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PREFIXES, values)
        groups = groups_of({str(prefix): str(number) for prefix, number in cursor.fetchall()})
        values |= {"prefixes": list(groups), "groups": list(groups.values())}
        cursor.execute(
            "DELETE FROM analytics_hourlytraffic WHERE tenant_id = ANY (%(tenants)s) AND hour = %(start)s", values
        )
        cursor.execute(_INSERT, values)
        return int(cursor.rowcount)
