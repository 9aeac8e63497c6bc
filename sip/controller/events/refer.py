"""The subscription that a REFER makes (RFC 3515 §2.4): how the referred request goes, as ``message/sipfrag``.

For the code that serves REFER, in this order::

    core.reply(tx, request, 202, ...)                          # before the first NOTIFY
    reference = refer.open_reference(core, dialog, request)    # NOTIFY "SIP/2.0 100 Trying", active
    refer.progress(core, reference, 180, "Ringing")            # at each provisional response
    refer.finish(core, reference, 200, "OK")                   # NOTIFY, terminated;reason=noresource

``dialog`` is the call's own (with its ``flow``) or one made for a REFER outside of any. Nothing is to be called for
``Refer-Sub: false`` (RFC 4488) or a 202 that was never sent. A reference that is over takes further calls in silence.
"""

from __future__ import annotations

from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.limits import REFER_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.subscription import Subscription
from sip.stack.dialog import Dialog
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.event import Event
from sip.stack.message.message import Request

_STATUS: Final = "status"


class ReferPackage:
    """Package ``refer``: nobody can subscribe to it, a REFER does."""

    def __init__(self) -> None:
        self.terms = Terms("refer", "message/sipfrag;version=2.0", 0.0, REFER_S_MAX, REFER_S_MAX)

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Refuse: a SUBSCRIBE names no referred request."""
        raise RemoteProtocolError("Forbidden", 403)

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return the latest status line."""
        return subscription.told[_STATUS].encode("utf-8", "replace")

    def watched(self, core: Core, resource: str) -> None:
        """Do nothing."""

    def unwatched(self, core: Core, resource: str) -> None:
        """Do nothing."""


_PACKAGE: Final = ReferPackage()


def open_reference(core: Core, dialog: Dialog, request: Request) -> Subscription:
    """Begin to report on a REFER that was accepted; its id is the REFER's CSeq (RFC 3515 §2.4.6)."""
    event = Event("refer", (("id", str(request.cseq.number)),))
    reference = Subscription(
        _PACKAGE, event, f"{request.call_id} {request.cseq.number}", "", None, dialog, False, core.now + REFER_S_MAX
    )
    reference.told[_STATUS] = _status_line(100, "Trying")
    notifying.start(core, reference)
    return reference


def progress(core: Core, reference: Subscription, status: int, reason: str) -> None:
    """Report a provisional response; one that is overtaken by the next may never be told."""
    if not reference.reason:
        reference.told[_STATUS] = _status_line(status, reason)
        notifying.changed(core, reference)


def finish(core: Core, reference: Subscription, status: int, reason: str) -> None:
    """Report the final response and end the subscription (RFC 3515 §2.4.7)."""
    if not reference.reason:
        reference.told[_STATUS] = _status_line(status, reason)
        notifying.end(core, reference, "noresource", has_body=True)


def _status_line(status: int, reason: str) -> str:
    printable = "".join([char if char.isprintable() else " " for char in reason])
    return f"SIP/2.0 {status} {printable}\r\n"
