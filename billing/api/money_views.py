"""Viewsets of invoices and payments."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from billing import services
from billing.api.access import must_sell
from billing.api.filters import InvoiceFilter, PaymentFilter
from billing.api.serializers import (
    InvoiceSerializer,
    NewInvoiceSerializer,
    NewPaymentSerializer,
    PaymentSerializer,
    RefundSerializer,
    VoidSerializer,
)
from billing.gateways.base import Card
from billing.models import Account, Invoice, Payment
from tenants.api.auth import principal
from tenants.api.viewsets import ScopedViewSet
from tenants.errors import DomainError


class PdfRenderer(BaseRenderer):
    """Lets a client ask for ``application/pdf``; the view gives the bytes itself."""

    media_type = "application/pdf"
    format = "pdf"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return a problem as JSON: there is no PDF of it."""
        return JSONRenderer().render(data)


class InvoiceViewSet(ScopedViewSet[Invoice]):
    """Invoices. A buyer reads them; the seller drafts, finalises and voids."""

    queryset = Invoice.objects.prefetch_related("lines")
    serializer_class = InvoiceSerializer
    scope_resource = "invoices"
    ordering_fields = ("id", "number", "period_start", "finalised_at", "due_at", "total_nanos")
    ordering = ("-period_start",)
    filterset_class = InvoiceFilter

    @extend_schema(request=NewInvoiceSerializer, responses={201: InvoiceSerializer})
    def create(self, request: Request) -> Response:
        """Draft the invoice of an account for a complete period."""
        serializer = NewInvoiceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        account: Account = asked["account"]
        must_sell(request, account.seller_id)
        invoice = services.draft_invoice(account, (asked["period_start"], asked["period_end"]))
        if invoice is None:
            raise DomainError("there are no calls to invoice", field="period_end", code="no_calls")
        return Response(self.get_serializer(invoice).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=InvoiceSerializer)
    @action(detail=True, methods=["post"])
    def finalise(self, request: Request, pk: str | None = None) -> Response:
        """Give the draft its number and freeze it."""
        invoice = self.get_object()
        must_sell(request, invoice.seller_id)
        return Response(self.get_serializer(services.finalise_invoice(invoice)).data)

    @extend_schema(request=VoidSerializer, responses=InvoiceSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, pk: str | None = None) -> Response:
        """Void an invoice nothing is paid of; its calls go to the next one."""
        invoice = self.get_object()
        must_sell(request, invoice.seller_id)
        serializer = VoidSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(self.get_serializer(services.void_invoice(invoice, serializer.validated_data["reason"])).data)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, renderer_classes=[PdfRenderer, JSONRenderer])
    def pdf(self, request: Request, pk: str | None = None) -> HttpResponse:
        """Return the invoice as a PDF file."""
        invoice = self.get_object()
        name = invoice.number or f"draft-{invoice.pk}"
        headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
        return HttpResponse(services.invoice_pdf(invoice), content_type="application/pdf", headers=headers)


class PaymentViewSet(ScopedViewSet[Payment]):
    """Payments. Whoever may pay pays; the seller refunds."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    scope_resource = "payments"
    ordering_fields = ("created_at", "amount_nanos")
    ordering = ("-created_at",)
    filterset_class = PaymentFilter
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"

    @extend_schema(
        request=NewPaymentSerializer,
        responses={201: PaymentSerializer, 200: OpenApiResponse(PaymentSerializer, "The key was used before.")},
    )
    def create(self, request: Request) -> Response:
        """Pay. Send ``Idempotency-Key`` (or the field): then a repeated request is the same payment."""
        serializer = NewPaymentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        invoice: Invoice | None = asked.get("invoice")
        account = self._account(request, asked, invoice)
        key = asked.get("idempotency_key") or request.headers.get("Idempotency-Key") or uuid4().hex
        known = Payment.objects.filter(account=account, idempotency_key=key).exists()
        if "amount" not in asked and invoice is None:
            raise DomainError("say how much", field="amount", code="required")
        payment = services.start_payment(
            account,
            asked.get("amount", invoice.due_nanos if invoice else 0),
            invoice=invoice,
            idempotency_key=key,
            gateway=asked["gateway"],
            card=Card(**asked["card"]) if "card" in asked else None,
            method_token=asked["method_token"],
            return_url=asked["return_url"],
        )
        return Response(self.get_serializer(payment).data, status=200 if known else 201)

    def _account(self, request: Request, asked: dict[str, Any], invoice: Invoice | None) -> Account:
        if invoice is not None:
            return invoice.account
        account = services.account_for(asked.get("tenant") or principal(request).tenant)
        if account is None:
            raise DomainError("the tenant has no account", field="tenant", code="no_account")
        return account

    @extend_schema(request=None, responses=PaymentSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str | None = None) -> Response:
        """Ask the provider how the payment stands, as after the payer has come back."""
        return Response(self.get_serializer(services.refresh_payment(self.get_object())).data)

    @extend_schema(request=RefundSerializer, responses=PaymentSerializer)
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str | None = None) -> Response:
        """Give money back: ``amount``, or what is left. The same key does it once."""
        payment = self.get_object()
        must_sell(request, payment.account.seller_id)
        serializer = RefundSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        amount = asked.get("amount", payment.amount_nanos - payment.refunded_nanos)
        key = asked.get("idempotency_key") or request.headers.get("Idempotency-Key") or uuid4().hex
        return Response(self.get_serializer(services.refund_payment(payment, amount, idempotency_key=key)).data)
