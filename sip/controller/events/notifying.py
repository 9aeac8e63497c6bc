"""Sending NOTIFY (RFC 6665 §4.2.2): what ``states.TRANSITIONS`` says is done here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sip.controller.events.limits import NOTIFY_BODY_BYTES_MAX, RETRY_AFTER_S_MAX
from sip.controller.events.states import TRANSITIONS, Action, Input, State
from sip.controller.events.subscription import Subscription
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.grammar import parse_digits
from sip.stack.message.message import Response
from sip.stack.message.subscription_state import SubscriptionState

if TYPE_CHECKING:
    from sip.controller.core import Core

_FATAL: Final = frozenset({404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"""Answers to NOTIFY that end the subscription (RFC 6665 §4.2.2); 408 stands for timer F as well."""

_BACK_OFF_S: Final = 30.0
"""Quiet after a refusal without Retry-After, when there is news to tell."""

_UNDER_WAY: Final = frozenset({State.SENDING, State.STALE, State.URGENT, State.CLOSING, State.LAST})


def fire(core: Core, subscription: Subscription, event: Input) -> None:
    """Move a subscription along its table."""
    arrow = TRANSITIONS.get((subscription.state, event))
    if arrow is None:
        return
    subscription.state, action = arrow
    if subscription.state is not State.HELD and subscription.hold_timer is not None:
        subscription.hold_timer.cancel()
        subscription.hold_timer = None
    _ACTIONS[action](core, subscription)


def start(core: Core, subscription: Subscription) -> None:
    """Keep a new subscription and tell the subscriber how things stand (RFC 6665 §4.2.1.2)."""
    is_first = core.events.keep(subscription)
    if is_first:
        subscription.package.watched(core, subscription.resource)
    if subscription.expires_at > core.now:
        _arm_expiry(core, subscription)
        fire(core, subscription, Input.SUBSCRIBED)
    else:
        end(core, subscription, "timeout", has_body=True)


def refresh(core: Core, subscription: Subscription, expires_s: int) -> None:
    """Set a subscription's life anew and tell everything again; 0 ends it (RFC 6665 §4.2.1.4)."""
    if expires_s == 0:
        end(core, subscription, "timeout", has_body=True)
        return
    subscription.expires_at = core.now + expires_s
    _arm_expiry(core, subscription)
    fire(core, subscription, Input.SUBSCRIBED)


def changed(core: Core, subscription: Subscription) -> None:
    """Tell a subscriber, as soon as the package's interval allows, that there is news."""
    if not _may_still_watch(core, subscription):
        return
    early = core.now < subscription.quiet_until
    fire(core, subscription, Input.CHANGED_EARLY if early else Input.CHANGED)


def resource_changed(core: Core, package: str, resource: str) -> None:
    """Tell everybody who watches a resource."""
    for subscription in core.events.watchers(package, resource):
        changed(core, subscription)


def end(core: Core, subscription: Subscription, reason: str, *, has_body: bool = False) -> None:
    """End a subscription with a last NOTIFY; ``reason`` is one of RFC 6665 §4.1.3."""
    if subscription.expiry_timer is not None:
        subscription.expiry_timer.cancel()
        subscription.expiry_timer = None
    if not subscription.reason:
        subscription.reason, subscription.last_has_body = reason, has_body
    fire(core, subscription, Input.ENDED)


def stop(core: Core) -> None:
    """Send every subscriber away because the node stops: it may subscribe anew at once (``deactivated``)."""
    for subscription in core.events.all():
        end(core, subscription, "deactivated")


def _arm_expiry(core: Core, subscription: Subscription) -> None:
    if subscription.expiry_timer is not None:
        subscription.expiry_timer.cancel()
    left_s = subscription.expires_at - core.now
    subscription.expiry_timer = core.after(left_s, lambda: end(core, subscription, "timeout"))


def _may_still_watch(core: Core, subscription: Subscription) -> bool:
    """Ask again for the right to watch; ends the subscription when it is gone."""
    if subscription.line_id is None:
        return True
    line = core.directory.lines.get(subscription.line_id)
    if line is None or not line.is_active:
        end(core, subscription, "rejected")
        return False
    try:
        resource = subscription.package.locate(core, line, subscription.user)
    except RemoteProtocolError as error:
        end(core, subscription, "noresource" if error.status == 404 else "rejected")
        return False
    if resource != subscription.resource:
        end(core, subscription, "deactivated")
        return False
    return True


