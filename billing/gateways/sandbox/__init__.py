"""A payment provider that lives in our own database: declines, 3-D Secure step, refunds, signed webhooks."""
