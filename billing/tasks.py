"""Work that may wait: thin wraps of services, and what beat runs when."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
from celery import shared_task
from celery.schedules import crontab
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from billing.errors import GatewayUnavailable
from billing.models import DeckVersion, Payment, Rate
from tenants.errors import DomainError
from tenants.notify import SNAPSHOT_CHANNEL
from tenants.tasks import SystemTask

logger = logging.getLogger(__name__)

DECKS_LOOK_BACK = timedelta(minutes=3)
"""Three runs of ``announce_decks``: one that is late or lost leaves no price list unannounced."""
UNSETTLED_AFTER = timedelta(minutes=2)
"""Longer than any request to a provider takes: until then the request itself brings the answer."""
WEBHOOK_TIMEOUT_S = 10


@shared_task(base=SystemTask)
def expire_holds() -> int:
    """Give back the money of holds no live call can have."""
    from billing.services import expire_holds as expire

    return expire(timezone.now())


@shared_task(base=SystemTask)
def announce_decks() -> bool:
    """Tell the nodes when rates have just come into force or ended: no row changes at that moment."""
    now = timezone.now()
    window = (now - DECKS_LOOK_BACK, now)
    # Whatever ends does so because a version of its deck begins at that moment.
    changed = any(rows.filter(valid_from__range=window).exists() for rows in (DeckVersion.objects, Rate.objects))
    if changed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, 'decks')", [SNAPSHOT_CHANNEL])
    return changed


@shared_task(base=SystemTask)
def rerate_unrated() -> int:
    """Charge calls that had no rate and have one now."""
    from billing.charging import rerate

    return rerate()


@shared_task(base=SystemTask)
def run_invoices() -> int:
    """Enqueue an invoice for each account with calls of a complete month; run every day, for those that were late."""
    from billing.services.invoices import accounts_to_invoice

    count = 0
    for account_id, (start, end) in accounts_to_invoice(timezone.now()):
        invoice_account.delay(account_id, start.isoformat(), end.isoformat())
        count += 1
    return count


@shared_task(base=SystemTask)
def invoice_account(account_id: int, start: str, end: str) -> int | None:
    """Make and finalise one account's invoice of a period, once."""
    from billing.services.invoices import invoice_month

    try:
        invoice = invoice_month(account_id, (datetime.fromisoformat(start), datetime.fromisoformat(end)))
    except DomainError as error:
        logger.warning("no invoice for account %s: %s", account_id, error)
        return None
    return invoice.pk if invoice is not None else None


@shared_task(base=SystemTask)
def settle_payments() -> int:
    """Ask the providers for payments whose answer never came."""
    from billing.services.payments import refresh_payment

    settled = 0
    for payment in Payment.objects.unsettled(timezone.now() - UNSETTLED_AFTER).order_by("updated_at")[:200]:
        try:
            settled += refresh_payment(payment).status != payment.status
        except (GatewayUnavailable, DomainError) as error:
            logger.warning("payment %s is still unknown: %s", payment.pk, error)
    return settled


@shared_task(base=SystemTask, autoretry_for=(httpx.HTTPError,), retry_backoff=2, retry_backoff_max=600, max_retries=12)
def deliver_sandbox_event(body: str) -> None:
    """Post the sandbox provider's event to our own webhook, signed, until it is taken."""
    from billing.gateways.sandbox.gateway import SIGNATURE_HEADER, sign

    data = body.encode()
    url = settings.PUBLIC_URL + reverse("billing-payment-webhook", args=["sandbox"])
    headers = {SIGNATURE_HEADER: sign(data, time.time()), "Content-Type": "application/json"}
    httpx.post(url, content=data, headers=headers, timeout=WEBHOOK_TIMEOUT_S).raise_for_status()


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "billing-expire-holds": {"task": "billing.tasks.expire_holds", "schedule": 60.0},
    "billing-announce-decks": {"task": "billing.tasks.announce_decks", "schedule": 60.0},
    "billing-rerate": {"task": "billing.tasks.rerate_unrated", "schedule": 600.0},
    "billing-settle-payments": {"task": "billing.tasks.settle_payments", "schedule": 120.0},
    "billing-invoices": {"task": "billing.tasks.run_invoices", "schedule": crontab(hour="3", minute="30")},
}
