"""A week of calls, charges and invoices to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from analytics.services import mark_dirty, recompute_dirty
from billing.choices import AccountMode, InvoiceStatus
from billing.models import Account, Invoice
from sip.models import Trunk
from sip.partitions import ensure_partitions
from tenants.choices import Role
from tenants.models import Tenant, User
from tests.analytics import builders
from voip.demo.history import Carrier, Party, week


@dataclass(frozen=True, slots=True)
class BusyWeek:
    """Who is there."""

    operator: Tenant
    alice: Tenant
    bob: Tenant
    boss: User
    ann: User
    trunk: Trunk


def people() -> BusyWeek:
    """Make those who are there, without calls."""
    operator, _, alice, bob = builders.tenants()
    trunk = Trunk.objects.create(tenant=operator, name="Atlantic Carrier", host="192.0.2.1")
    boss = User.objects.create_user("boss@example.com", None, tenant=operator, role=Role.OPERATOR_ADMIN)
    ann = User.objects.create_user("ann@example.com", None, tenant=alice, role=Role.TENANT_ADMIN)
    return BusyWeek(operator, alice, bob, boss, ann, trunk)


def make() -> BusyWeek:
    """Write the week and make its figures."""
    made = people()
    alice, bob = made.alice, made.bob
    parties = [Party(tenant.pk, 1, 1, "101", "+12125550100") for tenant in (alice, alice, bob)]
    now = timezone.now()
    records = list(week(parties, Carrier(made.trunk.pk, "192.0.2.1:5060"), now.timestamp()))
    ensure_partitions("sip_call", [(now - timedelta(days=7)).date()])
    builders.store(records)
    paying = [record for record in records if record.destination and record.duration_s]
    builders.charge_all(
        builders.charge(record, int(record.duration_s * 800_000), int(record.duration_s * 520_000)) for record in paying
    )
    mark_dirty(records)
    recompute_dirty()
    _invoices(alice, made.operator, now)
    return made


def _invoices(buyer: Tenant, seller: Tenant, now: Any) -> None:
    account = Account.objects.create(tenant=buyer, seller=seller, currency="USD", mode=AccountMode.POSTPAID)
    for number, (days, units) in enumerate([(-6, 420), (9, 310), (44, 120), (130, 60)]):
        Invoice.objects.create(
            tenant=buyer, seller=seller, account=account, status=InvoiceStatus.FINALISED, number=f"INV-{number}",
            currency="USD", period_start=now - timedelta(days=200 + 30 * number), period_end=now - timedelta(days=170),
            time_zone="UTC", payable_nanos=units * 10**9, created_at=now, due_at=now - timedelta(days=days),
        )  # fmt: skip
