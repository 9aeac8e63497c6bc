"""Money held for calls in progress: each operation is one set-based statement, however many calls it serves.

The accounts are locked in the order of their ids, so that two statements never wait for each other in a circle; what
is free is read under that lock, so that fifty calls at once cannot spend one balance twice. Requests of one account in
one statement are served in their order, each from what the ones before it left (the recursive part; one round when no
account asks twice). No Django here: the switch calls it on its own connection, with ``app.all_tenants`` on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from billing.limits import DURATION_S_MAX, HOLD_BATCH_MAX

HOLD_LIFE_S = DURATION_S_MAX + 2 * 3600
"""Longer than the longest call, so that a live call never loses its hold; a node that restarts gives back its own."""


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """A call wants money held: ``amount_nanos`` if it is there, else what is left, but not under ``minimum_nanos``."""

    call_id: str
    account_id: int
    amount_nanos: int
    minimum_nanos: int


_WANTED_AND_LOCKED = """
WITH RECURSIVE wanted AS (
  SELECT * FROM unnest(%(calls)s::uuid[], %(accounts)s::bigint[], %(amounts)s::bigint[], %(minimums)s::bigint[])
    WITH ORDINALITY AS w (call_id, account_id, amount, minimum, n)
), locked AS MATERIALIZED (
  SELECT id, tenant_id, balance_nanos + credit_limit_nanos - held_nanos AS free
  FROM billing_account WHERE id = ANY (%(accounts)s::bigint[]) AND is_active ORDER BY id FOR NO KEY UPDATE
)"""

PLACE = (
    _WANTED_AND_LOCKED
    + """, known AS (
  SELECT call_id, amount_nanos FROM billing_hold WHERE call_id = ANY (%(calls)s::uuid[])
), queue AS MATERIALIZED (
  SELECT w.call_id, w.account_id, l.tenant_id, w.amount, greatest(w.minimum, 1) AS minimum, l.free,
    row_number() OVER (PARTITION BY w.account_id ORDER BY w.n) AS turn
  FROM wanted w JOIN locked l ON l.id = w.account_id
  WHERE NOT EXISTS (SELECT FROM known k WHERE k.call_id = w.call_id)
), served AS (
  SELECT call_id, account_id, tenant_id, turn, free,
    CASE WHEN least(amount, free) >= minimum THEN least(amount, free) ELSE 0 END AS granted
  FROM queue WHERE turn = 1
  UNION ALL
  SELECT q.call_id, q.account_id, q.tenant_id, q.turn, s.free - s.granted,
    CASE WHEN least(q.amount, s.free - s.granted) >= q.minimum THEN least(q.amount, s.free - s.granted) ELSE 0 END
  FROM served s JOIN queue q ON q.account_id = s.account_id AND q.turn = s.turn + 1
), placed AS (
  INSERT INTO billing_hold (call_id, tenant_id, account_id, amount_nanos, node, created_at, expires_at)
  SELECT call_id, tenant_id, account_id, granted, %(node)s, now(), now() + make_interval(secs => %(life_s)s)
  FROM served WHERE granted > 0
  ON CONFLICT (call_id) DO NOTHING RETURNING call_id, account_id, amount_nanos
), moved AS (
  UPDATE billing_account a SET held_nanos = a.held_nanos + p.amount
  FROM (SELECT account_id, sum(amount_nanos)::bigint AS amount FROM placed GROUP BY account_id) p
  WHERE a.id = p.account_id
)
SELECT call_id, amount_nanos FROM placed UNION ALL SELECT call_id, amount_nanos FROM known
"""
)

EXTEND = (
    _WANTED_AND_LOCKED
    + """, queue AS MATERIALIZED (
  SELECT h.call_id, h.account_id, h.amount_nanos AS held, greatest(w.amount - h.amount_nanos, 0) AS more,
    greatest(l.free, 0) AS free, row_number() OVER (PARTITION BY h.account_id ORDER BY w.n) AS turn
  FROM wanted w JOIN billing_hold h ON h.call_id = w.call_id JOIN locked l ON l.id = h.account_id
), served AS (
  SELECT call_id, account_id, turn, held, free, least(more, free) AS granted FROM queue WHERE turn = 1
  UNION ALL
  SELECT q.call_id, q.account_id, q.turn, q.held, s.free - s.granted, least(q.more, s.free - s.granted)
  FROM served s JOIN queue q ON q.account_id = s.account_id AND q.turn = s.turn + 1
), raised AS (
  UPDATE billing_hold h
  SET amount_nanos = h.amount_nanos + s.granted, expires_at = now() + make_interval(secs => %(life_s)s)
  FROM served s WHERE h.call_id = s.call_id RETURNING h.account_id, h.call_id, h.amount_nanos, s.granted
), moved AS (
  UPDATE billing_account a SET held_nanos = a.held_nanos + r.amount
  FROM (SELECT account_id, sum(granted)::bigint AS amount FROM raised GROUP BY account_id HAVING sum(granted) > 0) r
  WHERE a.id = r.account_id
)
SELECT call_id, amount_nanos FROM raised
"""
)


def _release(condition: str) -> str:
    return f"""
