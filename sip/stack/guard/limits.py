"""Every bound of the guard, each with its reason. Budgets are messages, of one source unless said otherwise."""

from __future__ import annotations

from typing import Final

SOURCES_MAX: Final = 32_768
"""Sources watched at once of which nothing is known yet, in two halves: the older half goes when the newer is full."""

KNOWN_MAX: Final = 200_000
"""Sources watched at once that have proved who they are: every phone of a large node from an address of its own."""

KNOWN_S: Final = 3_900.0
"""How long a source counts as known after it last proved itself: the longest registration, and a little."""

KNOWN_ORDER_S: Final = 600.0
"""How often a source that proves itself moves behind the others; the first of them goes when there are too many."""

BANS_MAX: Final = 20_000
"""Bans kept; over it the one that ends first goes."""

BAN_TEXT_CHARS_MAX: Final = 80
"""The reason of a ban, as it is kept and shown."""

SUSPECTS_MAX: Final = 8_192
"""Sources whose points are counted; over it the one that did nothing wrong for longest is forgotten."""

NAMES_MAX: Final = 32
"""Different names or numbers remembered of one suspect; a scanner is banned long before it has tried so many."""

POINTS_MAX: Final = 100.0
"""A ban: with the points of ``signals.POINTS`` a scanner's seventh to tenth request."""

PATIENCE_WITH_KNOWN: Final = 10.0
"""A source that has proved itself may have so many times the points, and is forgiven so many times as fast: one broken
phone must not silence its whole office, though it tries twice a second."""

POINTS_FORGIVEN_PER_S: Final = 5.0
"""What time forgives: a phone with a wrong password that tries every three seconds is never banned."""

BAN_S: Final = (60.0, 300.0, 1_800.0, 7_200.0, 86_400.0)
"""How long the first, second … ban of a source lasts. An address changes hands: none is for ever."""

PEAK_DROPS_MAX: Final = 200
"""Messages over the budget within ``PEAK_S`` that make a peak: the source is then passed over whole."""

PEAK_S: Final = 1.0
"""The window of the peak detector."""

PEAK_QUIET_S: Final = 2.0
"""How long a source in its peak is passed over; begun anew while it goes on, so that a flood costs a look-up each."""

UNKNOWN_PER_S: Final = 20_000.0
"""Messages a second of all unknown sources together: forged addresses have each a budget of their own, but not this."""

UNKNOWN_BURST: Final = 40_000.0
"""Two seconds of it: all phones of a town coming back after a power cut."""

LAG_HIGH_S: Final = 0.100
"""A loop that comes so late answers no INVITE within RFC 3261's T1 of half a second any more once more is added."""

LAG_LOW_S: Final = 0.025
"""Below it the loop is as good as idle, and less is shed again."""

UNDRAINED_HIGH_S: Final = 0.250
"""A socket that has not once been found empty for so long has a queue that grows: what waits in it is that old."""

UNDRAINED_LOW_S: Final = 0.050
"""A queue that was empty so lately does not grow."""

TRANSACTIONS_HIGH_PERCENT: Final = 80
"""Of the bound of all transactions."""

TRANSACTIONS_LOW_PERCENT: Final = 60
"""Of the bound of all transactions."""

SHED_STEP_UP_PERCENT: Final = 20
"""More of the new calls shed at each measurement that finds too much: from none to all in half a second."""

SHED_STEP_DOWN_PERCENT: Final = 5
"""Less at each that finds room: in two seconds, so that load does not swing."""

SHED_REGISTER_FROM_PERCENT: Final = 60
"""Registrations are shed only when so much of the calls is: a phone that loses its place cannot be called at all."""

RETRY_AFTER_S_MIN: Final = 5
"""What a caller shed first is told to wait."""

RETRY_AFTER_SPREAD_S: Final = 10
"""Others wait up to so much longer: they must not all come back in one second."""

ABSORB_S: Final = 32.0
"""64 * T1: so long after a call was shed its ACK is passed over unread."""

SEARCHED_BYTES_MAX: Final = 8_192
"""How far into a message a To tag is looked for while calls are shed."""

FEEDBACK_VALIDITY_MS: Final = 1_000
"""How long a peer shall heed what we ask it (RFC 7339 §4.3): a few measurements."""

FEEDBACK_PEERS_MAX: Final = 1_024
"""Servers whose wish for less is remembered (RFC 7339 §5.4); carriers are tens."""

FEEDBACK_VALIDITY_S_MAX: Final = 60.0
"""A server that asks for less for longer must ask again: a slip of its pen must not stop our calls for a day."""
