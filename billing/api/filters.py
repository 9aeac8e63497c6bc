"""What lists of money can be filtered by."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from billing.choices import ChargeStatus, DeckKind, EntryKind, InvoiceStatus, PaymentStatus
from billing.models import Account, Charge, Entry, Invoice, Payment, Posting, Rate, RateDeck

_ID = {"min_value": 1, "max_value": 2**63 - 1}


class AccountFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Accounts by tenant and kind."""

    class Meta:
        model = Account
        fields = ("tenant", "currency", "mode", "is_active")


class EntryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Entries by what made them."""

    kind = django_filters.ChoiceFilter(choices=EntryKind.choices)
    key = django_filters.CharFilter(max_length=120)
    at = django_filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = Entry
        fields = ("tenant", "kind", "key", "at")


class PostingFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Postings of one account or entry."""

    account = django_filters.NumberFilter(field_name="ledger_account__account_id", **_ID)
    kind = django_filters.CharFilter(field_name="ledger_account__kind", max_length=16)

    class Meta:
        model = Posting
        fields = ("entry", "currency")


class RateDeckFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Decks by seller and kind."""

    kind = django_filters.ChoiceFilter(choices=DeckKind.choices)

    class Meta:
        model = RateDeck
        fields = ("tenant", "name", "currency", "kind")


class RateFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``number`` finds the rates that may price it, ``at`` those in force at a time, ``in_force=true`` now."""

    number = django_filters.CharFilter(method="pricing", max_length=16)
    at = django_filters.IsoDateTimeFilter(method="at_time")
    in_force = django_filters.BooleanFilter(method="now")
    destination = django_filters.CharFilter(lookup_expr="icontains", max_length=120)

    class Meta:
        model = Rate
        fields = ("deck", "prefix", "version")

    def pricing(self, queryset: Any, name: str, value: str) -> QuerySet[Rate]:
        """Keep rates whose prefix begins the number."""
        found: QuerySet[Rate] = queryset.filter(pk__in=queryset.matching(value.removeprefix("+")).order_by())
        return found

    def at_time(self, queryset: Any, name: str, value: Any) -> QuerySet[Rate]:
        """Keep rates in force at a time."""
        found: QuerySet[Rate] = queryset.in_force(value)
        return found

    def now(self, queryset: Any, name: str, value: bool) -> QuerySet[Rate]:
        """Keep rates in force now, or those that are not."""
        current = Rate.objects.in_force(timezone.now())
        found: QuerySet[Rate] = queryset.in_force(timezone.now()) if value else queryset.exclude(pk__in=current)
        return found


class ChargeFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Charges by account, time, destination, or what stands on an invoice."""

    account = django_filters.NumberFilter(field_name="account_id", **_ID)
    invoice = django_filters.NumberFilter(field_name="invoice_id", **_ID)
    status = django_filters.ChoiceFilter(choices=ChargeStatus.choices)
    started_at = django_filters.IsoDateTimeFromToRangeFilter()
    number = django_filters.CharFilter(max_length=16)
    destination = django_filters.CharFilter(max_length=120)
    call_id = django_filters.UUIDFilter()

    class Meta:
        model = Charge
        fields = ("tenant", "prefix")


class InvoiceFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Invoices by account, state and time."""

    status = django_filters.ChoiceFilter(choices=InvoiceStatus.choices)
    period_start = django_filters.IsoDateTimeFromToRangeFilter()
    overdue = django_filters.BooleanFilter(method="is_overdue")

    class Meta:
        model = Invoice
        fields = ("tenant", "seller", "account", "number", "currency")

    def is_overdue(self, queryset: Any, name: str, value: bool) -> QuerySet[Invoice]:
        """Keep open invoices past their day, or all others."""
        overdue = Invoice.objects.overdue(timezone.now()).order_by()
        found: QuerySet[Invoice] = queryset.filter(pk__in=overdue) if value else queryset.exclude(pk__in=overdue)
        return found


class PaymentFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Payments by account, invoice and state."""

    status = django_filters.ChoiceFilter(choices=PaymentStatus.choices)
    created_at = django_filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = Payment
        fields = ("tenant", "account", "invoice", "gateway", "currency", "idempotency_key")
