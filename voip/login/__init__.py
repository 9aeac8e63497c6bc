"""Logging in and out, and passwords: one way in for staff and tenants."""
