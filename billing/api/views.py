"""Viewsets of accounts, books, decks and charges."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ViewSetMixin

from billing import services
from billing.api.access import must_sell
from billing.api.filters import AccountFilter, ChargeFilter, EntryFilter, PostingFilter, RateDeckFilter, RateFilter
from billing.api.serializers import (
    AccountSerializer,
    ChargeSerializer,
    DeckImportSerializer,
    DeckVersionSerializer,
    EntrySerializer,
    PostingSerializer,
    QuoteRequestSerializer,
    QuoteSerializer,
    RateDeckSerializer,
    RateSerializer,
)
from billing.errors import FileTooLarge, ImportRefused
from billing.limits import DECK_FILE_BYTES_MAX
from billing.models import Account, Charge, Entry, Posting, Rate, RateDeck
from tenants.api.auth import principal
from tenants.api.viewsets import ScopedAPIView, ScopedViewSet
from tenants.errors import DomainError
from tenants.scope import system_scope


class AccountViewSet(ScopedViewSet[Account]):
    """Accounts with their balances."""

    queryset = Account.objects.all()
    serializer_class = AccountSerializer
    scope_resource = "accounts"
    ordering_fields = ("id", "balance_nanos", "created_at")
    ordering = ("id",)
    filterset_class = AccountFilter


class EntryViewSet(ScopedViewSet[Entry]):
    """The books: entries with the postings the caller may see."""

    queryset = Entry.objects.prefetch_related(
        Prefetch("postings", Posting.objects.select_related("ledger_account", "entry"))
    )
    serializer_class = EntrySerializer
    scope_resource = "ledger"
    ordering_fields = ("id", "at")
    ordering = ("-at",)
    filterset_class = EntryFilter


class PostingViewSet(ScopedViewSet[Posting]):
    """The books, line by line: filtered by ``account`` an account's statement."""

    queryset = Posting.objects.select_related("ledger_account", "entry")
    serializer_class = PostingSerializer
    scope_resource = "ledger"
    ordering_fields = ("id",)
    ordering = ("-id",)
    filterset_class = PostingFilter


