"""Every limit of the billing app, with its reason. Over a limit is an answer to the caller, never growth."""

DURATION_S_MAX = 86_400
"""A call longer than a day is a stuck call; the switch cuts it, rating refuses it. Also keeps prices inside 64 bits."""

RATE_NANOS_MAX = 10**13
"""10,000 currency units a minute: over it the unit of the file is wrong. 90,000 s of it still fit a BIGINT."""

SUSPECT_UNITS_PER_MINUTE = 100
"""Dearer than any destination on earth in a currency with cents: the file's rates are in another unit."""

INCREMENT_S_MAX = 3_600
"""No tariff bills by more than the hour."""

PREFIX_DIGITS_MAX = 15
"""ITU-T E.164: a number has at most fifteen digits; also fifteen 4-bit digits fit one 64-bit key."""

DESTINATION_CHARS_MAX = 120
"""Longest destination name of the carriers' published decks is under 100."""

DECIMALS_MAX = 9
"""Money is in nano-units: a tenth decimal cannot be stored, and rounding a rate silently would be a lie."""

DECK_FILE_BYTES_MAX = 64 * 1024 * 1024
"""A million rows of 60 characters. Larger is refused with 413 before it is read."""

DECK_ROWS_MAX = 1_000_000
"""The largest world-wide A-Z deck by NPA-NXX-X has about 300,000 rows."""

DECK_FIELD_CHARS_MAX = 200
"""One field of one row."""

DECK_ERRORS_MAX = 200
"""Rows at fault that are listed; the count of all of them is always given."""

AMOUNT_NANOS_MAX = 10**17
"""100,000,000 currency units in one payment or adjustment: more is a slip of the keyboard."""

ENTRY_POSTINGS_MAX = 64
"""An entry touches a handful of accounts; more is a bug."""

HOLD_BATCH_MAX = 500
"""Requests in one statement; beyond some hundreds the gain is gone and locks are held longer."""

CHARGE_BATCH_MAX = 20_000
"""Records charged in one transaction: bounds memory and the time the accounts stay locked."""

WEBHOOK_BYTES_MAX = 256 * 1024
"""A payment provider's event is under 20 KiB; larger is refused with 413 unread."""

INVOICE_LINES_PDF_MAX = 5_000
"""Lines printed; a deck has at most a few thousand destination names."""

COMPILED_DECKS_CACHED_MAX = 64
"""Compiled decks a process keeps; the least recently used go first."""
