"""The payment providers by name: a new one is one folder and one line here."""

from __future__ import annotations

from django.conf import settings

from billing.gateways.base import Gateway
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.stripe.gateway import StripeGateway
from tenants.errors import DomainError

GATEWAYS: dict[str, type[Gateway]] = {"sandbox": SandboxGateway, "stripe": StripeGateway}


def gateway_of(name: str = "") -> Gateway:
    """Return a provider by name; without one the platform's own choice (``PAYMENT_GATEWAY``).

    Raises:
        DomainError: no such provider, or it is not set up here.
    """
    wanted = name or settings.PAYMENT_GATEWAY
    found = GATEWAYS.get(wanted)
    if found is None or (wanted == "stripe" and not settings.STRIPE_API_KEY):
        raise DomainError(f"no payment provider {wanted[:20]!r} here", field="gateway")
    return found()
