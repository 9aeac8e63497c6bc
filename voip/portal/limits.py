"""Limits of the portal's pages, with their reasons."""

CALLS_DAYS_DEFAULT = 30
"""What the call list looks at when no dates are asked: one partition or two."""

CALLS_DAYS_MAX = 400
"""A year and a bit in one search; older calls are found by asking for their dates."""

CALLS_PAGE = 50
STATEMENT_PAGE = 50
INVOICES_PAGE = 50
HOME_CALLS = 8
HOME_INVOICES = 5
HOME_EVENTS = 5
"""Rows that fit a screen."""

LIST_ROWS_MAX = 500
"""Lines, numbers, users or keys on one page; a tenant with more uses the API, and the page says so."""

CSV_ROWS_MAX = 50_000
"""Made in memory at some 200 bytes a row: 10 MB and about two seconds."""

TOP_UP_UNITS_MAX = 10_000
"""Currency units in one card payment: more than cards allow without a call to the bank."""

NUMBER_CHARS_MAX = 20
"""What one types to find a number: E.164 has 15 digits."""
