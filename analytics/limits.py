"""Every limit of the figures and the live view, with its reason."""

LIVE_BATCH_S = 0.25
"""A watcher gets at most four messages a second: faster than that nobody reads."""

LIVE_BATCH_CALLS_MAX = 1_000
"""Changes one batch carries, 4,000 a second: a node at full load makes less. What is over waits for the next batch."""

LIVE_CALLS_MAX = 20_000
"""Calls of one node the live view knows. Beyond it calls go on, unseen: the view must not cost the node its memory."""

LIVE_KEY_EXPIRES_S = 60
"""A node that died disappears from the live view after this."""

LIVE_HEARTBEAT_S = 15.0
"""A quarter of the above: three heartbeats may be lost before a living node disappears."""

LIVE_RETRY_S = 1.0
"""How long the publisher leaves Redis alone after it failed."""

LIVE_RESYNC_S = 30.0
"""How often a watcher gets everything anew: the channel layer may lose a message, a socket's user may be locked."""

LIVE_NODES_MAX = 256
"""Nodes whose calls one watcher is shown."""

NAMES_CACHED_MAX = 10_000
NAMES_CACHED_S = 60.0
"""Names of tenants and trunks the live view remembers, and how long a new name may take to show."""

WINDOW_DAYS_MAX = 400
"""The longest window of figures: a year and a month beside it, some 10,000 hours."""

KPI_ROWS_MAX = 10_000
"""Rows one answer of figures holds: every hour of the longest window, or every destination there is."""

DIRTY_HOURS_PER_RUN = 200
"""Hours one task makes anew before it ends; the next run, ten seconds on, takes the rest."""

TOP_DESTINATIONS = 10
"""Rows of the dashboard's list of destinations; the export has all of them."""

NUMBERS_CACHED_MAX = 65_536
"""Called numbers whose destination a worker remembers between two runs."""
