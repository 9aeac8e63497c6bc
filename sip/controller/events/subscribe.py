"""SUBSCRIBE (RFC 6665 §4.2.1): new, refreshed, fetched once, taken back."""

from __future__ import annotations

from typing import Final

from sip.controller.addressing import contact_row, follow
from sip.controller.calls.legs import came_through_nat
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.limits import FULL_RETRY_AFTER_S, SUBSCRIPTION_S_MIN
from sip.controller.events.package import EventPackage
from sip.controller.events.states import State
from sip.controller.events.subscription import Subscription
from sip.controller.limits import CALLER_CHARS_MAX, TEXT_CHARS_MAX
from sip.stack.dialog import Dialog
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.event import Event
from sip.stack.message.message import Request
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ServerTransaction

_ANY: Final = frozenset({"*/*", "*"})


def receive_subscribe(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a SUBSCRIBE outside a dialog.

    Raises:
        RemoteProtocolError: 400 for what cannot be read; 404 or 403 from the package.
    """
    event = read_event(request)
    package = core.events.packages.get(event.name) if event is not None else None
    if event is None or package is None:
        core.reply(tx, request, 489, headers=[core.events.allow_events])
        return
    line = core.auth.check(core, tx, request, 401)
    if line is None:
        return
    if not line.is_active:
        core.reply(tx, request, 403)
        return
    user = target_user(request)
    _check_shape(request)
    if not _accepts(request, package.terms.content_type):
        core.reply(tx, request, 406, headers=[("Accept", package.terms.content_type)])
        return
    resource = package.locate(core, line, user)
    expires_s = _expires_s(core, tx, request, package)
    if expires_s is not None and _has_room(core, tx, request, line, package, resource):
        _open(core, tx, request, flow, Wish(line, package, event, resource, user, expires_s))


class Wish:
    """A SUBSCRIBE that may be granted."""

    __slots__ = ("event", "expires_s", "line", "package", "resource", "user")

    def __init__(
        self, line: LineEntry, package: EventPackage, event: Event, resource: str, user: str, expires_s: int
    ) -> None:
        self.line = line
        self.package = package
        self.event = event
        self.resource = resource
        self.user = user
        self.expires_s = expires_s


def _open(core: Core, tx: ServerTransaction, request: Request, flow: Flow, wish: Wish) -> None:
    rows = [("Expires", str(wish.expires_s)), contact_row(core.config, flow), core.events.allow_events]
    response = core.endpoint.make_response(request, 200, "", core.config.token(), rows)
    dialog = Dialog.as_server(request, response, flow)
    subscription = Subscription(
        wish.package,
        wish.event,
        wish.resource,
        wish.user,
        wish.line.id,
        dialog,
        came_through_nat(request, flow),
        core.now + wish.expires_s,
    )
    route(dialog, flow, subscription.behind_nat)
    core.endpoint.respond(tx, response, core.now)
    notifying.start(core, subscription)


def receive_in_dialog(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a SUBSCRIBE within a dialog: a refresh, or the end of a subscription.

    A new subscription never shares a dialog (RFC 6665 §4.5.1), so one that is not there is 481.

    Raises:
        RemoteProtocolError: its number goes back (500), or its Contact is unreadable (400).
    """
    event = read_event(request)
    if event is None:
        core.reply(tx, request, 489, headers=[core.events.allow_events])
        return
    subscription = core.events.find((request.call_id, request.to_tag, request.from_tag), event)
    if subscription is None or subscription.state in (State.CLOSING, State.LAST, State.OVER):
        core.reply(tx, request, 481)
        return
    tx.is_proven = subscription.line_id is None
    if not _is_the_watchers(core, tx, request, subscription):
        return
    expires_s = _expires_s(core, tx, request, subscription.package)
    if expires_s is None:
        return
    dialog = subscription.dialog
    dialog.receive(request)
    subscription.behind_nat = came_through_nat(request, flow)
    route(dialog, flow, subscription.behind_nat)
    core.reply(tx, request, 200, headers=[("Expires", str(expires_s)), contact_row(core.config, flow)])
    notifying.refresh(core, subscription, expires_s)


def _is_the_watchers(core: Core, tx: ServerTransaction, request: Request, subscription: Subscription) -> bool:
    """Tell whether the request comes from the line that subscribed; answers it when not."""
    if subscription.line_id is None:
        return True
    line = core.auth.check(core, tx, request, 401)
    if line is None:
        return False
    if line.id != subscription.line_id or not line.is_active:
        core.reply(tx, request, 403)
        return False
    subscription.package.locate(core, line, subscription.user)
    return True


def read_event(request: Request) -> Event | None:
    """Return the Event of a request, ``None`` when it has none (RFC 6665 §4.2.3: 489).

    Raises:
        RemoteProtocolError: 400, it cannot be read.
    """
    rows = request.get_all("Event")
    if not rows:
        return None
    if len(rows) > 1 or len(rows[0]) > TEXT_CHARS_MAX:
        raise RemoteProtocolError("Event: one short value expected")
    try:
        return Event.parse(rows[0])
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def target_user(request: Request) -> str:
    """Return the user part of the Request-URI.

    Raises:
        RemoteProtocolError: 400 for a bad URI, 416 for another scheme, 414 for a user too long, 404 for none.
    """
    try:
        uri = Uri.parse(request.uri)
    except ValueError as error:
        raise RemoteProtocolError("Bad Request-URI") from error
    if uri.scheme not in ("sip", "sips", "tel"):
        raise RemoteProtocolError("Unsupported URI Scheme", 416)
    if len(uri.user) > CALLER_CHARS_MAX:
        raise RemoteProtocolError("Request-URI Too Long", 414)
    if not uri.user:
        raise RemoteProtocolError("Not Found", 404)
    return uri.user


def route(dialog: Dialog, flow: Flow, behind_nat: bool) -> None:
    """Find anew where requests within a dialog go; ``flow`` is the latest way its party was heard."""
    next_hop = dialog.next_hop
    dialog.flow = follow(next_hop.host, next_hop.port, flow, behind_nat)


def _check_shape(request: Request) -> None:
    if max(len(request.call_id), len(request.from_tag)) > TEXT_CHARS_MAX:
        raise RemoteProtocolError("Call-ID or Tag Too Long")
    contacts = request.contacts
    if len(contacts) != 1 or contacts[0].uri.scheme not in ("sip", "sips"):
        raise RemoteProtocolError("One Contact Expected")
    if request.get("Record-Route") is not None and not request.record_routes:
        raise RemoteProtocolError("Bad Record-Route")


def _accepts(request: Request, content_type: str) -> bool:
    """Tell whether the subscriber reads this type; without Accept it reads the package's own (RFC 6665 §3.1.3)."""
    if request.get("Accept") is None:
        return True
    wanted = content_type.partition(";")[0]
    ranges = {wanted, wanted.partition("/")[0] + "/*"}
    return any(
        kind in ranges or kind in _ANY
        for kind in (value.partition(";")[0].strip().lower() for value in request.values("Accept"))
    )


def _expires_s(core: Core, tx: ServerTransaction, request: Request, package: EventPackage) -> int | None:
    """Return the life a subscription is granted; ``None`` when the wish was too short and is answered 423."""
    wish_s = request.expires
    expires_s = package.terms.expires_s_default if wish_s is None else min(wish_s, package.terms.expires_s_max)
    if 0 < expires_s < SUBSCRIPTION_S_MIN:
        core.reply(tx, request, 423, headers=[("Min-Expires", str(SUBSCRIPTION_S_MIN))])
        return None
    return expires_s


def _has_room(
    core: Core, tx: ServerTransaction, request: Request, line: LineEntry, package: EventPackage, resource: str
) -> bool:
    if not core.events.line_has_room(line.id):
        core.reply(tx, request, 403, "Too Many Subscriptions")
        return False
    if core.stopping or not core.events.has_room():
        core.reply(tx, request, 503, headers=[("Retry-After", str(FULL_RETRY_AFTER_S))])
        return False
    if not core.events.resource_has_room(package.terms.name, resource):
        core.reply(tx, request, 480, "Too Many Subscribers", headers=[("Retry-After", str(FULL_RETRY_AFTER_S))])
        return False
    return True
