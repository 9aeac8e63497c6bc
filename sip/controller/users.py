"""Who is told how a transaction of ours went: one row a kind of user, found by the class of ``tx.user``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sip.controller import sending
from sip.controller.calls import (
    answering,
    bridging,
    closing,
    hunting,
    legs,
    limits_of_call,
    pickup,
    relaying,
    reliable,
    session_timers,
)
from sip.controller.calls.call import Branch, Bridge, Call, Goodbye, Prack, Probe, Refresh, Relay
from sip.controller.core import Core
from sip.controller.events import notifying
from sip.controller.events.subscription import Subscription
from sip.controller.messages import delivery
from sip.controller.messages.delivery import Errand
from sip.controller.outbound import watching
from sip.controller.outbound.watching import Ping
from sip.controller.registration.pings import ContactPing
from sip.controller.sending import Sending
from sip.stack.message.message import Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction

SILENCE: Final = 408
"""Status that stands for no answer at all (RFC 3261 §8.1.3.1)."""
UNREACHABLE: Final = 503
"""Status that stands for a transport that failed."""


class ClientUser(NamedTuple):
    """What a request of ours tells its sender."""

    on_response: Callable[[Core, Any, ClientTransaction, Response], None]
    on_failure: Callable[[Core, Any, ClientTransaction, int], None]
    """No final response will come: ``SILENCE`` or ``UNREACHABLE``."""


class ServerUser(NamedTuple):
    """What a request of a peer's tells who works on it."""

    on_cancel: Callable[[Core, Any], None]
    on_no_ack: Callable[[Core, Any], None]
    on_unreachable: Callable[[Core, Any], None]
    """Our response cannot be sent."""


def _nothing(core: Core, user: Any) -> None:
    """Nothing follows from it."""


def _pass_response(core: Core, sender: Sending, tx: ClientTransaction, response: Response) -> None:
    """Tell whoever sent a request to a URI, unless another hop is tried."""
    if not sending.on_response(core, sender, response):
        CLIENTS[type(sender.user)].on_response(core, sender.user, tx, response)


def _pass_failure(core: Core, sender: Sending, tx: ClientTransaction, status: int) -> None:
    if not sending.on_failure(core, sender, status):
        CLIENTS[type(sender.user)].on_failure(core, sender.user, tx, status)


def _pinged(core: Core, ping: ContactPing, tx: ClientTransaction, response: Response) -> None:
    if core.pinger is not None and response.status >= 200:
        core.pinger.answered(ping)


def _not_pinged(core: Core, ping: ContactPing, tx: ClientTransaction, status: int) -> None:
    if core.pinger is not None:
        core.pinger.unanswered(ping)


CLIENTS: Final[dict[type, ClientUser]] = {
    Sending: ClientUser(_pass_response, _pass_failure),
    Ping: ClientUser(
        lambda core, ping, tx, response: watching.on_pong(core, ping, response),
        lambda core, ping, tx, status: watching.on_pong(core, ping, None),
    ),
    Branch: ClientUser(
        lambda core, branch, tx, response: hunting.on_response(core, branch, response),
        lambda core, branch, tx, status: hunting.on_failure(core, branch, status),
    ),
    Goodbye: ClientUser(
        lambda core, goodbye, tx, response: legs.on_bye_done(core, goodbye, response, tx.request),
        lambda core, goodbye, tx, status: legs.on_bye_done(core, goodbye, None, tx.request),
    ),
    Relay: ClientUser(
        lambda core, passing, tx, response: relaying.on_relay_response(core, passing, response),
        lambda core, passing, tx, status: relaying.on_relay_failure(core, passing, status),
    ),
    Refresh: ClientUser(
        lambda core, refresh, tx, response: session_timers.on_refresh_response(core, refresh, tx.request, response),
        lambda core, refresh, tx, status: session_timers.on_refresh_failure(core, refresh, status),
    ),
    Prack: ClientUser(
        lambda core, prack, tx, response: reliable.on_prack_response(core, prack, tx.request, response),
        lambda core, prack, tx, status: _nothing(core, prack),
    ),
    Bridge: ClientUser(
        lambda core, bridge, tx, response: bridging.on_response(core, bridge, tx.request, response),
        lambda core, bridge, tx, status: bridging.on_failure(core, bridge, status),
    ),
    Probe: ClientUser(
        lambda core, probe, tx, response: limits_of_call.on_probe_done(core, probe.leg, response),
        lambda core, probe, tx, status: limits_of_call.on_probe_done(core, probe.leg, None),
    ),
    Errand: ClientUser(
        lambda core, errand, tx, response: delivery.on_response(core, errand, response),
        lambda core, errand, tx, status: delivery.on_failure(core, errand, status),
    ),
    ContactPing: ClientUser(_pinged, _not_pinged),
    Subscription: ClientUser(
        lambda core, subscription, tx, response: notifying.on_notify_response(core, subscription, response),
        lambda core, subscription, tx, status: notifying.on_notify_failure(core, subscription, status),
    ),
}

SERVERS: Final[dict[type, ServerUser]] = {
    Call: ServerUser(closing.cancel, answering.on_no_ack, closing.cancel),
    Bridge: ServerUser(_nothing, pickup.on_no_ack, _nothing),
    pickup.PickedUp: ServerUser(_nothing, pickup.on_no_ack, _nothing),
    Relay: ServerUser(relaying.on_relay_cancelled, relaying.on_relay_no_ack, _nothing),
}


def on_response(core: Core, tx: ClientTransaction, response: Response) -> None:
    """Tell whoever sent the request."""
    row = CLIENTS.get(type(tx.user))
    if row is not None:
        row.on_response(core, tx.user, tx, response)


def on_cancel(core: Core, tx: ServerTransaction) -> None:
    """Tell whoever works on the INVITE that it is not wanted any more."""
    row = SERVERS.get(type(tx.user))
    if row is not None:
        row.on_cancel(core, tx.user)


def on_failure(core: Core, tx: ClientTransaction | ServerTransaction, status: int) -> None:
    """Tell whoever the transaction belongs to that it came to nothing."""
    if isinstance(tx, ClientTransaction):
        client = CLIENTS.get(type(tx.user))
        if client is not None:
            client.on_failure(core, tx.user, tx, status)
        return
    server = SERVERS.get(type(tx.user))
    if server is not None:
        (server.on_no_ack if status == SILENCE else server.on_unreachable)(core, tx.user)
