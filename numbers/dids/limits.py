"""Named limits of the app, with the reason beside each."""

QUARANTINE_DAYS = 45
"""47 CFR §52.15(f)(1)(ii): a number that was in use is not given to another before; elsewhere as good a custom."""
RESTOCK_BATCH = 1_000
"""Numbers put back into stock by one statement."""
