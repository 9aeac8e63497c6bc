"""``manage.py first_call``: one real call through the running platform."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.money import format_money
from tenants.scope import system_scope
from voip.demo import facts
from voip.demo.first_call import FirstCall, place
from voip.demo.phone import PhoneError


class Command(BaseCommand):
    """Place a call between the demo's phone and its carrier and show what the platform made of it."""

    help = "Place one real SIP call through the running platform and show its record and price."

    def handle(self, *args: Any, **options: Any) -> None:
        """Place the call."""
        try:
            with system_scope():
                self._show(place(facts.read(), lambda step: self.stdout.write(f"call: {step}")))
        except FileNotFoundError:
            raise CommandError("there is no demo: run manage.py seed_demo on an empty database first") from None
        except (PhoneError, OSError) as error:
            raise CommandError(f"the call failed: {error}") from error

    def _show(self, made: FirstCall) -> None:
        call, charge = made.record, made.charge
        self.stdout.write(
            f"call: record {call.call_id}: {call.caller} → {call.called}, {call.sip_status} {call.sip_reason},"
            f" {call.duration_s:.1f} s, ended by {call.ended_by}"
        )
        if charge is None:
            self.stdout.write("call: not charged")
            return
        price = format_money(charge.amount_nanos, charge.currency, 6)
        self.stdout.write(f"call: price {price} for {charge.billed_s} s to {charge.destination} ({charge.prefix})")