def _nothing(core: Core, subscription: Subscription) -> None:
    """Nothing follows."""


def _send(core: Core, subscription: Subscription) -> None:
    left_s = max(0, round(subscription.expires_at - core.now))
    _transmit(core, subscription, SubscriptionState("active", left_s), True)
    subscription.quiet_until = core.now + subscription.package.terms.interval_s


def _send_full(core: Core, subscription: Subscription) -> None:
    subscription.needs_full = True
    _send(core, subscription)


def _send_last(core: Core, subscription: Subscription) -> None:
    subscription.needs_full = True
    state = SubscriptionState("terminated", reason=subscription.reason)
    _transmit(core, subscription, state, subscription.last_has_body)


def _transmit(core: Core, subscription: Subscription, state: SubscriptionState, has_body: bool) -> None:
    package = subscription.package
    body = package.body(core, subscription) if has_body else b""
    if len(body) > NOTIFY_BODY_BYTES_MAX:
        body = b""
    rows = [
        ("Event", str(subscription.event)),
        ("Subscription-State", str(state)),
        ("User-Agent", core.config.server_name),
    ]
    if body:
        rows.append(("Content-Type", package.terms.content_type))
        subscription.needs_full = False
    request = subscription.dialog.request("NOTIFY", rows, body)
    core.endpoint.send_request(request, subscription.dialog.flow, core.now).user = subscription


def _hold(core: Core, subscription: Subscription) -> None:
    delay_s = max(0.0, subscription.quiet_until - core.now)
    subscription.hold_timer = core.after(delay_s, lambda: _due(core, subscription))


def _due(core: Core, subscription: Subscription) -> None:
    subscription.hold_timer = None
    if _may_still_watch(core, subscription):
        fire(core, subscription, Input.DUE)


def _back_off(core: Core, subscription: Subscription) -> None:
    subscription.needs_full = True
    _hold(core, subscription)


def _want_full(core: Core, subscription: Subscription) -> None:
    subscription.needs_full = True


def _forget(core: Core, subscription: Subscription) -> None:
    if subscription.expiry_timer is not None:
        subscription.expiry_timer.cancel()
        subscription.expiry_timer = None
    if core.events.drop(subscription):
        subscription.package.unwatched(core, subscription.resource)


_ACTIONS: Final[dict[Action, Callable[[Core, Subscription], None]]] = {
    Action.NOTHING: _nothing,
    Action.SEND: _send,
    Action.SEND_FULL: _send_full,
    Action.SEND_LAST: _send_last,
    Action.HOLD: _hold,
    Action.BACK_OFF: _back_off,
    Action.WANT_FULL: _want_full,
    Action.FORGET: _forget,
}


def on_notify_response(core: Core, subscription: Subscription, response: Response) -> None:
    """Take the answer to our NOTIFY."""
    status = response.status
    if status < 200 or subscription.state not in _UNDER_WAY:
        return
    if status < 300:
        _take_target(subscription, response)
        fire(core, subscription, Input.DONE)
    elif status in _FATAL:
        fire(core, subscription, Input.FAILED)
    else:
        wish_s = _retry_after_s(response)
        subscription.quiet_until = core.now + (_BACK_OFF_S if wish_s is None else wish_s)
        fire(core, subscription, Input.REFUSED if wish_s is None else Input.RETRY)


def on_notify_failure(core: Core, subscription: Subscription, status: int) -> None:
    """Learn that our NOTIFY got no answer: the subscriber is gone (RFC 6665 §4.2.2)."""
    if subscription.state in _UNDER_WAY:
        fire(core, subscription, Input.FAILED)


def _take_target(subscription: Subscription, response: Response) -> None:
    """Take the 2xx's Contact as the new target; one that cannot be read leaves the old one."""
    try:
        subscription.dialog.receive_response(response)
    except RemoteProtocolError:
        return


def _retry_after_s(response: Response) -> float | None:
    text = response.get("Retry-After")
    if text is None:
        return None
    try:
        wish_s = parse_digits(text.partition(";")[0].partition("(")[0].strip(), 2**32 - 1)
    except ValueError:
        return None
    return float(min(max(wish_s, 1), RETRY_AFTER_S_MAX))
