"""Addresses payment providers and payers come to; to be included at ``/webhooks/payments/``."""

from django.urls import path

from billing.gateways.sandbox.views import challenge
from billing.webhooks import payment_webhook

urlpatterns = [
    path("sandbox/challenge/<str:intent_id>/", challenge, name="billing-sandbox-challenge"),
    path("<slug:gateway>/", payment_webhook, name="billing-payment-webhook"),
]