class RateDeckViewSet(mixins.CreateModelMixin, ScopedViewSet[RateDeck]):
    """Price lists of the sellers in scope."""

    queryset = RateDeck.objects.all()
    serializer_class = RateDeckSerializer
    scope_resource = "rates"
    ordering_fields = ("id", "name", "created_at")
    ordering = ("name",)
    filterset_class = RateDeckFilter

    def perform_create(self, serializer: BaseSerializer[RateDeck]) -> None:
        """Create an empty deck of the caller's tenant, or of one in scope."""
        data = {"tenant": principal(self.request).tenant, **serializer.validated_data}
        must_sell(self.request, data["tenant"].pk)
        serializer.instance = services.create_deck(**data)

    @extend_schema(responses=DeckVersionSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def versions(self, request: Request, pk: str | None = None) -> Response:
        """List what changed the deck, the newest first, at most 200."""
        rows = self.get_object().versions.order_by("-number")[:200]
        return Response(DeckVersionSerializer(rows, many=True).data)

    @extend_schema(request={"multipart/form-data": DeckImportSerializer}, responses={201: DeckVersionSerializer})
    @action(detail=True, methods=["post"], url_path="import", parser_classes=[MultiPartParser])
    def import_file(self, request: Request, pk: str | None = None) -> Response:
        """Take a whole price list from a CSV file: all of it, or nothing and every row at fault."""
        deck = self.get_object()
        must_sell(request, deck.tenant_id)
        serializer = DeckImportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        upload = serializer.validated_data["file"]
        if upload.size > DECK_FILE_BYTES_MAX:
            raise FileTooLarge(f"the file has {upload.size:,} bytes; at most {DECK_FILE_BYTES_MAX:,}")
        try:
            version = services.import_deck(
                deck, upload.read(), source=upload.name, valid_from=serializer.validated_data.get("valid_from")
            )
        except FileTooLarge:
            raise
        except ImportRefused as error:
            texts = [error.message, *(str(row) for row in error.rows)]
            raise ValidationError({"file": [ErrorDetail(text, error.code) for text in texts]}) from None
        return Response(DeckVersionSerializer(version).data, status=status.HTTP_201_CREATED)


class RateViewSet(mixins.CreateModelMixin, ScopedViewSet[Rate]):
    """Rates. A new one ends the one in force; none is ever changed, because calls were priced by it."""

    queryset = Rate.objects.select_related("deck")
    serializer_class = RateSerializer
    scope_resource = "rates"
    ordering_fields = ("id", "prefix", "valid_from")
    ordering = ("prefix",)
    filterset_class = RateFilter

    def perform_create(self, serializer: BaseSerializer[Rate]) -> None:
        """Set the rate of a prefix from a time on."""
        data = dict(serializer.validated_data)
        deck = RateDeck.objects.visible().filter(pk=data.pop("deck").pk).first()
        if deck is None:
            raise DomainError("there is no such deck", field="deck", code="does_not_exist")
        must_sell(self.request, deck.tenant_id)
        serializer.instance = services.set_rate(deck, **data)

    @extend_schema(request=None, responses=RateSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str | None = None) -> Response:
        """Let a rate end now."""
        rate = self.get_object()
        must_sell(request, rate.tenant_id)
        services.end_rate(rate)
        return Response(self.get_serializer(rate).data)


class ChargeViewSet(ScopedViewSet[Charge]):
    """What calls cost."""

    queryset = Charge.objects.all()
    serializer_class = ChargeSerializer
    scope_resource = "charges"
    ordering_fields = ("started_at", "amount_nanos")
    ordering = ("-started_at",)
    filterset_class = ChargeFilter
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"


class QuoteViewSet(ViewSetMixin, ScopedAPIView):
    """What a call would cost."""

    scope_resource = "rates"
    rights_app = "billing"
    rights = {"create": "view"}

    @extend_schema(request=QuoteRequestSerializer, responses=QuoteSerializer)
    def create(self, request: Request) -> Response:
        """Quote by the caller's own account, an account in scope, or a deck in scope."""
        serializer = QuoteRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        deck = _deck_of(request, asked)
        with system_scope():  # A buyer sees what a call costs it, and not its seller's deck.
            quote = services.quote(deck, asked["number"], asked["duration_s"], asked.get("at") or timezone.now())
        if quote is None:
            raise DomainError("there is no rate for this number", field="number", code="no_rate")
        answer = {
            "number": asked["number"],
            "duration_s": asked["duration_s"],
            "billed_s": quote.charge.billed_s,
            "amount": quote.charge.amount_nanos,
            "amount_nanos": quote.charge.amount_nanos,
            "currency": quote.currency,
            "prefix": quote.rate.prefix,
            "destination": quote.rate.destination,
            "rate_per_minute": quote.rate.nanos_per_minute,
            "connect_fee": quote.rate.connect_fee_nanos,
            "first_s": quote.rate.first_s,
            "next_s": quote.rate.next_s,
        }
        return Response(QuoteSerializer(answer).data)


def _deck_of(request: Request, asked: dict[str, Any]) -> RateDeck:
    if "deck" in asked:
        found = RateDeck.objects.visible().filter(pk=asked["deck"]).first()
        if found is None:
            raise DomainError("there is no such deck", field="deck", code="does_not_exist")
        return found
    accounts = Account.objects.visible().active()
    wanted = {"pk": asked["account"]} if "account" in asked else {"tenant_id": principal(request).tenant_id}
    account = accounts.filter(**wanted).first()
    if account is None or account.deck_id is None:
        raise DomainError("there is no such account with a deck", field="account", code="does_not_exist")
    with system_scope():
        return RateDeck.objects.get(pk=account.deck_id)
