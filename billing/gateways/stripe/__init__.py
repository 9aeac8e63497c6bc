"""Stripe: PaymentIntents when a token is given, its hosted Checkout page when none is."""
