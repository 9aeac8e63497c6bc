"""A subscription as plain state; what happens to it is in ``subscribe`` and ``notifying``."""

from __future__ import annotations

from dataclasses import dataclass, field

from sip.controller.events.package import EventPackage
from sip.controller.events.states import State
from sip.controller.timers import Timer
from sip.stack.dialog import Dialog
from sip.stack.message.event import Event


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscriber of one resource; its dialog may belong to a call as well (REFER)."""

    package: EventPackage
    event: Event
    resource: str
    user: str
    """User part the subscriber named the resource by."""
    line_id: int | None
    """The watching line; ``None`` for a REFER's, which needs no right but the call."""
    dialog: Dialog
    behind_nat: bool
    expires_at: float
    """On the monotonic clock."""
    state: State = State.IDLE
    needs_full: bool = True
    """The next document must say all, not only what changed."""
    version: int = 0
    """Of the next document, where documents are numbered (RFC 4235 §3.10, 3680 §5.1)."""
    told: dict[str, str] = field(default_factory=dict)
    """Pieces of state the subscriber has been told, by their id: what a document of changes is made against."""
    ended: dict[str, str] = field(default_factory=dict)
    """Pieces that are over, which it has not been told."""
    quiet_until: float = 0.0
    """No notification before this but for a refresh."""
    reason: str = ""
    """Why it ends, for Subscription-State."""
    last_has_body: bool = False
    """The last NOTIFY says how things stand (RFC 6665 §4.4.3), instead of only that it is the last."""
    hold_timer: Timer | None = None
    expiry_timer: Timer | None = None
