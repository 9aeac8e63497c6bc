"""Money as JSON. Every amount is there twice: as decimal text, and as ``*_nanos`` for programs that count."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.api.access import sees_cost
from billing.api.fields import MoneyField, money
from billing.choices import DeckKind
from billing.limits import DESTINATION_CHARS_MAX, DURATION_S_MAX
from billing.models import (
    Account,
    Charge,
    DeckVersion,
    Entry,
    Invoice,
    InvoiceLine,
    Payment,
    Posting,
    Rate,
    RateDeck,
)
from tenants.api.serializers import ScopedSerializer, TenantField

COST_FIELDS = ("cost", "cost_nanos", "cost_currency", "cost_prefix", "trunk_id")


class AccountSerializer(ScopedSerializer[Account]):
    """An account with its balance; all of it is written by the platform."""

    seller = serializers.IntegerField(source="seller_id", read_only=True)
    deck = serializers.IntegerField(source="deck_id", read_only=True, allow_null=True)
    balance = money("balance")
    held = money("held")
    available = money("available")
    credit_limit = money("credit_limit")
    low_balance = money("low_balance", allow_null=True)

    class Meta:
        model = Account
        fields = (
            *("id", "tenant", "seller", "currency", "mode", "balance", "balance_nanos", "held", "held_nanos"),
            *("available", "available_nanos", "credit_limit", "credit_limit_nanos", "low_balance", "low_balance_nanos"),
            *("deck", "terms_days", "is_active", "created_at"),
        )
        read_only_fields = fields


class PostingSerializer(ScopedSerializer[Posting]):
    """One line of an entry: credit positive."""

    kind = serializers.CharField(source="ledger_account.kind", read_only=True)
    account = serializers.IntegerField(source="ledger_account.account_id", read_only=True, allow_null=True)
    entry_key = serializers.CharField(source="entry.key", read_only=True)
    at = serializers.DateTimeField(source="entry.at", read_only=True)
    amount = money("amount")

    class Meta:
        model = Posting
        fields = ("id", "entry", "entry_key", "at", "kind", "account", "amount", "amount_nanos", "currency")
        read_only_fields = fields


class EntrySerializer(ScopedSerializer[Entry]):
    """An entry with those of its postings that are the caller's to see."""

    postings = PostingSerializer(many=True, read_only=True)

    class Meta:
        model = Entry
        fields = ("id", "tenant", "key", "kind", "memo", "reverses", "at", "postings")
        read_only_fields = fields


class RateDeckSerializer(ScopedSerializer[RateDeck]):
    """A price list of a seller."""

    kind = serializers.ChoiceField(choices=DeckKind.choices, default=DeckKind.CUSTOMER)
    currency = serializers.CharField(max_length=3, required=False)

    class Meta:
        model = RateDeck
        fields = ("id", "tenant", "name", "currency", "kind", "revision", "created_at")
        read_only_fields = ("id", "revision", "created_at")
        validators: tuple[Any, ...] = ()


class DeckVersionSerializer(ScopedSerializer[DeckVersion]):
    """One change of a deck."""

    class Meta:
        model = DeckVersion
        fields = ("id", "deck", "number", "valid_from", "source", "row_count", "is_complete", "created_at")
        read_only_fields = fields


class DeckImportSerializer(serializers.Serializer[Any]):
    """A rate file: CSV with ``prefix,destination,rate_per_minute,connect_fee,first_s,next_s[,valid_from]``."""

    file = serializers.FileField(max_length=200)
    valid_from = serializers.DateTimeField(required=False)


class RateSerializer(ScopedSerializer[Rate]):
    """The price of one prefix for a time."""

    rate_per_minute = MoneyField(source="nanos_per_minute")
    connect_fee = MoneyField(source="connect_fee_nanos", default=0)
    destination = serializers.CharField(max_length=DESTINATION_CHARS_MAX)

    class Meta:
        model = Rate
        fields = (
            *("id", "deck", "prefix", "destination", "rate_per_minute", "nanos_per_minute", "connect_fee"),
            *("connect_fee_nanos", "first_s", "next_s", "valid_from", "valid_to"),
        )
        read_only_fields = ("id", "nanos_per_minute", "connect_fee_nanos", "valid_to")
        extra_kwargs = {"valid_from": {"required": False}}
        validators: tuple[Any, ...] = ()


class QuoteRequestSerializer(serializers.Serializer[Any]):
    """What a call would cost: to ``number`` for ``duration_s``, from the caller's account or a deck."""

    number = serializers.RegexField(r"\A\+[0-9]{3,15}\Z", max_length=16, help_text="E.164 with its plus.")
    duration_s = serializers.IntegerField(min_value=0, max_value=DURATION_S_MAX, default=60)
    account = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    deck = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    at = serializers.DateTimeField(required=False)


