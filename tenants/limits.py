"""Every limit of the web side, with its reason. Over a limit is an answer (400, 413, 429), never growth."""

API_BODY_BYTES_MAX = 1_048_576
"""The largest JSON body of the API: 1 MiB holds every object we have some hundred times over."""

API_QUERY_VALUE_CHARS_MAX = 500
"""One query parameter. Cursors are the longest we make ourselves, at about 200."""

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 200
"""A page is rendered in memory; 200 of our largest object (a call with its attempts) is about 400 kB."""

ORDERING_TERMS_MAX = 3
"""Each term makes the cursor's condition longer, and no index has more columns that would serve it."""

TEXT_CHARS_MAX = 10_000
"""Text of a serializer field that names no length of its own."""

API_REQUESTS_PER_MINUTE = 1_200
"""Of one key or session: 20 a second, more than any person clicks and any sane poller asks."""

API_REFUSED_PER_MINUTE = 30
"""Wrong keys of one address: a typing error is seen at once, guessing 256 bits takes more."""

LOGIN_WINDOW_S = 900
LOGIN_FAILURES_PER_PAIR = 5
"""Wrong passwords for one e-mail from one address in a quarter of an hour: 480 guesses a day."""

LOGIN_FAILURES_PER_ACCOUNT = 50
"""The same from all addresses: well above the limit of one, so that a stranger cannot lock somebody out alone."""

LOGIN_FAILURES_PER_ADDRESS = 50
"""The same for all e-mails: an office shares one address."""

PASSWORD_RESETS_PER_ACCOUNT = 3
PASSWORD_RESETS_PER_ADDRESS = 20
"""Mails in ``LOGIN_WINDOW_S``: nobody may fill another's mailbox through us."""

PASSWORD_CHARS_MAX = 256
"""Hashing takes time with the length; no person types more."""

KEY_LAST_USED_EVERY_S = 60
"""A key's ``last_used_at`` is written at most this often: a write a request would cost more than the request."""

API_KEY_CHARS_MAX = 100
"""Ours have 55."""

API_KEY_SCOPES_MAX = 50
"""More scopes than there are resources to name."""

API_KEYS_PER_TENANT_MAX = 200
"""Usable keys of one tenant; a program that makes a key at each start is stopped here."""
