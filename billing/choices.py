"""Allowed values of the billing app."""

from django.db import models


class AccountMode(models.TextChoices):
    """When an account pays."""

    PREPAID = "prepaid", "Prepaid"
    POSTPAID = "postpaid", "Postpaid"


class LedgerKind(models.TextChoices):
    """What a ledger account stands for. A positive posting is a credit."""

    CUSTOMER = "customer", "Customer"
    CLEARING = "clearing", "Cash and gateway clearing"
    REVENUE = "revenue", "Revenue"
    ADJUSTMENT = "adjustment", "Adjustments"
    VENDOR_COST = "vendor_cost", "Vendor cost"
    VENDOR_PAYABLE = "vendor_payable", "Payable to vendors"


class EntryKind(models.TextChoices):
    """Why an entry was made."""

    CALL = "call", "Call"
    PAYMENT = "payment", "Payment"
    REFUND = "refund", "Refund"
    ADJUSTMENT = "adjustment", "Adjustment"
    REVERSAL = "reversal", "Reversal"


class DeckKind(models.TextChoices):
    """Whose prices a deck holds."""

    CUSTOMER = "customer", "Customer (selling)"
    VENDOR = "vendor", "Vendor (buying)"


class ChargeStatus(models.TextChoices):
    """Whether a call has its price."""

    RATED = "rated", "Rated"
    UNRATED = "unrated", "Unrated"


class RatingProblem(models.TextChoices):
    """Why a call has no price yet."""

    NO_ACCOUNT = "no_account", "No such account"
    NO_DECK = "no_deck", "The account has no rate deck"
    NO_RATE = "no_rate", "The deck has no rate for the number"
    CURRENCY = "currency", "The deck is in another currency than the account"
    DURATION = "duration", "The duration is impossible"


class InvoiceStatus(models.TextChoices):
    """Where an invoice stands; the moves are in ``billing.invoice_states``."""

    DRAFT = "draft", "Draft"
    FINALISED = "finalised", "Finalised"
    PAID = "paid", "Paid"
    VOID = "void", "Void"


class PaymentStatus(models.TextChoices):
    """Where a payment stands; the moves are in ``billing.payment_states``."""

    CREATED = "created", "Created"
    UNKNOWN = "unknown", "Unknown"
    PROCESSING = "processing", "Processing"
    REQUIRES_ACTION = "requires_action", "Waits for the payer"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
