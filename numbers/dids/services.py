"""What one does with numbers: one use case a function, one transaction each. Refuse and lock, write, tell on commit."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from alerts.events import emit
from dids.choices import DidState
from dids.errors import InvalidDid, WrongState
from dids.limits import QUARANTINE_DAYS, RESTOCK_BATCH
from dids.models import Did
from dids.states import Action, next_state
from e164 import E164, country_of, parse
from sip.models import Line
from tenants.models import Tenant
from tenants.scope import current_tenant_ids


def read_number(pool: Tenant, text: str) -> E164:
    """Return the public number somebody of the pool's country wrote.

    Raises:
        InvalidDid: it is none.
    """
    try:
        value = parse(text, pool.country)
    except ValueError as error:
        raise InvalidDid(str(error), field="number") from error
    if not isinstance(value, E164):
        raise InvalidDid(f"{value} is a short code, not a public number", field="number")
    return value


def add_did(pool: Tenant, number: str) -> Did:
    """Take a number into a tenant's stock; it may be written in the tenant's national form.

    Raises:
        InvalidDid: it is no public number, or is on the platform already.
    """
    value = read_number(pool, number)
    try:
        with transaction.atomic():
            return Did.objects.create(number=value, country=country_of(value), pool=pool, tenant=pool)
    except IntegrityError as error:
        # The tenant that has it may be out of sight, so the index is asked and not a query.
        raise InvalidDid(f"{value} is on the platform already", field="number") from error


@transaction.atomic
def remove_did(did_id: int) -> None:
    """Take a number that is in stock off the platform; calls to it go out through the trunks from then on.

    Raises:
        WrongState: somebody has it, or it is at rest.
    """
    did = _locked(did_id)
    if did.state != DidState.AVAILABLE:
        raise WrongState(f"a number that is {did.state} cannot be removed")
    did.delete()


@transaction.atomic
def reserve(did_id: int, tenant: Tenant) -> Did:
    """Keep a number for a tenant of its pool.

    Raises:
        WrongState, InvalidDid: it is not available, or the tenant is not below the pool's.
    """
    did = _locked(did_id)
    state = next_state(did.state, Action.RESERVE)
    _check_in_pool(did, tenant)
    did.state, did.tenant = state, tenant
    did.save(update_fields=["state", "tenant"])
    return did


@transaction.atomic
def assign(did_id: int, tenant: Tenant, line: Line | None = None) -> Did:
    """Give a number to a tenant of its pool, and lead it to a line if one is named.

    Raises:
        WrongState, InvalidDid: it is in use or at rest, reserved for another, or the line is not the tenant's.
    """
    did = _locked(did_id)
    state = next_state(did.state, Action.ASSIGN)
    _check_in_pool(did, tenant)
    if did.state == DidState.RESERVED and did.tenant_id != tenant.pk:
        raise InvalidDid(f"{did.number} is reserved for another tenant", field="tenant")
    _check_line(line, tenant.pk)
    did.state, did.tenant, did.line, did.assigned_at = state, tenant, line, timezone.now()
    did.save(update_fields=["state", "tenant", "line", "assigned_at"])
    emit(
        "did.assigned",
        tenant_id=tenant.pk,
        subject=f"Number {did.number} was assigned to {tenant.name}",
        payload={"did_id": did.pk, "number": did.number, "line_id": line.pk if line else None},
    )
    return did


@transaction.atomic
def release(did_id: int) -> Did:
    """Take a number back: a reserved one is available at once, one that was in use rests first.

    Raises:
        WrongState, InvalidDid: it is in nobody's hands, or it is not the caller's to take back.
    """
    did = _locked(did_id)
    state = next_state(did.state, Action.RELEASE)
    _check_supplier(did)
    former = did.tenant_id
    did.state, did.tenant_id, did.line, did.assigned_at = state, did.pool_id, None, None
    if state == DidState.QUARANTINED:
        did.quarantined_until = timezone.now() + timedelta(days=QUARANTINE_DAYS)
    did.save(update_fields=["state", "tenant", "line", "assigned_at", "quarantined_until"])
    emit(
        "did.released",
        tenant_id=former,
        subject=f"Number {did.number} was released",
        payload={"did_id": did.pk, "number": did.number},
    )
    return did


@transaction.atomic
def route_to_line(did_id: int, line: Line | None) -> Did:
    """Lead an assigned number to a line of its tenant, or nowhere.

    Raises:
        InvalidDid: the number is not assigned, or the line is another tenant's.
    """
    did = _locked(did_id)
    if did.state != DidState.ASSIGNED:
        raise InvalidDid(f"{did.number} is not assigned", field="line")
    _check_line(line, did.tenant_id)
    did.line = line
    did.save(update_fields=["line"])
    return did


@transaction.atomic
def restock_rested(now: datetime) -> int:
    """Put numbers whose quarantine is over back into stock; return how many."""
    rested = Did.objects.rested(now).select_for_update(skip_locked=True).values_list("pk", flat=True)[:RESTOCK_BATCH]
    state = next_state(DidState.QUARANTINED, Action.RESTOCK)
    return Did.objects.filter(pk__in=list(rested)).update(state=state, quarantined_until=None)


def _locked(did_id: int) -> Did:
    return Did.objects.select_for_update().get(pk=did_id)


def _check_in_pool(did: Did, tenant: Tenant) -> None:
    if did.pool_id not in (tenant.pk, *tenant.ancestor_ids):
        raise InvalidDid(f"{did.number} is not of {tenant.name}'s supplier", field="tenant")


def _check_supplier(did: Did) -> None:
    """Refuse who does not see the pool: a customer's number goes back into stock by its supplier's hand."""
    scope = current_tenant_ids()
    if scope is not None and did.pool_id not in scope:
        raise InvalidDid(f"only its supplier takes {did.number} back", code="did_not_supplier")


def _check_line(line: Line | None, tenant_id: int) -> None:
    if line is not None and line.tenant_id != tenant_id:
        raise InvalidDid("the line is not one of the number's tenant", field="line")
