"""Named limits of the app, with the reason beside each."""

PAYLOAD_BYTES_MAX = 16_384
"""An event says what happened and where to read more; it is no report, and every receiver must be able to take it."""
SUBJECT_CHARS_MAX = 200
"""One line of an e-mail's subject or of a toast."""
EVENTS_A_BATCH = 100
"""Events dispatched in one transaction: short locks, few round trips."""
DELIVERIES_A_SWEEP = 500
"""Overdue deliveries handed to workers by one sweep: five seconds' work for one worker."""
SWEEP_EVERY_S = 5.0
"""How late a retry, or an event whose task was lost with the broker, may be."""
LEASE_S = 120
"""A claimed delivery whose worker died is taken up again after this; longer than the longest attempt."""
RETRY_AFTER_S = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
"""Waits between attempts: a restart is survived in seconds, a night's outage within the day; then it is given up."""
ATTEMPTS_MAX = len(RETRY_AFTER_S) + 1
WEBSOCKET_ATTEMPTS_MAX = 3
"""A toast that is minutes late helps nobody: the browser fetches what it missed when it connects again."""
ENDPOINTS_MAX = 20
"""Webhook endpoints of a tenant: each event goes to every one of them."""
URL_CHARS_MAX = 500
"""Longer than any sane address of a receiver."""
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
DELIVERY_S_MAX = 30
"""The whole of one attempt: a receiver that sends a byte now and then is cut off, and the worker set free."""
RESPONSE_BYTES_MAX = 1_024
"""What is kept of a receiver's answer: enough to read its error."""
SIGNATURE_AGE_S_MAX = 300
"""How old a signed webhook may be for a receiver that follows our advice."""
RECENT_EVENTS_MAX = 20
"""Missed events sent to a browser that connects; the list page has the rest."""
CONNECTION_S_MAX = 3_600
"""A websocket is closed and must log in anew after this, so that a withdrawn right ends with it."""
