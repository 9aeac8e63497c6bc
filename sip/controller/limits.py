"""Every bound and waiting time of the switch, each with its reason. Units stand last in the names."""

from __future__ import annotations

from typing import Final

CALLS_MAX: Final = 20_000
"""Calls a node holds at once, in set-up or up; at 8 KiB each 160 MB. Over it: 503 ``limit.node_calls``."""

NO_BOUND: Final = 2**31
"""Places of a line or trunk for calls that may not be refused: emergencies, and those that outlived a restart."""

MAX_FORWARDS: Final = 70
"""What RFC 3261 §8.1.1.6 puts in a new request; a caller's larger number is lowered to it, so that loops end."""

CALL_S_MAX: Final = 14_400.0
"""Four hours: longer than an honest call, short enough that a party who vanished without BYE costs a bounded sum."""

AUTHORISE_S_MAX: Final = 5.0
"""How long the business may think about money before the caller hears 503 ``billing.unavailable``."""

JOURNAL_S_MAX: Final = 4.0
"""A disk that has not synced for this long counts as broken: calls go on without it (and the log says so once)."""

EXTEND_MARGIN_S: Final = 10.0
"""More talk time is asked for this long before what was granted is over; a tenth of the grant where that is less."""

EXTEND_S_MIN: Final = 1.0
"""An extension that adds less than this is none: asking again at once would spin."""

TRUNK_SILENCE_S_MAX: Final = 5.0
"""A carrier that has not even said 100 by now is passed over; RFC 3261's own timer B would take 32 s."""

CANCEL_S_MAX: Final = 4.0
"""How long a caller who cancelled waits for the callee's last word (487, or a 200 that crossed) before its own 487."""

CROSSED_BYE_S_MAX: Final = 2.0
"""A caller whose CANCEL crossed the 200 must send BYE itself; after this long the platform does it."""

PROBE_S: Final = 600.0
"""A call that is up is asked for a sign of life (OPTIONS in the dialogs) so often: a lost BYE must not bill hours."""

RESTORED_PROBE_S: Final = 45.0
"""First such question after a restart: later than 64 * T1, when a BYE under way has been repeated or given up."""

ANSWER_REPEATED_S: Final = 32.0
"""64 * T1: a restored call older than this has its ACK, or will never have it."""

ANSWER_DOUBT_S: Final = 1.0
"""A 200 sent this long before the process died has been acknowledged or already been repeated once."""

ANSWER_AGAIN_S: Final = 4.5
"""After a restart a 200 in doubt is sent again only now, more than T2 later: a caller who hangs up has it."""

BINDINGS_MAX: Final = 10
"""Contacts a line may have at most, whatever its own ``contacts_max`` says: each one rings."""

BINDING_S_MIN: Final = 30
"""Shorter registrations are answered 423: a phone that renews faster is an attack on ourselves."""

BINDING_S_DEFAULT: Final = 600
"""Registration time of a phone that does not name one."""

BINDING_S_MAX: Final = 3_600
"""Longer wishes are lowered to this: a phone that is gone must not ring for days."""

CONTACT_CHARS_MAX: Final = 512
"""A contact URI longer than this is no phone's: 400."""

REGISTER_CONTACTS_MAX: Final = 20
"""Contacts one REGISTER may name; more is 400."""

TEXT_CHARS_MAX: Final = 255
"""Call-ID, tag and user agent as a record keeps them: a longer Call-ID or tag is 400, a longer agent is cut."""

CALLER_CHARS_MAX: Final = 128
"""A user part (dialled or claimed) longer than this is no number and no name: 414 for the dialled one."""

NONCE_S: Final = 300.0
"""Life of a digest nonce; a phone with an older one is told ``stale=true`` and repeats without asking its user."""
