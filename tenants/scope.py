"""Whose data the running code may see, and in whose name it writes.

The scope lives in a context variable; PostgreSQL learns of it through session settings that the row-level policies
read (``tenants.dbops``). It is applied when a scope is entered or left and whenever a connection is made, so that a
reconnect in the middle of a task cannot lose it. Without a scope nothing is visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus


@dataclass(frozen=True, slots=True)
class _State:
    tenant_ids: frozenset[int] | None = frozenset()
    """``None`` means all tenants."""
    actor: str = ""
    ip: str = ""
    request_id: str = ""


_NOBODY = _State()
_state: ContextVar[_State] = ContextVar("trunkline_scope", default=_NOBODY)
_told: WeakKeyDictionary[Any, _State] = WeakKeyDictionary()
"""What each of psycopg's connections was told last."""


def current_tenant_ids() -> frozenset[int] | None:
    """Return the tenants in scope; ``None`` means all of them, an empty set none."""
    return _state.get().tenant_ids


def current_actor() -> str:
    """Return in whose name the running code writes: an e-mail, ``key:<prefix>``, or "" for the system itself."""
    return _state.get().actor


@contextmanager
def system_scope() -> Iterator[None]:
    """See and write rows of all tenants: daemons, tasks, the operator's staff."""
    with _entered(_replaced(tenant_ids=None)):
        yield


@contextmanager
def tenant_scope(tenant_ids: Iterable[int]) -> Iterator[None]:
    """See and write rows of these tenants only."""
    with _entered(_replaced(tenant_ids=frozenset(tenant_ids))):
        yield


@contextmanager
def actor_scope(actor: str, ip: str = "", request_id: str = "") -> Iterator[None]:
    """Name who writes; the audit triggers put it on every row they record."""
    with _entered(_replaced(actor=actor, ip=ip, request_id=request_id)):
        yield


def apply_to_connection(connection: BaseDatabaseWrapper) -> None:
    """Tell an open connection the scope; called by Django for each new one (``TenantsConfig.ready``)."""
    if connection.alias == DEFAULT_DB_ALIAS and connection.vendor == "postgresql":
        _send(connection, _state.get())


def _replaced(**changes: Any) -> _State:
    now = _state.get()
    values = {"tenant_ids": now.tenant_ids, "actor": now.actor, "ip": now.ip, "request_id": now.request_id}
    return _State(**(values | changes))


@contextmanager
def _entered(state: _State) -> Iterator[None]:
    # Not by a token: under ASGI a view runs in a copy of the context that the middleware around it leaves in.
    before = _state.get()
    if state == before and _knows(state):
        # Services enter the scope they may be in already, and each telling is a round trip.
        yield
        return
    _state.set(state)
    _tell_open_connection()
    try:
        yield
    finally:
        _state.set(before)
        _tell_open_connection()


def _knows(state: _State) -> bool:
    """Tell whether this thread's connection, if it is open, was told of ``state`` last."""
    raw = connections[DEFAULT_DB_ALIAS].connection
    return raw is None or raw.closed or _told.get(raw) == state


def _tell_open_connection() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.connection is None:
        return
    if connection.connection.closed:
        # The server is gone: the next connection is told when it is made.
        connection.close()
        return
    if connection.connection.info.transaction_status == TransactionStatus.INERROR:
        # The rollback that must follow brings back the settings from before the transaction.
        _told.pop(connection.connection, None)
        return
    try:
        _send(connection, _state.get())
    except (OperationalError, InterfaceError):
        # It has gone just now.
        connection.close()


def _send(connection: BaseDatabaseWrapper, state: _State) -> None:
    everybody = state.tenant_ids is None
    ids = "{" + ",".join(str(number) for number in sorted(state.tenant_ids or ())) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.all_tenants', %s, false), set_config('app.tenant_ids', %s, false),"
            " set_config('app.actor', %s, false), set_config('app.ip', %s, false),"
            " set_config('app.request_id', %s, false)",
            ["on" if everybody else "", ids, state.actor, state.ip, state.request_id],
        )
    _told[connection.connection] = state
