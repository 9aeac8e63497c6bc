"""What one does with webhook endpoints and deliveries: one use case a function, one transaction each."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from alerts.choices import DeliveryState
from alerts.errors import InvalidEndpoint
from alerts.events import emit
from alerts.limits import ENDPOINTS_MAX
from alerts.models import Delivery, Event, Recipient, WebhookEndpoint
from alerts.receivers import check_url
from alerts.signing import secret_of
from tenants.errors import Conflict, DomainError
from tenants.models import Tenant, User


@transaction.atomic
def create_endpoint(
    tenant: Tenant, url: str, *, kinds: Sequence[str] = (), description: str = "", is_active: bool = True
) -> tuple[WebhookEndpoint, str]:
    """Register an address for a tenant's events; returns it with its secret, which is shown this once.

    Raises:
        DomainError: the address is not one a webhook may go to, or there are too many.
    """
    # Locked, so that two requests at once cannot both be the last that is allowed.
    Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk)
    if WebhookEndpoint.objects.of(tenant).count() >= ENDPOINTS_MAX:
        raise InvalidEndpoint(f"a tenant has at most {ENDPOINTS_MAX} endpoints", code="too_many")
    endpoint = WebhookEndpoint(
        tenant=tenant, url=url, kinds=list(kinds), description=description, is_active=is_active, salt=_new_salt()
    )
    _save(endpoint)
    return endpoint, secret_of(endpoint.salt)


@transaction.atomic
def update_endpoint(endpoint: WebhookEndpoint, **changes: Any) -> WebhookEndpoint:
    """Change an endpoint; its secret stays.

    Raises:
        DomainError: a value breaks a rule.
    """
    for name, value in changes.items():
        setattr(endpoint, name, value)
    _save(endpoint)
    return endpoint


def rotate_secret(endpoint: WebhookEndpoint) -> str:
    """Give an endpoint a new secret, at once and for all later attempts; returns it."""
    endpoint.salt = _new_salt()
    endpoint.save(update_fields=["salt"])
    return secret_of(endpoint.salt)


def send_test_event(endpoint: WebhookEndpoint) -> Event:
    """Emit an event of kind ``webhook.test``, for whoever wants to see one arrive."""
    return emit(
        "webhook.test",
        tenant_id=endpoint.tenant_id,
        subject="Test of a webhook",
        payload={"endpoint_id": endpoint.pk, "url": endpoint.url},
    )


def retry(delivery: Delivery) -> None:
    """Attempt a failed delivery again, once, at the next sweep.

    Raises:
        Conflict: it has not failed.
    """
    rows = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.FAILED).update(
        state=DeliveryState.PENDING, attempts=0, next_attempt_at=timezone.now()
    )
    if rows == 0:
        raise Conflict("only a failed delivery is tried again")


def check_same_user(recipient: Recipient, user: User | None) -> None:
    """Refuse to hand one person's wishes to another.

    Raises:
        DomainError: field ``user``.
    """
    if user is not None and user.pk != recipient.user_id:
        raise DomainError("a recipient stays the same person", field="user", code="immutable")


def _save(endpoint: WebhookEndpoint) -> None:
    check_url(endpoint.url)
    try:
        endpoint.full_clean()
    except ValidationError as error:
        field, complaints = next(iter(error.message_dict.items()))
        raise InvalidEndpoint(complaints[0], field=field) from error
    endpoint.save()


def _new_salt() -> str:
    return secrets.token_hex(16)
