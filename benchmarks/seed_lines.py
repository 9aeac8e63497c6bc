"""Gives a running platform what the load needs: 10,000 lines of 100 prepaid customers, and a trunk to sipp.

Run with the platform's environment; does nothing the second time.
"""

from __future__ import annotations

import os
import sys

import django

CUSTOMERS = 100
LINES_A_CUSTOMER = 100
PASSWORD = "secret"
BALANCE_NANOS = 1_000_000 * 1_000_000_000


def main(callee: str) -> None:
    """Make lines ``u1`` to ``u10000`` with password ``secret``, and send all outside calls to ``callee``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")
    django.setup()
    from tenants.models import Tenant
    from tenants.scope import actor_scope, system_scope

    with system_scope(), actor_scope("bench"):
        if not Tenant.objects.filter(slug="bench-1").exists():
            _trunk(callee)
            for number in range(1, CUSTOMERS + 1):
                _customer(number)


def _trunk(callee: str) -> None:
    from billing.models import RateDeck
    from billing.services.decks import assign_vendor_deck
    from sip.models import Route
    from sip.services import create_route, create_trunk
    from tenants.models import Tenant

    host, port = callee.split(":")
    Route.objects.all().update(is_active=False)
    operator = Tenant.objects.get(kind="operator")
    trunk = create_trunk(operator, name="bench", host=host, port=int(port), calls_max=20_000)
    create_route(trunk, prefix="", priority=1)
    assign_vendor_deck(trunk, RateDeck.objects.get(kind="vendor"))


def _customer(number: int) -> None:
    from django.conf import settings

    from billing.models import RateDeck
    from billing.services.accounts import adjust_balance, open_account
    from sip.models import Line
    from sip.services import digest
    from tenants.models import Tenant
    from tenants.services import create_tenant

    operator = Tenant.objects.get(kind="operator")
    tenant = create_tenant(name=f"Bench {number}", kind="customer", parent=operator, slug=f"bench-{number}")
    deck = RateDeck.objects.filter(kind="customer", tenant=operator).first()
    account = open_account(tenant=tenant, mode="prepaid", deck=deck)
    adjust_balance(account, BALANCE_NANOS, key="bench", memo="Opening balance")
    realm = settings.SIP_REALM
    names = [f"u{(number - 1) * LINES_A_CUSTOMER + step}" for step in range(1, LINES_A_CUSTOMER + 1)]
    Line.objects.bulk_create(
        Line(
            tenant=tenant,
            username=name,
            realm=realm,
            ha1_md5=digest("MD5", name, realm, PASSWORD),
            ha1_sha256=digest("SHA-256", name, realm, PASSWORD),
            caller_number=f"+1212556{step:04d}",
            calls_max=100,
        )
        for step, name in enumerate(names)
    )


if __name__ == "__main__":
    main(sys.argv[1])