class QuoteSerializer(serializers.Serializer[Any]):
    """A price, by the same function that charges calls."""

    number = serializers.CharField()
    duration_s = serializers.IntegerField()
    billed_s = serializers.IntegerField()
    amount = MoneyField()
    amount_nanos = serializers.IntegerField()
    currency = serializers.CharField()
    prefix = serializers.CharField()
    destination = serializers.CharField()
    rate_per_minute = MoneyField()
    connect_fee = MoneyField()
    first_s = serializers.IntegerField()
    next_s = serializers.IntegerField()


class ChargeSerializer(ScopedSerializer[Charge]):
    """What a call cost, with the rate it was priced at. What the vendor charges is the operator's to see."""

    account = serializers.IntegerField(source="account_id", read_only=True)
    invoice = serializers.IntegerField(source="invoice_id", read_only=True, allow_null=True)
    amount = money("amount")
    rate_per_minute = MoneyField(source="nanos_per_minute", read_only=True)
    connect_fee = money("connect_fee")
    cost = money("cost", allow_null=True)

    class Meta:
        model = Charge
        fields = (
            *("call_id", "tenant", "account", "status", "problem", "started_at", "number", "duration_s", "billed_s"),
            *("amount", "amount_nanos", "currency", "deck_id", "deck_version", "prefix", "destination"),
            *("rate_per_minute", "connect_fee", "first_s", "next_s", "invoice", "charged_at"),
            *COST_FIELDS,
        )
        read_only_fields = fields

    def to_representation(self, instance: Charge) -> dict[str, Any]:
        """Leave the cost out for everybody but the operator."""
        shown: dict[str, Any] = super().to_representation(instance)
        if not sees_cost():
            for name in COST_FIELDS:
                shown.pop(name, None)
        return shown


class InvoiceLineSerializer(ScopedSerializer[InvoiceLine]):
    """All calls of an invoice to one destination."""

    amount = money("amount")

    class Meta:
        model = InvoiceLine
        fields = ("position", "destination", "is_late", "call_count", "billed_s", "amount", "amount_nanos")
        read_only_fields = fields


class InvoiceSerializer(ScopedSerializer[Invoice]):
    """An invoice with its lines."""

    seller = serializers.IntegerField(source="seller_id", read_only=True)
    total = money("total")
    payable = money("payable")
    paid = money("paid")
    due = money("due")
    lines = InvoiceLineSerializer(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields = (
            *("id", "tenant", "seller", "account", "status", "number", "currency", "period_start", "period_end"),
            *(
                "time_zone",
                "total",
                "total_nanos",
                "payable",
                "payable_nanos",
                "paid",
                "paid_nanos",
                "due",
                "due_nanos",
            ),
            *("created_at", "finalised_at", "due_at", "paid_at", "voided_at", "void_reason", "lines"),
        )
        read_only_fields = fields


class NewInvoiceSerializer(serializers.Serializer[Any]):
    """Draft the invoice of an account for a complete period."""

    account = serializers.PrimaryKeyRelatedField(queryset=Account.objects.all())
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()


class VoidSerializer(serializers.Serializer[Any]):
    """Why an invoice is void."""

    reason = serializers.CharField(max_length=200)


class PaymentSerializer(ScopedSerializer[Payment]):
    """A payment; ``next_action_url`` is where the payer must go, while ``status`` is ``requires_action``."""

    amount = money("amount")
    refunded = money("refunded")
    credit = money("credit")

    class Meta:
        model = Payment
        fields = (
            *(
                "id",
                "tenant",
                "account",
                "invoice",
                "amount",
                "amount_nanos",
                "currency",
                "status",
                "gateway",
                "method",
            ),
            *("next_action_url", "failure_code", "failure_message", "refunded", "refunded_nanos", "credit"),
            *("idempotency_key", "created_at", "succeeded_at"),
        )
        read_only_fields = fields


class CardSerializer(serializers.Serializer[Any]):
    """A test card, for the sandbox only; elsewhere a token or the provider's page takes its place."""

    number = serializers.CharField(max_length=32)
    exp_month = serializers.IntegerField(min_value=1, max_value=12)
    exp_year = serializers.IntegerField(min_value=0, max_value=2999)
    cvc = serializers.CharField(max_length=4, required=False, default="")


class NewPaymentSerializer(serializers.Serializer[Any]):
    """Pay an open invoice (its due amount unless ``amount`` says less or more) or top the account up."""

    tenant = TenantField()
    amount = MoneyField(required=False)
    invoice = serializers.PrimaryKeyRelatedField(queryset=Invoice.objects.all(), required=False, allow_null=True)
    gateway = serializers.CharField(max_length=20, required=False, default="")
    card = CardSerializer(required=False)
    method_token = serializers.CharField(max_length=120, required=False, default="")
    return_url = serializers.URLField(max_length=500, required=False, default="")
    idempotency_key = serializers.CharField(max_length=80, required=False)


class RefundSerializer(serializers.Serializer[Any]):
    """Give back a part of a payment, or all of it."""

    amount = MoneyField(required=False)
    idempotency_key = serializers.CharField(max_length=80, required=False)
