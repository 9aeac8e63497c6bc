"""The API routes of the billing app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from billing.api.money_views import InvoiceViewSet, PaymentViewSet
from billing.api.views import (
    AccountViewSet,
    ChargeViewSet,
    EntryViewSet,
    PostingViewSet,
    QuoteViewSet,
    RateDeckViewSet,
    RateViewSet,
)

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("accounts", AccountViewSet, "account"),
    ("ledger-entries", EntryViewSet, "ledger-entry"),
    ("postings", PostingViewSet, "posting"),
    ("rate-decks", RateDeckViewSet, "rate-deck"),
    ("rates", RateViewSet, "rate"),
    ("quotes", QuoteViewSet, "quote"),
    ("charges", ChargeViewSet, "charge"),
    ("invoices", InvoiceViewSet, "invoice"),
    ("payments", PaymentViewSet, "payment"),
]
