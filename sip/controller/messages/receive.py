"""MESSAGE outside a dialog (RFC 3428): from a line or a trunk to a line, now or when it is there again."""

from __future__ import annotations

from functools import partial

from sip.controller.addressing import show_peer
from sip.controller.calls.admission import claimed_number, identify, own_number
from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.events.people import colleague
from sip.controller.events.subscribe import target_user
from sip.controller.headers import end_to_end_rows
from sip.controller.messages.delivery import ABSENT, Delivery
from sip.controller.messages.limits import BODY_BYTES_MAX, LIVE_S_MAX, STORED_S_MAX, UDP_BYTES_MAX
from sip.controller.messages.page import PageMessage
from sip.controller.messages.store import Kept
from sip.controller.policy import CallOffer, Refusal, Target
from sip.controller.timers import Timer
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.date import format_date, parse_date
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ServerTransaction

_FLEETING = frozenset({"application/im-iscomposing+xml"})
"""Bodies that are worth nothing later (RFC 3994 §5): delivered now or not at all."""


def receive_message(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a message: deliver it, store it, or say why not.

    Raises:
        RemoteProtocolError: 400, 404, 414, 416, 480; nothing was sent on.
    """
    if not flow.reliable and len(bytes(request)) > UDP_BYTES_MAX:
        core.reply(tx, request, 513)
        return
    if len(request.body) > BODY_BYTES_MAX:
        core.reply(tx, request, 413)
        return
    user = target_user(request)
    sender = identify(core, tx, request, flow)
    if sender is None:
        return
    if not sender.is_active:
        core.reply(tx, request, 403)
        return
    wait_s = core.message_rate.take(sender, core.now)
    if wait_s > 0:
        core.reply(tx, request, 480, "Too Many Messages", headers=[("Retry-After", str(wait_s))])
        return
    target = _target(core, request, flow, sender, user)
    line = core.directory.lines.get(target.id)
    if line is None or not line.is_active:
        raise RemoteProtocolError("Not Found", 404)
    _pass_on(core, tx, request, _page(core, request, line, target))


def _target(
    core: Core, request: Request, flow: Flow, sender: LineEntry | TrunkEntry, user: str
) -> Target:  # fmt: skip
    """Return the line a message is for, and how its sender is shown there.

    Raises:
        RemoteProtocolError: 404 for whoever is no line of the tenant and no number of the platform.
    """
    is_line = isinstance(sender, LineEntry)
    caller = own_number(sender) if isinstance(sender, LineEntry) else claimed_number(request)
    offer = CallOffer(
        "", sender.tenant_id, sender.id if is_line else None, None if is_line else sender.id, caller, user,
        show_peer(flow), core.wall,
    )  # fmt: skip
    found = core.policy.line_of(offer)
    if not isinstance(found, Refusal):
        return found
    if found.status == 404 and isinstance(sender, LineEntry):
        line = colleague(core, sender, user)
        return Target("line", line.id, line.username, sender.extension or sender.username, sender.display_name)
    raise RemoteProtocolError(found.reason or "Not Found", found.status)


def _page(core: Core, request: Request, line: LineEntry, target: Target) -> PageMessage:
    shown = NameAddr(Uri("sip", target.caller or "anonymous", core.config.realm), _printable(target.caller_name))
    rows = [row for row in end_to_end_rows(request) if row[0] != "Accept"]
    sent_at = _sent_at(core, request)
    life_s = float(STORED_S_MAX) if request.expires is None else min(float(request.expires), STORED_S_MAX)
    rows.append(("Date", format_date(sent_at)))
    if request.expires is not None:
        rows.append(("Expires", str(request.expires)))
    return PageMessage(
        core.config.token(), line.username, str(shown), core.config.token(), tuple(rows), request.body, sent_at + life_s
    )


def _sent_at(core: Core, request: Request) -> float:
    """Return when the message was sent: its Date where that is believable, else now (§7)."""
    text = request.get("Date")
    if text is not None:
        try:
            return min(max(parse_date(text), core.wall - STORED_S_MAX), core.wall)
        except ValueError:
            return core.wall
    return core.wall


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join([char for char in text if char.isprintable()])


def _pass_on(core: Core, tx: ServerTransaction, request: Request, message: PageMessage) -> None:
    bindings = core.locations.bindings(message.username, core.wall)
    store = core.postman.store
    if not bindings or core.postman.is_busy(message.username) or store.has_waiting(message.username):
        # What waits already comes first, or the order would be lost.
        _keep(core, tx, request, message, True)
        return
    passing = _Passing(core, tx, request, message)
    passing.timer = core.after(LIVE_S_MAX, passing.overdue)
    passing.delivery.start(core, bindings)


class _Passing:
    """One message on its way to phones that are there."""

    __slots__ = ("core", "delivery", "message", "request", "timer", "tx")

    def __init__(self, core: Core, tx: ServerTransaction, request: Request, message: PageMessage) -> None:
        self.core = core
        self.tx = tx
        self.request = request
        self.message = message
        self.delivery = Delivery(message, self.ended, self.late)
        self.timer: Timer | None = None

    def ended(self, status: int) -> None:
        """Tell the sender."""
        if self.timer is not None:
            self.timer.cancel()
        if status in ABSENT:
            _keep(self.core, self.tx, self.request, self.message, False)
        else:
            self.core.reply(self.tx, self.request, status)

    def overdue(self) -> None:
        """Store it before the sender gives up."""
        self.delivery.give_up()
        _keep(self.core, self.tx, self.request, self.message, False)

    def late(self) -> None:
        """Take it out of the store: the phone has it after all."""
        self.core.postman.store.remove(self.message)


def _keep(core: Core, tx: ServerTransaction, request: Request, message: PageMessage, is_next: bool) -> None:
    """Store a message; ``is_next``: it is to be brought at once if the user is there by then."""
    content_type = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type in _FLEETING or message.expires_at <= core.wall:
        core.reply(tx, request, 480)
        return
    done = partial(_kept, core, tx, request, message, is_next)
    core.postman.store.keep(message, core.wall, lambda kept: core.post(partial(done, kept)))


def _kept(core: Core, tx: ServerTransaction, request: Request, message: PageMessage, is_next: bool, kept: Kept) -> None:
    """Answer 202 only for what is kept (§7)."""
    if kept is not Kept.KEPT:
        core.reply(tx, request, 480)
        return
    core.reply(tx, request, 202)
    if is_next and core.locations.bindings(message.username, core.wall):
        core.postman.registered(core, message.username)
