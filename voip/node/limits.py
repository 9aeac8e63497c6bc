"""Limits of a SIP node, each with its reason."""

HOLD_TALK_S = 600
"""Talk paid for by one hold: long enough that few calls need a second one, short enough to leave money for others."""

HOLDS_PER_STATEMENT_MAX = 100
"""Holds in one statement: beyond this a statement costs no less per hold, and the first would wait for the last."""

HOLDS_GATHER_S = 0.02
"""Least time between two statements: at load a statement for one hold costs five times its share of one for five (1.0
ms of CPU, database and node together, beside 0.2). An idle node never waits, and 20 ms more until it rings is nothing.
"""

HOLDS_WAITING_MAX = 5_000
"""Holds waiting for the database; over it a call is refused at once with 503 instead of ringing late."""

HOLD_TIMEOUT_S = 2.0
"""An answer the caller still waits for gladly; after it the call is refused with 503."""

RETRY_AFTER_S = 5
"""What a refused caller is asked to wait while the database is away: about the time of a restart."""

RECONNECT_S_MIN = 0.2
RECONNECT_S_MAX = 5.0
"""Between tries to reach the database: soon at first, and never a storm."""

SNAPSHOT_DEBOUNCE_S = 0.02
"""Changes that come together are loaded together; far below the second in which a change must take effect."""

SNAPSHOT_POLL_S = 1.0
"""How long the feeder waits for a notification before it looks at its stop flag."""

SNAPSHOT_FULL_RELOAD_S = 300.0
"""A notification lost by a fault of ours must not last longer than this."""

CALL_TALK_S_MAX = 4 * 3600.0
"""Longest call of a kind nobody pays for by the minute."""

PRICES_KEPT_MAX = 50_000
"""Running calls whose price is kept in memory; the switch's own limit of calls is lower."""

ORPHANS_AGAIN_S = 5.0
"""After a connection is made: a statement of the former one that was under way has come to its end by then."""

DOUBTFUL_MAX = 10_000
"""Calls remembered whose hold may have been placed though nobody heard of it; the rest waits for the next start."""

GARBAGE_LOOK_S = 20.0
"""How often the node asks itself whether to collect garbage; asking costs nothing."""

GARBAGE_IDLE_MIN = 10_000
"""Objects that are worth a collection while nobody calls: some megabytes."""

GARBAGE_MAX = 2_000_000
"""Objects at which the node collects though calls are up: 10,000 calls, or a leak of some 200 MB. It takes a second or
two, in which nobody gets an answer; so not sooner."""

PROXY_GUARD_SCALE = 100.0
"""Budgets of an element that proves nobody itself are so much larger: its peers are carriers and other proxies."""