WITH locked AS MATERIALIZED (
  SELECT id FROM billing_account
  WHERE id IN (SELECT account_id FROM billing_hold h WHERE {condition}) ORDER BY id FOR NO KEY UPDATE
), gone AS (
  DELETE FROM billing_hold h USING locked l WHERE h.account_id = l.id AND {condition}
  RETURNING h.account_id, h.amount_nanos
), moved AS (
  UPDATE billing_account a SET held_nanos = a.held_nanos - g.amount
  FROM (SELECT account_id, sum(amount_nanos)::bigint AS amount FROM gone GROUP BY account_id) g
  WHERE a.id = g.account_id
)
SELECT count(*) FROM gone
"""


RELEASE_ORPHANS = _release("h.node = %(node)s AND h.call_id <> ALL (%(calls)s::uuid[])")
RELEASE_EXPIRED = _release("h.expires_at <= %(now)s")
RELEASE_CALLS = _release("h.call_id = ANY (%(calls)s::uuid[])")


async def place_holds(conn: psycopg.AsyncConnection[Any], node: str, requests: Sequence[HoldRequest]) -> dict[str, int]:
    """Hold money for new calls; returns what each was granted, in nano-units, without those that got nothing.

    A call that already has its hold (the answer to an earlier try was lost) gets the same amount, held once.

    Raises:
        ValueError: more than ``HOLD_BATCH_MAX`` requests.
    """
    return await _ask(conn, PLACE, node, requests)


async def extend_holds(
    conn: psycopg.AsyncConnection[Any], node: str, requests: Sequence[HoldRequest]
) -> dict[str, int]:
    """Raise holds to ``amount_nanos`` in all, or as far as the money goes; returns each call's whole hold.

    A call without a hold (it is over and charged) gets nothing and is left out.

    Raises:
        ValueError: more than ``HOLD_BATCH_MAX`` requests.
    """
    return await _ask(conn, EXTEND, node, requests)


async def release_orphans(conn: psycopg.AsyncConnection[Any], node: str, spared: Iterable[str]) -> int:
    """Give back the node's holds but those of the calls to be ``spared``; returns how many there were.

    Spared are the calls that are not over, and those that wait in the spool to be charged: their money is not free.
    """
    values = {"node": node, "calls": [UUID(call_id) for call_id in spared]}
    cursor = await conn.execute(RELEASE_ORPHANS, values)
    row = await cursor.fetchone()
    await _commit(conn)
    return int(row[0]) if row else 0


async def _ask(
    conn: psycopg.AsyncConnection[Any], statement: str, node: str, requests: Sequence[HoldRequest]
) -> dict[str, int]:
    if len(requests) > HOLD_BATCH_MAX:
        raise ValueError(f"{len(requests)} holds in one statement; at most {HOLD_BATCH_MAX}")
    # Prepared at once: planning such a statement anew costs more than running it.
    cursor = await conn.execute(statement, _values(node, requests), prepare=True)
    granted = {call_id.hex: amount for call_id, amount in await cursor.fetchall()}
    await _commit(conn)
    return granted


async def _commit(conn: psycopg.AsyncConnection[Any]) -> None:
    if not conn.autocommit:
        await conn.commit()


def _values(node: str, requests: Sequence[HoldRequest]) -> dict[str, Any]:
    return {
        "node": node,
        "life_s": HOLD_LIFE_S,
        "calls": [UUID(request.call_id) for request in requests],
        "accounts": [request.account_id for request in requests],
        "amounts": [request.amount_nanos for request in requests],
        "minimums": [request.minimum_nanos for request in requests],
    }
